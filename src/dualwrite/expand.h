/*
 * expand.h
 *		The trigger of a change of columns.
 */
#ifndef EC_DUALWRITE_EXPAND_H
#define EC_DUALWRITE_EXPAND_H

#include "postgres.h"

/*
 * Create it where it is missing, enabled for every write; true if it was
 * missing.  As the table's owner, with the table locked but not open.
 */
extern bool ec_set_row_trigger(Oid relation, const char *change);

#endif
