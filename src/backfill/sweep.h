/*
 * sweep.h
 *		Sweeps over a table, shared out in chunks among a job's workers.
 */
#ifndef EC_SWEEP_H
#define EC_SWEEP_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/blocks.h"
#include "backfill/definition.h"
#include "worker/job.h"

/* A worker's share of a sweep, and what it has met there. */
typedef struct EcChunk
{
	bool is_check; /* not rows to update: see whether any are left */
	bool found;    /* by the check */
	bool is_open;  /* there is one, and it is not handed in yet */
	int sweep;
	bool is_first; /* sweep over the table as it is stored now */
	Oid filenode;  /* of the table that the chunk is part of */
	EcCursor cursor;
	int64 changed;           /* rows */
	int64 skipped;           /* rows that somebody else has locked */
	int64 suppressed;        /* rows that a trigger kept from changing */
	char *example;           /* names one of these, or NULL */
	BlockNumber done_before; /* by this worker in this sweep, in other chunks */
	BlockNumber total;       /* blocks of the sweep */
} EcChunk;

typedef enum EcClaim
{
	EC_CLAIM_CHUNK,   /* here is one */
	EC_CLAIM_WAIT,    /* the others have all that is left of this sweep */
	EC_CLAIM_COMPLETE /* a whole sweep found nothing left to do */
} EcClaim;

extern void ec_chunk_load(EcChunk *chunk, const Jsonb *position);
extern Jsonb *ec_chunk_save(const EcChunk *chunk);

/*
 * Hand in a finished chunk, if one is open, and get the next.  The caller
 * holds a lock on the relation that keeps it from being rewritten, and commits
 * soon: other workers wait for that.
 */
extern EcClaim ec_claim_chunk(EcJob *job, Relation relation,
							  const EcBackfill *backfill, EcChunk *chunk);

/* Whatever kept rows from being updated may be mended; in scope. */
extern void ec_sweep_resume(int64 job);

#endif
