/*
 * pinned.h
 *		Settings under which text means the same in every session.
 */
#ifndef EC_CORE_PINNED_H
#define EC_CORE_PINNED_H

#include "postgres.h"

/*
 * From here on SQL is written and read with nothing but pg_catalog (and
 * pg_temp) in the search_path, and values are in a form that every session
 * reads alike, until AtEOXact_GUC(false, what this returns).
 */
extern int ec_pin_text(void);

#endif
