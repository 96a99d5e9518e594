/*
 * job.h
 *		Jobs: pieces of background work of whatever kind.
 *
 * A job is a row of expand_contract.jobs; where each of its workers stands is
 * a row of expand_contract.job_slots.  The worker room starts, paces, stops
 * and reports jobs; what a batch does is the business of the job's kind,
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
 * A job that the table calls running, but whose slots no worker has locked,
 * has lost its worker: it shows as "interrupted" and can be resumed.
 *
 * A job with a start time or a run window is queued, without a worker, until
 * it is due; see schedule.h.
 *
 * So is one whose worker has left its place to another job (places.h): in a
 * long pause, or when it has had its turn.  resume_at of its slot says when
 * the pause is over.
 *
 * Locking protocol.  A worker holds, from before it calls the job running
 * until it ends, session-level advisory locks on its job slot (so that there
 * is one worker a slot, whatever pids say) and on one of max_workers places
 * in the cluster.  Control functions lock the job's row and never wait for
 * the worker; the worker reads the row at the start of each batch.
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
#define EC_STATE_INTERRUPTED "interrupted" /* shown, never stored */

/* What a submission says; the rest is taken from the session. */
typedef struct EcJobSpec
{
	const char *kind;
	const char *change; /* NULL if none */
	Oid relation;       /* InvalidOid: the job is not about one ... */
	const char *title;  /* ... but about this */
	Oid owner;          /* InvalidOid: the current user */
	Jsonb *settings;    /* of ec_capture_session; NULL: the session's of now */
	Jsonb *parameters;  /* what the kind needs; read again by the worker */
	int workers;
	int batch_size; /* rows; 0 = by time */
	int delay_ms;
	int64 rows_estimate; /* rows the job will write, at a guess */

	/* of a change: rows that fail go to its queue, as writes of this direction */
	bool skips_failures;
	bool is_backward;
	bool fills; /* only what is unset */

	/* NULL where not given */
	const Interval *max_lag;
	const TimestampTz *start_at;
	const char *run_window; /* see schedule.h */
} EcJobSpec;

/* A job as one of its workers sees it. */
typedef struct EcJob
{
	int64 id;
	int slot;

	char *kind;
	char *change;
	Oid relation;
	char *relation_name; /* as it was at submission */
	Oid owner;
	Jsonb *parameters;
	Jsonb *settings; /* the submitter's, see session.c */

	/* The pace; read again at the start of each batch. */
	char *state;
	int workers;
	int batch_size;
	int delay_ms;
	int64 max_lag_ms;      /* -1: as the setting says */
	bool is_due;           /* it may run now */
	TimestampTz resume_at; /* when claimed: its pause ends then; 0: it has none */
	TimestampTz must_end_at; /* when the run window closes; DT_NOEND: never */

	/*
	 * Progress of this slot.  A batch adds to it, and the worker saves it in
	 * the batch's transaction.
	 */
	Jsonb *position; /* the kind's own; NULL at the start */
	int sweep;       /* passes over the data, from 1 */
	int64 work_done; /* of work_total in this sweep, in units of the kind */
	int64 work_total;
	int64 rows_done;
	int64 skipped_locked;
	int64 rows_failed;  /* left out, see skips_failures */
	const char *notice; /* for ec_progress while the job goes on, or NULL */
	int64 table_bytes;  /* its size now */
	Oid table; /* of the last batch, if not the job's relation but a part of it */

	/* What the worker allows the batch, and what the batch tells the worker. */
	int row_limit;            /* the most rows to write */
	int64 rows_written;       /* by this batch */
	const char *throttled_by; /* why the worker should pause, or NULL */
	int pause_ms;             /* for that long */
	const char *vacuum;       /* VACUUM to run after the commit, or NULL */

	/*
	 * What the worker tells the batch: the last try met a lock of somebody
	 * else's (then no row lock may be waited for), or ran for too long.
	 */
	bool avoid_locks;
	int conflicts; /* in a row */

	/* The last try met a row that fails: this one finds out which. */
	bool has_failures;
	bool skips_failures; /* as the submitter has said */

	MemoryContext memory; /* lives until the job is loaded again */
	void *private;        /* the kind's, in that memory */
} EcJob;

/*
 * The tables.  Those that say so want an open catalogue scope
 * (ec_catalog_begin); times are the server's.
 */
extern int64 ec_job_submit(const EcJobSpec *spec);
extern bool ec_job_load(int64 id, int slot, EcJob *job); /* in scope */
extern bool ec_job_read_pace(EcJob *job);                /* in scope */
extern void ec_job_save_progress(EcJob *job, double seconds,
								 double rate_seconds, int64 wal_bytes);
extern bool ec_job_set_running(EcJob *job); /* in scope */
extern void ec_job_set_queued(EcJob *job);  /* in scope */

/*
 * The worker of a slot leaves, and is to come back at that time; the job is
 * queued when it was the last.  In scope.
 */
extern void ec_job_give_back(EcJob *job, TimestampTz resume_at);

/* Does another owner of this database wait who has no worker at all?  In scope. */
extern bool ec_job_others_wait(const EcJob *job);

/* Slots that wait for the end of a pause: it is over.  False if there are none.  In scope. */
extern bool ec_job_end_pauses(int64 id);

extern double ec_job_bytes_at_start(const EcJob *job); /* 0: no batch yet; in scope */

/*
 * Make a job's slots up to so many, and have workers start for them at commit:
 * for those from all_from on, and for others that have none.  In scope.
 */
extern void ec_job_add_slots(int64 id, int workers, int all_from);
extern void ec_job_clear_starts(EcJob *job); /* in scope */
extern void ec_job_set_throttle(int64 id, int slot, const char *reason); /* in scope */
extern void ec_job_set_done(EcJob *job);                         /* in scope */
extern void ec_job_set_failed(int64 id, const ErrorData *error); /* in scope */

/*
 * Fail a job that would run with rights which the extension's owner has not;
 * see ec_may_act_as.  In scope.
 */
extern void ec_job_fail_unauthorized(int64 id);

/*
 * When it may run next, at once or later, and until when; from the columns
 * start_at, run_window and the submitter's time zone of the last result.
 */
extern TimestampTz
ec_job_next_run(uint64 row, int column, TimestampTz now, TimestampTz *until);

#endif
