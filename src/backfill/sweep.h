/*
 * sweep.h
 *		Sweeps over a table and its leaves, shared out in chunks among a job's workers.
 */
#ifndef EC_SWEEP_H
#define EC_SWEEP_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/blocks.h"
#include "backfill/definition.h"
#include "backfill/key.h"
#include "worker/job.h"

/* After a sweep that found only locked rows, wait for their holders. */
#define EC_LOCKED_ROWS_PAUSE_MS 1000

/* A worker's share of a sweep, and what it has met there. */
typedef struct EcChunk
{
	bool is_check; /* not rows to update: see whether any are left */
	bool found;    /* by the check */
	bool is_open;  /* there is one, and it is not handed in yet */
	int phase;     /* of a copy */
	int sweep;
	Oid leaf;        /* the table that the chunk is part of */
	Oid filenode;    /* of that */
	EcCursor cursor; /* by key: blocks at a guess, to count the progress in */
	bool by_key;
	EcPlace place;     /* by key: where the work stands, */
	EcPlace end;       /* and where it ends; nowhere: at the end of the table */
	int64 read;        /* by key: rows of cursor.rows, which are a guess */
	int64 changed;     /* rows */
	int64 moved;       /* of these, out of the chunk */
	int64 skipped;     /* rows that somebody else has locked */
	int64 suppressed;  /* rows that a trigger kept from changing */
	char *example;     /* names one of these, or NULL */
	int holder;        /* pid of somebody who has locked rows; see holder.h */
	int64 done_before; /* blocks, by this worker in this sweep, elsewhere */
	int64 total;       /* blocks of the sweep */
	int64 all_blocks;  /* of all leaves when the chunk was claimed */
	BlockNumber leaf_blocks; /* of this one, then */
} EcChunk;

typedef enum EcClaim
{
	EC_CLAIM_CHUNK,   /* here is one */
	EC_CLAIM_WAIT,    /* the others have all that is left of this sweep */
	EC_CLAIM_PHASE,   /* none; another table is to be swept now */
	EC_CLAIM_COMPLETE /* nothing is left to do */
} EcClaim;

/* Sweeps meet only rows that a trigger keeps from being written. */
extern void ec_refuse_suppressed(const EcBackfill *backfill, int64 suppressed,
								 const char *example);

extern void ec_chunk_load(EcChunk *chunk, const Jsonb *position);
extern Jsonb *ec_chunk_save(const EcChunk *chunk);

/*
 * Hand in a chunk that is finished, or whose table has gone or been rewritten,
 * if one is open, and get the next.  leaf is the table of the chunk, or NULL.
 * The caller has locked both, and commits soon: other workers wait for that.
 */
extern EcClaim ec_claim_chunk(EcJob *job, Relation root, Relation leaf,
							  const EcBackfill *backfill, EcChunk *chunk);

/* Whatever kept rows from being updated may be mended; in scope. */
extern void ec_sweep_resume(int64 job);

#endif
