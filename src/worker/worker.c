/*
 * worker.c
 *		The background worker that runs a job.
 *
 * A worker connects as the job's owner, claims the job slot with a lock, calls
 * the job running, and then repeats: one batch in one transaction, a pause
 * without any.  A batch reads the job's row (is it still wanted? at which
 * pace?), looks whether something else in the server should be waited for
 * (throttle.h), lets the job's kind do a step, and saves the progress, all in
 * the step's own transaction: a crash repeats nothing and skips nothing.
 *
 * The application always wins.  lock_timeout is far below deadlock_timeout,
 * and a batch that may wait for row locks must end within half of
 * deadlock_timeout: so no session that waits for us can have waited long
 * enough to look for a deadlock while we wait for it.  A batch that meets a
 * lock, or its time limit, is rolled back and tried again without waiting for
 * row locks.
 *
 * Commits are asynchronous: rows and position are lost together or not at all.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "commands/trigger.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/wait_event.h"

#include "core/catalog.h"
#include "core/guc.h"
#include "core/own.h"
#include "expand_contract.h"
#include "worker/flush.h"
#include "worker/job.h"
#include "worker/launcher.h"
#include "worker/throttle.h"
#include "worker/toplevel.h"
#include "worker/worker.h"

#define MAX_LOCK_WAIT_MS  100
#define CLAIM_PATIENCE_MS 10000
/* What user code raises again and again is no conflict with others. */
#define MAX_SERIALIZATION_FAILURES 50

/* Whoever had us cancelled gets in before we try again. */
#define GAVE_WAY_PAUSE_MS 1000

#define LONGEST_BACKOFF_MS 5000
#define FIRST_ROWS_BY_TIME 500

typedef enum BatchOutcome
{
	BATCH_MORE,    /* go on after a pause */
	BATCH_RETRY,   /* rolled back, or not begun; try again */
	BATCH_STOP,    /* paused or cancelled, or somebody else's now */
	BATCH_COMPLETE /* the job is done */
} BatchOutcome;

typedef struct Worker
{
	EcWorkerTicket ticket;
	Oid extension; /* a re-created one has other jobs */
	EcJob job;
	const EcJobKind *kind;
	bool loaded;           /* job and kind are as the table says */
	bool has_committed;    /* a batch, since we started */
	double row_limit;      /* the most rows of a batch, at present */
	bool has_deadline;     /* the batch is cancelled when it takes long */
	TimestampTz last_save; /* of progress */
	uint64 wal_at_save;
	EcThrottle *throttle;
	MemoryContext job_context;   /* reset when the job is loaded again */
	MemoryContext batch_context; /* reset per batch */
} Worker;

static void
set_option(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_SESSION);
}

static int
lock_wait_ms(void)
{
	return Max(1, Min(MAX_LOCK_WAIT_MS, DeadlockTimeout / 10));
}

/*
 * What a batch relies on, whatever the role's own settings are.  They are
 * session settings, so that user code run by the batch sees them as well.
 */
static void
set_session_options(void)
{
	char lock_timeout[16];

	snprintf(lock_timeout, sizeof(lock_timeout), "%d", lock_wait_ms());
	set_option("lock_timeout", lock_timeout);
	set_option("default_transaction_isolation", "read committed");
	set_option("default_transaction_read_only", "off");
	set_option("synchronous_commit", "off");
	set_option("row_security", "off");
	set_option("enable_tidscan", "on");
#if PG_VERSION_NUM >= 170000
	set_option("transaction_timeout", "0");
#endif
}

/*
 * A transaction of ours that holds nothing can wait for the job's row as long
 * as it takes (a session may be idle after ec_configure): nobody waits for us,
 * and what it has to say must not get lost.  Until set_session_options.
 */
static void
wait_for_the_row(void)
{
	set_option("lock_timeout", "0");
}

/* whose rows are being written; an error ends the batch, and with it the use */
static const char *running_change = NULL;
static int64 running_job = 0;

void (*ec_change_job_done)(const EcJob *job) = NULL;

const char *
ec_running_change(void)
{
	return running_change;
}

int64
ec_running_job(void)
{
	return running_job;
}

static void
begin_transaction(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
}

static void
commit_transaction(void)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(false);
}

static void
reload_config_if_asked(void)
{
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		set_session_options();
	}
}

/*
 * Is the extension that we were started for still there?  After DROP EXTENSION
 * there is no table to write to, and after another CREATE EXTENSION a job of
 * our number is somebody else's.
 */
static bool
extension_is_ours(Worker *worker)
{
	EcExtension extension;

	if (!ec_extension_lookup(&extension))
		return false;
	if (!OidIsValid(worker->extension))
		worker->extension = extension.oid;
	return worker->extension == extension.oid;
}

/*
 * Take the locks that make us the job's worker, and call the job running.  The
 * worker before us may still be about to leave (paused and resumed at once),
 * so we have some patience.
 */
static bool
claim_job(Worker *worker)
{
	EcWorkerTicket *ticket = &worker->ticket;
	TimestampTz started = GetCurrentTimestamp();
	EcCatalogScope scope;
	bool wanted = false;

	while (!ec_lock_job_slot(ticket->job, ticket->slot))
	{
		if (TimestampDifferenceExceeds(started, GetCurrentTimestamp(),
									   CLAIM_PATIENCE_MS))
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 20, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	if (!ec_lock_worker_place())
		return false;

	wait_for_the_row();
	begin_transaction();
	if (extension_is_ours(worker))
	{
		worker->job.id = ticket->job;
		worker->job.owner = ticket->owner;
		ec_catalog_begin(&scope);
		wanted = ec_job_set_running(&worker->job);
		ec_catalog_end(&scope);
	}
	/* the count of starts must survive the crash that it counts */
	ForceSyncCommit();
	commit_transaction();
	set_session_options();
	return wanted;
}

/* Read the job's definition and position, and make its kind ready. */
static void
load_job(Worker *worker)
{
	EcJob *job = &worker->job;
	bool avoid_locks = job->avoid_locks;
	int conflicts = job->conflicts;
	MemoryContext old_context;
	EcCatalogScope scope;
	char name[NAMEDATALEN];

	MemoryContextReset(worker->job_context);
	old_context = MemoryContextSwitchTo(worker->job_context);
	ec_catalog_begin(&scope);
	if (!ec_job_load(worker->ticket.job, worker->ticket.slot, job) ||
		!ec_job_read_pace(job))
		elog(ERROR, "job " INT64_FORMAT " has no slot %d", worker->ticket.job,
			 worker->ticket.slot);
	ec_catalog_end(&scope);
	job->avoid_locks = avoid_locks;
	job->conflicts = conflicts;
	job->memory = worker->job_context;

	ec_apply_session(job->settings);
	worker->kind = ec_find_job_kind(job->kind);
	if (worker->kind == NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("this version of expand_contract does not run jobs of kind \"%s\"",
							   job->kind)));
	snprintf(name, sizeof(name), "expand_contract %s job " INT64_FORMAT,
			 job->kind, job->id);
	set_option("application_name", name);
	worker->kind->begin(job);
	MemoryContextSwitchTo(old_context);
	worker->loaded = true;
}

/* Adapt the batch to its own duration. */
static void
adapt_row_limit(Worker *worker, double step_seconds, bool too_slow)
{
	EcJob *job = &worker->job;
	double target = ec_target_batch_time / 1000.0;
	double limit = worker->row_limit;

	if (too_slow)
		limit /= 4;
	else if (job->batch_size > 0)
		limit = limit * 1.2 + 1; /* back to batch_size after a slow spell */
	else if (job->rows_written > 0 && step_seconds > 0)
		limit *= Min(1.2, Max(0.5, target / step_seconds));
	if (job->batch_size > 0)
		limit = Min(limit, job->batch_size);
	worker->row_limit = Max(1, Min(limit, EC_MAX_BATCH_SIZE));
}

static void
save_progress(Worker *worker, bool complete)
{
	EcJob *job = &worker->job;
	TimestampTz now = GetCurrentTimestamp();
	double seconds = (now - worker->last_save) / (double) USECS_PER_SEC;
	double rate_seconds = seconds;
	EcCatalogScope scope;

	/* the first rows have no pause behind them yet: the one to come counts */
	if (job->rows_done == job->rows_written)
		rate_seconds += job->pause_ms / 1000.0;
	ec_catalog_begin(&scope);
	ec_job_save_progress(job, seconds, rate_seconds,
						 pgWalUsage.wal_bytes - worker->wal_at_save);
	if (!worker->has_committed)
		ec_job_clear_starts(job);
	if (complete)
		ec_job_set_done(job);
	ec_catalog_end(&scope);
	if (complete && job->change != NULL && ec_change_job_done != NULL)
		ec_change_job_done(job);
	worker->last_save = now;
	worker->wal_at_save = pgWalUsage.wal_bytes;
}

static bool
is_wanted(const EcJob *job)
{
	return strcmp(job->state, EC_STATE_RUNNING) == 0 && job->slot < job->workers;
}

/* The run window has closed: the launcher starts us when it opens again. */
static void
leave_until_due(EcJob *job)
{
	EcCatalogScope scope;

	ec_catalog_begin(&scope);
	ec_job_set_queued(job);
	ec_catalog_end(&scope);
}

/*
 * The step, and all of the user's code that it sets off.  What that code SETs
 * (the role, say) ends with it; deferred triggers run now, so that none of it
 * runs later.  A batch that is over before anybody's deadlock_timeout makes
 * nobody a deadlock victim; only a single row takes what it takes.
 */
static bool
run_step(Worker *worker)
{
	EcJob *job = &worker->job;
	int guc_level = NewGUCNestLevel();
	ConstraintsSetStmt *immediate = makeNode(ConstraintsSetStmt);
	bool more;

	worker->has_deadline = !job->avoid_locks || job->row_limit > 1;
	if (worker->has_deadline)
		enable_timeout_after(STATEMENT_TIMEOUT, Max(1, DeadlockTimeout / 2));
	running_change = job->change;
	running_job = job->id;
	ec_flush_in_pieces(job->delay_ms > 0);
	more = worker->kind->step(job);
	running_change = NULL;
	immediate->constraints = NIL; /* all */
	immediate->deferred = false;
	AfterTriggerSetState(immediate);
	disable_timeout(STATEMENT_TIMEOUT, false);
	AtEOXact_GUC(false, guc_level);
	return more;
}

/*
 * Work that makes its own transactions.  It is there for what cannot be taken
 * back or waited for by halves, so its commits are on disk when they return.
 */
static BatchOutcome
run_piece(Worker *worker)
{
	bool more;

	worker->has_deadline = false;
	set_option("synchronous_commit", "on");
	set_option("lock_timeout", "0");
	MemoryContextSwitchTo(worker->batch_context);
	worker->job.throttled_by = NULL;
	worker->job.pause_ms = 0;
	more = worker->kind->run(&worker->job);

	wait_for_the_row();
	begin_transaction();
	if (extension_is_ours(worker))
		save_progress(worker, !more);
	commit_transaction();
	set_session_options();
	worker->has_committed = true;
	return more ? BATCH_MORE : BATCH_COMPLETE;
}

/* The transaction of a batch; an error leaves through the caller. */
static BatchOutcome
try_batch(Worker *worker)
{
	EcJob *job = &worker->job;
	EcCatalogScope scope;
	instr_time started;
	instr_time elapsed;
	bool wanted = false;
	bool more;

	begin_transaction();
	if (extension_is_ours(worker))
	{
		MemoryContext old_context = MemoryContextSwitchTo(worker->batch_context);

		ec_catalog_begin(&scope);
		wanted = ec_job_read_pace(job) && is_wanted(job);
		ec_catalog_end(&scope);
		MemoryContextSwitchTo(old_context);
	}
	if (wanted && !job->is_due)
	{
		leave_until_due(job);
		wanted = false;
	}
	if (!wanted)
	{
		commit_transaction();
		return BATCH_STOP;
	}
	if (!worker->loaded)
		load_job(worker);
	if (worker->kind->run != NULL)
	{
		commit_transaction();
		return run_piece(worker);
	}
	if (ec_throttle_look(worker->throttle, job) != NULL)
	{
		commit_transaction();
		return BATCH_RETRY;
	}
	if (worker->row_limit == 0)
		worker->row_limit =
			job->batch_size > 0 ? job->batch_size : FIRST_ROWS_BY_TIME;
	if (job->batch_size > 0)
		worker->row_limit = Min(worker->row_limit, job->batch_size);

	job->rows_written = 0;
	job->row_limit = (int) worker->row_limit;
	job->throttled_by = NULL;
	job->pause_ms = 0;
	job->vacuum = NULL;
	MemoryContextSwitchTo(worker->batch_context);
	INSTR_TIME_SET_CURRENT(started);
	more = run_step(worker);
	INSTR_TIME_SET_CURRENT(elapsed);
	INSTR_TIME_SUBTRACT(elapsed, started);

	/* Only a batch that wrote is worth a pause: reading is not throttled. */
	if (more && job->throttled_by == NULL && job->rows_written > 0 &&
		job->delay_ms > 0)
	{
		job->throttled_by = "delay";
		job->pause_ms = job->delay_ms;
	}
	save_progress(worker, !more);
	commit_transaction();

	worker->has_committed = true;
	job->avoid_locks = false;
	job->conflicts = 0;
	adapt_row_limit(worker, INSTR_TIME_GET_DOUBLE(elapsed), false);
	return more ? BATCH_MORE : BATCH_COMPLETE;
}

/* Say why we pause, in a transaction of its own; only a courtesy. */
static void
report_conflict(Worker *worker)
{
	EcCatalogScope scope;

	begin_transaction();
	if (extension_is_ours(worker))
	{
		ec_catalog_begin(&scope);
		ec_job_set_throttle(worker->ticket.job, worker->ticket.slot, "lock");
		ec_catalog_end(&scope);
	}
	commit_transaction();
}

static void
fail_job(Worker *worker, ErrorData *error)
{
	EcCatalogScope scope;

	ereport(LOG, (errmsg("expand_contract job " INT64_FORMAT " failed: %s",
						 worker->ticket.job, error->message),
				  error->detail ? errdetail_internal("%s", error->detail) : 0,
				  error->context ? errcontext("%s", error->context) : 0));
	wait_for_the_row();
	begin_transaction();
	if (extension_is_ours(worker))
	{
		ec_catalog_begin(&scope);
		ec_job_set_failed(worker->ticket.job, error);
		ec_catalog_end(&scope);
	}
	commit_transaction();
	set_session_options();
}

static bool
is_lock_conflict(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		   sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
		   sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE;
}

/* What to do about a batch that was rolled back with this error. */
static BatchOutcome
after_error(Worker *worker, ErrorData *error, bool timed_out, bool gave_way)
{
	EcJob *job = &worker->job;

	worker->loaded = false;
	if (!timed_out && error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		(gave_way || ec_gave_way_lately()))
	{
		job->pause_ms = GAVE_WAY_PAUSE_MS;
		return BATCH_RETRY;
	}
	if (timed_out)
	{
		adapt_row_limit(worker, 0, true);
		job->avoid_locks = true;
		job->pause_ms = 0;
		return BATCH_RETRY;
	}
	if ((worker->kind != NULL && worker->kind->run != NULL) ||
		!is_lock_conflict(error->sqlerrcode) ||
		(error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE &&
		 job->conflicts >= MAX_SERIALIZATION_FAILURES))
	{
		fail_job(worker, error);
		return BATCH_STOP;
	}

	/* the first conflict is tried again at once, without row lock waits */
	job->avoid_locks = true;
	job->conflicts++;
	if (job->conflicts > 1)
	{
		job->throttled_by = "lock";
		/* home in on the rows that are in the way */
		adapt_row_limit(worker, 0, true);
		job->pause_ms = Min(LONGEST_BACKOFF_MS, 10 << Min(job->conflicts, 10));
		report_conflict(worker);
	}
	else
		job->pause_ms = 0;
	return BATCH_RETRY;
}

static BatchOutcome
run_batch(Worker *worker)
{
	MemoryContext old_context = CurrentMemoryContext;
	volatile BatchOutcome outcome = BATCH_STOP;
	TimestampTz started = GetCurrentTimestamp();
	ErrorData *error = NULL;
	bool gave_way = false;

	MemoryContextReset(worker->batch_context);
	PG_TRY();
	{
		outcome = try_batch(worker);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(worker->batch_context);
		error = CopyErrorData();
		FlushErrorState();
		disable_timeout(STATEMENT_TIMEOUT, false);
		QueryCancelPending = false; /* of a timeout that came too late */
		AbortCurrentTransaction();
		gave_way = ec_give_way(false);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_context);

	if (error != NULL)
	{
		bool timed_out =
			error->sqlerrcode == ERRCODE_QUERY_CANCELED && worker->has_deadline &&
			TimestampDifferenceExceeds(started, GetCurrentTimestamp(),
									   Max(1, DeadlockTimeout / 2));

		outcome = after_error(worker, error, timed_out, gave_way);
	}
	return outcome;
}

/* Has the row changed while we pause?  Then the pause is over. */
static bool
pace_has_changed(Worker *worker)
{
	EcJob now = worker->job;
	EcCatalogScope scope;
	bool changed = true;

	begin_transaction();
	if (extension_is_ours(worker))
	{
		ec_catalog_begin(&scope);
		changed = !ec_job_read_pace(&now) || !is_wanted(&now) ||
				  now.delay_ms != worker->job.delay_ms ||
				  now.max_lag_ms != worker->job.max_lag_ms ||
				  now.batch_size != worker->job.batch_size;
		ec_catalog_end(&scope);
	}
	commit_transaction();
	return changed;
}

/*
 * Pause without transaction, snapshot or lock.  The latch is set by those who
 * changed the job's row, and by much else.
 */
static void
pause_worker(Worker *worker)
{
	TimestampTz until =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), worker->job.pause_ms);

	if (worker->job.pause_ms == 0)
		return;
	until = Min(until, worker->job.must_end_at);
	pgstat_report_activity(STATE_IDLE, NULL);
	for (;;)
	{
		long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);
		int events;

		if (left <= 0)
			break;
		events = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						   left, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		/* there is no statement to cancel */
		QueryCancelPending = false;
		CHECK_FOR_INTERRUPTS();
		reload_config_if_asked();
		if ((events & WL_LATCH_SET) && pace_has_changed(worker))
			break;
	}
}

/* What a batch asked for; no harm done if it does not come to its end. */
static void
vacuum(EcJob *job)
{
	TimestampTz started = GetCurrentTimestamp();

	pgstat_report_activity(STATE_RUNNING, job->vacuum);
	if (ec_vacuum(job->vacuum))
		ereport(LOG,
				(errmsg("expand_contract job " INT64_FORMAT " ran %s in %ld ms",
						job->id, job->vacuum,
						TimestampDifferenceMilliseconds(started,
														GetCurrentTimestamp()))));
}

static void
work(Worker *worker)
{
	EcJob *job = &worker->job;
	BatchOutcome outcome;

	ereport(LOG, (errmsg("expand_contract job " INT64_FORMAT " started",
						 worker->ticket.job)));
	worker->last_save = GetCurrentTimestamp();
	worker->wal_at_save = pgWalUsage.wal_bytes;
	worker->throttle = ec_throttle_create();
	do
	{
		/* between batches there is no statement to cancel */
		QueryCancelPending = false;
		CHECK_FOR_INTERRUPTS();
		/* without pauses, no other wait would notice the postmaster's death */
		(void) WaitLatch(NULL, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 0,
						 PG_WAIT_EXTENSION);
		reload_config_if_asked();
		/* user code may have released all advisory locks of the session */
		if (!ec_keep_job_slot(worker->ticket.job, worker->ticket.slot))
		{
			outcome = BATCH_STOP;
			break;
		}
		outcome = run_batch(worker);
		ec_throttle_log(worker->throttle, job, job->throttled_by);
		if (outcome == BATCH_MORE && job->vacuum != NULL)
			vacuum(job);
		if (outcome == BATCH_MORE || outcome == BATCH_RETRY)
			pause_worker(worker);
	} while (outcome == BATCH_MORE || outcome == BATCH_RETRY);

	ereport(LOG, (errmsg("expand_contract job " INT64_FORMAT
						 " %s, " INT64_FORMAT " rows done",
						 worker->ticket.job,
						 outcome == BATCH_COMPLETE ? "is complete" : "stopped",
						 job->rows_done)));
}

/* However we end, the launcher should have a look soon. */
static void
at_exit(int code, Datum argument)
{
	ec_call_launcher(MyDatabaseId,
					 TimestampTzPlusMilliseconds(GetCurrentTimestamp(), 1000));
}

/* Whoever ends makes room for the next. */
static void
start_next(Worker *worker)
{
	begin_transaction();
	if (extension_is_ours(worker))
		ec_start_waiting_jobs(false);
	commit_transaction();
}

void
ec_job_worker_main(Datum argument)
{
	Worker *worker = palloc0(sizeof(Worker));

	ec_own_reads = true;
	memcpy(&worker->ticket, MyBgworkerEntry->bgw_extra, sizeof(worker->ticket));
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(worker->ticket.database,
											  worker->ticket.owner,
											  EC_WORKER_CONNECT_FLAGS);
	set_session_options();
	before_shmem_exit(at_exit, (Datum) 0);
	worker->job_context =
		AllocSetContextCreate(TopMemoryContext, "expand_contract job",
							  ALLOCSET_DEFAULT_SIZES);
	worker->batch_context =
		AllocSetContextCreate(TopMemoryContext, "expand_contract batch",
							  ALLOCSET_DEFAULT_SIZES);

	if (!claim_job(worker))
		proc_exit(0);
	work(worker);
	ec_unlock_all();
	start_next(worker);
	proc_exit(0);
}
