/*
 * launcher.c
 *		The launcher: finds unfinished jobs after a start, a crash or a
 *		promotion, and starts their workers.
 *
 * There only when the library is preloaded.  The launcher itself is connected
 * to no database; to look into one it starts a database worker there, which
 * reads the jobs table, starts workers and leaves, so that nobody's DROP
 * DATABASE finds a connection in its way for long.
 *
 *		start, crash, promotion --> a worker in every database, one at a time
 *		called for a database   --> a worker there, at the time asked for
 *
 * It is called by workers that end, however they end, by submissions that found
 * no slot or whose time has not come, and by database workers that left work
 * waiting.  Upper rooms have the database worker do more there
 * (ec_register_visitor), and call the launcher when that is due.
 *
 * Locking protocol.  The calls are in shared memory under a spinlock.  Database
 * workers run as the bootstrap superuser, as no user of a database can be known
 * here; they run none but our own catalogue statements.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "storage/spin.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/wait_event.h"
#include "core/catalog.h"
#include "core/own.h"
#include "expand_contract.h"
#include "worker/jobs/job.h"
#include "worker/process/launcher.h"
#include "worker/process/worker.h"

#define MAX_CALLS       512
#define MAX_VISITORS    4
#define RETRY_MS        5000
#define RESTART_SECONDS 5

/* The system's clock may be set while we sleep. */
#define LONGEST_SLEEP_MS (10 * 60 * 1000)

typedef struct LauncherCall
{
	Oid database;
	TimestampTz at;
} LauncherCall;

typedef struct LauncherShared
{
	slock_t mutex;
	Latch *latch; /* of the running launcher, or NULL */
	bool all;     /* look into every database */
	int count;
	LauncherCall calls[MAX_CALLS];
} LauncherShared;

static LauncherShared *shared = NULL;
static shmem_request_hook_type previous_shmem_request_hook = NULL;
static shmem_startup_hook_type previous_shmem_startup_hook = NULL;

static EcVisitor visitors[MAX_VISITORS];
static int visitor_count = 0;

PGDLLEXPORT void ec_launcher_main(Datum argument);
PGDLLEXPORT void ec_database_worker_main(Datum argument);

static void
request_shared_memory(void)
{
	if (previous_shmem_request_hook)
		previous_shmem_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(LauncherShared)));
}

static void
start_shared_memory(void)
{
	bool found;

	if (previous_shmem_startup_hook)
		previous_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("expand_contract launcher", sizeof(LauncherShared),
							 &found);
	if (!found)
	{
		memset(shared, 0, sizeof(LauncherShared));
		SpinLockInit(&shared->mutex);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
ec_register_launcher(void)
{
	BackgroundWorker worker;

	previous_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	previous_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_shared_memory;

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

bool
ec_launcher_running(void)
{
	bool running;

	if (shared == NULL)
		return false;
	SpinLockAcquire(&shared->mutex);
	running = shared->latch != NULL;
	SpinLockRelease(&shared->mutex);
	return running;
}

void
ec_call_launcher(Oid database, TimestampTz at)
{
	Latch *latch;
	int i;

	if (shared == NULL)
		return;
	SpinLockAcquire(&shared->mutex);
	for (i = 0; i < shared->count; i++)
		if (shared->calls[i].database == database)
			break;
	if (i == MAX_CALLS)
		shared->all = true; /* too many to remember one by one */
	else if (i == shared->count)
	{
		shared->calls[i].database = database;
		shared->calls[i].at = at;
		shared->count++;
	}
	else
		shared->calls[i].at = Min(shared->calls[i].at, at);
	latch = shared->latch;
	SpinLockRelease(&shared->mutex);
	if (latch != NULL)
		SetLatch(latch);
}

PG_FUNCTION_INFO_V1(ec_sql_launcher_running);

/* expand_contract.launcher_running() → boolean */
Datum
ec_sql_launcher_running(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ec_launcher_running());
}

static void
forget_launcher(int code, Datum argument)
{
	SpinLockAcquire(&shared->mutex);
	shared->latch = NULL;
	SpinLockRelease(&shared->mutex);
}

/* Databases that can be connected to; templates have no jobs of their own. */
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
 * Start a database worker and wait for its end; false if there is no free slot.
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

/* Take the databases that are due; *next is when to look again, or 0. */
static List *
take_calls(TimestampTz *next)
{
	TimestampTz now = GetCurrentTimestamp();
	LauncherCall due[MAX_CALLS];
	List *databases = NIL;
	int due_count = 0;
	int kept = 0;
	bool all;

	*next = 0;
	SpinLockAcquire(&shared->mutex);
	all = shared->all;
	shared->all = false;
	for (int i = 0; i < shared->count; i++)
	{
		if (all || shared->calls[i].at <= now)
			due[due_count++] = shared->calls[i];
		else
		{
			if (*next == 0 || shared->calls[i].at < *next)
				*next = shared->calls[i].at;
			shared->calls[kept++] = shared->calls[i];
		}
	}
	shared->count = kept;
	SpinLockRelease(&shared->mutex);

	if (all)
		return all_databases();
	for (int i = 0; i < due_count; i++)
		databases = lappend_oid(databases, due[i].database);
	return databases;
}

void
ec_launcher_main(Datum argument)
{
	MemoryContext context;

	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	SpinLockAcquire(&shared->mutex);
	shared->latch = MyLatch;
	shared->all = true;
	SpinLockRelease(&shared->mutex);
	before_shmem_exit(forget_launcher, (Datum) 0);
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
		databases = take_calls(&next);
		foreach (cell, databases)
			if (!send_database_worker(lfirst_oid(cell)))
			{
				TimestampTz retry =
					TimestampTzPlusMilliseconds(GetCurrentTimestamp(), RETRY_MS);

				ec_call_launcher(lfirst_oid(cell), retry);
			}

		/*
		 * a database worker that called us has set the latch on which we waited
		 * for it
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

/* A database worker that failed, for a lock say, is sent again. */
static void
come_back(int code, Datum argument)
{
	ec_call_launcher(DatumGetObjectId(argument),
					 TimestampTzPlusMilliseconds(GetCurrentTimestamp(), RETRY_MS));
}

void
ec_database_worker_main(Datum argument)
{
	EcExtension extension;

	ec_own_reads = true;
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(argument),
											  InvalidOid, 0);
	before_shmem_exit(come_back, argument);
	/* the launcher waits for us, with all other databases */
	SetConfigOption("lock_timeout", "1s", PGC_SUSET, PGC_S_SESSION);
	pgstat_report_activity(STATE_RUNNING, "looking for unfinished jobs");
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (ec_extension_lookup(&extension))
		ec_start_waiting_jobs(true);
	PopActiveSnapshot();
	CommitTransactionCommand();
	for (int i = 0; i < visitor_count; i++)
		visitors[i]();
	cancel_before_shmem_exit(come_back, argument);
	proc_exit(0);
}
