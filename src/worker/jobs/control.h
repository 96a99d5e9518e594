/*
 * control.h
 *		A job's state, for the functions that control it.
 */
#ifndef EC_WORKER_JOBS_CONTROL_H
#define EC_WORKER_JOBS_CONTROL_H

#include "postgres.h"

typedef struct EcJobStatus
{
	int64 id;
	char *kind;
	char *relation_name;
	char *state; /* as stored */
	Oid owner;
	int workers;         /* the number requested */
	bool is_ours;        /* false: submitted in the database that this one
						  * is a copy of */
	bool is_interrupted; /* stored as running, but without a worker */
	bool is_live;        /* has a worker */
	bool is_due;         /* its schedule lets it run now */
	int64 part;          /* a part of it that has not ended; 0: none */
	char *error_code;
	char *error_message;
	char *error_detail;
	char *error_hint;
} EcJobStatus;

/* Call in scope; raises 42704 if there is no such job. */
extern void ec_job_look(int64 id, bool for_update, EcJobStatus *status);

/*
 * Makes a job go on as a part of another one, whatever has stopped it.  For a
 * job that is neither done nor cancelled.  In scope.
 */
extern void ec_job_resume_as_part(int64 id, int64 whole);

/* Cancels the unfinished parts of a job.  In scope. */
extern void ec_cancel_parts(int64 whole);

/*
 * Cancels the unfinished jobs of a change, whoever owns them: of one kind, or
 * all if kind is NULL.  Leaves out the job that this process runs.  In scope.
 */
extern void ec_cancel_jobs_of_change(const char *change, const char *kind);

/* Raises the stored error of a failed job. */
extern void ec_job_raise_failure(const EcJobStatus *status);

#endif
