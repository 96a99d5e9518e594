/*
 * start.h
 *		Starts or wakes workers when the transaction commits.
 */
#ifndef EC_WORKER_JOBS_START_H
#define EC_WORKER_JOBS_START_H

#include "postgres.h"

#include "postmaster/bgworker.h"
#include "utils/timestamp.h"

/* The worker's pg_stat_activity.backend_type. */
#define EC_WORKER_TYPE "expand_contract worker"

/* The worker's arguments, passed in bgw_extra. */
typedef struct EcWorkerTicket
{
	int64 job;
	int slot;
	Oid database;
	Oid owner;
	Oid login;     /* connect as this role, then become the owner */
	bool is_early; /* the job is in a pause: take only a free place */
} EcWorkerTicket;

/* A worker to be started. */
typedef struct EcJobStart
{
	int64 id;
	int slot;
	Oid owner;
	Oid login;     /* the role to connect as; the owner, if possible */
	bool is_early; /* its pause is not over: take only a free place */
} EcJobStart;

/* For every kind of worker: connects to a database, is not restarted. */
extern void ec_describe_worker(BackgroundWorker *worker, const char *function,
							   const char *type);

/* Done when the transaction commits; ec_start_worker does it at once. */
extern void ec_start_at_commit(const EcJobStart *start);
extern void ec_wake_at_commit(int64 job);
extern void ec_interrupt_at_commit(int64 job);
extern void ec_terminate_at_commit(int64 job);
extern void ec_call_launcher_at_commit(TimestampTz at);
extern bool ec_start_worker(const EcJobStart *start);

#endif
