/*
 * change.c
 *		Reads and writes changes in the tables expand_contract.changes and
 *		change_columns.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "core/hint.h"
#include "core/catalog.h"
#include "core/clip.h"
#include "core/guc.h"
#include "core/json.h"
#include "core/own_table.h"
#include "core/query.h"
#include "model/change.h"
#include "expand_contract.h"

#define CHANNEL "expand_contract"

static const char *const side_names[] = {"old", "new", "key", "unmapped"};

const char *
ec_side_name(EcSide side)
{
	return side_names[side];
}

char *
ec_change_trigger_name(const char *change)
{
	return psprintf(EC_TRIGGER_PREFIX "%s", change);
}

char *
ec_change_full_name(const char *name)
{
	size_t length = strlen(ec_scope);

	if (length == 0 || *name == '\0' ||
		(strncmp(name, ec_scope, length) == 0 && name[length] == '/'))
		return pstrdup(name);
	return psprintf("%s/%s", ec_scope, name);
}

char *
ec_change_argument(FunctionCallInfo fcinfo, int n)
{
	return ec_change_full_name(text_to_cstring(PG_GETARG_TEXT_PP(n)));
}

/* Runs a query with the latest snapshot instead of the transaction's. */
static uint64
query_now(const char *sql, const char *name)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	EcArgs args = {0};
	SPIPlanPtr plan;

	ec_arg_text(&args, name);
	plan = SPI_prepare(sql, args.count, args.types);
	if (plan == NULL ||
		SPI_execute_snapshot(plan, args.values, args.nulls, snapshot,
							 InvalidSnapshot, true, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not run \"%s\"", sql);
	UnregisterSnapshot(snapshot);
	return SPI_processed;
}

static List *
names_of(uint64 row, int column)
{
	bool isnull;
	Datum array = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
								column, &isnull);
	List *names = NIL;
	Datum *values;
	bool *nulls;
	int count;

	if (isnull)
		return NIL;
	if (SPI_gettypeid(SPI_tuptable->tupdesc, column) != TEXTARRAYOID)
		ec_refuse_row("changes", "A list of names has another type.");
	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false,
					  TYPALIGN_INT, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ec_refuse_row("changes", "A list of names contains a null.");
		names = lappend(names, TextDatumGetCString(values[i]));
	}
	return names;
}

/* Copies a list, because SPI's memory is freed. */
static List *
copy_names(List *names)
{
	List *copy = NIL;
	ListCell *cell;

	foreach (cell, names)
	{
		copy = lappend(copy, pstrdup(lfirst(cell)));
	}
	return copy;
}

static Oid
table_of(const EcChange *change, EcSide side)
{
	return OidIsValid(change->target) && side == EC_SIDE_NEW ? change->target
															 : change->relation;
}

static EcSide
side_from_name(const char *name)
{
	for (EcSide side = EC_SIDE_OLD; side <= EC_SIDE_UNMAPPED; side++)
		if (strcmp(name, side_names[side]) == 0)
			return side;
	ec_refuse_row("change_columns", psprintf("It is of side \"%s\".", name));
	return EC_SIDE_OLD; /* keep the compiler quiet */
}

/*
 * Stored attribute numbers are valid only for the table for which they were
 * stored.  In a table restored from a dump, columns are found by their present
 * names.
 */
static AttrNumber
restored_attnum(const EcChange *change, EcSide side, const char *present_name)
{
	return get_attnum(table_of(change, side), present_name);
}

/*
 * A number that the table never had is treated like that of a dropped column.
 */
static AttrNumber
stored_attnum(const EcChange *change, EcSide side, int32 attnum)
{
	HeapTuple tuple;
	bool is_dropped;

	if (attnum < 1 || attnum > MaxHeapAttributeNumber)
		return InvalidAttrNumber;
	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(table_of(change, side)),
							Int16GetDatum(attnum));
	if (!HeapTupleIsValid(tuple))
		return InvalidAttrNumber;
	is_dropped = ((Form_pg_attribute) GETSTRUCT(tuple))->attisdropped;
	ReleaseSysCache(tuple);
	return is_dropped ? InvalidAttrNumber : attnum;
}

/*
 * The key positions of a table must be 1, 2, 3 and so on, without duplicates.
 */
static void
check_key(const EcChange *change, const List *columns, Oid table)
{
	Bitmapset *positions = NULL;
	ListCell *cell;

	foreach (cell, columns)
	{
		EcChangeColumn *column = lfirst(cell);

		if (column->key_position == 0 || table_of(change, column->side) != table)
			continue;
		if (column->key_position < 0 || column->key_position > list_length(columns) ||
			bms_is_member(column->key_position, positions))
			ec_refuse_row("change_columns",
						  psprintf("Column \"%s\" of change \"%s\" has no position in the key.",
								   column->name, change->name));
		positions = bms_add_member(positions, column->key_position);
	}
	if (bms_num_members(positions) > 0 &&
		!bms_is_member(bms_num_members(positions), positions))
		ec_refuse_row("change_columns",
					  psprintf("The key of change \"%s\" is not complete.",
							   change->name));
	bms_free(positions);
}

static void
load_columns(EcChange *change, MemoryContext memory)
{
	uint64 count;

	count = query_now("SELECT side, name, attnum::int, expression, key_position::int, calls,"
					  "       present_name, (to_jsonb(c) ->> 'goes')::boolean, to_jsonb(c) ->> 'tree'"
					  "  FROM expand_contract.change_columns c WHERE change = $1"
					  " ORDER BY attnum, side",
					  change->name);
	for (uint64 row = 0; row < count; row++)
	{
		MemoryContext caller;
		EcChangeColumn *column;

		caller = MemoryContextSwitchTo(memory);
		column = palloc0_object(EcChangeColumn);
		column->side = side_from_name(ec_get_text(row, 1));
		column->name = ec_get_text(row, 2);
		column->present_name = ec_get_text(row, 7);
		column->number = ec_get_int4(row, 3, 0);
		column->attnum =
			change->is_restored
				? restored_attnum(change, column->side, column->present_name)
				: stored_attnum(change, column->side, column->number);
		column->expression = ec_get_text(row, 4);
		column->key_position = ec_get_int4(row, 5, 0);
		column->calls = names_of(row, 6);
		column->goes = ec_get_bool(row, 8, false);
		/*
		 * the stored tree contains OIDs, which differ in a restored database
		 */
		column->tree = change->is_restored ? NULL : ec_get_text(row, 9);
		if (column->side == EC_SIDE_UNMAPPED)
			change->unmapped = lappend(change->unmapped, column);
		else
			change->columns = lappend(change->columns, column);
		MemoryContextSwitchTo(caller);
	}
	check_key(change, change->columns, change->relation);
	if (OidIsValid(change->target))
		check_key(change, change->columns, change->target);
}

bool
ec_change_load(const char *name, EcChange *change)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	bool found;

	memset(change, 0, sizeof(*change));
	ec_catalog_begin(&scope);
	found =
		query_now("SELECT relation::oid, target::oid, forward, backward,"
				  "       key_columns, on_error = 'record', phase,"
				  "       dual_write, relation_oid,"
				  /*
					   * to_jsonb gives NULL for columns that an older
					   * version's table lacks
					   */
				  "       (to_jsonb(c) ->> 'owner')::oid, to_jsonb(c) ->> 'owner_name',"
				  "       coalesce((to_jsonb(c) ->> 'whole_table')::boolean, c.target IS NOT NULL),"
				  "       to_jsonb(c) -> 'settings', to_jsonb(c) -> 'kept_names'"
				  "  FROM expand_contract.changes c WHERE name = $1",
				  name) == 1;
	if (found)
	{
		List *key = names_of(0, 5);
		MemoryContext caller;

		change->relation = ec_get_oid(0, 1);
		change->target = ec_get_oid(0, 2);
		change->forward = ec_get_jsonb(0, 3);
		change->backward = ec_get_jsonb(0, 4);
		change->records = ec_get_bool(0, 6, false);
		change->phase = ec_get_text(0, 7);
		change->dual_write = ec_get_bool(0, 8, false);
		change->is_restored = ec_get_oid(0, 9) != change->relation;
		change->owner = ec_get_oid(0, 10);
		change->owner_name = ec_get_text(0, 11);
		change->whole_table = ec_get_bool(0, 12, false);
		change->settings = ec_get_jsonb(0, 13);
		if (change->settings != NULL && !JB_ROOT_IS_OBJECT(change->settings))
			change->settings = NULL;
		change->kept_names = ec_get_jsonb(0, 14);
		if (change->kept_names != NULL && !JB_ROOT_IS_OBJECT(change->kept_names))
			change->kept_names = NULL;
		caller = MemoryContextSwitchTo(memory);
		change->name = pstrdup(name);
		change->key = copy_names(key);
		MemoryContextSwitchTo(caller);
		load_columns(change, memory);
	}
	ec_catalog_end(&scope);
	return found;
}

/* The tables are gone.  An OID can be another role's in a restored database. */
static bool
was_mine(const EcChange *change)
{
	char *name =
		OidIsValid(change->owner) ? GetUserNameFromId(change->owner, true) : NULL;

	return superuser() || (name != NULL && change->owner_name != NULL &&
						   strcmp(name, change->owner_name) == 0 &&
						   has_privs_of_role(GetUserId(), change->owner));
}

bool
ec_change_is_mine(const EcChange *change)
{
	bool owner;
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(change->relation));

	if (!HeapTupleIsValid(tuple) && OidIsValid(change->target))
		tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(change->target));
	if (!HeapTupleIsValid(tuple))
		return was_mine(change);
	owner = has_privs_of_role(GetUserId(),
							  ((Form_pg_class) GETSTRUCT(tuple))->relowner);
	ReleaseSysCache(tuple);
	return owner;
}

static void
load_existing(const char *name, EcChange *change)
{
	if (!ec_change_load(name, change))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("change \"%s\" does not exist", name),
						ec_errhint("The view ec_changes lists those that do.")));
}

static void
require_mine(const EcChange *change, bool is_mine, const char *hint)
{
	if (!is_mine)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be owner of the table of change \"%s\"",
							   change->name),
						get_rel_name(change->relation) != NULL
							? errdetail("It is a change of table \"%s\".",
										get_rel_name(change->relation))
							: errdetail("Its table does not exist any more."),
						errhint("%s", hint)));
}

void
ec_change_get(const char *name, EcChange *change)
{
	load_existing(name, change);
	require_mine(change, ec_change_is_mine(change),
				 "Ask the table's owner, or a member of that role.");
}

bool
ec_change_may_see(const EcChange *change)
{
	return ec_change_is_mine(change) || ec_may_monitor();
}

void
ec_change_get_to_see(const char *name, EcChange *change)
{
	load_existing(name, change);
	require_mine(change, ec_change_may_see(change),
				 "Ask the table's owner, or a member of that role or of pg_monitor.");
}

bool
ec_change_is_over(const EcChange *change)
{
	return strcmp(change->phase, EC_PHASE_CONTRACTED) == 0 ||
		   strcmp(change->phase, EC_PHASE_REVERTED) == 0;
}

bool
ec_old_is_authority(const EcChange *change)
{
	return strcmp(change->phase, EC_PHASE_CUT_OVER) != 0 &&
		   strcmp(change->phase, EC_PHASE_QUARANTINED) != 0;
}

bool
ec_has_backward(const EcChange *change)
{
	return change->backward != NULL;
}

void
ec_change_require_active(const EcChange *change)
{
	if (ec_change_is_over(change))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("change \"%s\" has ended", change->name),
						errdetail("Its phase is \"%s\".", change->phase),
						ec_errhint("Register a new change with ec_expand.")));
}

static void
arg_names(EcArgs *args, List *names)
{
	Datum *values = palloc(sizeof(Datum) * Max(1, list_length(names)));
	int count = 0;
	ListCell *cell;

	foreach (cell, names)
	{
		values[count++] = CStringGetTextDatum(lfirst(cell));
	}
	ec_arg(args, TEXTARRAYOID,
		   PointerGetDatum(construct_array(values, count, TEXTOID, -1, false,
										   TYPALIGN_INT)),
		   names == NIL);
}

/*
 * Makes all sessions read the change again.  A table that no longer exists has
 * no trigger to do so.
 */
static void
make_sessions_look(Oid relation)
{
	if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relation)))
		CacheInvalidateRelcacheByRelid(relation);
}

/* Call in scope. */
static void
insert_columns(const EcChange *change, const List *columns)
{
	ListCell *cell;

	foreach (cell, columns)
	{
		EcChangeColumn *column = lfirst(cell);
		EcArgs args = {0};

		ec_arg_text(&args, change->name);
		ec_arg_text(&args, side_names[column->side]);
		ec_arg_text(&args, column->name);
		ec_arg_int4(&args, column->attnum);
		ec_arg_text(&args, column->expression);
		ec_arg_int4(&args, column->key_position);
		arg_names(&args, column->calls);
		ec_arg_bool(&args, column->goes);
		ec_arg_text(&args, column->tree);
		(void) ec_query("INSERT INTO expand_contract.change_columns"
						"       (change, side, name, attnum, expression, key_position, calls,"
						"        present_name, goes, tree)"
						" VALUES ($1, $2, $3, $4, $5, nullif($6, 0), $7, $3, $8, $9)",
						&args);
	}
}

void
ec_change_renew(const EcChange *change, bool had_gap)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_text(&args, change->name);
	/* keep what the quarantine has stored in the old rows */
	(void) ec_query("UPDATE expand_contract.change_columns SET attnum = - attnum"
					" WHERE change = $1",
					&args);
	insert_columns(change, change->columns);
	insert_columns(change, change->unmapped);
	(void) ec_query("UPDATE expand_contract.change_columns n"
					"   SET quarantined_from = o.quarantined_from, not_null_in = o.not_null_in"
					"  FROM expand_contract.change_columns o"
					" WHERE n.change = $1 AND n.attnum > 0 AND o.change = n.change AND o.attnum < 0"
					"   AND o.side = n.side AND o.name = n.name AND o.quarantined_from IS NOT NULL",
					&args);
	(void) ec_query("DELETE FROM expand_contract.change_columns"
					" WHERE change = $1 AND attnum < 0",
					&args);
	if (had_gap)
		(void) ec_query("INSERT INTO expand_contract.gaps (change, reason)"
						" VALUES ($1, 'no trigger')",
						&args);
	ec_arg_oid(&args, change->owner);
	ec_arg_text(&args, change->owner_name);
	ec_arg_jsonb(&args, change->settings);
	ec_arg_jsonb(&args, change->forward);
	ec_arg_jsonb(&args, change->backward);
	arg_names(&args, change->key);
	(void) ec_query("UPDATE expand_contract.changes"
					"   SET relation_oid = relation, owner = $2, owner_name = $3, settings = $4,"
					"       forward = $5, backward = $6, key_columns = $7"
					" WHERE name = $1",
					&args);
	ec_catalog_end(&scope);
	make_sessions_look(change->relation);
	if (OidIsValid(change->target))
		make_sessions_look(change->target);
}

void
ec_change_insert(const EcChange *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	EcArgs name = {0};
	bool was_on;

	ec_arg_text(&name, change->name);
	ec_catalog_begin(&scope);
	ec_arg_text(&args, change->name);
	ec_arg_oid(&args, change->relation);
	ec_arg_oid(&args, change->target);
	ec_arg_jsonb(&args, change->forward);
	ec_arg_jsonb(&args, change->backward);
	arg_names(&args, change->key);
	ec_arg_text(&args, change->records ? "record" : "raise");
	ec_arg_oid(&args, change->owner);
	ec_arg_text(&args, change->owner_name);
	ec_arg_bool(&args, change->whole_table);
	ec_arg_jsonb(&args, change->settings);
	ec_arg_jsonb(&args, change->kept_names);
	(void) ec_query("INSERT INTO expand_contract.changes (name, relation, target,"
					"       forward, backward, key_columns, on_error,"
					"       relation_oid, owner, owner_name, whole_table, settings, kept_names)"
					" VALUES ($1, $2::regclass, $3::regclass, $4, $5, $6, $7, $2, $8, $9, $10, $11, $12)",
					&args);
	insert_columns(change, change->columns);
	insert_columns(change, change->unmapped);
	/* reset a flag of this name that somebody may have set earlier */
	was_on =
		ec_query("DELETE FROM expand_contract.flags WHERE name = $1 RETURNING value",
				 &name) > 0 &&
		ec_get_bool(0, 1, false);
	ec_catalog_end(&scope);
	if (was_on)
		ec_change_announce(change->name, "flag", "off");
	ec_change_announce(change->name, "phase", EC_PHASE_DUAL_WRITE);
}

/* "users_email~1": no change that ec_expand makes need have it. */
char *
ec_change_retire(const EcChange *change)
{
	static const char *const renames[] = {
		/* the rest of it by its foreign keys */
		"UPDATE expand_contract.changes SET name = $2 WHERE name = $1",
		"UPDATE expand_contract.change_events SET change = $2 WHERE change = $1",
		"UPDATE expand_contract.change_jobs SET change = $2 WHERE change = $1",
		"UPDATE expand_contract.jobs SET change = $2 WHERE change = $1",
		"UPDATE expand_contract.verifications SET change = $2 WHERE change = $1",
	};
	EcCatalogScope scope;
	EcArgs args = {0};
	char *name;

	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	ec_query("SELECT $1 || '~' || n FROM generate_series(1, 1000000) AS n"
			 " WHERE NOT EXISTS (SELECT FROM expand_contract.changes c WHERE c.name = $1 || '~' || n)"
			 "   AND NOT EXISTS (SELECT FROM expand_contract.change_events e WHERE e.change = $1 || '~' || n)"
			 " LIMIT 1",
			 &args);
	name = ec_get_text(0, 1);
	ec_arg_text(&args, name);
	for (int i = 0; i < lengthof(renames); i++)
		(void) ec_query(renames[i], &args);
	ec_catalog_end(&scope);
	return name;
}

void
ec_change_forget(const EcChange *change)
{
	char *name = ec_change_retire(change);
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_text(&args, name);
	ec_catalog_begin(&scope);
	(void) ec_query("DELETE FROM expand_contract.changes WHERE name = $1", &args);
	ec_catalog_end(&scope);
}

/*
 * Every role can LISTEN, and a payload is limited to 8000 bytes.  So the
 * payload has a value only for flags and phases.  For other events it has
 * none, because the value may contain names of roles, applications or tables.
 */
static const char *
public_value(const char *event, const char *value)
{
	static const char *const public_events[] = {"phase", "flag", "dual_write"};

	for (int i = 0; i < lengthof(public_events); i++)
		if (strcmp(event, public_events[i]) == 0)
			return value;
	return NULL;
}

void
ec_change_announce(const char *change, const char *event, const char *value)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	EcJsonWriter writer;
	Jsonb *payload;

	ec_json_begin(&writer);
	ec_json_text(&writer, "change", change);
	ec_json_text(&writer, "event", event);
	ec_json_text(&writer, "value", public_value(event, value));
	payload = ec_json_end(&writer);

	ec_catalog_begin(&scope);
	ec_arg_text(&args, change);
	ec_arg_text(&args, event);
	ec_arg_text(&args, ec_clip(value, EC_MAX_TEXT));
	(void) ec_query("INSERT INTO expand_contract.change_events (change, event, value)"
					" VALUES ($1, $2, $3)",
					&args);
	ec_catalog_end(&scope);
	Async_Notify(CHANNEL, JsonbToCString(NULL, &payload->root, VARSIZE(payload)));
}

void
ec_change_set_phase(const char *name, const char *phase)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	Oid relation = InvalidOid;
	Oid target = InvalidOid;

	ec_catalog_begin(&scope);
	ec_arg_text(&args, name);
	ec_arg_text(&args, phase);
	if (ec_query("UPDATE expand_contract.changes"
				 "   SET phase = $2, since = clock_timestamp()"
				 " WHERE name = $1 AND phase <> $2"
				 " RETURNING relation::oid, target::oid",
				 &args) == 1)
	{
		relation = ec_get_oid(0, 1);
		target = ec_get_oid(0, 2);
	}
	ec_catalog_end(&scope);
	if (!OidIsValid(relation))
		return;
	make_sessions_look(relation);
	if (OidIsValid(target))
		make_sessions_look(target);
	ec_change_announce(name, "phase", phase);
}

void
ec_change_set_dual_write(const EcChange *change, bool enabled)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_text(&args, change->name);
	ec_arg_bool(&args, enabled);
	(void) ec_query("UPDATE expand_contract.changes SET dual_write = $2"
					" WHERE name = $1",
					&args);
	ec_catalog_end(&scope);
	make_sessions_look(change->relation);
	if (OidIsValid(change->target))
		make_sessions_look(change->target);
	ec_change_announce(change->name, "dual_write", enabled ? "on" : "off");
}
