/*
 * sweep_job.h
 *		Jobs that sweep over a table: functions for their EcJobKinds.
 */
#ifndef EC_BACKFILL_SWEEP_JOB_H
#define EC_BACKFILL_SWEEP_JOB_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/sweep_kind.h"
#include "worker/jobs/job.h"

/* For the fields begin, batch and table_bytes of EcJobKind. */
extern void ec_sweep_begin(EcJob *job, const EcSweepKind *kind);
extern bool ec_sweep_batch(EcJob *job);
extern int64 ec_bytes_of_leaves(EcJob *job);

/* Opens and locks a table of the job; raises 42P01 if it does not exist. */
extern Relation ec_open_job_table(const EcJob *job, Oid oid, const char *name);

#endif
