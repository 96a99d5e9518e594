/*
 * sweep_job.h
 *		Jobs of kinds "backfill" and "copy".
 */
#ifndef EC_BACKFILL_SWEEP_JOB_H
#define EC_BACKFILL_SWEEP_JOB_H

#include "worker/jobs/job.h"

extern const EcJobKind ec_backfill_kind;
extern const EcJobKind ec_copy_kind;

#endif
