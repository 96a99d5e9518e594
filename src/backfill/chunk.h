/*
 * chunk.h
 *		A worker's share of a sweep.
 */
#ifndef EC_BACKFILL_CHUNK_H
#define EC_BACKFILL_CHUNK_H

#include "postgres.h"

#include "storage/block.h"
#include "utils/jsonb.h"

#include "backfill/blocks.h"
#include "backfill/key.h"

/* Where the work stands, and what it has met. */
typedef struct EcChunk
{
	bool is_check; /* not rows to update: see whether any are left */
	bool found;    /* by the check */
	bool is_open;  /* there is one, and it is not handed in yet */
	int stage;     /* of a copy */
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

/* The position in the worker's row of job_slots. */
extern void ec_chunk_load(EcChunk *chunk, const Jsonb *position);
extern Jsonb *ec_chunk_save(const EcChunk *chunk);

#endif
