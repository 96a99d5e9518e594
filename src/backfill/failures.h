/*
 * failures.h
 *		Rows that fail to be written: which ones, and going on without them.
 *
 * A batch that fails is rolled back and made again with this: rows are written
 * by halves, in subtransactions, until the halves that fail are single rows.
 */
#ifndef EC_BACKFILL_FAILURES_H
#define EC_BACKFILL_FAILURES_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/batch.h"
#include "worker/jobs/job.h"

/* Writes some of the rows; adds to what is in written and skipped. */
typedef EcWritten (*EcRowsWriter)(void *arg, const EcBatchRows *rows,
								  int64 *skipped);

/*
 * Write the rows of a leaf of the table.  A row that fails is left out, if the
 * job says so, and counted; else its error is raised, with the row in its detail.
 * What is no error of a single row is raised as it is.
 */
extern EcWritten
ec_write_around_failures(EcJob *job, Relation leaf, const EcBackfill *backfill,
						 EcRowsWriter write, void *arg, const EcBatchRows *rows,
						 int64 *skipped);

#endif
