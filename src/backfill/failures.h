/*
 * failures.h
 *		Finds the rows that cannot be written, and writes the others.
 *
 * A batch that fails is rolled back and repeated with this function.  It
 * writes the rows in subtransactions, and halves a set of rows that fails,
 * until the failing sets are single rows.
 */
#ifndef EC_BACKFILL_FAILURES_H
#define EC_BACKFILL_FAILURES_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/batch.h"
#include "worker/jobs/job.h"

/* Writes some of the rows; sets *skipped to the number of skipped ones. */
typedef EcWritten (*EcRowsWriter)(void *arg, const EcBatchRows *rows,
								  int64 *skipped);

/*
 * Writes rows of a leaf of the table.  If the job says so, a row that fails is
 * skipped and counted.  Otherwise its error is raised, with the row in its
 * detail.  An error that does not concern a single row is raised as it is.
 */
extern EcWritten
ec_write_around_failures(EcJob *job, Relation leaf, const EcBackfill *backfill,
						 EcRowsWriter write, void *arg, const EcBatchRows *rows,
						 int64 *skipped);

#endif
