/*
 * usage_flush.h
 *		Writes the counters of tracked columns to the table.
 */
#ifndef EC_USAGE_USAGE_FLUSH_H
#define EC_USAGE_USAGE_FLUSH_H

#include "postgres.h"

extern void ec_usage_register_flush(void); /* call in _PG_init */

/* Requests a flush of this database after the usual interval; never fails. */
extern void ec_usage_ask_for_flush(void);

#endif
