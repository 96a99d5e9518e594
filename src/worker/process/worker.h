/*
 * worker.h
 *		The background worker that runs a job.
 */
#ifndef EC_WORKER_PROCESS_WORKER_H
#define EC_WORKER_PROCESS_WORKER_H

#include "postgres.h"

#include "postmaster/bgworker.h"

/* What pg_stat_activity.backend_type shows. */
#define EC_WORKER_TYPE "expand_contract worker"

/* What a worker is told, in bgw_extra. */
typedef struct EcWorkerTicket
{
	int64 job;
	int slot;
	Oid database;
	Oid owner;
} EcWorkerTicket;

extern PGDLLEXPORT void ec_job_worker_main(Datum argument);

extern void ec_describe_worker(BackgroundWorker *worker, const char *function,
							   const char *type);

#endif
