/*
 * copy_foreign.h
 *		Copies from a foreign table, in the order of the key.
 */
#ifndef EC_COPY_FOREIGN_H
#define EC_COPY_FOREIGN_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/definition.h"
#include "backfill/key.h"
#include "worker/job.h"

/* As the caller: may he run the statements of a batch? */
extern void ec_check_copy_from_foreign(const EcBackfill *backfill);

/*
 * Write the next rows, at most limit of them, and move the walk on; what it
 * remembers is allocated in job->memory.  False at the end of the table.
 */
extern bool ec_copy_from_foreign(EcJob *job, const EcBackfill *backfill,
								 EcKeyWalk *walk, EcChunk *met, int limit);

#endif
