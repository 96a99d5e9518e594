/*
 * lock.c
 *		The migration lock.
 *
 * The migration lock is a transaction-level advisory lock whose tag SQL cannot
 * produce, so nobody can squat on it, and its holder's commit is what makes
 * the ledger row visible: whoever gets the lock next sees it.
 *
 * It is polled.  A session stuck in a blocking wait for it would deadlock with
 * the holder's CREATE INDEX CONCURRENTLY, which waits for the waiter's
 * snapshot.  A poll that gives up at expand_contract.lock_timeout cannot.
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "utils/timestamp.h"

#include "core/wait_event.h"
#include "core/guc.h"
#include "expand_contract.h"
#include "migrate/lock.h"

/* Looks come quickly at first; the jitter keeps two waiters out of step. */
#define FIRST_PAUSE_MS   5
#define LONGEST_PAUSE_MS 200

static void
pause_with_jitter(int pause, long left)
{
	long wait =
		pause / 2 + (long) (pg_prng_double(&pg_global_prng_state) * (pause + 1));

	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 Min(wait, left), ec_wait_event(EC_WAIT_MIGRATION_LOCK));
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static void
raise_not_available(void)
{
	char *holders = ec_lock_holders(InvalidOid);

	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("could not get the migration lock within %d ms", ec_lock_timeout),
			 holders ? errdetail("Held by %s.", holders)
					 : errdetail("Its holder has just let go of it."),
			 errhint("Another migration is being applied in this database. Try "
					 "again when its transaction has ended, or raise "
					 "expand_contract.lock_timeout.")));
}

int
ec_migration_lock(void)
{
	TimestampTz started = GetCurrentTimestamp();
	int pause = FIRST_PAUSE_MS;
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, EC_LOCK_MIGRATION);
	while (LockAcquire(&tag, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
	{
		long left =
			ec_lock_timeout -
			TimestampDifferenceMilliseconds(started, GetCurrentTimestamp());

		if (left <= 0)
			raise_not_available();
		pause_with_jitter(pause, left);
		pause = Min(pause * 2, LONGEST_PAUSE_MS);
	}
	return Max(1, ec_lock_timeout -
					  TimestampDifferenceMilliseconds(started,
													  GetCurrentTimestamp()));
}
