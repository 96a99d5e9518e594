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

/* Checks that the caller may run the statements of a batch. */
extern void ec_check_copy_from_foreign(const EcBackfill *backfill);

/*
 * Writes a batch of the chunk, which is the whole table, and advances its
 * place; the place is allocated in job->memory.  Returns false at the end.
 */
extern bool
ec_copy_from_foreign(EcJob *job, const EcBackfill *backfill, EcChunk *chunk);

#endif
