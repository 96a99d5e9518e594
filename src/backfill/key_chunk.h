/*
 * key_chunk.h
 *		Chunks of a table that is walked along a key.
 */
#ifndef EC_BACKFILL_KEY_CHUNK_H
#define EC_BACKFILL_KEY_CHUNK_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/chunk.h"
#include "worker/jobs/job.h"

/* Is what the leaf remembers a place of its present key? */
extern bool ec_key_place_fits(const Jsonb *place, Relation leaf);

/*
 * Find where a chunk that was claimed begins and ends.  Not in scope: to
 * compare keys can be user code.  The claim is still locked, and so is the
 * leaf.
 */
extern void ec_key_chunk_start(EcJob *job, EcChunk *chunk);

/* Rows of the chunk were read. */
extern void ec_key_chunk_advance(EcChunk *chunk, int rows);

#endif
