/*
 * deadlock.c
 *		Keeps a batch from making other sessions deadlock victims.
 *
 * A session checks for a deadlock once, when it has waited for
 * deadlock_timeout.  If it is part of a cycle at that moment, it is the
 * victim.  A batch that ends within half of deadlock_timeout is never part of
 * such a cycle, because no session can have waited for its rows long enough.
 * But a batch of a single row has no time limit, since the row's update may
 * run slow user code.  When this code waits for a lock, it can complete a
 * cycle with a session that has been waiting for the row, at the moment when
 * that session makes its check.
 *
 * So a batch without a deadline
 *
 *		- waits for a lock for only a fraction of the usual time;
 *		- makes its own deadlock check as soon as it waits for a lock, and so is
 *		  the victim of a cycle that exists then;
 *		- starts no statement while a check of any session of the server is due
 *		  within that time; it waits, without requesting a lock, until the check
 *		  is over.
 *
 * A session that begins to wait for us after we have begun to wait for a lock
 * makes its check when our wait is over.
 */
#include "postgres.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "worker/process/deadlock.h"

/* As fractions of deadlock_timeout. */
#define LOCK_WAIT_PART 50
#define SLACK_PART     20

/* On a busy machine timeouts fire late. */
#define LEAST_SLACK_MS 5

/*
 * There may always be one more check, so limit the wait to this many times
 * deadlock_timeout.
 */
#define LONGEST_WAIT_CHECKS 4

#define LOOK_MS 2

static ExecutorStart_hook_type previous_executor_start = NULL;

static bool is_active = false;
static TimestampTz began;

/* the settings to restore */
static int deadlock_timeout;
static int lock_timeout;
static bool lock_waits_are_logged;

static int
lock_wait_ms(void)
{
	return Max(1, deadlock_timeout / LOCK_WAIT_PART);
}

static int
slack_ms(void)
{
	return Max(LEAST_SLACK_MS, deadlock_timeout / SLACK_PART);
}

static int64
ms_since(TimestampTz then)
{
	return (GetCurrentTimestamp() - then) / 1000;
}

/* Is a deadlock check of another session about to run, or running? */
static bool
check_is_due(void)
{
	LockData *locks = GetLockStatusData();
	bool is_due = false;

	for (int i = 0; i < locks->nelements && !is_due; i++)
	{
		LockInstanceData *lock = &locks->locks[i];
		int64 waited;

		if (lock->waitLockMode == NoLock || lock->pid == MyProcPid ||
			lock->waitStart == 0)
			continue;
		waited = ms_since(lock->waitStart);
		is_due = waited > deadlock_timeout - lock_wait_ms() - slack_ms() &&
				 waited < deadlock_timeout + slack_ms();
	}
	pfree(locks->locks);
	pfree(locks);
	return is_due;
}

static void
let_checks_pass(void)
{
	TimestampTz now = GetCurrentTimestamp();

	/* no session can have waited for us that long yet */
	if (ms_since(began) < deadlock_timeout - lock_wait_ms() - slack_ms())
		return;
	while (check_is_due() && ms_since(now) < LONGEST_WAIT_CHECKS * deadlock_timeout)
	{
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 LOOK_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

static void
executor_start(QueryDesc *query, int flags)
{
	if (is_active)
		let_checks_pass();
	if (previous_executor_start)
		previous_executor_start(query, flags);
	else
		standard_ExecutorStart(query, flags);
}

void
ec_checks_init(void)
{
	previous_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = executor_start;
}

/*
 * Assigns the variables instead of the settings.  deadlock_timeout cannot be
 * set to 0, and user code that sets these settings locally does not change our
 * values permanently.
 */
void
ec_checks_begin(void)
{
	Assert(!is_active);
	is_active = true;
	began = GetCurrentTimestamp();
	deadlock_timeout = DeadlockTimeout;
	lock_timeout = LockTimeout;
	lock_waits_are_logged = log_lock_waits;
	DeadlockTimeout = 0;
	LockTimeout = lock_wait_ms();
	log_lock_waits = false;
}

void
ec_checks_end(void)
{
	if (!is_active)
		return;
	is_active = false;
	DeadlockTimeout = deadlock_timeout;
	LockTimeout = lock_timeout;
	log_lock_waits = lock_waits_are_logged;
}

bool
ec_is_own_deadlock(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED &&
		   error->funcname != NULL &&
		   strcmp(error->funcname, "DeadLockReport") == 0;
}
