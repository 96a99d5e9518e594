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
	Oid login;     /* connect as this role, and become the owner */
	bool is_early; /* the job pauses: a place that is free will do */
} EcWorkerTicket;

extern PGDLLEXPORT void ec_job_worker_main(Datum argument);

extern void ec_describe_worker(BackgroundWorker *worker, const char *function,
							   const char *type);

/*
 * In a worker that could not connect as the job's owner: become it, in this
 * transaction, if something has made us another.  Else nothing.
 */
extern void ec_worker_assume_owner(void);

#endif
