/*
 * holder.h
 *		Finds the session that has locked a row.
 */
#ifndef EC_BACKFILL_HOLDER_H
#define EC_BACKFILL_HOLDER_H

#include "postgres.h"

#include "nodes/lockoptions.h"
#include "utils/rel.h"

#include "backfill/sweep_kind.h"

/* Not a process, but a prepared transaction. */
#define EC_HOLDER_PREPARED (-1)

/*
 * The pid of a session whose lock on one of the rows conflicts with the wanted
 * lock.  0 if there is none, or if the table is not a heap, for which this is
 * unknown.
 */
extern int ec_find_lock_holder(Relation relation, const EcBatchRows *rows,
							   LockTupleMode wanted);

#endif
