/*
 * calls.c
 *		Requests to the launcher, in shared memory.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

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
	begun->is_complete = false;
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
ec_visit_is_complete(const EcVisit *visit)
{
	bool is_complete;

	LWLockAcquire(shared->lock, LW_SHARED);
	is_complete = shared->visits[visit->number].is_complete;
	LWLockRelease(shared->lock);
	return is_complete;
}
