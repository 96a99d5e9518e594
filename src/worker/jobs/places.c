/*
 * places.c
 *		The places of workers: max_workers in the whole cluster.
 *
 * places.h explains the states of a place and the locking protocol.
 */
#include "postgres.h"

#include <signal.h>

#include "access/htup_details.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "core/guc.h"
#include "expand_contract.h"
#include "worker/jobs/places.h"

#define STATES 4

/*
 * How long a worker without a place waits for another to leave its place.
 * That one finishes its batch first.
 */
#define ASK_PATIENCE_MS 10000
#define ASK_STEP_MS     20
#define WAKE_EVERY_MS   200

static int my_place = -1;
static EcPlaceState my_state = EC_PLACE_WORKING;

/* Who holds each place; 0 for nobody. */
typedef struct Places
{
	int pids[EC_MAX_WORKERS];
	EcPlaceState states[EC_MAX_WORKERS];
	int asking[EC_MAX_WORKERS]; /* pids of the workers that wait for a place */
	int asking_count;
} Places;

static void
set_place_tag(LOCKTAG *tag, int place, EcPlaceState state)
{
	/* database 0: the places are shared by all databases of the cluster */
	SET_LOCKTAG_ADVISORY(*tag, InvalidOid, 0, 0,
						 EC_LOCK_WORKER + state * EC_MAX_WORKERS + place);
}

static bool
lock_place(int place, EcPlaceState state)
{
	LOCKTAG tag;

	set_place_tag(&tag, place, state);
	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

static void
unlock_place(int place, EcPlaceState state)
{
	LOCKTAG tag;

	set_place_tag(&tag, place, state);
	if (ec_lock_held_by_me(&tag, ExclusiveLock))
		(void) LockRelease(&tag, ExclusiveLock, true);
}

/*
 * Does nobody hold the place's locks for the other states?  The caller holds
 * the lock for "working".
 */
static bool
is_left(int place)
{
	for (int state = EC_PLACE_WORKING + 1; state < STATES; state++)
	{
		if (!lock_place(place, state))
			return false;
		unlock_place(place, state);
	}
	return true;
}

bool
ec_take_place(void)
{
	for (int place = 0; place < ec_max_workers; place++)
	{
		if (!lock_place(place, EC_PLACE_WORKING))
			continue;
		if (is_left(place))
		{
			my_place = place;
			my_state = EC_PLACE_WORKING;
			return true;
		}
		unlock_place(place, EC_PLACE_WORKING);
	}
	return false;
}

bool
ec_mark_place(EcPlaceState state)
{
	LOCKTAG tag;

	Assert(my_place >= 0);
	set_place_tag(&tag, my_place, my_state);
	if (!ec_lock_held_by_me(&tag, ExclusiveLock))
		return ec_take_place() &&
			   (state == EC_PLACE_WORKING || ec_mark_place(state));
	if (state == my_state)
		return true;
	if (!lock_place(my_place, state))
		return false;
	unlock_place(my_place, my_state);
	my_state = state;
	return true;
}

bool
ec_mark_place_in_tries(EcPlaceState state)
{
	for (int tries = 0; tries < 100; tries++)
	{
		if (ec_mark_place(state))
			return true;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 1, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return false;
}

static void
look_at_places(Places *places)
{
	LockData *locks = GetLockStatusData();

	memset(places, 0, sizeof(*places));
	for (int i = 0; i < locks->nelements; i++)
	{
		LockInstanceData *lock = &locks->locks[i];
		LOCKTAG *tag = &lock->locktag;
		int number = (int) tag->locktag_field4 - EC_LOCK_WORKER;

		if (tag->locktag_type != LOCKTAG_ADVISORY || lock->holdMask == 0 ||
			tag->locktag_field1 != InvalidOid)
			continue;
		if (tag->locktag_field4 == EC_LOCK_ASKS)
		{
			if (places->asking_count < EC_MAX_WORKERS)
				places->asking[places->asking_count++] = lock->pid;
		}
		else if (number >= 0 && number < STATES * EC_MAX_WORKERS)
		{
			int place = number % EC_MAX_WORKERS;
			EcPlaceState state = number / EC_MAX_WORKERS;

			/*
			 * a worker that changes the place's state, or tries to take it,
			 * holds several locks; prefer the other states to "working"
			 */
			if (places->pids[place] != 0 && state == EC_PLACE_WORKING)
				continue;
			places->pids[place] = lock->pid;
			places->states[place] = state;
		}
	}
	pfree(locks->locks);
	pfree(locks);
}

/* Would the holder of a place leave it to a job of that owner and database? */
static bool
would_leave(const Places *places, int place, Oid database, Oid owner)
{
	PGPROC *process;

	switch (places->states[place])
	{
		case EC_PLACE_PARKED:
			return true;
		case EC_PLACE_TURN_OVER:
			process = BackendPidGetProc(places->pids[place]);
			return process != NULL &&
				   (process->databaseId != database || process->roleId != owner);
		default:
			return false;
	}
}

int
ec_count_places(bool may_ask, Oid owner)
{
	Places places;
	int count = 0;

	look_at_places(&places);
	for (int place = 0; place < ec_max_workers; place++)
		if (places.pids[place] == 0 ||
			(may_ask && would_leave(&places, place, MyDatabaseId, owner)))
			count++;
	/* each process that waits for a place is going to take one */
	return Max(0, count - places.asking_count);
}

bool
ec_place_is_wanted(void)
{
	Places places;

	if (my_state == EC_PLACE_WORKING)
		return false;
	look_at_places(&places);
	for (int i = 0; i < places.asking_count; i++)
	{
		PGPROC *process = BackendPidGetProc(places.asking[i]);

		if (process != NULL &&
			would_leave(&places, my_place, process->databaseId, process->roleId))
			return true;
	}
	return false;
}

/*
 * Wakes one worker that would leave its place.  Returns false if there is none
 * and no place is free.
 */
static bool
wake_one(void)
{
	Places places;
	int free_place = -1;

	look_at_places(&places);
	for (int place = 0; place < ec_max_workers; place++)
	{
		PGPROC *process;

		if (places.pids[place] == 0)
			free_place = place;
		if (places.pids[place] == 0 ||
			!would_leave(&places, place, MyDatabaseId, GetSessionUserId()))
			continue;
		process = BackendPidGetProc(places.pids[place]);
		if (process == NULL)
			continue;
		SetLatch(&process->procLatch);
		return true;
	}
	return free_place >= 0;
}

/*
 * The place, of those whose holders are in undivided work, that is to be left to
 * a job of that owner; -1 if none is.
 */
static int
whole_place_to_leave(const Places *places, Oid owner)
{
	Oid holder = InvalidOid;
	int last = -1;

	for (int place = 0; place < ec_max_workers; place++)
	{
		PGPROC *process = places->pids[place] == 0
							  ? NULL
							  : BackendPidGetProc(places->pids[place]);

		if (process == NULL || places->states[place] != EC_PLACE_WHOLE ||
			process->roleId == owner || (last >= 0 && process->roleId != holder))
			return -1;
		holder = process->roleId;
		last = place;
	}
	return last;
}

void
ec_urge_places(Oid owner)
{
	Places places;
	int whole;

	look_at_places(&places);
	whole = whole_place_to_leave(&places, owner);
	for (int place = 0; place < ec_max_workers; place++)
	{
		PGPROC *process = NULL;

		if (places.pids[place] != 0)
			process = BackendPidGetProc(places.pids[place]);
		if (places.states[place] == EC_PLACE_WHOLE && place != whole)
			continue;
		if (process != NULL &&
			(process->databaseId != MyDatabaseId || process->roleId != owner))
			(void) kill(process->pid, SIGUSR2);
	}
}

bool
ec_ask_for_place(void)
{
	TimestampTz started = GetCurrentTimestamp();
	TimestampTz woken = 0;
	LOCKTAG tag;
	bool taken;

	if (ec_take_place())
		return true;
	SET_LOCKTAG_ADVISORY(tag, InvalidOid, 0, 0, EC_LOCK_ASKS);
	(void) LockAcquire(&tag, ShareLock, true, true);
	while (!(taken = ec_take_place()))
	{
		TimestampTz now = GetCurrentTimestamp();

		if (TimestampDifferenceExceeds(started, now, ASK_PATIENCE_MS))
			break;
		if (woken == 0 || TimestampDifferenceExceeds(woken, now, WAKE_EVERY_MS))
		{
			if (!wake_one())
				break;
			ec_urge_places(GetSessionUserId());
			woken = now;
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 ASK_STEP_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	(void) LockRelease(&tag, ShareLock, true);
	return taken;
}

/* Appends "alice in database shop". */
static void
append_holder(StringInfo text, int pid)
{
	PGPROC *process = BackendPidGetProc(pid);
	char *role = NULL;
	char *database = NULL;

	if (process != NULL)
	{
		role = GetUserNameFromId(process->roleId, true);
		database = get_database_name(process->databaseId);
	}
	appendStringInfo(text, "%s in database %s", role ? role : "?",
					 database ? database : "?");
}

/*
 * "no worker is free: ..." with the roles and databases that hold the places;
 * NULL if a place is free.
 */
static char *
describe_places(void)
{
	StringInfoData text;
	Places places;

	initStringInfo(&text);
	if (ec_max_workers == 0)
		return pstrdup("no worker is free: expand_contract.max_workers is 0");
	look_at_places(&places);
	appendStringInfo(&text, "no worker is free: %d of %d at work for ",
					 ec_max_workers, ec_max_workers);
	for (int place = 0; place < ec_max_workers; place++)
	{
		if (places.pids[place] == 0)
			return NULL;
		if (place > 0)
			appendStringInfoString(&text, ", ");
		append_holder(&text, places.pids[place]);
	}
	return text.data;
}

PG_FUNCTION_INFO_V1(ec_sql_no_worker_is_free);

/* expand_contract.no_worker_is_free() → text, or NULL */
Datum
ec_sql_no_worker_is_free(PG_FUNCTION_ARGS)
{
	char *text = describe_places();

	if (text == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

PG_FUNCTION_INFO_V1(ec_sql_places);

/*
 * expand_contract.places() → (places, taken): the places of workers in the
 * cluster, and how many are taken.  Anyone may execute it, like
 * no_worker_is_free, which tells more.
 */
Datum
ec_sql_places(PG_FUNCTION_ARGS)
{
	Datum values[2];
	bool nulls[2] = {false};
	TupleDesc result;
	Places places;
	int taken = 0;

	if (get_call_result_type(fcinfo, NULL, &result) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	look_at_places(&places);
	/* more than there are, after max_workers was lowered */
	for (int place = 0; place < EC_MAX_WORKERS; place++)
		if (places.pids[place] != 0)
			taken++;
	values[0] = Int32GetDatum(ec_max_workers);
	values[1] = Int32GetDatum(taken);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(result, values, nulls)));
}
