/*
 * row_trigger.h
 *		The row trigger of a change within one table.
 */
#ifndef EC_DUALWRITE_COLUMNS_ROW_TRIGGER_H
#define EC_DUALWRITE_COLUMNS_ROW_TRIGGER_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "model/change.h"

/*
 * Creates the trigger if it is missing, and enables it ALWAYS.  Returns true
 * if it was missing.  Call it as the table's owner, with the table locked but
 * not open.
 */
extern bool ec_set_row_trigger(Oid relation, const char *change);

/*
 * Creates the trigger in the table and all its descendants.  entries is a list
 * of EcMappedColumn.
 * with_dependencies: make the trigger depend on what they and the columns use.
 */
extern void ec_start_column_writes(const EcChange *change, List *entries,
								   bool with_dependencies);

/*
 * True if the trigger exists (InvalidOid: it does not) and depends on the
 * change's columns.  A dump, and so an upgrade, preserves the trigger but not
 * these dependencies.
 */
extern bool ec_trigger_is_complete(Oid trigger);

#endif
