/*
 * table_reconcile.h
 *		Making a failed write to another table again.
 */
#ifndef EC_DUALWRITE_TABLES_TABLE_RECONCILE_H
#define EC_DUALWRITE_TABLES_TABLE_RECONCILE_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "model/change.h"
#include "dualwrite/tables/route.h"

/*
 * Bring the target's row for the queued key in step with the source as it is
 * now, or raise.  forward: the source is the change's old table.
 */
extern void
ec_table_reconcile_row(const EcChange *change, const Jsonb *key, bool forward);

/*
 * The same for a row of the table whose route this is, as the owner of both,
 * in the transaction of the writer.
 */
extern void ec_table_follow_row(const EcRoute *route, TupleTableSlot *slot);

#endif
