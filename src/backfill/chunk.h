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

/* The position within the chunk, and what the worker has found in it. */
typedef struct EcChunk
{
	bool is_check; /* no rows to write: check whether any are left */
	bool found;    /* result of that check */
	bool is_open;  /* claimed and not handed in yet */
	int stage;     /* of the job's kind, see sweep_kind.h */
	int sweep;
	Oid leaf;        /* the table that the chunk is part of */
	Oid filenode;    /* that table's relfilenode */
	EcCursor cursor; /* by key: estimated blocks, to count progress */
	bool by_key;
	EcPlace place;     /* by key: the position ... */
	EcPlace end;       /* ... and the end; count 0: the end of the table */
	int64 read;        /* by key: rows read, of about cursor.rows */
	int64 changed;     /* number of rows written */
	int64 moved;       /* of these, moved out of the chunk */
	int64 skipped;     /* rows that other sessions have locked */
	int64 suppressed;  /* rows that a trigger has kept unchanged */
	char *example;     /* describes one of these, or NULL */
	int holder;        /* pid of a session that has locked rows; see
					    * holder.h */
	int64 done_before; /* blocks of this worker's earlier chunks in this
					    * sweep */
	int64 total;       /* number of blocks of the sweep */
	int64 all_blocks;  /* of all leaves, when the chunk was claimed */
	BlockNumber leaf_blocks; /* of this leaf, at that time */
} EcChunk;

/* Reads and writes the position in the worker's row of job_slots. */
extern void ec_chunk_load(EcChunk *chunk, const Jsonb *position);
extern Jsonb *ec_chunk_save(const EcChunk *chunk);

#endif
