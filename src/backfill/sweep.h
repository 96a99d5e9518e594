/*
 * sweep.h
 *		Sweeps over a table and its leaves, shared out in chunks among a job's
 *		workers.
 */
#ifndef EC_BACKFILL_SWEEP_H
#define EC_BACKFILL_SWEEP_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/chunk.h"
#include "backfill/sweep_kind.h"
#include "worker/jobs/job.h"

typedef enum EcClaim
{
	EC_CLAIM_CHUNK,   /* here is one */
	EC_CLAIM_WAIT,    /* the others have all that is left of this sweep */
	EC_CLAIM_STAGE,   /* none; another table is to be swept now */
	EC_CLAIM_COMPLETE /* nothing is left to do */
} EcClaim;

/*
 * Hand in a chunk that is finished, or whose table has gone or been rewritten,
 * if one is open, and get the next.  leaf is the table of the chunk, or NULL.
 * The caller has locked both, and commits soon: other workers wait for that.
 */
extern EcClaim ec_claim_chunk(EcJob *job, Relation root, Relation leaf,
							  const EcBackfill *backfill, EcChunk *chunk);

#endif
