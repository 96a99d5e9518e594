/*
 * batch.h
 *		The statements of one batch, over a range of tuple identifiers.
 */
#ifndef EC_BATCH_H
#define EC_BATCH_H

#include "postgres.h"

#include "storage/itemptr.h"
#include "utils/rel.h"

#include "backfill/definition.h"

typedef struct EcRange
{
	ItemPointerData from; /* inclusive */
	ItemPointerData to;   /* exclusive */
} EcRange;

/*
 * The UPDATE of a batch as SQL, with the range as $1 and $2.  It returns
 * whether the predicate still holds for the new row, and the row's key.
 */
extern char *ec_batch_statement(Relation relation, const EcBackfill *backfill);

/* Once in a worker process, before the first batch. */
extern void ec_batch_init(void);

/*
 * Update the rows of the range for which the predicate holds, as the current
 * user, in the current transaction; returns how many.  Waits for row locks as
 * long as lock_timeout allows.  Raises EC_ERRCODE_NOT_CONVERGING if the
 * predicate holds for an updated row.
 */
extern int64 ec_batch_update(Relation relation, const EcBackfill *backfill,
							 const EcRange *range);

/*
 * The same, leaving rows that somebody else has locked; *skipped counts them.
 */
extern int64 ec_batch_update_unlocked(Relation relation, const EcBackfill *backfill,
									  const EcRange *range, int64 *skipped);

/*
 * How many rows of the range the predicate holds for; if any, *example names
 * one of them.
 */
extern int64 ec_batch_count(Relation relation, const EcBackfill *backfill,
							const EcRange *range, char **example);

#endif
