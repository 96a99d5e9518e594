/*
 * process.h
 *		What the files of a job's worker process share: worker.c, attempt.c and
 *		transaction.c.
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
	EC_OUTCOME_MORE,    /* go on after a pause */
	EC_OUTCOME_RETRY,   /* rolled back, or not begun; try again */
	EC_OUTCOME_STOP,    /* paused or cancelled, or somebody else's now */
	EC_OUTCOME_COMPLETE /* the job is done */
} EcOutcome;

typedef struct EcWorker
{
	EcWorkerTicket ticket;
	Oid extension; /* a re-created one has other jobs */
	EcJob job;
	const EcJobKind *kind;
	bool loaded;        /* job and kind are as the table says */
	bool has_committed; /* a batch, since we started */
	bool is_divisible;  /* work can stop after each batch */
	TimestampTz turn_began;
	TimestampTz looked_for_others;
	EcBatchSize size;
	bool has_deadline;     /* the batch is cancelled when it takes long */
	TimestampTz last_save; /* of progress */
	uint64 wal_at_save;
	EcThrottle *throttle;
	MemoryContext job_context;   /* reset when the job is loaded again */
	MemoryContext batch_context; /* reset per batch */
} EcWorker;

/* transaction.c: our transactions, and the settings that they run under */
extern void ec_worker_connected(Oid owner);
extern void ec_worker_set_options(void);
extern void ec_worker_reload_options(void); /* if asked */

/*
 * A transaction of ours that holds nothing can wait for the job's row as long
 * as it takes (a session may be idle after ec_configure): nobody waits for us,
 * and what it has to say must not get lost.  Until ec_worker_set_options.
 */
extern void ec_worker_be_patient(void);

extern void ec_worker_begin(void);
extern void ec_worker_commit(void);

/*
 * Is the extension that we were started for still there?  After DROP EXTENSION
 * there is no table to write to, and after another CREATE EXTENSION a job of
 * our number is somebody else's.
 */
extern bool ec_worker_has_extension(EcWorker *worker);

/* A batch of a job that has a deadline is cancelled after so many ms. */
extern int ec_worker_deadline_ms(void);

/* attempt.c: one batch, whatever becomes of it */
extern EcOutcome ec_worker_run_batch(EcWorker *worker);
extern bool ec_worker_is_wanted(const EcJob *job);

#endif
