/*
 * usage_sync.c
 *		Synchronizes the table of tracked columns and shared memory.
 *
 * A row of the table makes a column tracked; a slot in shared memory counts
 * its uses.  Each process that reads the table allocates slots for rows that
 * have none.  So a row is effective wherever it comes from (ec_track, a
 * restored dump, a copied database, replication).  Slots without a row are
 * freed only by the launcher's database worker.  Another process might see
 * rows deleted only because its own transaction has deleted them, and that may
 * still roll back.
 *
 * A new slot takes over the table's figures.  Nothing is known of the time
 * between the last flush and the start of the slot: either nobody counted (the
 * row is new), or the counts are lost (a crash, a promotion).  The slot
 * records that time.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "usage/usage_memory.h"
#include "usage/usage_sync.h"
#include "core/compat.h"
#include "core/own_table.h"

enum
{
	USAGE_RELATION,
	USAGE_ATTNUM,
	USAGE_COLUMN_NAME,
	USAGE_TRACKED_SINCE,
	USAGE_READS,
	USAGE_WRITES,
	USAGE_READERS,
	USAGE_WRITERS,
	USAGE_UNKNOWN_SINCE,
	USAGE_UNKNOWN_UNTIL,
	USAGE_COLUMNS
};

static const EcOwnColumn usage_columns[USAGE_COLUMNS] = {
	[USAGE_RELATION] = {"relation", REGCLASSOID},
	[USAGE_ATTNUM] = {"attnum", INT2OID},
	[USAGE_COLUMN_NAME] = {"column_name", NAMEOID},
	[USAGE_TRACKED_SINCE] = {"tracked_since", TIMESTAMPTZOID},
	[USAGE_READS] = {"reads", INT8OID},
	[USAGE_WRITES] = {"writes", INT8OID},
	[USAGE_READERS] = {"readers", BYTEAOID},
	[USAGE_WRITERS] = {"writers", BYTEAOID},
	[USAGE_UNKNOWN_SINCE] = {"unknown_since", TIMESTAMPTZOID},
	[USAGE_UNKNOWN_UNTIL] = {"unknown_until", TIMESTAMPTZOID},
};

static const EcOwnColumn flush_columns[] = {{"flushed_at", TIMESTAMPTZOID}};

/* Users are stored in binary form: the used part of the array. */
Datum
ec_usage_users_datum(const EcAccess *access)
{
	Size length = access->user_count * sizeof(EcUser);
	bytea *users = palloc(VARHDRSZ + length);

	SET_VARSIZE(users, VARHDRSZ + length);
	memcpy(VARDATA(users), access->users, length);
	return PointerGetDatum(users);
}

/*
 * Reads one user from a row.  The bytes may be anything, for example edited by
 * hand, or written by a server with another encoding.  Returns false if they
 * are not valid.
 */
static bool
read_user(EcUser *user, const char *image)
{
	memcpy(user, image, sizeof(EcUser));
	user->application[NAMEDATALEN - 1] = user->role[NAMEDATALEN - 1] = '\0';
	/* pad with zeroes, because users are compared bytewise */
	MemSet(user->application + strlen(user->application), 0,
		   NAMEDATALEN - strlen(user->application));
	MemSet(user->role + strlen(user->role), 0, NAMEDATALEN - strlen(user->role));
	return IS_VALID_TIMESTAMP(user->at) &&
		   pg_verify_mbstr(GetDatabaseEncoding(), user->application,
						   strlen(user->application), true) &&
		   pg_verify_mbstr(GetDatabaseEncoding(), user->role,
						   strlen(user->role), true);
}

static void
read_access(EcAccess *access, const Datum *count, const Datum *users)
{
	bytea *image;
	int user_count;

	memset(access, 0, sizeof(*access));
	if (count != NULL)
		access->count = Max(0, DatumGetInt64(*count));
	if (users == NULL)
		return;
	image = DatumGetByteaPP(*users);
	user_count = VARSIZE_ANY_EXHDR(image) / sizeof(EcUser);
	for (int i = 0; i < Min(user_count, EC_RECENT_USERS); i++)
	{
		EcUser user;

		if (read_user(&user, VARDATA_ANY(image) + i * sizeof(EcUser)))
			ec_usage_add_user(access, &user);
	}
}

/*
 * The table may be locked for a long time, for example by a DROP EXTENSION
 * that has not committed.  The application must not wait for that.
 */
static Relation
open_table(Oid table, bool may_wait)
{
	if (!OidIsValid(table))
		return NULL;
	if (may_wait)
		LockRelationOid(table, AccessShareLock);
	else if (!ConditionalLockRelationOid(table, AccessShareLock))
		return NULL;
	return try_table_open(table, NoLock);
}

static void
close_and_unlock(Relation table)
{
	if (table != NULL)
		table_close(table, AccessShareLock);
}

/* Uses a new catalog snapshot instead of the transaction's snapshot. */
static SysScanDesc
begin_scan(Relation table)
{
	return systable_beginscan(table, InvalidOid, false, NULL, 0, NULL);
}

/* Returns a column of a row, or NULL if it is null. */
static const Datum *
get(Relation table, HeapTuple tuple, AttrNumber number, Datum *value)
{
	bool isnull;

	*value = heap_getattr(tuple, number, RelationGetDescr(table), &isnull);
	return isnull ? NULL : value;
}

static TimestampTz
get_time(Relation table, HeapTuple tuple, AttrNumber number)
{
	Datum value;

	return get(table, tuple, number, &value) != NULL ? DatumGetTimestampTz(value)
													 : 0;
}

static void
read_flush(EcTrackedSet *set, Relation table, const AttrNumber *numbers)
{
	SysScanDesc scan = begin_scan(table);
	HeapTuple tuple = systable_getnext(scan);

	if (HeapTupleIsValid(tuple))
		set->flushed_at = get_time(table, tuple, numbers[0]);
	systable_endscan(scan);
}

static EcUsage *
read_usage(const EcTracked *column, Relation table, HeapTuple tuple,
		   const AttrNumber *numbers)
{
	EcUsage *usage = palloc0(sizeof(EcUsage));
	Datum values[USAGE_COLUMNS];
	const Datum *is[USAGE_COLUMNS];

	for (int i = 0; i < USAGE_COLUMNS; i++)
		is[i] = get(table, tuple, numbers[i], &values[i]);
	usage->relation = column->relation;
	usage->attnum = column->attnum;
	usage->tracked_since = column->tracked_since;
	if (is[USAGE_COLUMN_NAME] != NULL)
		namestrcpy(&usage->column_name,
				   NameStr(*DatumGetName(values[USAGE_COLUMN_NAME])));
	read_access(&usage->reads, is[USAGE_READS], is[USAGE_READERS]);
	read_access(&usage->writes, is[USAGE_WRITES], is[USAGE_WRITERS]);
	usage->unknown.since = get_time(table, tuple, numbers[USAGE_UNKNOWN_SINCE]);
	usage->unknown.until = get_time(table, tuple, numbers[USAGE_UNKNOWN_UNTIL]);
	return usage;
}

/* Does a slot exist that has taken over the table's figures? */
static bool
has_merged_slot(const EcTracked *column)
{
	bool is_merged = false;
	int slot;

	LWLockAcquire(EC_USAGE_KEYS, LW_SHARED);
	slot = ec_usage_find(column);
	if (slot >= 0)
		is_merged = ec_usage->slots[slot].merged;
	LWLockRelease(EC_USAGE_KEYS);
	return is_merged;
}

/* Returns false if the row does not identify a column. */
static bool
read_key(EcTracked *column, Relation table, HeapTuple tuple, const AttrNumber *numbers)
{
	Datum relation;
	Datum attnum;

	memset(column, 0, sizeof(*column));
	if (get(table, tuple, numbers[USAGE_RELATION], &relation) == NULL ||
		get(table, tuple, numbers[USAGE_ATTNUM], &attnum) == NULL)
		return false;
	column->relation = DatumGetObjectId(relation);
	column->attnum = DatumGetInt16(attnum);
	column->tracked_since = get_time(table, tuple, numbers[USAGE_TRACKED_SINCE]);
	column->is_ours =
		TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
	return column->attnum > 0 && IS_VALID_TIMESTAMP(column->tracked_since);
}

static void
read_columns(EcTrackedSet *set, Relation table, const AttrNumber *numbers,
			 EcSyncMode mode)
{
	SysScanDesc scan = begin_scan(table);
	HeapTuple tuple;
	int allocated = 32;

	set->columns = palloc(allocated * sizeof(EcTracked));
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		EcTracked column;

		if (!read_key(&column, table, tuple, numbers))
			continue;
		if (set->count == allocated)
		{
			allocated *= 2;
			set->columns = repalloc(set->columns, allocated * sizeof(EcTracked));
		}
		if (mode != EC_SYNC_NO_WAIT || !has_merged_slot(&column))
			column.usage = read_usage(&column, table, tuple, numbers);
		set->columns[set->count++] = column;
	}
	systable_endscan(scan);
}

static EcTrackedSet *
read_tables(EcSyncMode mode)
{
	EcTrackedSet *set = palloc0(sizeof(EcTrackedSet));
	AttrNumber usage_numbers[lengthof(usage_columns)];
	AttrNumber flush_numbers[lengthof(flush_columns)];
	Relation columns;
	Relation flush;

	set->table = ec_own_table("usage");
	columns = open_table(set->table, mode != EC_SYNC_NO_WAIT);
	flush = open_table(ec_own_table("usage_flush"), mode != EC_SYNC_NO_WAIT);
	if (columns == NULL || flush == NULL)
		set->is_locked_out = OidIsValid(set->table);
	else if (ec_own_columns(columns, usage_columns, lengthof(usage_columns),
							usage_numbers) &&
			 ec_own_columns(flush, flush_columns, lengthof(flush_columns),
							flush_numbers))
	{
		read_flush(set, flush, flush_numbers);
		read_columns(set, columns, usage_numbers, mode);
	}
	close_and_unlock(flush);
	close_and_unlock(columns);
	return set;
}

/*
 * The beginning of the time that is not covered by the table's figures.  A row
 * that was never flushed has no flush time of its own, and the table's flushes
 * do not count for it, because its transaction may have committed after them.
 */
static TimestampTz
unknown_since(const EcTrackedSet *set, const EcUsage *usage)
{
	if (usage->unknown.until == 0)
		return usage->tracked_since;
	return Max(set->flushed_at, usage->tracked_since);
}

static void
merge_access(EcAccess *into, const EcAccess *from)
{
	into->count += from->count;
	for (int i = 0; i < from->user_count; i++)
		ec_usage_add_user(into, &from->users[i]);
}

static void
merge(const EcTrackedSet *set, const EcTracked *column, EcUsageSlot *slot)
{
	EcUnknown unknown;

	if (column->usage == NULL)
		return; /* it had been merged when the table was read */
	unknown.since = unknown_since(set, column->usage);
	/*
	 * a slot of a promoted standby has counted earlier, but not the primary's
	 * uses
	 */
	unknown.until = Max(slot->since, ec_usage->began);

	LWLockAcquire(ec_usage_lock(slot), LW_EXCLUSIVE);
	if (!slot->merged)
	{
		merge_access(&slot->reads, &column->usage->reads);
		merge_access(&slot->writes, &column->usage->writes);
		slot->unknown = unknown;
		slot->merged = true;
		slot->changes++;
	}
	LWLockRelease(ec_usage_lock(slot));
}

/*
 * Finds or allocates the slot of each row.  Without a free slot a column is
 * tracked but not counted, so nothing is known of it.  Returns false if slots
 * are to be freed but the table has changed since it was read.
 */
static bool
attach(EcTrackedSet *set, uint32 generation, bool may_free)
{
	bool wanted[EC_MAX_TRACKED] = {false};
	bool is_current;

	LWLockAcquire(EC_USAGE_KEYS, LW_EXCLUSIVE);
	is_current = pg_atomic_read_u32(&ec_usage->generation) == generation;
	for (int i = 0; i < set->count; i++)
	{
		EcTracked *column = &set->columns[i];
		int slot = ec_usage_find(column);

		if (slot < 0 && !column->is_ours)
			slot = ec_usage_allocate(column);
		if (slot < 0)
			continue;
		wanted[slot] = true;
		column->slot = slot;
		column->serial = ec_usage->keys[slot].serial;
		if (ec_usage->timeline != 0)
			merge(set, column, &ec_usage->slots[slot]);
	}
	for (int i = 0; i < ec_usage->used && may_free && is_current; i++)
		if (!wanted[i] && ec_usage->keys[i].serial != 0 &&
			ec_usage->keys[i].database == MyDatabaseId)
			ec_usage_free(i);
	LWLockRelease(EC_USAGE_KEYS);
	return is_current || !may_free;
}

EcTrackedSet *
ec_usage_sync(EcSyncMode mode)
{
	EcTrackedSet *set;
	uint32 generation;

	if (ec_usage == NULL)
		return read_tables(mode);
	ec_usage_check_timeline();
	do
	{
		generation = pg_atomic_read_u32(&ec_usage->generation);
		set = read_tables(mode);
	} while (!attach(set, generation, mode == EC_SYNC_AND_FREE));
	return set;
}

void
ec_usage_look(const EcTrackedSet *set, const EcTracked *column, EcUsage *usage)
{
	bool is_counted = column->serial != 0;
	TimestampTz since = 0;

	*usage = *column->usage;
	if (is_counted)
	{
		EcUsageSlot *slot = &ec_usage->slots[column->slot];

		LWLockAcquire(ec_usage_lock(slot), LW_SHARED);
		is_counted = slot->serial == column->serial;
		if (is_counted)
		{
			usage->reads = slot->reads;
			usage->writes = slot->writes;
			usage->unknown = slot->unknown;
			usage->unwritten_since = slot->unwritten_since;
			since = slot->since;
		}
		LWLockRelease(ec_usage_lock(slot));
	}
	if (!is_counted)
	{
		usage->unknown.since = unknown_since(set, column->usage);
		usage->unknown.until = DT_NOEND;
	}
	else if (RecoveryInProgress())
		/* on a standby, its own counts are shown */
		usage->tracked_since = Max(usage->tracked_since, since);
}

/*
 * If the time since tracked_since begins with a time for which nothing is
 * known, shows the end of that time as tracked_since.
 */
void
ec_usage_look_at_watch(const EcTrackedSet *set, const EcTracked *column,
					   EcUsage *usage)
{
	ec_usage_look(set, column, usage);
	if (usage->unwritten_since != 0)
	{
		usage->unknown.since = usage->unwritten_since;
		usage->unknown.until = DT_NOEND;
	}
	if (usage->unknown.since <= usage->tracked_since &&
		usage->unknown.until != DT_NOEND && usage->unknown.until != 0)
	{
		usage->tracked_since = Max(usage->tracked_since, usage->unknown.until);
		usage->unknown.since = usage->unknown.until = 0;
	}
}
