/*
 * sweep.h
 *		Sweeps over a table and its leaves, divided into chunks among a job's
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
	EC_CLAIM_CHUNK,   /* got a chunk */
	EC_CLAIM_WAIT,    /* other workers have all that is left of this sweep */
	EC_CLAIM_STAGE,   /* no chunk; the next stage's table is to be swept */
	EC_CLAIM_COMPLETE /* nothing is left to do */
} EcClaim;

/*
 * Hands in the open chunk, if any, which is complete, or whose table no longer
 * exists or has been rewritten; then claims the next one.  leaf is the chunk's
 * table, or NULL.  The caller has locked both tables, and commits soon,
 * because other workers wait for that.
 */
extern EcClaim ec_claim_chunk(EcJob *job, Relation root, Relation leaf,
							  const EcBackfill *backfill, EcChunk *chunk);

#endif
