/*
 * writers.h
 *		Finds roles that can write to a table but lack rights that a change's
 *		expressions require.
 */
#ifndef EC_DUALWRITE_WRITERS_H
#define EC_DUALWRITE_WRITERS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "model/change.h"

/*
 * Warns of roles that may write to the change's table, its children or views
 * of it, but lack EXECUTE or USAGE for the expressions, which are evaluated as
 * the writer.  entries: list of EcMappedColumn.  The trigger and its
 * dependencies must exist.
 */
extern void ec_warn_of_writers(const EcChange *change, List *entries);

#endif
