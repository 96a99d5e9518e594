/*
 * lock.c
 *		The migration lock.
 *
 * The migration lock is a transaction-level advisory lock with a tag that SQL
 * functions cannot produce, so users cannot take it.  It is released at the
 * holder's commit, which makes the ledger's row visible, so the next holder
 * sees that row.
 *
 * A session polls for the lock.  If it waited for it, it could deadlock with a
 * CREATE INDEX CONCURRENTLY of the holder, which waits for the waiter's
 * snapshot.  Polling ends at expand_contract.lock_timeout, so this cannot
 * happen.
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

/*
 * The first polls follow quickly; the jitter separates sessions that wait
 * together.
 */
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

	ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					errmsg("could not obtain the migration lock within %d ms",
						   ec_lock_timeout),
					holders ? errdetail("Held by %s.", holders)
							: errdetail("Its holder has just released it."),
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
