/*
 * process.h
 *		Declarations shared by the files of a job's worker process: worker.c,
 *		attempt.c and transaction.c.
 */
#ifndef EC_WORKER_PROCESS_PROCESS_H
#define EC_WORKER_PROCESS_PROCESS_H

#include "postgres.h"

#include "utils/timestamp.h"

#include "worker/process/batch_size.h"
#include "worker/jobs/job.h"
#include "worker/throttle/throttle.h"
#include "worker/jobs/registry.h"
#include "worker/jobs/start.h"

typedef enum EcOutcome
{
	EC_OUTCOME_MORE,    /* continue after a pause */
	EC_OUTCOME_RETRY,   /* rolled back or not begun; try again */
	EC_OUTCOME_URGED,   /* rolled back because others wait for the place */
	EC_OUTCOME_STOP,    /* the job is paused, cancelled, or another worker's */
	EC_OUTCOME_COMPLETE /* the job is done */
} EcOutcome;

typedef struct EcWorker
{
	EcWorkerTicket ticket;
	Oid extension; /* its OID: a re-created extension has other jobs */
	EcJob job;
	const EcJobKind *kind;
	bool loaded;        /* job and kind have been read from the table */
	bool has_committed; /* a batch has committed in this process */
	bool is_divisible;  /* the job can stop after each batch */
	TimestampTz turn_began;
	TimestampTz looked_for_others;
	EcBatchSize size;
	bool has_deadline;     /* this batch has a time limit */
	TimestampTz last_save; /* when progress was saved last */
	uint64 wal_at_save;
	EcThrottle *throttle;
	MemoryContext job_context;   /* reset when the job is loaded again */
	MemoryContext batch_context; /* reset for each batch */
} EcWorker;

/* transaction.c: a worker's transactions and their settings */
extern void ec_worker_connected(Oid owner);
extern void ec_worker_set_options(void);
extern void ec_worker_reload_options(void); /* if it has got SIGHUP */

/*
 * Removes lock_timeout until ec_worker_set_options.  For transactions that
 * hold no locks: these can wait for the job's row without a limit (a session
 * may be idle in transaction after ec_configure), because no session waits for
 * us, and what they write must not get lost.
 */
extern void ec_worker_be_patient(void);

extern void ec_worker_begin(void);
extern void ec_worker_commit(void);

/*
 * Does the extension for which the worker was started still exist?  After DROP
 * EXTENSION there is no table to write to.  After another CREATE EXTENSION,
 * the job with our number is a different job.
 */
extern bool ec_worker_has_extension(EcWorker *worker);

/* The time limit, in milliseconds, of a batch that has one. */
extern int ec_worker_deadline_ms(void);

/* attempt.c: runs one batch and handles its errors */
extern EcOutcome ec_worker_run_batch(EcWorker *worker);
extern bool ec_worker_is_wanted(const EcJob *job);

#endif
