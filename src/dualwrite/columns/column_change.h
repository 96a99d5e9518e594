/*
 * column_change.h
 *		ec_expand for a change within one table.
 */
#ifndef EC_DUALWRITE_COLUMNS_COLUMN_CHANGE_H
#define EC_DUALWRITE_COLUMNS_COLUMN_CHANGE_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"

#include "model/change.h"

/*
 * Performs all checks as the caller, and fills in the change's columns; returns
 * the entries (EcMappedColumn) of both mappings.  The table and all its
 * descendants must be locked.  For a known change, obstacles that have been added
 * to the table since are only a warning.
 */
extern List *
ec_check_column_change(EcChange *change, Relation relation, bool is_known);

#endif
