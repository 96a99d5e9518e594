/*
 * batch.h
 *		The statements of one batch, over a range of tuple identifiers.
 */
#ifndef EC_BACKFILL_BATCH_H
#define EC_BACKFILL_BATCH_H

#include "postgres.h"

#include "nodes/lockoptions.h"
#include "storage/itemptr.h"
#include "utils/rel.h"

#include "backfill/definition.h"

/*
 * The rows that a batch may touch: all line pointers between two, or a list
 * of them.
 */
typedef struct EcBatchRows
{
	bool is_list;
	ItemPointerData from; /* inclusive */
	ItemPointerData to;   /* exclusive */
	Datum list;           /* tid[] */
	int count;            /* of the list */
	BlockNumber first;    /* the chunk that they are from */
	BlockNumber end;      /* the block after its last */
} EcBatchRows;

/* What became of them. */
typedef struct EcWritten
{
	int64 rows;   /* updated */
	int64 moved;  /* of these, out of their chunk of blocks */
	int64 locked; /* by a copy, since they were to be done */
} EcWritten;

/*
 * The UPDATE of a batch over a range as SQL, with its ends as $1 and $2.  It
 * returns whether the predicate still holds for the new row, where that is, and
 * the row's key.
 */
extern char *ec_batch_statement(Relation relation, const EcBackfill *backfill);

/* How the rows of a batch get locked. */
extern LockTupleMode ec_batch_lock_mode(const EcBackfill *backfill);

/* What locks the rows of a copy's batch, likewise. */
extern char *
ec_batch_lock_statement(Relation relation, const EcBackfill *backfill);

/* Once in a worker process, before the first batch. */
extern void ec_batch_init(void);

/*
 * Update those of the rows for which the predicate holds, as the current user,
 * in the current transaction.  Waits for row locks as long as lock_timeout
 * allows.  Raises EC_ERRCODE_NOT_CONVERGING if the predicate
 * holds for an updated row.
 */
extern EcWritten ec_batch_update(Relation relation, const EcBackfill *backfill,
								 const EcBatchRows *rows);

/*
 * The same, leaving rows that somebody else has locked; *skipped counts them.
 */
extern EcWritten
ec_batch_update_unlocked(Relation relation, const EcBackfill *backfill,
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
extern char *ec_any_statement(Relation root, const EcBackfill *backfill);
extern bool ec_batch_any(Relation root, const EcBackfill *backfill);

#endif
