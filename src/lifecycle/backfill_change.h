/*
 * backfill_change.h
 *		Backfill and repair jobs of a change.
 */
#ifndef EC_LIFECYCLE_BACKFILL_CHANGE_H
#define EC_LIFECYCLE_BACKFILL_CHANGE_H

#include "worker/jobs/job.h"

/*
 * The worker calls this when a job of a change is done: it closes gaps and
 * advances the phase of the change.
 */
extern void ec_note_change_job_done(const EcJob *job);

/* The value of ec_change_batch_done. */
extern void ec_check_change_batch(const EcJob *job);

#endif
