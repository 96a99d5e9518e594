/*
 * usage_file.h
 *		Keeps the counters over a clean shutdown.
 */
#ifndef EC_USAGE_USAGE_FILE_H
#define EC_USAGE_USAGE_FILE_H

#include "postgres.h"

/*
 * Call in the postmaster before other processes start.  Reads the file of the
 * last shutdown, and registers the function that writes it at the next one.
 */
extern void ec_usage_load_file(void);

#endif
