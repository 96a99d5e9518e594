/*
 * calls.c
 *		Requests to the launcher, in shared memory.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "core/catalog.h"
#include "worker/jobs/calls.h"

#define TRANCHE   "expand_contract_launcher"
#define MAX_CALLS 512

/*
 * How long a job that finds no free worker slot waits until the next attempt.
 */
#define RETRY_MS 5000

typedef struct Call
{
	Oid database;
	TimestampTz at;
} Call;

typedef struct Visit
{
	uint32 serial;
	TimestampTz began; /* 0: it has ended */
	bool is_complete;
} Visit;

typedef struct Calls
{
	LWLock *lock;
	Latch *latch; /* of the running launcher, or NULL */
	bool all;     /* look for jobs in every database */
	int count;
	Call calls[MAX_CALLS];
	Visit visits[EC_MAX_VISITS];

	/* for monitoring; the counts are since the start of the server */
	TimestampTz answering_since; /* of the running launcher */
	int64 visit_count;
	int64 failed_visits;
	int troubles; /* databases whose last visit failed */
} Calls;

static Calls *shared = NULL;
static shmem_request_hook_type previous_shmem_request_hook = NULL;
static shmem_startup_hook_type previous_shmem_startup_hook = NULL;

static void
request_memory(void)
{
	if (previous_shmem_request_hook)
		previous_shmem_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(Calls)));
	RequestNamedLWLockTranche(TRANCHE, 1);
}

static void
start_memory(void)
{
	bool found;

	if (previous_shmem_startup_hook)
		previous_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("expand_contract launcher", sizeof(Calls), &found);
	if (!found)
	{
		memset(shared, 0, sizeof(Calls));
		shared->lock = &GetNamedLWLockTranche(TRANCHE)->lock;
	}
	LWLockRelease(AddinShmemInitLock);
}

void
ec_request_calls(void)
{
	previous_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_memory;
}

bool
ec_launcher_running(void)
{
	bool running;

	if (shared == NULL)
		return false;
	LWLockAcquire(shared->lock, LW_SHARED);
	running = shared->latch != NULL;
	LWLockRelease(shared->lock);
	return running;
}

PG_FUNCTION_INFO_V1(ec_sql_launcher_running);

/* expand_contract.launcher_running() → boolean */
Datum
ec_sql_launcher_running(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(ec_launcher_running());
}

void
ec_call_launcher(Oid database, TimestampTz at)
{
	Latch *latch;
	int i;

	if (shared == NULL)
		return;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (i = 0; i < shared->count; i++)
		if (shared->calls[i].database == database)
			break;
	if (i == MAX_CALLS)
		shared->all = true; /* no room for one more entry */
	else if (i == shared->count)
	{
		shared->calls[i].database = database;
		shared->calls[i].at = at;
		shared->count++;
	}
	else
		shared->calls[i].at = Min(shared->calls[i].at, at);
	latch = shared->latch;
	LWLockRelease(shared->lock);
	if (latch != NULL)
		SetLatch(latch);
}

void
ec_call_launcher_again(Oid database)
{
	ec_call_launcher(database,
					 TimestampTzPlusMilliseconds(GetCurrentTimestamp(), RETRY_MS));
}

static void
forget_launcher(int code, Datum argument)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->latch = NULL;
	LWLockRelease(shared->lock);
}

void
ec_answer_calls(void)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->latch = MyLatch;
	shared->all = true;
	shared->answering_since = GetCurrentTimestamp();
	shared->troubles = 0;
	/* another launcher cannot end those of this one */
	for (int i = 0; i < EC_MAX_VISITS; i++)
		shared->visits[i].began = 0;
	LWLockRelease(shared->lock);
	before_shmem_exit(forget_launcher, (Datum) 0);
}

List *
ec_take_calls(bool *all, TimestampTz *next)
{
	TimestampTz now = GetCurrentTimestamp();
	Oid due[MAX_CALLS];
	List *databases = NIL;
	int due_count = 0;
	int kept = 0;

	*next = 0;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	*all = shared->all;
	shared->all = false;
	for (int i = 0; i < shared->count; i++)
	{
		if (*all || shared->calls[i].at <= now)
			due[due_count++] = shared->calls[i].database;
		else
		{
			if (*next == 0 || shared->calls[i].at < *next)
				*next = shared->calls[i].at;
			shared->calls[kept++] = shared->calls[i];
		}
	}
	shared->count = kept;
	LWLockRelease(shared->lock);
	for (int i = 0; i < due_count; i++)
		databases = lappend_oid(databases, due[i]);
	return databases;
}

void
ec_begin_visit(EcVisit *visit, int number)
{
	Visit *begun = &shared->visits[number];

	visit->number = number;
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	visit->serial = ++begun->serial;
	begun->began = GetCurrentTimestamp();
	begun->is_complete = false;
	shared->visit_count++;
	LWLockRelease(shared->lock);
}

void
ec_complete_visit(const EcVisit *visit)
{
	Visit *completed = &shared->visits[visit->number];

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	if (completed->serial == visit->serial)
		completed->is_complete = true;
	LWLockRelease(shared->lock);
}

bool
ec_end_visit(const EcVisit *visit)
{
	Visit *ended = &shared->visits[visit->number];
	bool is_complete;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	is_complete = ended->is_complete;
	ended->began = 0;
	if (!is_complete)
		shared->failed_visits++;
	LWLockRelease(shared->lock);
	return is_complete;
}

void
ec_tell_troubles(int databases)
{
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	shared->troubles = databases;
	LWLockRelease(shared->lock);
}

/* When the visit began that has been going on for longest; 0: there is none. */
static TimestampTz
oldest_visit(const Calls *calls, int *count)
{
	TimestampTz oldest = 0;

	*count = 0;
	for (int i = 0; i < EC_MAX_VISITS; i++)
	{
		TimestampTz began = calls->visits[i].began;

		if (began == 0)
			continue;
		(*count)++;
		if (oldest == 0 || began < oldest)
			oldest = began;
	}
	return oldest;
}

PG_FUNCTION_INFO_V1(ec_sql_launcher_health);

/*
 * expand_contract.launcher_health() → (is_preloaded, running_since, visits,
 * failed_visits, visiting, oldest_visit, troubled_databases)
 *
 * NULL for roles that may not monitor.  Anyone may execute it, because a view
 * runs it with its reader's rights.
 */
Datum
ec_sql_launcher_health(PG_FUNCTION_ARGS)
{
	Datum values[7] = {0};
	bool nulls[7] = {false};
	TupleDesc result;
	TimestampTz oldest = 0;
	int visiting = 0;
	Calls calls;

	if (!ec_may_monitor())
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &result) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	memset(&calls, 0, sizeof(calls));
	if (shared != NULL)
	{
		LWLockAcquire(shared->lock, LW_SHARED);
		memcpy(&calls, shared, sizeof(calls));
		LWLockRelease(shared->lock);
		oldest = oldest_visit(&calls, &visiting);
	}
	values[0] = BoolGetDatum(shared != NULL);
	values[1] = TimestampTzGetDatum(calls.answering_since);
	nulls[1] = calls.latch == NULL;
	values[2] = Int64GetDatum(calls.visit_count);
	values[3] = Int64GetDatum(calls.failed_visits);
	values[4] = Int32GetDatum(visiting);
	values[5] = TimestampTzGetDatum(oldest);
	nulls[5] = oldest == 0;
	values[6] = Int32GetDatum(calls.troubles);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(result, values, nulls)));
}
