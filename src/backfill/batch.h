/*
 * batch.h
 *		Runs the statements of one batch.
 */
#ifndef EC_BACKFILL_BATCH_H
#define EC_BACKFILL_BATCH_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/sweep_kind.h"

/* What a batch has done with its rows. */
typedef struct EcWritten
{
	int64 rows;   /* written */
	int64 moved;  /* of these, moved out of their chunk */
	int64 locked; /* locked before, because they were to be done */
} EcWritten;

/*
 * Writes the rows for which the predicate holds, as the current user, in the
 * current transaction.  Waits for row locks as long as lock_timeout allows.
 * Raises EC_ERRCODE_NOT_CONVERGING if the predicate still holds for an updated
 * row.
 */
extern EcWritten ec_batch_write(Relation relation, const EcBackfill *backfill,
								const EcBatchRows *rows);

/*
 * The same, but skips rows that other sessions have locked; *skipped is their
 * number.
 */
extern EcWritten
ec_batch_write_unlocked(Relation relation, const EcBackfill *backfill,
						const EcBatchRows *rows, int64 *skipped);

/*
 * The number of rows for which the predicate holds; *example describes one of
 * them.
 */
extern int64 ec_batch_count(Relation relation, const EcBackfill *backfill,
							const EcBatchRows *rows, char **example);

/*
 * Does the predicate hold for any row of the table and its leaves?  Uses one
 * snapshot, and lets the planner choose the plan.
 */
extern bool ec_batch_any(Relation root, const EcBackfill *backfill);

#endif
