/*
 * pinned.h
 *		Settings under which text means the same in every session.
 *
 * Until AtEOXact_GUC(false, what these return).
 */
#ifndef EC_CORE_PINNED_H
#define EC_CORE_PINNED_H

#include "postgres.h"

/* Output functions give the same text, from which every value can be read. */
extern int ec_pin_output(void);

/*
 * The same; and SQL is written and read with nothing but pg_catalog (and
 * pg_temp) in the search_path.
 */
extern int ec_pin_text(void);

#endif
