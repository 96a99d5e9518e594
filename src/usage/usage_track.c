/*
 * usage_track.c
 *		ec_track, ec_untrack: choose the columns to track.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "core/distributed.h"
#include "core/hint.h"
#include "core/arguments.h"
#include "usage/usage_memory.h"
#include "usage/usage_sync.h"
#include "core/catalog.h"
#include "core/guc.h"
#include "core/own.h"
#include "core/own_table.h"
#include "core/query.h"
#include "expand_contract.h"
#include "worker/jobs/calls.h"

static bool announce_at_commit = false;

static void
on_transaction_event(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT && announce_at_commit)
	{
		ec_usage_announce();
		/* a flush frees the slots */
		ec_call_launcher(MyDatabaseId, GetCurrentTimestamp());
	}
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT ||
		event == XACT_EVENT_PREPARE)
		announce_at_commit = false;
}

/*
 * Announces that the list of tracked columns changes.  The generation reaches
 * all backends of this server, also those that process no invalidations now.
 * The relcache invalidation reaches standbys, and works when a prepared
 * transaction is committed by another session.
 */
static void
announce(Oid table)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(on_transaction_event, NULL);
		registered = true;
	}
	announce_at_commit = true;
	CacheInvalidateRelcacheByRelid(table);
}

/*
 * The columns of a new row; those from ROW_REPLACED on are set by the trigger.
 */
enum
{
	ROW_RELATION,
	ROW_COLUMN_NAME,
	ROW_REPLACED,
	ROW_ATTNUM = ROW_REPLACED,
	ROW_TRACKED_SINCE,
	ROW_READS,
	ROW_WRITES,
	ROW_READERS,
	ROW_WRITERS,
	ROW_UNKNOWN_SINCE,
	ROW_UNKNOWN_UNTIL,
	ROW_COLUMNS
};

static const EcOwnColumn row_columns[ROW_COLUMNS] = {
	[ROW_RELATION] = {"relation", REGCLASSOID},
	[ROW_COLUMN_NAME] = {"column_name", NAMEOID},
	[ROW_ATTNUM] = {"attnum", INT2OID},
	[ROW_TRACKED_SINCE] = {"tracked_since", TIMESTAMPTZOID},
	[ROW_READS] = {"reads", INT8OID},
	[ROW_WRITES] = {"writes", INT8OID},
	[ROW_READERS] = {"readers", BYTEAOID},
	[ROW_WRITERS] = {"writers", BYTEAOID},
	[ROW_UNKNOWN_SINCE] = {"unknown_since", TIMESTAMPTZOID},
	[ROW_UNKNOWN_UNTIL] = {"unknown_until", TIMESTAMPTZOID},
};

/*
 * A new row starts with empty figures and with the column's present number.  A
 * restored dump identifies columns by name.
 */
static HeapTuple
complete_row(TriggerData *trigger)
{
	TupleDesc desc = RelationGetDescr(trigger->tg_relation);
	HeapTuple row = trigger->tg_trigtuple;
	AttrNumber numbers[ROW_COLUMNS];
	int replaced[ROW_COLUMNS - ROW_REPLACED];
	Datum values[ROW_COLUMNS] = {0};
	bool nulls[ROW_COLUMNS] = {false};
	EcAccess none = {0};
	Oid relation;
	char *name;
	AttrNumber attnum;

	if (!ec_own_columns(trigger->tg_relation, row_columns, ROW_COLUMNS, numbers))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table expand_contract.usage is not as the extension has made it"),
				 errhint("Use ALTER EXTENSION expand_contract UPDATE, or create the extension again.")));
	values[ROW_RELATION] =
		heap_getattr(row, numbers[ROW_RELATION], desc, &nulls[ROW_RELATION]);
	values[ROW_COLUMN_NAME] = heap_getattr(row, numbers[ROW_COLUMN_NAME], desc,
										   &nulls[ROW_COLUMN_NAME]);
	/* the NOT NULL constraints are checked later and give a better message */
	if (nulls[ROW_RELATION] || nulls[ROW_COLUMN_NAME])
		return row;
	relation = DatumGetObjectId(values[ROW_RELATION]);
	name = NameStr(*DatumGetName(values[ROW_COLUMN_NAME]));
	attnum = get_attnum(relation, name);

	if (attnum <= 0)
	{
		ereport(WARNING,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" is not tracked because it does not exist", name),
				 errdetail("Relation \"%s\" has no such column.",
						   get_rel_name(relation) ? get_rel_name(relation) : "?")));
		return NULL;
	}
	for (int i = 0; i < lengthof(replaced); i++)
		replaced[i] = numbers[ROW_REPLACED + i];
	values[ROW_ATTNUM] = Int16GetDatum(attnum);
	values[ROW_TRACKED_SINCE] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[ROW_READS] = values[ROW_WRITES] = Int64GetDatum(0);
	values[ROW_READERS] = values[ROW_WRITERS] = ec_usage_users_datum(&none);
	nulls[ROW_UNKNOWN_SINCE] = nulls[ROW_UNKNOWN_UNTIL] = true;
	return heap_modify_tuple_by_cols(row, desc, lengthof(replaced), replaced,
									 values + ROW_REPLACED, nulls + ROW_REPLACED);
}

PG_FUNCTION_INFO_V1(ec_usage_changed);

/* expand_contract.usage_changed() → trigger */
Datum
ec_usage_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TriggerEvent event;

	/* users can create triggers with this function on their own tables */
	if (!CALLED_AS_TRIGGER(fcinfo) ||
		RelationGetRelid(trigger->tg_relation) != ec_own_table("usage"))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("expand_contract.usage_changed() is a trigger of expand_contract.usage only")));
	event = trigger->tg_event;
	if (TRIGGER_FIRED_AFTER(event))
	{
		announce(RelationGetRelid(trigger->tg_relation));
		return PointerGetDatum(NULL);
	}
	if (!TRIGGER_FIRED_BEFORE(event) || !TRIGGER_FIRED_FOR_ROW(event) ||
		!TRIGGER_FIRED_BY_INSERT(event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("expand_contract.usage_changed() must be a BEFORE INSERT trigger for each row, or an AFTER trigger")));
	return PointerGetDatum(complete_row(trigger));
}

static void
require_memory(void)
{
	if (ec_usage == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("column usage cannot be tracked"),
				 errdetail("The library expand_contract is not preloaded, so most sessions would not be seen."),
				 errhint("Add expand_contract to shared_preload_libraries and restart the server.")));
}

static void
require_trackable(Relation relation)
{
	const char *what = NULL;

	if (!has_privs_of_role(GetUserId(), relation->rd_rel->relowner))
		aclcheck_error(ACLCHECK_NOT_OWNER,
					   get_relkind_objtype(relation->rd_rel->relkind),
					   RelationGetRelationName(relation));
	switch (relation->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_FOREIGN_TABLE:
		case RELKIND_MATVIEW:
			if (IsCatalogRelation(relation))
				what = "It is a system catalog.";
			else if (relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
				what = "It is a temporary table.";
			break;
		case RELKIND_VIEW:
			what = "It is a view: uses through it count for the tables it reads.";
			break;
		default:
			what = "It is not a table.";
	}
	if (what != NULL)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("columns of \"%s\" cannot be tracked",
							   RelationGetRelationName(relation)),
						errdetail_internal("%s", what),
						errhint("Track columns of tables.")));
	ec_refuse_distributed(RelationGetRelid(relation));
}

/* The columns that the argument names; NULL means all. */
static List *
columns_of(Relation relation, ArrayType *names)
{
	TupleDesc desc = RelationGetDescr(relation);
	List *columns = NIL;
	ListCell *cell;

	if (names == NULL)
	{
		for (int i = 0; i < desc->natts; i++)
			if (!TupleDescAttr(desc, i)->attisdropped)
				columns =
					lappend(columns,
							pstrdup(NameStr(TupleDescAttr(desc, i)->attname)));
		return columns;
	}
	columns = ec_text_list(names, "columns");
	foreach (cell, columns)
	{
		char *name = lfirst(cell);

		if (get_attnum(RelationGetRelid(relation), name) <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("column \"%s\" of relation \"%s\" does not exist",
							name, RelationGetRelationName(relation)),
					 errhint("Only columns that a table defines can be tracked, by their names as they are stored.")));
	}
	return columns;
}

/*
 * The slots of this transaction's rows are allocated later, so they are not
 * included in the ones taken.
 */
static void
require_free_slots(int wanted)
{
	int taken = 0;

	LWLockAcquire(EC_USAGE_KEYS, LW_SHARED);
	for (int i = 0; i < ec_usage->used; i++)
		taken += ec_usage->keys[i].serial != 0;
	LWLockRelease(EC_USAGE_KEYS);
	if (taken + wanted > EC_MAX_TRACKED)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many columns are tracked"),
				 errdetail("At most %d columns can be tracked in the whole cluster, and %d are.",
						   EC_MAX_TRACKED, taken),
				 ec_errhint(
					 "Use ec_untrack for columns that need no tracking any more; their slots become free after a moment.")));
}

/*
 * All databases of the cluster share the slots in shared memory, so the number
 * of columns per owner is limited.  The lock serializes the transactions that
 * count the columns of one owner.
 */
static void
require_share(Oid relation)
{
	Oid owner;
	EcCatalogScope scope;
	EcArgs args = {0};
	LOCKTAG tag;
	int64 tracked;

	ec_catalog_begin(&scope);
	ec_arg_oid(&args, relation);
	(void) ec_query("SELECT relowner FROM pg_class WHERE oid = $1", &args);
	owner = ec_get_oid(0, 1);
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, owner, 0, EC_LOCK_TRACK);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
	/* take a new snapshot after waiting for the lock */
	CommandCounterIncrement();
	memset(&args, 0, sizeof(args));
	ec_arg_oid(&args, owner);
	(void) ec_query("SELECT count(*) FROM expand_contract.usage u"
					"  JOIN pg_class c ON c.oid = u.relation::oid"
					" WHERE c.relowner = $1",
					&args);
	tracked = ec_get_int8(0, 1, 0);
	ec_catalog_end(&scope);
	if (tracked > ec_max_tracked_columns)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many columns of tables of role \"%s\" would be tracked",
						GetUserNameFromId(owner, false)),
				 errdetail("There would be " INT64_FORMAT
						   " in this database, and expand_contract.max_tracked_columns is %d.",
						   tracked, ec_max_tracked_columns),
				 ec_errhint(
					 "Name the columns to be removed, or use ec_untrack for others; a superuser can raise the setting.")));
}

/* Runs a statement for each column; returns the number of rows changed. */
static int
change_rows(Oid relation, List *columns, const char *sql)
{
	bool own_before = ec_own_reads;
	volatile int changed = 0;
	EcCatalogScope scope;

	ec_catalog_begin(&scope);
	/* the hook must not read the list again after each row */
	ec_own_reads = true;
	PG_TRY();
	{
		ListCell *cell;

		foreach (cell, columns)
		{
			EcArgs args = {0};

			ec_arg_oid(&args, relation);
			ec_arg_text(&args, lfirst(cell));
			changed += ec_query(sql, &args);
		}
	}
	PG_FINALLY();
	{
		ec_own_reads = own_before;
	}
	PG_END_TRY();
	ec_catalog_end(&scope);
	return changed;
}

static int
for_each_column(FunctionCallInfo fcinfo, const char *sql)
{
	Relation relation;
	List *columns;
	int changed;

	ec_require_argument(fcinfo, 0, "relation", NULL);
	relation = try_relation_open(PG_GETARG_OID(0), AccessShareLock);
	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", PG_GETARG_OID(0))));
	require_trackable(relation);
	columns =
		columns_of(relation, PG_ARGISNULL(1) ? NULL : PG_GETARG_ARRAYTYPE_P(1));
	changed = change_rows(RelationGetRelid(relation), columns, sql);
	relation_close(relation, NoLock);
	return changed;
}

PG_FUNCTION_INFO_V1(ec_track);

/*
 * ec_track(relation, columns) → number of columns that were not tracked before
 *
 * Raises 55000 if the library is not preloaded, 42501 if the caller does not
 * own the table.
 */
Datum
ec_track(PG_FUNCTION_ARGS)
{
	int added;

	require_memory();
	added =
		for_each_column(fcinfo,
						"INSERT INTO expand_contract.usage (relation, attnum, column_name) "
						"VALUES ($1::regclass, 0, $2) ON CONFLICT DO NOTHING");
	if (added > 0)
	{
		require_share(PG_GETARG_OID(0));
		require_free_slots(added);
	}
	PG_RETURN_INT32(added);
}

PG_FUNCTION_INFO_V1(ec_untrack);

/* ec_untrack(relation, columns) → number of columns that were tracked */
Datum
ec_untrack(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(
		for_each_column(fcinfo,
						"DELETE FROM expand_contract.usage u USING pg_attribute a "
						"WHERE u.relation = $1::regclass AND a.attrelid = u.relation "
						"AND a.attnum = u.attnum AND a.attname = $2"));
}
