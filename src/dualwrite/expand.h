/*
 * expand.h
 *		The row trigger of a change within one table.
 */
#ifndef EC_DUALWRITE_EXPAND_H
#define EC_DUALWRITE_EXPAND_H

#include "postgres.h"

/*
 * Creates the trigger if it is missing, and enables it ALWAYS.  Returns true
 * if it was missing.  Call it as the table's owner, with the table locked but
 * not open.
 */
extern bool ec_set_row_trigger(Oid relation, const char *change);

#endif
