/*
 * usage_file.h
 *		Keeps the counters over a clean shutdown.
 */
#ifndef EC_USAGE_USAGE_FILE_H
#define EC_USAGE_USAGE_FILE_H

#include "postgres.h"

/*
 * In the postmaster, before anybody else is there: take in what was kept, and
 * keep what there will be.
 */
extern void ec_usage_load_file(void);

#endif
