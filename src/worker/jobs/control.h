/*
 * control.h
 *		A job as its owner sees it.
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
	int workers;         /* wanted */
	bool is_ours;        /* not of the database that ours is a copy of */
	bool is_interrupted; /* called running, without a worker */
	bool is_live;        /* a worker is at it */
	bool is_due;         /* its schedule lets it run now */
	char *error_code;
	char *error_message;
	char *error_detail;
	char *error_hint;
} EcJobStatus;

/* In an open catalogue scope; raises 42704 if there is no such job. */
extern void ec_job_look(int64 id, bool for_update, EcJobStatus *status);

extern bool ec_job_is_interrupted(int64 id);

/*
 * Cancel the unfinished jobs of a change, whoever owns them: of one kind, or
 * (NULL) all.  Not that of this process.  In scope.
 */
extern void ec_cancel_jobs_of_change(const char *change, const char *kind);

/* The error of a failed job, as our own. */
extern void ec_job_raise_failure(const EcJobStatus *status);

#endif
