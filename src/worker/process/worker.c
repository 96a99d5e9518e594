/*
 * worker.c
 *		The background worker that runs a job.
 *
 * A worker connects as the job's owner (owner.c).  It locks the job slot and
 * one of the max_workers places (places.h), and sets the job to running.  Then
 * it repeats: one batch in one transaction (attempt.c), and a pause outside of
 * a transaction.
 *
 * It leaves its place to other jobs that need one: to any job during a long
 * pause, and to jobs of other owners and databases when its turn is over.
 * Then it exits, and another worker continues the job at its next turn, or at
 * the end of the pause.
 *
 * Commits are asynchronous: a crash loses a batch's rows and the saved
 * position together, or neither.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "core/wait_event.h"
#include "core/catalog.h"
#include "core/compat.h"
#include "core/own.h"
#include "core/query.h"
#include "worker/jobs/job.h"
#include "worker/jobs/places.h"
#include "worker/process/deadline.h"
#include "worker/process/deadlock.h"
#include "worker/process/process.h"
#include "core/toplevel.h"
#include "worker/process/worker.h"
#include "worker/throttle/throttle.h"
#include "worker/jobs/calls.h"
#include "worker/jobs/slots.h"
#include "worker/jobs/start.h"
#include "worker/jobs/waiting.h"

#define CLAIM_PATIENCE_MS 10000
#define CONNECT_PATIENCE  "10s"

/* From this length on, a pause is worth the start of a new process. */
#define LONG_PAUSE_MS 2000

/*
 * The length of a turn, and how often we check for other owners' jobs after
 * it.
 */
#define TURN_MS        5000
#define OTHERS_LOOK_MS 500

/* Is the job's stored state "running"? */
static bool
is_running(EcWorker *worker)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool running = false;

	ec_worker_begin();
	if (ec_worker_has_extension(worker))
	{
		ec_catalog_begin(&scope);
		ec_arg_int8(&args, worker->ticket.job);
		running = ec_query("SELECT FROM expand_contract.jobs "
						   "WHERE id = $1 AND state = 'running'",
						   &args) > 0;
		ec_catalog_end(&scope);
	}
	ec_worker_commit();
	return running;
}

/*
 * Being able to write our tables must not give anyone another role's rights.
 */
static bool
is_authorized(EcWorker *worker)
{
	EcCatalogScope scope;
	bool authorized = false;

	ec_worker_begin();
	if (ec_worker_has_extension(worker))
	{
		authorized = ec_may_act_as(worker->ticket.owner) &&
					 ec_may_act_as(worker->ticket.login);
		ec_catalog_begin(&scope);
		if (!authorized)
			ec_job_fail_unauthorized(worker->ticket.job);
		ec_catalog_end(&scope);
	}
	ec_worker_commit();
	return authorized;
}

/*
 * Takes the locks that make us the job's worker, and sets the job to running.
 * The slot's previous worker may still be about to exit, if the job was paused
 * and resumed at once, so wait for it for some time.
 */
static bool
claim_job(EcWorker *worker)
{
	EcWorkerTicket *ticket = &worker->ticket;
	TimestampTz started = GetCurrentTimestamp();
	EcCatalogScope scope;
	bool wanted = false;

	/* check this before using anything that the tables say */
	if (!is_authorized(worker))
		return false;
	while (!ec_lock_job_slot(ticket->job, ticket->slot))
	{
		/*
		 * the job was started twice; if we waited, we would continue it after
		 * the other worker is terminated
		 */
		if (ticket->slot == 0 && is_running(worker))
			return false;
		if (TimestampDifferenceExceeds(started, GetCurrentTimestamp(),
									   CLAIM_PATIENCE_MS))
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 20, ec_wait_event(EC_WAIT_JOB_SLOT));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	if (!(ticket->is_early ? ec_take_place() : ec_ask_for_place()))
		return false;

	ec_worker_be_patient();
	ec_worker_begin();
	if (ec_worker_has_extension(worker))
	{
		worker->job.id = ticket->job;
		worker->job.slot = ticket->slot;
		worker->job.owner = ticket->owner;
		ec_catalog_begin(&scope);
		wanted = ec_job_set_running(&worker->job);
		ec_catalog_end(&scope);
	}
	/* the count of starts must survive the crash that it is to count */
	ForceSyncCommit();
	ec_worker_commit();
	ec_worker_set_options();
	return wanted;
}

/*
 * Has the job's row been changed during our pause, so that the pause is to
 * end?
 */
static bool
pace_has_changed(EcWorker *worker)
{
	EcJob now = worker->job;
	EcCatalogScope scope;
	bool changed = true;

	ec_worker_begin();
	if (ec_worker_has_extension(worker))
	{
		ec_catalog_begin(&scope);
		changed = !ec_job_read_pace(&now) || !ec_worker_is_wanted(&now) ||
				  now.delay_ms != worker->job.delay_ms ||
				  now.max_lag_ms != worker->job.max_lag_ms ||
				  now.batch_size != worker->job.batch_size;
		ec_catalog_end(&scope);
	}
	ec_worker_commit();
	return changed;
}

/*
 * Leaves our place to another job; another worker continues the job at
 * resume_at.
 */
static void
give_back(EcWorker *worker, TimestampTz resume_at)
{
	EcCatalogScope scope;

	ec_worker_be_patient();
	ec_worker_begin();
	if (ec_worker_has_extension(worker))
	{
		ec_catalog_begin(&scope);
		ec_job_give_back(&worker->job, resume_at);
		ec_catalog_end(&scope);
	}
	ec_worker_commit();
	ec_worker_set_options();
}

/*
 * Leaves our place to another job in the middle of a batch.  If no batch has
 * committed since we started, this counts as a start without progress: a job
 * cannot take turns with a batch that never ends.
 */
static void
leave_to_others(EcWorker *worker)
{
	EcCatalogScope scope;

	ec_worker_be_patient();
	ec_worker_begin();
	if (ec_worker_has_extension(worker))
	{
		EcArgs args = {0};

		ec_catalog_begin(&scope);
		ec_arg_int8(&args, worker->job.id);
		ec_query("SELECT starts FROM expand_contract.jobs WHERE id = $1 FOR UPDATE",
				 &args);
		ec_arg_int4(&args, worker->has_committed ? 0 : ec_get_int4(0, 1, 0));
		ec_job_give_back(&worker->job, GetCurrentTimestamp());
		ec_query("UPDATE expand_contract.jobs SET starts = $2"
				 " WHERE id = $1 AND state = 'queued'",
				 &args);
		ec_catalog_end(&scope);
	}
	ec_worker_commit();
	ec_worker_set_options();
}

/*
 * Pauses without a transaction, a snapshot or a heavyweight lock other than
 * slot and place.  The latch is set by sessions that have changed the job's
 * row, by workers that need a place, and for other reasons.  Returns false if
 * the worker must exit.
 */
static bool
pause_until(EcWorker *worker, TimestampTz until)
{
	bool is_long =
		TimestampDifferenceExceeds(GetCurrentTimestamp(), until, LONG_PAUSE_MS) &&
		worker->is_divisible;

	until = Min(until, worker->job.must_end_at);
	pgstat_report_activity(STATE_IDLE, NULL);
	if (is_long && !ec_mark_place_in_tries(EC_PLACE_PARKED))
		is_long = false;
	for (;;)
	{
		long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), until);
		int events;

		if (left <= 0)
			break;
		events = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						   left, ec_wait_event(EC_WAIT_JOB_PAUSE));
		ResetLatch(MyLatch);
		/* no statement is running that a cancel request could mean */
		QueryCancelPending = false;
		CHECK_FOR_INTERRUPTS();
		ec_worker_reload_options();
		if ((events & WL_LATCH_SET) && is_long && ec_place_is_wanted())
		{
			give_back(worker, until);
			return false;
		}
		if ((events & WL_LATCH_SET) && pace_has_changed(worker))
			break;
	}
	if (is_long && !ec_mark_place_in_tries(EC_PLACE_WORKING))
	{
		give_back(worker, GetCurrentTimestamp());
		return false;
	}
	return true;
}

static bool
pause_worker(EcWorker *worker)
{
	if (worker->job.pause_ms == 0)
		return true;
	return pause_until(worker, TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
														   worker->job.pause_ms));
}

/* Does a job of another owner wait for a worker, while no place is free? */
static bool
others_wait(EcWorker *worker)
{
	EcCatalogScope scope;
	bool wait = false;

	if (ec_place_is_wanted())
		return true;
	if (ec_count_places(false, InvalidOid) > 0)
		return false;
	ec_worker_begin();
	if (ec_worker_has_extension(worker))
	{
		ec_catalog_begin(&scope);
		wait = ec_job_others_wait(&worker->job);
		ec_catalog_end(&scope);
	}
	ec_worker_commit();
	return wait;
}

/*
 * Returns true if our turn is over and others wait, so that the worker must
 * exit.
 */
static bool
turn_is_over(EcWorker *worker)
{
	TimestampTz now = GetCurrentTimestamp();

	if (!worker->is_divisible ||
		!TimestampDifferenceExceeds(worker->turn_began, now, TURN_MS) ||
		!TimestampDifferenceExceeds(worker->looked_for_others, now, OTHERS_LOOK_MS))
		return false;
	worker->looked_for_others = now;
	if (ec_mark_place_in_tries(EC_PLACE_TURN_OVER) && !others_wait(worker))
		return false;
	give_back(worker, now);
	return true;
}

/*
 * Runs the VACUUM that a batch has requested.  It does not matter if it is
 * cancelled.
 */
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
work(EcWorker *worker)
{
	EcJob *job = &worker->job;
	EcOutcome outcome;
	TimestampTz began = GetCurrentTimestamp();

	ereport(LOG, (errmsg("expand_contract job " INT64_FORMAT " started",
						 worker->ticket.job)));
	worker->last_save = began;
	worker->turn_began = began;
	worker->wal_at_save = pgWalUsage.wal_bytes;
	worker->throttle = ec_throttle_create();
	worker->is_divisible = job->resume_at != 0;
	/* the rest of the pause in which the previous worker has left */
	if (job->resume_at > began && !pause_until(worker, job->resume_at))
		return;
	do
	{
		/*
		 * between batches no statement is running that a cancel request could
		 * mean
		 */
		QueryCancelPending = false;
		CHECK_FOR_INTERRUPTS();
		/*
		 * a job without pauses waits nowhere else for the postmaster's death
		 */
		(void) WaitLatch(NULL, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 0,
						 ec_wait_event(EC_WAIT_JOB_PAUSE));
		ec_worker_reload_options();
		/* user code may have released all advisory locks of the session */
		if (!ec_keep_job_slot(worker->ticket.job, worker->ticket.slot))
		{
			outcome = EC_OUTCOME_STOP;
			break;
		}
		outcome = ec_worker_run_batch(worker);
		if (outcome == EC_OUTCOME_URGED)
		{
			leave_to_others(worker);
			outcome = EC_OUTCOME_STOP;
		}
		ec_throttle_log(worker->throttle, job, job->throttled_by);
		if (outcome == EC_OUTCOME_MORE && job->vacuum != NULL)
			vacuum(job);
		if ((outcome == EC_OUTCOME_MORE || outcome == EC_OUTCOME_RETRY) &&
			(!pause_worker(worker) || turn_is_over(worker)))
			outcome = EC_OUTCOME_STOP;
	} while (outcome == EC_OUTCOME_MORE || outcome == EC_OUTCOME_RETRY);

	ereport(LOG,
			(errmsg("expand_contract job " INT64_FORMAT " %s, " INT64_FORMAT
					" rows done by this worker",
					worker->ticket.job,
					outcome == EC_OUTCOME_COMPLETE ? "is complete" : "stopped",
					job->rows_done),
			 errdetail("It ran for %.2f s, pauses included, and spent %.3f s of that on checking the load of the server.",
					   TimestampDifferenceMilliseconds(began, GetCurrentTimestamp()) / 1000.0,
					   ec_throttle_seconds(worker->throttle))));
}

/* However the worker ends, the launcher looks for jobs soon. */
static void
at_exit(int code, Datum argument)
{
	ec_call_launcher(MyDatabaseId,
					 TimestampTzPlusMilliseconds(GetCurrentTimestamp(), 1000));
}

/* The place is free now, so start workers for jobs that wait for one. */
static void
start_next(EcWorker *worker)
{
	ec_worker_begin();
	if (ec_worker_has_extension(worker))
		ec_start_waiting_jobs(false);
	ec_worker_commit();
}

void
ec_job_worker_main(Datum argument)
{
	EcWorker *worker = palloc0(sizeof(EcWorker));

	ec_own_reads = true;
	memcpy(&worker->ticket, MyBgworkerEntry->bgw_extra, sizeof(worker->ticket));
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	/*
	 * A locked database must not keep the slot; the launcher comes back.
	 * There is no user yet for whom a session's setting could be checked.
	 */
	if (ec_launcher_running())
		SetConfigOption("lock_timeout", CONNECT_PATIENCE, PGC_SUSET, PGC_S_OVERRIDE);
	BackgroundWorkerInitializeConnectionByOid(worker->ticket.database,
											  worker->ticket.login,
											  EC_WORKER_CONNECT_FLAGS);
	/* that is not what RESET in a user's function goes back to */
	SetConfigOption("lock_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	ec_worker_connected(worker->ticket.owner);
	ec_checks_init();
	ec_deadline_init();
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
