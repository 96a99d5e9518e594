/*
 * batch.h
 *		Running the statements of one batch.
 */
#ifndef EC_BACKFILL_BATCH_H
#define EC_BACKFILL_BATCH_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/sweep_kind.h"

/* What became of the rows. */
typedef struct EcWritten
{
	int64 rows;   /* written */
	int64 moved;  /* of these, out of their chunk of blocks */
	int64 locked; /* by a statement before, since they were to be done */
} EcWritten;

/*
 * Write those of the rows for which the predicate holds, as the current user,
 * in the current transaction.  Waits for row locks as long as lock_timeout
 * allows.  Raises EC_ERRCODE_NOT_CONVERGING if the predicate
 * holds for an updated row.
 */
extern EcWritten ec_batch_write(Relation relation, const EcBackfill *backfill,
								const EcBatchRows *rows);

/*
 * The same, leaving rows that somebody else has locked; *skipped counts them.
 */
extern EcWritten
ec_batch_write_unlocked(Relation relation, const EcBackfill *backfill,
						const EcBatchRows *rows, int64 *skipped);

/*
 * For how many of the rows the predicate holds; if any, *example names one of
 * them.
 */
extern int64 ec_batch_count(Relation relation, const EcBackfill *backfill,
							const EcBatchRows *rows, char **example);

/*
 * Does the predicate hold for any row of the table and its leaves?  Under one
 * snapshot, by whatever plan is best.
 */
extern bool ec_batch_any(Relation root, const EcBackfill *backfill);

#endif
