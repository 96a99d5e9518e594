/*
 * lock_retry.c
 *		Runs work that needs strong locks, in short tries.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_inherits.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "core/subtransaction.h"
#include "core/holders.h"
#include "core/wait_event.h"
#include "core/lock_retry.h"

/*
 * How long the first try and the later ones wait for a lock, and how long the
 * pauses between two tries are.  During a pause the application can go on.
 */
#define FIRST_LOCK_WAIT_MS   50
#define LONGEST_LOCK_WAIT_MS 1000
#define FIRST_REST_MS        100
#define LONGEST_REST_MS      2000

/*
 * Work that takes several locks holds the first ones while it waits for the
 * next one.  An application behind the first one waits for all these waits.  So
 * a timer adds up how long a try waits for locks on tables, and cancels the try
 * when that exceeds what it may wait.  lock_timeout alone limits each single
 * wait.
 */
#define TICK_MS 10

typedef struct WaitMeter
{
	bool running;
	TimestampTz last_tick; /* 0: did not wait for a lock then */
	int64 left;            /* in microseconds */
	bool gave_up;
} WaitMeter;

static volatile WaitMeter meter;

/*
 * Called by the signal handler.  A session that is terminated does not end the
 * try, so it is called until the process has gone, when MyProc has.
 */
static void
tick(void)
{
	const PGPROC *process = MyProc;
	const LOCK *lock = process != NULL ? process->waitLock : NULL;
	TimestampTz now;

	if (proc_exit_inprogress)
		return;
	if (!meter.running || lock == NULL ||
		(lock->tag.locktag_type != LOCKTAG_RELATION &&
		 lock->tag.locktag_type != LOCKTAG_OBJECT))
	{
		meter.last_tick = 0;
		return;
	}
	now = GetCurrentTimestamp();
	if (meter.last_tick != 0)
		meter.left -= now - meter.last_tick;
	meter.last_tick = now;
	if (meter.left > 0)
		return;
	meter.gave_up = true;
	QueryCancelPending = true;
	InterruptPending = true;
	SetLatch(MyLatch);
}

static TimeoutId
tick_timeout(void)
{
	static bool registered = false;
	static TimeoutId timeout;

	if (!registered)
		timeout = RegisterTimeout(USER_TIMEOUT, tick);
	registered = true;
	return timeout;
}

static void
meter_begin(int lock_wait_ms)
{
	meter.last_tick = 0;
	meter.left = (int64) lock_wait_ms * 1000;
	meter.gave_up = false;
	meter.running = true;
	enable_timeout_every(tick_timeout(),
						 TimestampTzPlusMilliseconds(GetCurrentTimestamp(), TICK_MS),
						 TICK_MS);
}

static void
meter_end(void)
{
	disable_timeout(tick_timeout(), false);
	meter.running = false;
	/* a cancel that comes too late is not the caller's */
	if (meter.gave_up)
		QueryCancelPending = false;
}

static void
set_milliseconds(const char *name, GucContext context, int ms)
{
	char value[16];

	snprintf(value, sizeof(value), "%d", ms);
	(void) set_config_option(name, value, context, PGC_S_SESSION,
							 GUC_ACTION_SET, true, 0, false);
}

/* If the caller's own lock_timeout is shorter, it stays in force. */
void
ec_limit_lock_waits(int lock_wait_ms)
{
	if (DeadlockTimeout > EC_TRY_DEADLOCK_MS)
		set_milliseconds("deadlock_timeout", PGC_SUSET, EC_TRY_DEADLOCK_MS);
	if (LockTimeout <= 0 || LockTimeout > lock_wait_ms)
		set_milliseconds("lock_timeout", PGC_USERSET, lock_wait_ms);
}

bool
ec_is_lock_error(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		   error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
		   (error->sqlerrcode == ERRCODE_QUERY_CANCELED && meter.gave_up);
}

/* Runs one try, which may wait that long in all. */
static ErrorData *
metered_try(EcTry one_try, void *arg, int lock_wait_ms)
{
	ErrorData *volatile error = NULL;

	meter_begin(lock_wait_ms);
	PG_TRY();
	{
		error = one_try(arg, lock_wait_ms);
	}
	PG_FINALLY();
	{
		meter_end();
	}
	PG_END_TRY();
	if (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
	{
		/* it is ours, since others are raised */
		error->sqlerrcode = ERRCODE_LOCK_NOT_AVAILABLE;
		error->message = pstrdup("canceling statement due to lock timeout");
	}
	return error;
}

/* Does this transaction hold table locks that make writers wait? */
static bool
holds_strong_locks(void)
{
	LockData *locks = GetLockStatusData();

	for (int i = 0; i < locks->nelements; i++)
	{
		LockInstanceData *lock = &locks->locks[i];

		if (lock->pid == MyProcPid && lock->locktag.locktag_type == LOCKTAG_RELATION &&
			(lock->holdMask & ~(LOCKBIT_ON(AccessShareLock) | LOCKBIT_ON(RowShareLock) |
								LOCKBIT_ON(RowExclusiveLock) |
								LOCKBIT_ON(ShareUpdateExclusiveLock))) != 0)
			return true;
	}
	return false;
}

/* Lets other sessions proceed.  The work's locks have been released by now. */
static void
rest(int rest_ms)
{
	double jitter = 0.5 + pg_prng_double(&pg_global_prng_state);

	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 (long) (rest_ms * jitter), ec_wait_event(EC_WAIT_LOCK_RETRY));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

ErrorData *
ec_try_for_locks(EcTry one_try, void *arg, int timeout_ms)
{
	return ec_try_for_locks_within(one_try, arg, &timeout_ms);
}

ErrorData *
ec_try_for_locks_within(EcTry one_try, void *arg, const int *timeout_ms)
{
	TimestampTz started = GetCurrentTimestamp();
	TimestampTz give_up = TimestampTzPlusMilliseconds(started, *timeout_ms);
	bool is_nested = meter.running; /* within a try, which counts its waits */
	bool has_one_try = is_nested || holds_strong_locks();
	int lock_wait = has_one_try ? LONGEST_LOCK_WAIT_MS : FIRST_LOCK_WAIT_MS;
	int rest_ms = FIRST_REST_MS;

	for (;;)
	{
		long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), give_up);
		int wait = Max(1, Min(lock_wait, left));
		ErrorData *error =
			is_nested ? one_try(arg, wait) : metered_try(one_try, arg, wait);

		give_up = TimestampTzPlusMilliseconds(started, *timeout_ms);
		if (error == NULL || has_one_try || GetCurrentTimestamp() >= give_up)
			return error;
		FreeErrorData(error);
		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), give_up);
		rest(Min(rest_ms, Max(1, left)));
		lock_wait = Min(2 * lock_wait, LONGEST_LOCK_WAIT_MS);
		rest_ms = Min(2 * rest_ms, LONGEST_REST_MS);
	}
}

/*
 * A session that waits behind our lock on the table also waits until we have
 * the locks on its partitions.  So one limit covers all of them.  While we
 * hold the lock on the table, no partition can be attached to it.
 */
void
ec_lock_whole_table(Oid table, LOCKMODE mode, int lock_wait_ms)
{
	TimestampTz give_up =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), lock_wait_ms);
	List *family;
	ListCell *cell;

	LockRelationOid(table, mode);
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(table)))
		return; /* it has been dropped */
	family = find_all_inheritors(table, NoLock, NULL);
	foreach (cell, family)
	{
		long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), give_up);

		ec_limit_lock_waits(Max(1, left));
		if (lfirst_oid(cell) != table)
			LockRelationOid(lfirst_oid(cell), mode);
	}
}

/* how long a look waits for a lock */
#define LOOK_WAIT_MS 100

typedef struct LimitedWork
{
	void (*work)(void *arg);
	void *arg;
	int lock_wait_ms;
} LimitedWork;

static void
do_limited_work(void *arg)
{
	LimitedWork *limited = arg;
	int guc_level = NewGUCNestLevel();

	ec_limit_lock_waits(limited->lock_wait_ms);
	limited->work(limited->arg);
	AtEOXact_GUC(false, guc_level);
}

ErrorData *
ec_look(void (*work)(void *arg), void *arg)
{
	LimitedWork limited = {work, arg, LOOK_WAIT_MS};
	ErrorData *error = ec_subtransaction_undone(do_limited_work, &limited);

	if (error != NULL && !ec_is_lock_error(error))
		ReThrowError(error);
	return error;
}

ErrorData *
ec_try_work(void (*work)(void *arg), void *arg, int lock_wait_ms)
{
	LimitedWork limited = {work, arg, lock_wait_ms};
	ErrorData *error = ec_subtransaction(do_limited_work, &limited);

	if (error != NULL && !ec_is_lock_error(error))
		ReThrowError(error);
	return error;
}

void
ec_tell_holders(ErrorData *error, Oid relation)
{
	char *holders;

	if (error->detail != NULL || !OidIsValid(relation))
		return;
	holders = ec_lock_holders(relation);
	if (holders != NULL)
		error->detail = psprintf("Locks on \"%s\" are held by %s.",
								 get_rel_name(relation), holders);
}

void
ec_raise_lock_timeout(ErrorData *error, Oid relation, const char *hint)
{
	ec_tell_holders(error, relation);
	if (error->hint == NULL)
		error->hint =
			psprintf("%s Call again when the lock's holders are done, or raise expand_contract.lock_timeout.",
					 hint);
	ReThrowError(error);
}
