/*
 * job.h
 *		Jobs: pieces of background work of any kind.
 *
 * A job is a row of expand_contract.jobs.  Each of its workers has a row of
 * expand_contract.job_slots with its position.  The worker room starts, paces,
 * stops and reports jobs.  What a batch does is defined by the job's kind,
 * which an upper room registers.
 *
 * States in the table:
 *
 *		queued --> running --> done
 *		  ^  \        |  \---> failed
 *		  |   \-------+------> cancelled
 *		  |           v
 *		  +-------- paused      (failed can be resumed as well)
 *
 * A job that is stored as running, but whose slots no worker has locked, has
 * lost its worker.  It is shown as "interrupted" and can be resumed.
 *
 * A job with a start time or a run window is queued, without a worker, until
 * it is due; see schedule.h.
 *
 * A job is also queued when its worker has left its place to another job
 * (places.h), because of a long pause or because its turn was over.  resume_at
 * of the slot is the end of that pause.
 *
 * A job can submit other jobs as parts of itself (part_of).  It is queued,
 * without a worker, until they have ended, and gets one then.  Whoever pauses,
 * resumes or cancels it does the same to its parts.
 *
 * Locking protocol.  From before it sets the job to running until it ends, a
 * worker holds session-level advisory locks on its job slot, so that a slot
 * has one worker, and on one of the max_workers places in the cluster.
 * Control functions lock the job's row and never wait for the worker; the
 * worker reads the row at the start of each batch.
 */
#ifndef EC_WORKER_JOBS_JOB_H
#define EC_WORKER_JOBS_JOB_H

#include "postgres.h"

#include "utils/jsonb.h"
#include "utils/timestamp.h"

#define EC_STATE_QUEUED      "queued"
#define EC_STATE_RUNNING     "running"
#define EC_STATE_PAUSED      "paused"
#define EC_STATE_DONE        "done"
#define EC_STATE_FAILED      "failed"
#define EC_STATE_CANCELLED   "cancelled"
#define EC_STATE_INTERRUPTED "interrupted" /* displayed, never stored */

/* The arguments of a submission; everything else is taken from the session. */
typedef struct EcJobSpec
{
	const char *kind;
	const char *change; /* NULL if none */
	Oid relation;       /* InvalidOid: the job has no relation ... */
	const char *title;  /* ... and this is shown instead */
	Oid owner;          /* InvalidOid: the current user */
	Oid role;           /* as which it works; InvalidOid: the owner */
	Jsonb *settings;    /* of ec_capture_session; NULL: capture them now */
	Jsonb *parameters;  /* arguments of the kind, for its worker */
	int workers;
	int batch_size; /* rows; 0: sized by time */
	int delay_ms;
	int64 rows_estimate; /* estimated number of rows to write */

	/*
	 * of a change's job: rows that fail go to the change's queue, in this
	 * direction
	 */
	bool skips_failures;
	bool is_backward;
	bool fills; /* only columns that are not set yet */

	/* NULL if not given */
	const Interval *max_lag;
	const TimestampTz *start_at;
	const char *run_window; /* see schedule.h */
} EcJobSpec;

/* A job from the point of view of one of its workers. */
typedef struct EcJob
{
	int64 id;
	int slot;

	char *kind;
	char *change;
	Oid relation;
	char *relation_name; /* at submission */
	Oid owner;
	Oid role; /* as which it works; InvalidOid: the owner, or that of a change */
	Jsonb *parameters;
	Jsonb *settings; /* captured at submission, see session.c */

	/* The pace, which is read again at the start of each batch. */
	char *state;
	int workers;
	int batch_size;
	int delay_ms;
	int64 max_lag_ms;        /* -1: use max_replication_lag */
	bool is_due;             /* it may run now */
	TimestampTz resume_at;   /* end of the pause left by the previous worker;
						    * 0: none */
	TimestampTz must_end_at; /* when the run window closes, or DT_NOEND */

	/*
	 * The progress of this slot.  A batch updates it, and the worker saves it
	 * in the batch's transaction.
	 */
	Jsonb *position; /* in the kind's own format; NULL at the start */
	int sweep;       /* number of the pass over the data, from 1 */
	int64 work_done; /* of work_total in this sweep; the kind chooses the
					  * unit */
	int64 work_total;
	int64 rows_done;
	int64 skipped_locked;
	int64 rows_failed;  /* skipped because they fail, see skips_failures */
	const char *notice; /* shown by ec_progress while the job runs, or NULL */
	int64 table_bytes;  /* the table's present size */
	Oid table;          /* the last batch's table, if not the job's relation */

	/* What the worker tells the batch, and the batch the worker. */
	int row_limit;            /* the largest number of rows to write */
	int64 rows_written;       /* by this batch */
	const char *throttled_by; /* a reason to pause after the batch, or NULL */
	int pause_ms;             /* how long */
	const char *vacuum;       /* VACUUM to run after the commit, or NULL */
	bool waits_for_part; /* leave the place until the job's parts have ended */

	/*
	 * The worker tells the batch that the last attempt met another session's
	 * lock, or ran for too long.  Then the batch must not wait for row locks.
	 */
	bool avoid_locks;
	int conflicts; /* consecutive conflicts */

	/*
	 * The last attempt met a row that fails, and this one is to find out
	 * which.
	 */
	bool has_failures;
	bool skips_failures; /* from the submission */

	MemoryContext memory; /* lives until the job is loaded again */
	void *private;        /* for the kind; allocated in that memory */
} EcJob;

/*
 * Access to the tables.  Functions marked "in scope" need an open catalog
 * scope (ec_catalog_begin).  Times are the server's.
 */
extern int64 ec_job_submit(const EcJobSpec *spec);

/*
 * What a step of a migration does by the job that is being submitted.  SQL cannot
 * set it.
 *
 *		EC_PART_OF_NONE		the submission is no such step
 *		EC_PART_OF_ROWS		an UPDATE or DELETE.  The pause is half as long, because
 *							the migration is waited for
 *		EC_PART_OF_TABLE	a part of an ALTER TABLE, likewise.  That would fire no
 *							trigger; the job does, and works as the owner of the
 *							table, so that these have no other rights
 */
typedef enum EcPartOf
{
	EC_PART_OF_NONE,
	EC_PART_OF_ROWS,
	EC_PART_OF_TABLE
} EcPartOf;

extern EcPartOf ec_job_is_part_of;

extern bool ec_job_load(int64 id, int slot, EcJob *job); /* in scope */
extern bool ec_job_read_pace(EcJob *job);                /* in scope */
extern void ec_job_save_progress(EcJob *job, double seconds,
								 double rate_seconds, int64 wal_bytes);
extern bool ec_job_set_running(EcJob *job); /* in scope */
extern void ec_job_set_queued(EcJob *job);  /* in scope */

/*
 * The worker of a slot leaves until resume_at.  If it was the last one, the
 * job becomes queued.  In scope.
 */
extern void ec_job_give_back(EcJob *job, TimestampTz resume_at);

/*
 * Does a job of another owner, who has no worker at all, wait in this
 * database?  In scope.
 */
extern bool ec_job_others_wait(const EcJob *job);

/*
 * Ends the pauses of the job's slots.  False if no slot was in one.  In scope.
 */
extern bool ec_job_end_pauses(int64 id);

extern double ec_job_bytes_at_start(const EcJob *job); /* 0 before the first
													    * batch; in scope */

/*
 * Creates the job's slots up to that number of workers, and starts workers at
 * commit: for all slots from all_from on, and for lower ones that have no
 * worker.  In scope.
 */
extern void ec_job_add_slots(int64 id, int workers, int all_from);
extern void ec_job_clear_starts(EcJob *job); /* in scope */
extern void ec_job_set_throttle(int64 id, int slot, const char *reason); /* in scope */
extern void ec_job_set_done(EcJob *job);                         /* in scope */
extern void ec_job_set_failed(int64 id, const ErrorData *error); /* in scope */

/*
 * Fails a job that would run with rights that the extension's owner does not
 * have; see ec_may_act_as.  In scope.
 */
extern void ec_job_fail_unauthorized(int64 id);

/*
 * When a job may run next, which can be now, and until when.  Reads start_at,
 * run_window and the submitter's time zone from the last result, beginning at
 * column.
 */
extern TimestampTz
ec_job_next_run(uint64 row, int column, TimestampTz now, TimestampTz *until);

#endif
