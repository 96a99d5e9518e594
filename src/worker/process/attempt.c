/*
 * attempt.c
 *		Runs one batch of a job, and handles its errors.
 *
 * A batch reads the job's row (its state and pace), checks whether it should
 * wait for other activity of the server (throttle.h), calls the batch function
 * of the job's kind, and saves the progress.  All of this happens in one
 * transaction, so a crash neither repeats nor skips rows.
 *
 * The application has priority.  lock_timeout is far below deadlock_timeout,
 * and a batch that may wait for row locks must end within half of
 * deadlock_timeout.  So while we wait for a session, no session has waited for
 * us long enough to run its deadlock check.  A batch that meets another's
 * lock, or its time limit, is rolled back and tried again without waiting for
 * row locks.  A batch that has been reduced to a single row has no time limit;
 * it avoids the other sessions' deadlock checks in another way (deadlock.h).  It
 * is cancelled only if jobs of others wait for a worker all the while
 * (deadline.h), or if its job is paused or cancelled.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/catalog.h"
#include "core/clip.h"
#include "core/deferred.h"
#include "core/guc.h"
#include "core/rights.h"
#include "worker/jobs/job.h"
#include "worker/jobs/places.h"
#include "worker/jobs/registry.h"
#include "worker/jobs/session.h"
#include "worker/process/deadline.h"
#include "worker/process/deadlock.h"
#include "worker/process/flush.h"
#include "worker/process/process.h"
#include "core/toplevel.h"
#include "worker/throttle/throttle.h"

/*
 * After this many of these errors in a row, user code raises them, not a
 * conflict with another session.
 */
#define MAX_SERIALIZATION_FAILURES 50

/* A pause in which the session that has cancelled us gets its lock. */
#define GAVE_WAY_PAUSE_MS 1000

#define LONGEST_BACKOFF_MS 5000

/*
 * The role that owned the table at the submission, if it still does and if the
 * job's owner still has its rights.
 */
static Oid
role_of_table(const EcJob *job)
{
	/* the job itself raises an error about a table that no longer exists */
	if (get_rel_name(job->relation) == NULL)
		return GetUserId();
	if (ec_require_table_owner(job->relation) != job->role)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has another owner since job " INT64_FORMAT
						" was submitted",
						get_rel_name(job->relation), job->id),
				 errdetail("The job fires the triggers of the table, and works as the role that owned it then."),
				 errhint("Give the table back to that role, or cancel the job and submit another one.")));
	return job->role;
}

/*
 * Switches to the role as which the job's work is done.  If it is not the
 * job's owner, the work is a security-restricted operation, in which triggers
 * cannot be deferred.
 */
static void
begin_work(const EcWorker *worker, EcRights *outer)
{
	const EcJob *job = &worker->job;
	Oid role;

	GetUserIdAndSecContext(&outer->userid, &outer->security_context);
	if (OidIsValid(job->role))
		role = role_of_table(job);
	else if (worker->kind->runs_as_table_owner && job->change != NULL)
		role = ec_change_job_role(job);
	else
		return;
	if (role == outer->userid)
		return;
	ec_fire_deferred_triggers();
	ec_become(outer, role);
}

/* Reads the job's definition and position, and prepares its kind. */
static void
load_job(EcWorker *worker)
{
	EcJob *job = &worker->job;
	bool avoid_locks = job->avoid_locks;
	int conflicts = job->conflicts;
	bool has_failures = job->has_failures;
	MemoryContext old_context;
	EcCatalogScope scope;
	char name[NAMEDATALEN];
	EcRights outer;

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
	job->has_failures = has_failures;
	job->memory = worker->job_context;

	ec_apply_session(job->settings);
	worker->kind = ec_find_job_kind(job->kind);
	if (worker->kind == NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("this version of expand_contract does not run jobs of kind \"%s\"",
							   job->kind)));
	snprintf(name, sizeof(name), "expand_contract %s job " INT64_FORMAT,
			 job->kind, job->id);
	SetConfigOption("application_name", name, PGC_SUSET, PGC_S_SESSION);
	worker->is_divisible = worker->kind->run == NULL;
	begin_work(worker, &outer);
	worker->kind->begin(job);
	ec_become_caller(&outer);
	MemoryContextSwitchTo(old_context);
	worker->loaded = true;
}

static void
save_progress(EcWorker *worker, bool complete)
{
	EcJob *job = &worker->job;
	TimestampTz now = GetCurrentTimestamp();
	double seconds = (now - worker->last_save) / (double) USECS_PER_SEC;
	double rate_seconds = seconds;
	EcCatalogScope scope;

	/* no pause precedes the job's first rows: count the one that follows */
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

bool
ec_worker_is_wanted(const EcJob *job)
{
	return strcmp(job->state, EC_STATE_RUNNING) == 0 && job->slot < job->workers;
}

/*
 * The run window has closed; the launcher starts a worker when it opens again.
 */
static void
leave_until_due(EcJob *job)
{
	EcCatalogScope scope;

	ec_catalog_begin(&scope);
	ec_job_set_queued(job);
	ec_catalog_end(&scope);
}

/*
 * Runs the batch and all user code that it invokes.  Settings that this code
 * changes (for example the role) are restored at the end.  Deferred triggers
 * fire here, so that no user code runs later.  A batch that ends well before
 * any session's deadlock_timeout makes no session a deadlock victim; only a
 * single row has no time limit (deadlock.h).
 */
static bool
call_kind(EcWorker *worker)
{
	EcJob *job = &worker->job;
	int guc_level = NewGUCNestLevel();
	EcRights outer;
	bool more;

	worker->has_deadline = !job->avoid_locks || job->row_limit > 1;
	if (worker->has_deadline)
		ec_deadline_begin(ec_worker_deadline_ms());
	else
		ec_checks_begin();
	ec_note_running(job);
	ec_flush_in_pieces(job->delay_ms > 0);
	begin_work(worker, &outer);
	more = worker->kind->batch(job);
	ec_note_running(NULL);
	ec_fire_deferred_triggers();
	ec_become_caller(&outer);
	ec_deadline_end();
	AtEOXact_GUC(false, guc_level);
	if (job->change != NULL && job->rows_written > 0 && ec_change_batch_done != NULL)
		ec_change_batch_done(job);
	return more;
}

/*
 * The job is queued until its parts have ended.  If they have by now, nobody
 * else starts it again: its own worker does, when it ends.
 */
static void
leave_to_part(EcJob *job)
{
	EcCatalogScope scope;

	ec_catalog_begin(&scope);
	ec_job_give_back(job, GetCurrentTimestamp());
	ec_catalog_end(&scope);
}

/*
 * Runs work that uses transactions of its own.  Some of it cannot be rolled
 * back or repeated, so its commits are synchronous.  It is cancelled only where
 * such work of its owner would keep all others from working (places.h); the
 * turn counts, not the piece, since the pieces of a script follow each other
 * without an end that is in sight.
 */
static EcOutcome
run_piece(EcWorker *worker)
{
	bool was_urged;
	bool more;

	worker->has_deadline = false;
	SetConfigOption("synchronous_commit", "on", PGC_SUSET, PGC_S_SESSION);
	ec_worker_be_patient();
	MemoryContextSwitchTo(worker->batch_context);
	worker->job.throttled_by = NULL;
	worker->job.pause_ms = 0;
	worker->job.waits_for_part = false;
	(void) ec_mark_place_in_tries(EC_PLACE_WHOLE);
	ec_patience_begin(worker->turn_began);
	more = worker->kind->run(&worker->job);
	was_urged = ec_patience_end();
	QueryCancelPending = false;

	ec_worker_be_patient(); /* again, because the work may have changed
							 * lock_timeout */
	ec_worker_begin();
	if (ec_worker_has_extension(worker))
	{
		save_progress(worker, !more);
		if (worker->job.waits_for_part)
			leave_to_part(&worker->job);
	}
	ec_worker_commit();
	ec_worker_set_options();
	worker->has_committed = true;
	if (worker->job.waits_for_part)
		return EC_OUTCOME_STOP;
	if (more && was_urged)
		return EC_OUTCOME_URGED;
	return more ? EC_OUTCOME_MORE : EC_OUTCOME_COMPLETE;
}

/* The transaction of a batch; the caller handles its errors. */
static EcOutcome
try_batch(EcWorker *worker)
{
	EcJob *job = &worker->job;
	EcCatalogScope scope;
	instr_time started;
	instr_time elapsed;
	uint64 wal_before;
	bool wanted = false;
	bool more;

	ec_worker_begin();
	if (ec_worker_has_extension(worker))
	{
		MemoryContext old_context = MemoryContextSwitchTo(worker->batch_context);

		ec_catalog_begin(&scope);
		wanted = ec_job_read_pace(job) && ec_worker_is_wanted(job);
		/*
		 * the extension may have got another owner, or its owner may have lost
		 * rights
		 */
		if (wanted && !(ec_may_act_as(worker->ticket.owner) &&
						ec_may_act_as(worker->ticket.login)))
		{
			ec_job_fail_unauthorized(job->id);
			wanted = false;
		}
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
		ec_worker_commit();
		return EC_OUTCOME_STOP;
	}
	/* the code of users may run from here on */
	ec_patience_begin(GetCurrentTimestamp());
	if (!worker->loaded)
		load_job(worker);
	if (worker->kind->run != NULL)
	{
		(void) ec_patience_end();
		ec_worker_commit();
		return run_piece(worker);
	}
	if (ec_throttle_look(worker->throttle, job) != NULL)
	{
		(void) ec_patience_end();
		ec_worker_commit();
		return EC_OUTCOME_RETRY;
	}

	job->rows_written = 0;
	job->row_limit = ec_batch_size_next(&worker->size, job->batch_size);
	job->throttled_by = NULL;
	job->pause_ms = 0;
	job->vacuum = NULL;
	MemoryContextSwitchTo(worker->batch_context);
	wal_before = pgWalUsage.wal_bytes;
	INSTR_TIME_SET_CURRENT(started);
	more = call_kind(worker);
	INSTR_TIME_SET_CURRENT(elapsed);
	INSTR_TIME_SUBTRACT(elapsed, started);

	/* only batches that wrote something are followed by a pause */
	if (more && job->throttled_by == NULL && job->rows_written > 0 &&
		job->delay_ms > 0)
	{
		job->throttled_by = "delay";
		job->pause_ms = job->delay_ms;
	}
	if (more && job->rows_written > 0)
		ec_throttle_pause(worker->throttle, job, pgWalUsage.wal_bytes - wal_before,
						  INSTR_TIME_GET_DOUBLE(elapsed));
	(void) ec_patience_end();
	save_progress(worker, !more);
	ec_checks_end();
	ec_worker_commit();

	worker->has_committed = true;
	job->avoid_locks = false;
	job->has_failures = false;
	job->conflicts = 0;
	ec_batch_size_learn(&worker->size, job->batch_size, job->rows_written,
						INSTR_TIME_GET_DOUBLE(elapsed),
						ec_target_batch_time / 1000.0,
						ec_worker_deadline_ms() / 1000.0);
	return more ? EC_OUTCOME_MORE : EC_OUTCOME_COMPLETE;
}

/* Shows why we pause, in a transaction of its own. */
static void
report_conflict(EcWorker *worker)
{
	EcCatalogScope scope;

	ec_worker_begin();
	if (ec_worker_has_extension(worker))
	{
		ec_catalog_begin(&scope);
		ec_job_set_throttle(worker->ticket.job, worker->ticket.slot, "lock");
		ec_catalog_end(&scope);
	}
	ec_worker_commit();
}

static void
fail_job(EcWorker *worker, ErrorData *error)
{
	EcCatalogScope scope;

	ec_clip_error(error);
	ereport(LOG, (errmsg("expand_contract job " INT64_FORMAT " failed: %s",
						 worker->ticket.job, error->message),
				  error->detail ? errdetail_internal("%s", error->detail) : 0,
				  error->context ? errcontext("%s", error->context) : 0));
	ec_worker_be_patient();
	ec_worker_begin();
	if (ec_worker_has_extension(worker))
	{
		ec_catalog_begin(&scope);
		ec_job_set_failed(worker->ticket.job, error);
		ec_catalog_end(&scope);
	}
	ec_worker_commit();
	ec_worker_set_options();
}

static bool
is_lock_conflict(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		   sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
		   sqlerrcode == ERRCODE_T_R_SERIALIZATION_FAILURE;
}

/* Has the job been paused or cancelled? */
static bool
has_been_stopped(EcWorker *worker)
{
	EcJob now = worker->job;
	EcCatalogScope scope;
	bool wanted = false;

	now.id = worker->ticket.job;
	ec_worker_begin();
	if (ec_worker_has_extension(worker))
	{
		ec_catalog_begin(&scope);
		wanted = ec_job_read_pace(&now) && ec_worker_is_wanted(&now);
		ec_catalog_end(&scope);
	}
	ec_worker_commit();
	return !wanted;
}

/* Decides what to do after a batch was rolled back because of this error. */
static EcOutcome
after_error(EcWorker *worker, ErrorData *error, bool timed_out, bool gave_way,
			bool was_urged)
{
	EcJob *job = &worker->job;

	worker->loaded = false;
	if (was_urged && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
	{
		ereport(LOG,
				(errmsg("expand_contract job " INT64_FORMAT
						" leaves its place to jobs of others",
						worker->ticket.job),
				 errdetail(
					 "It has taken longer than expand_contract.max_batch_time.")));
		return EC_OUTCOME_URGED;
	}
	if (!timed_out && error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		(gave_way || ec_gave_way_lately()))
	{
		job->pause_ms = GAVE_WAY_PAUSE_MS;
		return EC_OUTCOME_RETRY;
	}
	if (!timed_out && error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		has_been_stopped(worker))
		return EC_OUTCOME_STOP;
	if (timed_out)
	{
		ec_batch_size_timed_out(&worker->size);
		job->avoid_locks = true;
		job->pause_ms = 0;
		return EC_OUTCOME_RETRY;
	}
	if ((worker->kind != NULL && worker->kind->run != NULL) ||
		!is_lock_conflict(error->sqlerrcode) ||
		(error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE &&
		 !ec_is_own_deadlock(error) && job->conflicts >= MAX_SERIALIZATION_FAILURES))
	{
		/* one more attempt, to find out which row fails */
		if (worker->kind != NULL && worker->kind->finds_failures &&
			!job->has_failures && !is_lock_conflict(error->sqlerrcode))
		{
			job->has_failures = true;
			job->pause_ms = 0;
			return EC_OUTCOME_RETRY;
		}
		fail_job(worker, error);
		return EC_OUTCOME_STOP;
	}

	/*
	 * after the first conflict try again at once, without waiting for row
	 * locks
	 */
	job->avoid_locks = true;
	job->conflicts++;
	if (job->conflicts > 1)
	{
		job->throttled_by = "lock";
		/* smaller batches isolate the rows that are locked */
		ec_batch_size_shrink(&worker->size);
		job->pause_ms = Min(LONGEST_BACKOFF_MS, 10 << Min(job->conflicts, 10));
		report_conflict(worker);
	}
	else
		job->pause_ms = 0;
	return EC_OUTCOME_RETRY;
}

EcOutcome
ec_worker_run_batch(EcWorker *worker)
{
	MemoryContext old_context = CurrentMemoryContext;
	volatile EcOutcome outcome = EC_OUTCOME_STOP;
	TimestampTz started = GetCurrentTimestamp();
	ErrorData *error = NULL;
	bool gave_way = false;
	bool was_urged = false;

	worker->job.throttled_by = NULL;
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
		ec_deadline_end();
		was_urged = ec_patience_end();
		ec_checks_end();
		QueryCancelPending = false; /* a timeout may have fired after the
									 * error */
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
									   ec_worker_deadline_ms());

		outcome = after_error(worker, error, timed_out, gave_way, was_urged);
	}
	return outcome;
}
