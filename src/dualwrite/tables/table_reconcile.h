/*
 * table_reconcile.h
 *		Retries a failed write to another table.
 */
#ifndef EC_DUALWRITE_TABLES_TABLE_RECONCILE_H
#define EC_DUALWRITE_TABLES_TABLE_RECONCILE_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "model/change.h"
#include "dualwrite/tables/route.h"

/*
 * Brings the target's row for the queued key in step with the current source
 * row, or raises an error.  forward: the source is the change's old table.
 */
extern void
ec_table_reconcile_row(const EcChange *change, const Jsonb *key, bool forward);

/*
 * Would that overwrite or delete a row of the target which was written by this
 * transaction, or later?  Locks the row.
 */
extern bool ec_table_written_since(const EcChange *change, const Jsonb *key,
								   bool forward, const char *transaction);

/*
 * Does the same as ec_table_reconcile_row for a row of the route's source, as the owner of both tables,
 * in the writer's transaction.
 */
extern void ec_table_follow_row(const EcRoute *route, TupleTableSlot *slot);

#endif
