/*
 * key_chunk.h
 *		Chunks of a table that is read in the order of a key.
 */
#ifndef EC_BACKFILL_KEY_CHUNK_H
#define EC_BACKFILL_KEY_CHUNK_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/chunk.h"
#include "worker/jobs/job.h"

/* Is the place stored for the leaf valid for its present key? */
extern bool ec_key_place_fits(const Jsonb *place, Relation leaf);

/*
 * Finds the beginning and the end of a claimed chunk.  Not in scope, because
 * comparing keys can run user code.  The sweep's row and the leaf stay locked.
 */
extern void ec_key_chunk_start(EcJob *job, EcChunk *chunk);

/* Counts rows of the chunk that have been read. */
extern void ec_key_chunk_advance(EcChunk *chunk, int rows);

#endif
