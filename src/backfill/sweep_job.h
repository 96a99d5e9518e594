/*
 * sweep_job.h
 *		Jobs that sweep over a table: what kinds of jobs are made of.
 */
#ifndef EC_BACKFILL_SWEEP_JOB_H
#define EC_BACKFILL_SWEEP_JOB_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/sweep_kind.h"
#include "worker/jobs/job.h"

/* To begin such a job, a batch of it, and its bytes; see EcJobKind. */
extern void ec_sweep_begin(EcJob *job, const EcSweepKind *kind);
extern bool ec_sweep_batch(EcJob *job);
extern int64 ec_bytes_of_leaves(EcJob *job);

/* A table of the job, locked; raises 42P01 if it is gone. */
extern Relation ec_open_job_table(const EcJob *job, Oid oid, const char *name);

#endif
