/*
 * copy_foreign.h
 *		Copies from a foreign table, in the order of the key.
 */
#ifndef EC_BACKFILL_COPY_COPY_FOREIGN_H
#define EC_BACKFILL_COPY_COPY_FOREIGN_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/chunk.h"
#include "backfill/sweep_kind.h"
#include "worker/jobs/job.h"

/* As the caller: may he run the statements of a batch? */
extern void ec_check_copy_from_foreign(const EcBackfill *backfill);

/*
 * Write a batch of the chunk, which is all of the table, and move its place on;
 * what that remembers is allocated in job->memory.  False at the end.
 */
extern bool
ec_copy_from_foreign(EcJob *job, const EcBackfill *backfill, EcChunk *chunk);

#endif
