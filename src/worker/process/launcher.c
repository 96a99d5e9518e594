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
 *		start, crash, promotion --> a worker in every database, in turn
 *		call for a database     --> a worker there, at the requested time
 *
 * The launcher waits for no database worker: a database may be locked (ALTER
 * DATABASE ... RENAME in an open transaction) or hang, and the others must not
 * wait for it.  A few workers run at a time, never two in one database.  Each
 * has a time limit of its own, from before it connects.  A database whose
 * worker failed is visited again later, after a delay that grows with each
 * failure in a row.  While workers fail or are slow, one place remains for
 * databases that have given no trouble.
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
#include "utils/timeout.h"

#include "core/wait_event.h"
#include "core/catalog.h"
#include "core/own.h"
#include "expand_contract.h"
#include "worker/process/launcher.h"
#include "worker/jobs/calls.h"
#include "worker/jobs/origin.h"
#include "worker/jobs/start.h"
#include "worker/jobs/waiting.h"

#define MAX_VISITORS    4
#define UPDATE_RETRY_MS 15000
#define RESTART_SECONDS 5

/*
 * The time limits of a database worker: for one lock, the lock of the database
 * included, and for all that it does.
 */
#define LOCK_WAIT      "1s"
#define VISIT_LIMIT_MS 60000

/* The delays before a database whose worker failed is visited again. */
#define FIRST_DELAY_MS   5000
#define LONGEST_DELAY_MS 60000
#define MOST_FAILURES    16

/*
 * How long a database worker may take before others are started beside it; the
 * server must not be flooded with workers after a start.
 */
#define PATIENCE_MS 500

#ifndef DATCONNLIMIT_INVALID_DB
#define DATCONNLIMIT_INVALID_DB (-2)
#endif

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

/* A database worker that has been started and has not ended. */
typedef struct Visiting
{
	BackgroundWorkerHandle *handle; /* NULL: this entry is free */
	Oid database;
	EcVisit visit;
	TimestampTz began;
	bool is_called; /* called again during the visit */
} Visiting;

/* A database whose last database worker failed. */
typedef struct Trouble
{
	Oid database;
	int failures; /* in a row */
	TimestampTz next;
} Trouble;

static Visiting visiting[EC_MAX_VISITS];
static List *troubles = NIL; /* of Trouble *, in TopMemoryContext */
static List *waiting = NIL;  /* of OIDs of databases to visit, there as well */

static Trouble *
trouble_of(Oid database)
{
	ListCell *cell;

	foreach (cell, troubles)
		if (((Trouble *) lfirst(cell))->database == database)
			return lfirst(cell);
	return NULL;
}

static void
forget_trouble(Oid database)
{
	Trouble *trouble = trouble_of(database);

	if (trouble == NULL)
		return;
	troubles = list_delete_ptr(troubles, trouble);
	pfree(trouble);
}

static bool
can_be_visited(Form_pg_database database)
{
	return database->datallowconn &&
		   database->datconnlimit != DATCONNLIMIT_INVALID_DB;
}

/*
 * Adds to waiting the databases that were called for; of those, only the ones
 * that exist and can be connected to.  all adds every such database except
 * templates, which have no jobs.
 */
static void
add_waiting(List *called, bool all)
{
	Relation catalog;
	TableScanDesc scan;
	HeapTuple tuple;
	ListCell *cell;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	catalog = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(catalog, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old_context;

		if (!can_be_visited(database) || (!list_member_oid(called, database->oid) &&
										  (!all || database->datistemplate)))
			continue;
		old_context = MemoryContextSwitchTo(TopMemoryContext);
		waiting = list_append_unique_oid(waiting, database->oid);
		MemoryContextSwitchTo(old_context);
	}
	table_endscan(scan);
	table_close(catalog, AccessShareLock);
	CommitTransactionCommand();
	foreach (cell, called)
		if (!list_member_oid(waiting, lfirst_oid(cell)))
			forget_trouble(lfirst_oid(cell));
}

static void
note_failure(Oid database)
{
	Trouble *trouble = trouble_of(database);
	int delay_ms;

	if (trouble == NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(TopMemoryContext);

		trouble = palloc0(sizeof(Trouble));
		trouble->database = database;
		troubles = lappend(troubles, trouble);
		MemoryContextSwitchTo(old_context);
	}
	delay_ms = Min(FIRST_DELAY_MS << Min(trouble->failures, MOST_FAILURES),
				   LONGEST_DELAY_MS);
	if (trouble->failures < MOST_FAILURES)
		trouble->failures++;
	trouble->next = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), delay_ms);
	ereport(LOG,
			(errmsg("expand_contract could not look for jobs in the database with OID %u",
					database),
			 errdetail("Its database worker has ended early; the server log has the reason."),
			 errhint("It is started again in %d seconds.", delay_ms / 1000)));
	ec_call_launcher(database, trouble->next);
}

/* Frees the entries of the database workers that have ended. */
static void
end_visits(void)
{
	for (int i = 0; i < EC_MAX_VISITS; i++)
	{
		Visiting *one = &visiting[i];
		pid_t pid;

		if (one->handle == NULL ||
			GetBackgroundWorkerPid(one->handle, &pid) != BGWH_STOPPED)
			continue;
		pfree(one->handle);
		one->handle = NULL;
		if (!ec_end_visit(&one->visit))
			note_failure(one->database);
		else
		{
			forget_trouble(one->database);
			if (one->is_called)
				ec_call_launcher(one->database, GetCurrentTimestamp());
		}
	}
}

static Visiting *
visiting_of(Oid database)
{
	for (int i = 0; i < EC_MAX_VISITS; i++)
		if (visiting[i].handle != NULL && visiting[i].database == database)
			return &visiting[i];
	return NULL;
}

/*
 * Returns a free entry for a visit of that database, or NULL.  As long as the
 * workers are quick there is one at a time.  The last entry is not for a
 * database that has given trouble.
 */
static Visiting *
free_entry(Oid database)
{
	int count = trouble_of(database) != NULL ? EC_MAX_VISITS - 1 : EC_MAX_VISITS;
	TimestampTz now = GetCurrentTimestamp();
	Visiting *entry = NULL;

	for (int i = 0; i < EC_MAX_VISITS; i++)
	{
		Visiting *one = &visiting[i];

		if (one->handle == NULL)
		{
			if (entry == NULL && i < count)
				entry = one;
		}
		else if (!TimestampDifferenceExceeds(one->began, now, PATIENCE_MS))
			return NULL;
	}
	return entry;
}

/* Returns false if there is no free worker slot. */
static bool
send_database_worker(Visiting *entry, Oid database)
{
	MemoryContext old_context = MemoryContextSwitchTo(TopMemoryContext);
	BackgroundWorker worker;
	bool is_registered;

	ec_describe_worker(&worker, "ec_database_worker_main",
					   "expand_contract database worker");
	worker.bgw_notify_pid = MyProcPid;
	worker.bgw_main_arg = ObjectIdGetDatum(database);
	ec_begin_visit(&entry->visit, entry - visiting);
	StaticAssertStmt(sizeof(EcVisit) <= BGW_EXTRALEN,
					 "the visit must fit into bgw_extra");
	memcpy(worker.bgw_extra, &entry->visit, sizeof(EcVisit));
	is_registered = RegisterDynamicBackgroundWorker(&worker, &entry->handle);
	MemoryContextSwitchTo(old_context);
	if (!is_registered)
	{
		entry->handle = NULL;
		return false;
	}
	entry->database = database;
	entry->began = GetCurrentTimestamp();
	entry->is_called = false;
	return true;
}

/*
 * Starts a database worker, or sees to it that the database is visited later.
 * Returns false if it has to wait for a free entry.
 */
static bool
begin_visit(Oid database)
{
	Visiting *one = visiting_of(database);
	Trouble *trouble = trouble_of(database);
	Visiting *entry;

	if (one != NULL)
		one->is_called = true;
	else if (trouble != NULL && trouble->next > GetCurrentTimestamp())
		ec_call_launcher(database, trouble->next);
	else if ((entry = free_entry(database)) == NULL)
		return false;
	else if (!send_database_worker(entry, database))
		ec_call_launcher_again(database);
	return true;
}

/* Databases that have given trouble come last. */
static void
begin_visits(void)
{
	for (int has_trouble = 0; has_trouble <= 1; has_trouble++)
	{
		List *todo = list_copy(waiting);
		ListCell *cell;

		foreach (cell, todo)
		{
			Oid database = lfirst_oid(cell);

			if ((trouble_of(database) != NULL) == (has_trouble == 1) &&
				begin_visit(database))
				waiting = list_delete_oid(waiting, database);
		}
	}
}

/*
 * Until when the launcher can sleep if nobody calls; 0 for no limit.  An end
 * of a worker sets our latch.
 */
static TimestampTz
wake_at(TimestampTz next_call)
{
	TimestampTz at = next_call;

	if (waiting == NIL)
		return at;
	for (int i = 0; i < EC_MAX_VISITS; i++)
	{
		TimestampTz patience;

		if (visiting[i].handle == NULL)
			continue;
		patience = TimestampTzPlusMilliseconds(visiting[i].began, PATIENCE_MS + 1);
		if (patience > GetCurrentTimestamp() && (at == 0 || patience < at))
			at = patience;
	}
	return at;
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
		List *called;
		bool all;
		long sleep_ms = -1;
		int events = WL_LATCH_SET | WL_EXIT_ON_PM_DEATH;

		MemoryContextReset(context);
		MemoryContextSwitchTo(context);
		end_visits();
		ec_tell_troubles(list_length(troubles));
		called = ec_take_calls(&all, &next);
		if (all || called != NIL)
			add_waiting(called, all);
		MemoryContextSwitchTo(context);
		begin_visits();
		next = wake_at(next);
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

/* Called in a signal handler. */
static void
end_visit(void)
{
	InterruptPending = true;
	ProcDiePending = true;
	SetLatch(MyLatch);
}

/*
 * Limits the time of everything that follows, the connection included, which
 * waits for the lock of the database.
 */
static void
limit_visit(void)
{
	/* There is no user yet for whom a session's setting could be checked. */
	SetConfigOption("lock_timeout", LOCK_WAIT, PGC_SUSET, PGC_S_OVERRIDE);
	enable_timeout_after(RegisterTimeout(USER_TIMEOUT, end_visit), VISIT_LIMIT_MS);
}

static void
adopt_upgraded(void)
{
	EcCatalogScope scope;

	ec_catalog_begin(&scope);
	ec_adopt_upgraded();
	ec_catalog_end(&scope);
	CommandCounterIncrement();
	PopActiveSnapshot();
	PushActiveSnapshot(GetTransactionSnapshot());
}

void
ec_database_worker_main(Datum argument)
{
	EcExtension extension;
	EcVisit visit;
	bool is_there;
	bool is_refused;

	ec_own_reads = true;
	memcpy(&visit, MyBgworkerEntry->bgw_extra, sizeof(visit));
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	limit_visit();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(argument),
											  InvalidOid, 0);
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
	{
		adopt_upgraded();
		ec_start_waiting_jobs(true);
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	for (int i = 0; i < visitor_count && !is_refused; i++)
		visitors[i]();

	/*
	 * The launcher learns of the end in no other way: callbacks of exit may be
	 * called in between, or never.
	 */
	ec_complete_visit(&visit);
	proc_exit(0);
}
