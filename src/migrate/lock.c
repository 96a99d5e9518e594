/*
 * lock.c
 *		The migration lock, and who holds a lock.
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

#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "core/guc.h"
#include "core/query.h"
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
					 Min(wait, left), PG_WAIT_EXTENSION);
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

/*
 * Not in a catalogue scope: what pg_stat_activity hides from the caller, the
 * error must not tell.
 */
char *
ec_lock_holders(Oid relation)
{
	int guc_level = NewGUCNestLevel();
	EcArgs args = {0};
	StringInfoData lines;
	uint64 count;

	/* what the transaction has read of pg_stat_activity before is old now */
	pgstat_clear_backend_activity_snapshot();

	initStringInfo(&lines);
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	ec_arg(&args, OIDOID, ObjectIdGetDatum(relation), false);
	count = ec_query("SELECT pid, application_name,"
					 "       extract(epoch FROM transaction_age)::bigint,"
					 "       left(regexp_replace(query, '\\s+', ' ', 'g'), 200)"
					 "  FROM expand_contract.blockers($1) WHERE granted",
					 &args);
	for (uint64 row = 0; row < count; row++)
	{
		if (row > 0)
			appendStringInfoString(&lines, "; ");
		if (ec_is_null(row, 1))
		{
			appendStringInfoString(&lines, ec_get_text(row, 2));
			continue;
		}
		appendStringInfo(&lines, "pid %d (%s)", ec_get_int4(row, 1, 0),
						 ec_get_text(row, 2));
		if (!ec_is_null(row, 3))
			appendStringInfo(&lines, ", transaction age " INT64_FORMAT " s",
							 ec_get_int8(row, 3, 0));
		if (!ec_is_null(row, 4))
			appendStringInfo(&lines, ", query: %s", ec_get_text(row, 4));
	}
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	AtEOXact_GUC(false, guc_level);
	return count > 0 ? lines.data : NULL;
}
