/*
 * start.h
 *		Workers are started, or woken, when the transaction commits.
 */
#ifndef EC_WORKER_JOBS_START_H
#define EC_WORKER_JOBS_START_H

#include "postgres.h"

#include "postmaster/bgworker.h"
#include "utils/timestamp.h"

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

/* A worker to be started. */
typedef struct EcJobStart
{
	int64 id;
	int slot;
	Oid owner;
	Oid login;     /* the role to connect as: the owner, if it may */
	bool is_early; /* its pause is not over: it takes what nobody wants */
} EcJobStart;

/* Whatever kind of worker of ours: connected to a database, once. */
extern void ec_describe_worker(BackgroundWorker *worker, const char *function,
							   const char *type);

/* When the transaction commits. */
extern void ec_start_at_commit(const EcJobStart *start);
extern void ec_wake_at_commit(int64 job);
extern void ec_interrupt_at_commit(int64 job);
extern void ec_call_launcher_at_commit(TimestampTz at);
extern bool ec_start_worker(const EcJobStart *start);

#endif
