/*
 * launcher.c
 *		The launcher: finds unfinished jobs after a start, a crash or a
 *		promotion, and starts their workers.
 *
 * It runs only if the library is preloaded.  It is not connected to a
 * database.  To look into a database it starts a database worker there.  That
 * one reads the jobs table, starts workers and exits, so it blocks a DROP
 * DATABASE for a short time only.
 *
 *		start, crash, promotion --> a worker in every database, one at a time
 *		call for a database     --> a worker there, at the requested time
 *
 * It is called by workers when they end for whatever reason, by submissions
 * that found no free slot or that have a later start time, and by database
 * workers that left jobs waiting.  Upper rooms can register further work for
 * the database worker (ec_register_visitor), and call the launcher when that
 * is due; see calls.h.
 *
 * Database workers run as the bootstrap superuser, because the launcher knows
 * no other role of a database.  They execute only our own catalog statements.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "miscadmin.h"
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

#include "core/wait_event.h"
#include "core/catalog.h"
#include "core/own.h"
#include "expand_contract.h"
#include "worker/process/launcher.h"
#include "worker/jobs/calls.h"
#include "worker/jobs/start.h"
#include "worker/jobs/waiting.h"

#define MAX_VISITORS    4
#define UPDATE_RETRY_MS 15000
#define RESTART_SECONDS 5

/*
 * Wake up now and then, because the system's clock may be changed during the
 * wait.
 */
#define LONGEST_SLEEP_MS (10 * 60 * 1000)

static EcVisitor visitors[MAX_VISITORS];
static int visitor_count = 0;

PGDLLEXPORT void ec_launcher_main(Datum argument);
PGDLLEXPORT void ec_database_worker_main(Datum argument);

void
ec_register_launcher(void)
{
	BackgroundWorker worker;

	ec_request_calls();
	ec_describe_worker(&worker, "ec_launcher_main", "expand_contract launcher");
	worker.bgw_restart_time = RESTART_SECONDS;
	RegisterBackgroundWorker(&worker);
}

void
ec_register_visitor(EcVisitor visitor)
{
	if (visitor_count == MAX_VISITORS)
		elog(ERROR, "too many visitors");
	visitors[visitor_count++] = visitor;
}

/* Databases that allow connections, except templates, which have no jobs. */
static List *
all_databases(void)
{
	MemoryContext context = CurrentMemoryContext;
	List *databases = NIL;
	Relation catalog;
	TableScanDesc scan;
	HeapTuple tuple;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	catalog = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(catalog, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old_context;

		if (!database->datallowconn || database->datistemplate)
			continue;
		old_context = MemoryContextSwitchTo(context);
		databases = lappend_oid(databases, database->oid);
		MemoryContextSwitchTo(old_context);
	}
	table_endscan(scan);
	table_close(catalog, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return databases;
}

/*
 * Starts a database worker and waits until it exits.  Returns false if there
 * is no free worker slot.
 */
static bool
send_database_worker(Oid database)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	ec_describe_worker(&worker, "ec_database_worker_main",
					   "expand_contract database worker");
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		return false;
	(void) WaitForBackgroundWorkerShutdown(handle);
	return true;
}

static List *
databases_called_for(TimestampTz *next)
{
	bool all;
	List *called = ec_take_calls(&all, next);

	return all ? all_databases() : called;
}

void
ec_launcher_main(Datum argument)
{
	MemoryContext context;

	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	ec_answer_calls();
	context = AllocSetContextCreate(TopMemoryContext, "expand_contract launcher",
									ALLOCSET_SMALL_SIZES);
	for (;;)
	{
		TimestampTz next;
		List *databases;
		ListCell *cell;
		long sleep_ms = -1;
		int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;

		MemoryContextReset(context);
		MemoryContextSwitchTo(context);
		databases = databases_called_for(&next);
		foreach (cell, databases)
			if (!send_database_worker(lfirst_oid(cell)))
				ec_call_launcher_again(lfirst_oid(cell));

		/*
		 * Check for new calls before waiting: a database worker may have
		 * called us and set our latch, but waiting for its exit has reset the
		 * latch.
		 */
		if (databases != NIL)
		{
			CHECK_FOR_INTERRUPTS();
			continue;
		}
		if (next != 0)
		{
			sleep_ms =
				Max(1, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next));
			sleep_ms = Min(sleep_ms, LONGEST_SLEEP_MS);
			events |= WL_TIMEOUT;
		}
		(void) WaitLatch(MyLatch, events, sleep_ms, ec_wait_event(EC_WAIT_LAUNCHER));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}
}

/*
 * After an error, such as a lock timeout, the database worker is started again
 * later.
 */
static void
come_back(int code, Datum argument)
{
	ec_call_launcher_again(DatumGetObjectId(argument));
}

void
ec_database_worker_main(Datum argument)
{
	EcExtension extension;
	bool is_there;
	bool is_refused;

	ec_own_reads = true;
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(argument),
											  InvalidOid, 0);
	before_shmem_exit(come_back, argument);
	/* the launcher waits for us before it serves other databases */
	SetConfigOption("lock_timeout", "1s", PGC_SUSET, PGC_S_SESSION);
	pgstat_report_activity(STATE_RUNNING, "looking for unfinished jobs");
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	is_there = ec_extension_lookup(&extension);
	is_refused = is_there && extension.version == EC_SQL_UNKNOWN;
	/* logged once, because the launcher does not come back for this */
	if (is_refused)
		ereport(LOG, (errmsg("the launcher of expand_contract does nothing in database \"%s\"",
							 get_database_name(MyDatabaseId)),
					  errdetail("The library of version " EC_VERSION
								" does not run with the SQL of version %s.",
								extension.extversion)));
	else if (is_there && extension.version < EC_SQL_CURRENT)
	{
		/*
		 * the tables lack columns that this version's workers write; look
		 * again later
		 */
		ereport(LOG, (errmsg("jobs in database \"%s\" wait for ALTER EXTENSION expand_contract UPDATE",
							 get_database_name(MyDatabaseId))));
		ec_call_launcher(MyDatabaseId,
						 TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													 UPDATE_RETRY_MS));
	}
	else if (is_there)
		ec_start_waiting_jobs(true);
	PopActiveSnapshot();
	CommitTransactionCommand();
	for (int i = 0; i < visitor_count && !is_refused; i++)
		visitors[i]();
	cancel_before_shmem_exit(come_back, argument);
	proc_exit(0);
}
