/*
 * job_notices.h
 *		Messages of a job that cannot complete yet.
 */
#ifndef EC_BACKFILL_JOB_NOTICES_H
#define EC_BACKFILL_JOB_NOTICES_H

#include "postgres.h"

#include "backfill/sweep_kind.h"
#include "worker/jobs/job.h"

/* The pause after a sweep that found only locked rows. */
#define EC_LOCKED_ROWS_PAUSE_MS 1000

/*
 * A sweep has found only rows that other sessions have locked.  Sets the
 * reason to pause, for ec_progress, and logs each holder once.  known is the
 * holder that was logged last.  In scope.
 */
extern void ec_tell_of_locked_rows(EcJob *job, int holder, int known, int64 rows);

/* Reports that repeated sweeps find new rows to be done. */
extern void ec_tell_of_late_rows(EcJob *job, const EcBackfill *backfill,
								 int sweep, int64 rows);

#endif
