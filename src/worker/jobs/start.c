/*
 * start.c
 *		Starts or wakes workers when the transaction commits.
 *
 * A job submitted in a transaction that rolls back must never run, so its
 * worker is registered at commit.  A job whose savepoint was rolled back gets
 * a worker nevertheless; the worker finds no job and exits.
 */
#include "postgres.h"

#include <signal.h>

#include "access/xact.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/memutils.h"

#include "core/hint.h"
#include "core/toplevel.h"
#include "worker/jobs/calls.h"
#include "worker/jobs/places.h"
#include "worker/jobs/slots.h"
#include "worker/jobs/start.h"

typedef struct AtCommit
{
	EcJobStart start;    /* InvalidOid as owner: wake the job's workers, start
					   * none */
	int signal;          /* not 0: wake them, and send them this */
	TimestampTz call_at; /* not 0: only call the launcher for that time */
} AtCommit;

static List *at_commit = NIL; /* in TopTransactionContext */

static void
wake_workers(int64 job, int signal)
{
	ListCell *cell;

	foreach (cell, ec_live_slots())
	{
		EcLiveSlot *slot = lfirst(cell);
		PGPROC *process;

		if (slot->job != job)
			continue;
		process = BackendPidGetProc(slot->pid);
		if (process == NULL)
			continue;
		SetLatch(&process->procLatch);
		if (signal != 0 || ec_gives_way(slot->pid))
			kill(slot->pid, signal != 0 ? signal : SIGINT);
	}
}

static void
start_or_warn(const EcJobStart *start)
{
	bool has_place = ec_count_places(true, start->login) > 0;

	if (has_place && ec_start_worker(start))
		return;
	if (!has_place)
		ec_urge_places(start->login);
	if (ec_launcher_running())
		ec_call_launcher_again(MyDatabaseId);
	else if (has_place) /* without a place, the next worker that ends starts
						 * it */
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("job " INT64_FORMAT
						" stays queued: no background worker slot is free",
						start->id),
				 ec_errhint("It starts when another job ends, or with SELECT ec_resume(" INT64_FORMAT
							"). You might need to increase max_worker_processes.",
							start->id)));
}

static void
on_transaction_event(XactEvent event, void *arg)
{
	List *todo = at_commit;
	ListCell *cell;

	if (todo == NIL)
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_PREPARE:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot PREPARE a transaction that has started or changed jobs"),
					 errhint("Submit and control jobs in a transaction of their own.")));
			break;
		case XACT_EVENT_COMMIT:
			at_commit = NIL;
			foreach (cell, todo)
			{
				AtCommit *entry = lfirst(cell);

				if (entry->call_at != 0)
					ec_call_launcher(MyDatabaseId, entry->call_at);
				else if (OidIsValid(entry->start.owner))
					start_or_warn(&entry->start);
				else
					wake_workers(entry->start.id, entry->signal);
			}
			break;
		case XACT_EVENT_ABORT:
			at_commit = NIL;
			break;
		default:
			break;
	}
}

/*
 * Records an action for the commit, once even if the transaction asks for it
 * repeatedly.
 */
static void
remember(const EcJobStart *start, int signal, TimestampTz call_at)
{
	static bool registered = false;
	MemoryContext old_context;
	AtCommit *entry;
	ListCell *cell;

	if (!registered)
	{
		RegisterXactCallback(on_transaction_event, NULL);
		registered = true;
	}
	foreach (cell, at_commit)
	{
		entry = lfirst(cell);
		if (entry->start.id == start->id && entry->start.slot == start->slot &&
			entry->start.owner == start->owner && entry->signal == signal &&
			entry->call_at == call_at)
			return;
	}
	old_context = MemoryContextSwitchTo(TopTransactionContext);
	entry = palloc(sizeof(AtCommit));
	entry->start = *start;
	entry->signal = signal;
	entry->call_at = call_at;
	at_commit = lappend(at_commit, entry);
	MemoryContextSwitchTo(old_context);
}

void
ec_start_at_commit(const EcJobStart *start)
{
	remember(start, 0, 0);
}

/* Makes the job's workers read its row now, instead of after their pause. */
void
ec_wake_at_commit(int64 job)
{
	EcJobStart nobody = {.id = job};

	remember(&nobody, 0, 0);
}

/* The same, and cancels their current batch or statement. */
void
ec_interrupt_at_commit(int64 job)
{
	EcJobStart nobody = {.id = job};

	remember(&nobody, SIGINT, 0);
}

/* Ends the processes of the job's workers. */
void
ec_terminate_at_commit(int64 job)
{
	EcJobStart nobody = {.id = job};

	remember(&nobody, SIGTERM, 0);
}

/* Makes the launcher look for due jobs in this database at that time. */
void
ec_call_launcher_at_commit(TimestampTz at)
{
	EcJobStart nobody = {0};

	remember(&nobody, 0, at);
}

void
ec_describe_worker(BackgroundWorker *worker, const char *function, const char *type)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	snprintf(worker->bgw_library_name, sizeof(worker->bgw_library_name),
			 "expand_contract");
	snprintf(worker->bgw_function_name, sizeof(worker->bgw_function_name), "%s",
			 function);
	snprintf(worker->bgw_name, sizeof(worker->bgw_name), "%s", type);
	snprintf(worker->bgw_type, sizeof(worker->bgw_type), "%s", type);
}

/* Returns false if the server has no free slot for a background worker. */
bool
ec_start_worker(const EcJobStart *start)
{
	BackgroundWorker worker;
	EcWorkerTicket ticket;

	memset(&ticket, 0, sizeof(ticket));
	ticket.job = start->id;
	ticket.slot = start->slot;
	ticket.database = MyDatabaseId;
	ticket.owner = start->owner;
	ticket.login = start->login;
	ticket.is_early = start->is_early;
	StaticAssertStmt(sizeof(ticket) <= BGW_EXTRALEN,
					 "the ticket must fit into bgw_extra");

	ec_describe_worker(&worker, "ec_job_worker_main", EC_WORKER_TYPE);
	snprintf(worker.bgw_name, sizeof(worker.bgw_name),
			 "expand_contract job " INT64_FORMAT, start->id);
	memcpy(worker.bgw_extra, &ticket, sizeof(ticket));
	return RegisterDynamicBackgroundWorker(&worker, NULL);
}
