/*
 * holder.h
 *		Who has locked a row.
 */
#ifndef EC_BACKFILL_HOLDER_H
#define EC_BACKFILL_HOLDER_H

#include "postgres.h"

#include "nodes/lockoptions.h"
#include "utils/rel.h"

#include "backfill/sweep_kind.h"

/* No process, but a transaction that was prepared. */
#define EC_HOLDER_PREPARED (-1)

/*
 * The pid of somebody whose lock on one of the rows excludes the wanted one; 0
 * if nobody has, or nobody can tell: only of a heap it is known.
 */
extern int ec_find_lock_holder(Relation relation, const EcBatchRows *rows,
							   LockTupleMode wanted);

#endif
