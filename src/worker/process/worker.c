/*
 * worker.c
 *		The background worker that runs a job.
 *
 * A worker connects as the job's owner, claims the job slot with a lock, calls
 * the job running, and then repeats: one batch in one transaction (attempt.c),
 * a pause without any.
 *
 * Commits are asynchronous: rows and position are lost together or not at all.
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
#include "utils/memutils.h"

#include "core/wait_event.h"
#include "core/catalog.h"
#include "core/compat.h"
#include "core/own.h"
#include "core/query.h"
#include "worker/jobs/job.h"
#include "worker/process/launcher.h"
#include "worker/process/process.h"
#include "worker/throttle/throttle.h"
#include "worker/process/toplevel.h"
#include "worker/process/worker.h"

#define CLAIM_PATIENCE_MS 10000

/* Does the table call the job running? */
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
 * Take the locks that make us the job's worker, and call the job running.  The
 * worker before us may still be about to leave (paused and resumed at once),
 * so we have some patience.
 */
static bool
claim_job(EcWorker *worker)
{
	EcWorkerTicket *ticket = &worker->ticket;
	TimestampTz started = GetCurrentTimestamp();
	EcCatalogScope scope;
	bool wanted = false;

	while (!ec_lock_job_slot(ticket->job, ticket->slot))
	{
		/* or it was started twice, and would come back to life if that one is killed */
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
	if (!ec_lock_worker_place())
		return false;

	ec_worker_be_patient();
	ec_worker_begin();
	if (ec_worker_has_extension(worker))
	{
		worker->job.id = ticket->job;
		worker->job.owner = ticket->owner;
		ec_catalog_begin(&scope);
		wanted = ec_job_set_running(&worker->job);
		ec_catalog_end(&scope);
	}
	/* the count of starts must survive the crash that it counts */
	ForceSyncCommit();
	ec_worker_commit();
	ec_worker_set_options();
	return wanted;
}

/* Has the row changed while we pause?  Then the pause is over. */
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
 * Pause without transaction, snapshot or lock.  The latch is set by those who
 * changed the job's row, and by much else.
 */
static void
pause_worker(EcWorker *worker)
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
						   left, ec_wait_event(EC_WAIT_JOB_PAUSE));
		ResetLatch(MyLatch);
		/* there is no statement to cancel */
		QueryCancelPending = false;
		CHECK_FOR_INTERRUPTS();
		ec_worker_reload_options();
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
work(EcWorker *worker)
{
	EcJob *job = &worker->job;
	EcOutcome outcome;
	TimestampTz began = GetCurrentTimestamp();

	ereport(LOG, (errmsg("expand_contract job " INT64_FORMAT " started",
						 worker->ticket.job)));
	worker->last_save = began;
	worker->wal_at_save = pgWalUsage.wal_bytes;
	worker->throttle = ec_throttle_create();
	do
	{
		/* between batches there is no statement to cancel */
		QueryCancelPending = false;
		CHECK_FOR_INTERRUPTS();
		/* without pauses, no other wait would notice the postmaster's death */
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
		ec_throttle_log(worker->throttle, job, job->throttled_by);
		if (outcome == EC_OUTCOME_MORE && job->vacuum != NULL)
			vacuum(job);
		if (outcome == EC_OUTCOME_MORE || outcome == EC_OUTCOME_RETRY)
			pause_worker(worker);
	} while (outcome == EC_OUTCOME_MORE || outcome == EC_OUTCOME_RETRY);

	ereport(LOG,
			(errmsg("expand_contract job " INT64_FORMAT " %s, " INT64_FORMAT
					" rows done by this worker",
					worker->ticket.job,
					outcome == EC_OUTCOME_COMPLETE ? "is complete" : "stopped",
					job->rows_done),
			 errdetail("Of %.2f s at work, pauses included, it has looked at the rest of the server for %.3f s.",
					   TimestampDifferenceMilliseconds(began, GetCurrentTimestamp()) / 1000.0,
					   ec_throttle_seconds(worker->throttle))));
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
	BackgroundWorkerInitializeConnectionByOid(worker->ticket.database,
											  worker->ticket.owner,
											  EC_WORKER_CONNECT_FLAGS);
	ec_worker_set_options();
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
