/*
 * usage_flush.c
 *		Writes the counters of tracked columns to the table.
 *
 * While a column is tracked, the launcher's database worker does this every
 * twenty seconds, so a crash loses at most that time.  The time of the flush
 * is taken before the counters are read.  So all uses before that time are in
 * the table; later ones may be lost.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "usage/usage_flush.h"
#include "usage/usage_memory.h"
#include "usage/usage_sync.h"
#include "core/catalog.h"
#include "core/query.h"
#include "worker/process/launcher.h"
#include "worker/jobs/calls.h"

#define FLUSH_INTERVAL_MS 20000

/* A slot whose counts are in the table once the transaction has committed. */
typedef struct Flushed
{
	int slot;
	uint32 serial;
	uint64 changes;
} Flushed;

void
ec_usage_ask_for_flush(void)
{
	ec_call_launcher(MyDatabaseId,
					 TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
												 FLUSH_INTERVAL_MS));
}

static void
write_column(const EcUsage *usage)
{
	EcArgs args = {0};

	ec_arg_oid(&args, usage->relation);
	ec_arg(&args, INT2OID, Int16GetDatum(usage->attnum), false);
	ec_arg_int8(&args, usage->reads.count);
	ec_arg_int8(&args, usage->writes.count);
	ec_arg(&args, BYTEAOID, ec_usage_users_datum(&usage->reads), false);
	ec_arg(&args, BYTEAOID, ec_usage_users_datum(&usage->writes), false);
	ec_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(usage->unknown.since),
		   usage->unknown.since == 0);
	ec_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(usage->unknown.until),
		   usage->unknown.until == 0);
	ec_arg_timestamptz(&args, usage->tracked_since);
	ec_query("UPDATE expand_contract.usage SET reads = $3, writes = $4, "
			 "readers = $5, writers = $6, unknown_since = $7, unknown_until = $8 "
			 "WHERE relation = $1::regclass AND attnum = $2 AND tracked_since = $9",
			 &args);
}

/* Writes the slots that have changed since they were last written. */
static int
write_columns(EcTrackedSet *set, TimestampTz flushed_at, Flushed *flushed)
{
	int count = 0;

	for (int i = 0; i < set->count; i++)
	{
		EcTracked *column = &set->columns[i];
		EcUsageSlot *slot = &ec_usage->slots[column->slot];
		uint64 changes;
		EcUsage usage;

		if (column->serial != 0)
		{
			LWLockAcquire(ec_usage_lock(slot), LW_SHARED);
			changes = slot->changes;
			if (changes != slot->flushed && slot->serial == column->serial)
			{
				flushed[count].slot = column->slot;
				flushed[count].serial = column->serial;
				flushed[count].changes = changes;
				count++;
			}
			else
				changes = 0;
			LWLockRelease(ec_usage_lock(slot));
			if (changes == 0)
				continue;
		}
		ec_usage_look(set, column, &usage);
		/* the column has no slot: nothing is known of it up to now */
		if (usage.unknown.until == DT_NOEND)
			usage.unknown.until = flushed_at;
		write_column(&usage);
	}
	return count;
}

static void
set_flushed(const Flushed *flushed, int count)
{
	for (int i = 0; i < count; i++)
	{
		EcUsageSlot *slot = &ec_usage->slots[flushed[i].slot];

		LWLockAcquire(ec_usage_lock(slot), LW_EXCLUSIVE);
		if (slot->serial == flushed[i].serial)
			slot->flushed = flushed[i].changes;
		LWLockRelease(ec_usage_lock(slot));
	}
}

/*
 * Updates the names of renamed columns, and deletes the rows of dropped ones.
 */
static void
follow_catalog(void)
{
	ec_query("DELETE FROM expand_contract.usage u WHERE NOT EXISTS "
			 "(SELECT FROM pg_attribute a WHERE a.attrelid = u.relation "
			 "AND a.attnum = u.attnum AND NOT a.attisdropped)",
			 NULL);
	ec_query("UPDATE expand_contract.usage u SET column_name = a.attname "
			 "FROM pg_attribute a WHERE a.attrelid = u.relation "
			 "AND a.attnum = u.attnum AND a.attname <> u.column_name",
			 NULL);
}

static void
write_flush(TimestampTz flushed_at)
{
	EcArgs args = {0};

	ec_arg_timestamptz(&args, flushed_at);
	if (ec_query("UPDATE expand_contract.usage_flush SET flushed_at = $1", &args) == 0)
		ec_query("INSERT INTO expand_contract.usage_flush VALUES ($1)", &args);
}

/*
 * No database worker can free the slots of a database that has been dropped.
 */
static void
free_slots_of_dropped_databases(void)
{
	Oid databases[EC_MAX_TRACKED];
	int count = 0;

	LWLockAcquire(EC_USAGE_KEYS, LW_SHARED);
	for (int i = 0; i < ec_usage->used; i++)
		if (ec_usage->keys[i].serial != 0 &&
			(count == 0 || databases[count - 1] != ec_usage->keys[i].database))
			databases[count++] = ec_usage->keys[i].database;
	LWLockRelease(EC_USAGE_KEYS);

	for (int n = 0; n < count; n++)
	{
		if (SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(databases[n])))
			continue;
		LWLockAcquire(EC_USAGE_KEYS, LW_EXCLUSIVE);
		for (int i = 0; i < ec_usage->used; i++)
			if (ec_usage->keys[i].serial != 0 &&
				ec_usage->keys[i].database == databases[n])
				ec_usage_free(i);
		LWLockRelease(EC_USAGE_KEYS);
	}
}

static void
flush(void)
{
	TimestampTz flushed_at = GetCurrentTimestamp();
	Flushed *flushed = palloc(EC_MAX_TRACKED * sizeof(Flushed));
	int count = 0;
	EcCatalogScope scope;
	EcTrackedSet *set;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	free_slots_of_dropped_databases();
	set = ec_usage_sync(EC_SYNC_AND_FREE);
	if (set->count > 0)
	{
		ec_usage_ask_for_flush();
		ec_catalog_begin(&scope);
		count = write_columns(set, flushed_at, flushed);
		write_flush(flushed_at);
		follow_catalog();
		ec_catalog_end(&scope);
	}
	PopActiveSnapshot();
	CommitTransactionCommand();
	set_flushed(flushed, count);
}

/*
 * What could not be written down would be lost in a crash: until it can be,
 * nothing is known.  Our transaction is rolled back when the worker ends.
 */
static void
flush_or_tell(void)
{
	PG_TRY();
	{
		flush();
	}
	PG_CATCH();
	{
		LWLockReleaseAll();
		ec_usage_note_flush(true);
		errcontext(
			"saving the use of columns; until that succeeds, the use of columns is unknown");
		PG_RE_THROW();
	}
	PG_END_TRY();
	ec_usage_note_flush(false);
}

/* Called in each database worker. */
static void
visit(void)
{
	if (RecoveryInProgress())
		return;
	pgstat_report_activity(STATE_RUNNING, "writing down column usage");
	/*
	 * do not wait for a synchronous standby: a visit that takes long is ended
	 */
	SetConfigOption("synchronous_commit", "off", PGC_USERSET, PGC_S_SESSION);
	flush_or_tell();
}

void
ec_usage_register_flush(void)
{
	ec_register_visitor(visit);
}
