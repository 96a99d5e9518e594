/*
 * backfill_change.h
 *		The jobs of a change.
 */
#ifndef EC_LIFECYCLE_BACKFILL_CHANGE_H
#define EC_LIFECYCLE_BACKFILL_CHANGE_H

#include "worker/jobs/job.h"

/* What a job's end means for its change: the worker calls it. */
extern void ec_note_change_job_done(const EcJob *job);

#endif
