/*
 * job_notices.h
 *		What a job that goes on has to say.
 */
#ifndef EC_BACKFILL_JOB_NOTICES_H
#define EC_BACKFILL_JOB_NOTICES_H

#include "postgres.h"

#include "backfill/sweep_kind.h"
#include "worker/jobs/job.h"

/* After a sweep that found only locked rows, wait for their holders. */
#define EC_LOCKED_ROWS_PAUSE_MS 1000

/*
 * A sweep has met nothing but rows that somebody has locked: the reason to
 * pause for ec_progress, and once for each holder a line in the log.  known is
 * the holder that was last spoken of.  In scope.
 */
extern void ec_tell_of_locked_rows(EcJob *job, int holder, int known, int64 rows);

/* One sweep after the other finds new rows to be done. */
extern void ec_tell_of_late_rows(EcJob *job, const EcBackfill *backfill,
								 int sweep, int64 rows);

#endif
