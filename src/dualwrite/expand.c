/*
 * expand.c
 *		ec_expand: validates a change, registers it, and starts dual writes.
 *
 * The change's row and its trigger are created in one subtransaction, under
 * SHARE ROW EXCLUSIVE on the table and all its descendants, which is taken in
 * short attempts.  Writers with older snapshots see both or neither: triggers
 * are looked up with a catalog snapshot, and the change is read with the
 * latest snapshot.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "core/catalog.h"
#include "core/guc.h"
#include "core/holders.h"
#include "core/own_table.h"
#include "core/query.h"
#include "core/lock_retry.h"
#include "core/pinned.h"
#include "model/change.h"
#include "dualwrite/expand.h"
#include "dualwrite/mapping.h"
#include "dualwrite/sequences.h"
#include "dualwrite/old_columns.h"
#include "model/owner.h"
#include "worker/jobs/control.h"
#include "dualwrite/table.h"
#include "dualwrite/tables/existing.h"
#include "dualwrite/tables/table_target.h"
#include "dualwrite/user_triggers.h"
#include "dualwrite/writers.h"
#include "expand_contract.h"

PG_FUNCTION_INFO_V1(ec_expand);

typedef struct Expansion
{
	EcChange change; /* as given by the caller */
	bool is_done;    /* it is already registered and its triggers work */
	bool may_exist;  /* the target may have rows: allowed by the caller, or
					  * already checked */
} Expansion;

static void
refuse_null(const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("argument \"%s\" must not be null", argument),
			 errhint("As in SELECT ec_expand('users_email', 'users', '{\"email\": \"lower(legacy_email)\"}').")));
}

static List *
names_argument(FunctionCallInfo fcinfo, int number, const char *argument)
{
	List *names = NIL;
	Datum *values;
	bool *nulls;
	int count;

	if (PG_ARGISNULL(number))
		return NIL;
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(number), TEXTOID, -1, false,
					  TYPALIGN_INT, &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not contain nulls", argument)));
		names = lappend(names, TextDatumGetCString(values[i]));
	}
	return names;
}

static void
read_arguments(FunctionCallInfo fcinfo, EcChange *change)
{
	char *on_error = "record";

	memset(change, 0, sizeof(*change));
	if (PG_ARGISNULL(0))
		refuse_null("change");
	if (PG_ARGISNULL(1))
		refuse_null("relation");
	if (PG_ARGISNULL(2))
		refuse_null("forward");
	change->name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (change->name[0] == '\0' || strlen(change->name) > EC_MAX_CHANGE_NAME)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("name of a change must have 1 to %d bytes",
							   EC_MAX_CHANGE_NAME),
						errdetail("It is part of its triggers' names."),
						errhint("Choose a short name, as in \"users_email\".")));
	change->relation = PG_GETARG_OID(1);
	change->forward = PG_GETARG_JSONB_P(2);
	if (!PG_ARGISNULL(3))
		change->backward = PG_GETARG_JSONB_P(3);
	if (!PG_ARGISNULL(4))
		change->target = PG_GETARG_OID(4);
	change->key = names_argument(fcinfo, 5, "key");
	change->old_columns = names_argument(fcinfo, 6, "old_columns");
	if (!PG_ARGISNULL(7))
		on_error = text_to_cstring(PG_GETARG_TEXT_PP(7));
	if (strcmp(on_error, "record") != 0 && strcmp(on_error, "raise") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown value \"%s\" for argument \"on_error\"", on_error),
				 errhint("Use 'record' or 'raise'.")));
	change->records = strcmp(on_error, "record") == 0;
	/* only ec_change_type passes it */
	if (PG_NARGS() > 9 && !PG_ARGISNULL(9))
		change->kept_names = PG_GETARG_JSONB_P(9);
}

/* In the previous version's SQL the function has no such argument. */
static bool
allows_existing(FunctionCallInfo fcinfo)
{
	return PG_NARGS() > 8 && !PG_ARGISNULL(8) && PG_GETARG_BOOL(8);
}

static bool
same_jsonb(Jsonb *left, Jsonb *right)
{
	if (left == NULL || right == NULL)
		return left == right;
	return compareJsonbContainers(&left->root, &right->root) == 0;
}

static bool
same_names(List *left, List *right)
{
	ListCell *a;
	ListCell *b;

	if (list_length(left) != list_length(right))
		return false;
	forboth (a, left, b, right)
	{
		if (strcmp(lfirst(a), lfirst(b)) != 0)
			return false;
	}
	return true;
}

/*
 * Returns true if this change is registered; raises an error if another change
 * has that name.
 */
static bool
is_registered(const EcChange *asked, EcChange *known)
{
	const char *what;

	if (!ec_change_load(asked->name, known))
		return false;
	what = known->relation != asked->relation              ? "relation"
		   : known->target != asked->target                ? "target"
		   : !same_jsonb(known->forward, asked->forward)   ? "forward"
		   : !same_jsonb(known->backward, asked->backward) ? "backward"
		   : !same_names(known->key, asked->key)           ? "key"
		   : !ec_same_old_columns(known, asked)            ? "old_columns"
		   : known->records != asked->records              ? "on_error"
														   : NULL;
	if (what != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("change \"%s\" exists already, and differs", asked->name),
				 errdetail("Argument \"%s\" is another than it was registered with.",
						   what),
				 errhint("Choose another name, or end that change first.")));
	return true;
}

/* True if none of the change's tables exists, and so no trigger either. */
static bool
is_gone(const EcChange *change)
{
	return get_rel_name(change->relation) == NULL &&
		   (!OidIsValid(change->target) || get_rel_name(change->target) == NULL);
}

static void
end_gone(const EcChange *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	ec_cancel_jobs_of_change(change->name, NULL);
	(void) ec_query("DELETE FROM expand_contract.discrepancies WHERE change = $1",
					&args);
	(void) ec_query("DELETE FROM expand_contract.gaps WHERE change = $1", &args);
	ec_catalog_end(&scope);
	ec_change_set_phase(change->name, EC_PHASE_REVERTED);
}

/*
 * The name of a change that is over is free for its owner.  Readers may still go
 * by its flag.
 */
static void
retire_ended(const char *name)
{
	EcChange known;

	if (!ec_change_load(name, &known))
		return;
	if (!ec_change_is_over(&known) && !is_gone(&known))
		return;
	if (!ec_change_is_mine(&known))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("name \"%s\" is that of another owner's change", name),
				 errdetail("It is over, but it has a flag that its owner's applications may read."),
				 errhint("Choose another name.")));
	if (!ec_change_is_over(&known))
		end_gone(&known);
	(void) ec_change_retire(&known);
}

/*
 * The arguments use the column names of the first call.  If a column was
 * renamed since, its old name refers to no column or to a wrong one.
 */
static void
refuse_renamed(const EcChange *known)
{
	List *columns = list_concat_copy(known->columns, known->unmapped);
	ListCell *cell;

	foreach (cell, columns)
	{
		EcChangeColumn *column = lfirst(cell);
		Oid table = column->side == EC_SIDE_NEW && OidIsValid(known->target)
						? known->target
						: known->relation;
		char *name =
			column->attnum > 0 ? get_attname(table, column->attnum, true) : NULL;

		if (name == NULL || strcmp(name, column->name) == 0)
			continue;
		/* No argument of ec_expand names this column. */
		if (column->side == EC_SIDE_KEY && known->key == NIL && !column->goes)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("change \"%s\" cannot be set up again while a column of it has another name",
						known->name),
				 errdetail("Column \"%s\" of table \"%s\" was \"%s\" when the change was registered.",
						   name, get_rel_name(table), column->name),
				 column->goes && strcmp(known->phase, EC_PHASE_QUARANTINED) == 0
					 ? errhint("It is in quarantine: use ec_revert(%s) first.",
							   quote_literal_cstr(known->name))
					 : errhint("Use ALTER TABLE %s RENAME COLUMN %s TO %s, call ec_expand again, and rename it back.",
							   ec_relation_name(table), quote_identifier(name),
							   quote_identifier(column->name))));
	}
}

static Bitmapset *
targets_of(List *entries)
{
	Bitmapset *targets = NULL;
	ListCell *cell;

	foreach (cell, entries)
	{
		targets =
			bms_add_member(targets, ((EcMappingEntry *) lfirst(cell))->attnum);
	}
	return targets;
}

static Bitmapset *
reads_of(List *entries)
{
	Bitmapset *reads = NULL;
	ListCell *cell;

	foreach (cell, entries)
	{
		reads = bms_add_members(reads, ((EcMappingEntry *) lfirst(cell))->reads);
	}
	return reads;
}

static char *
first_name(Relation relation, Bitmapset *columns)
{
	return get_attname(RelationGetRelid(relation), bms_next_member(columns, -1),
					   false);
}

static void
refuse_chain(Relation relation, Bitmapset *both, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" cannot be on both sides of a mapping",
					first_name(relation, both)),
			 errdetail("%s", detail),
			 errhint("Old columns are read by \"forward\" and written by \"backward\"; new columns the other way round.")));
}

static void
check_sides(Relation relation, List *forward, List *backward)
{
	Bitmapset *both = bms_intersect(targets_of(forward), reads_of(forward));

	if (!bms_is_empty(both))
		refuse_chain(relation, both, "The mapping \"forward\" reads and writes it.");
	both = bms_intersect(targets_of(backward), reads_of(backward));
	if (!bms_is_empty(both))
		refuse_chain(relation, both,
					 "The mapping \"backward\" reads and writes it.");
	both = bms_intersect(targets_of(forward), targets_of(backward));
	if (!bms_is_empty(both))
		refuse_chain(relation, both, "Both \"forward\" and \"backward\" write it.");
	if (backward != NIL && !bms_overlap(reads_of(backward), targets_of(forward)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"backward\" reads no column that \"forward\" writes"),
				 errdetail("A write to the new columns of table \"%s\" would change nothing in the old ones.",
						   RelationGetRelationName(relation)),
				 errhint("Compute old columns from new ones, as in {\"legacy_email\": \"email\"}, or leave the argument out.")));
}

static EcChangeColumn *
add_column(EcChange *change, Relation relation, EcSide side, AttrNumber attnum)
{
	EcChangeColumn *column;
	ListCell *cell;

	foreach (cell, change->columns)
	{
		column = lfirst(cell);
		if (column->attnum == attnum)
			return column;
	}
	column = palloc0_object(EcChangeColumn);
	column->side = side;
	column->attnum = attnum;
	column->name = get_attname(RelationGetRelid(relation), attnum, false);
	change->columns = lappend(change->columns, column);
	return column;
}

static void
add_target(EcChange *change, Relation relation, EcSide side,
		   const EcMappingEntry *entry)
{
	EcChangeColumn *column = add_column(change, relation, side, entry->attnum);

	column->expression = entry->stored;
	column->tree = entry->tree;
	column->calls = entry->calls;
}

/*
 * Targets come first, so that a column that is written and also read gets the
 * side of its target.
 */
static void
collect_columns(EcChange *change, Relation relation, List *forward,
				List *backward, List *key)
{
	ListCell *cell;
	int member = -1;
	int position = 0;

	change->columns = NIL;
	foreach (cell, forward)
	{
		add_target(change, relation, EC_SIDE_NEW, lfirst(cell));
	}
	foreach (cell, backward)
	{
		add_target(change, relation, EC_SIDE_OLD, lfirst(cell));
	}
	while ((member = bms_next_member(reads_of(forward), member)) >= 0)
		(void) add_column(change, relation, EC_SIDE_OLD, member);
	member = -1;
	while ((member = bms_next_member(reads_of(backward), member)) >= 0)
		(void) add_column(change, relation, EC_SIDE_NEW, member);
	foreach (cell, key)
	{
		add_column(change, relation, EC_SIDE_KEY, lfirst_int(cell))->key_position =
			++position;
	}
}

/* A column that one change writes must not belong to another change. */
static void
check_overlap(EcChange *change)
{
	EcCatalogScope scope;
	ListCell *cell;

	ec_catalog_begin(&scope);
	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);
		EcArgs args = {0};

		ec_arg_oid(&args, OidIsValid(change->target) && column->side == EC_SIDE_NEW
							  ? change->target
							  : change->relation);
		ec_arg_int4(&args, column->attnum);
		ec_arg_bool(&args, column->expression != NULL);
		ec_arg_bool(&args, column->side == EC_SIDE_KEY);
		ec_arg_text(&args, change->name);
		ec_arg_text(&args, column->name);
		if (ec_query("SELECT c.name FROM expand_contract.changes c"
					 "  JOIN expand_contract.change_columns o ON o.change = c.name"
					 " WHERE c.name <> $5 AND c.phase NOT IN ('contracted', 'reverted')"
					 "   AND coalesce(CASE o.side WHEN 'new' THEN c.target END, c.relation) = $1"
					 "   AND o.side <> 'unmapped'"
					 "   AND CASE WHEN c.relation_oid = c.relation THEN o.attnum = $2"
					 "            ELSE o.present_name = $6 END AND (o.expression IS NOT NULL"
					 "       OR $3) AND NOT ($4 AND o.expression IS NULL)"
					 " ORDER BY c.name LIMIT 1",
					 &args) > 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("column \"%s\" belongs to change \"%s\" already",
							column->name, ec_get_text(0, 1)),
					 errdetail("A column that one change writes cannot be read or written by another: which one would come first?"),
					 errhint("Map from the same old columns, or end that change first.")));
	}
	ec_catalog_end(&scope);
}

/*
 * Runs as the table's owner.  The trigger is ENABLE ALWAYS, because rows
 * applied by logical replication come from a table that may not have the
 * change.
 */
bool
ec_set_row_trigger(Oid relation, const char *change)
{
	char *table = ec_relation_name(relation);
	char *trigger = ec_change_trigger_name(change);
	const char *name = quote_identifier(trigger);
	bool is_missing = !OidIsValid(get_trigger_oid(relation, trigger, true));

	if (is_missing)
		ec_run_ddl(psprintf("CREATE TRIGGER %s BEFORE INSERT OR UPDATE ON %s FOR EACH ROW "
							"EXECUTE FUNCTION expand_contract.dual_write(%s)",
							name, table, quote_literal_cstr(change)));
	ec_run_ddl(psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", table, name));
	return is_missing;
}

/*
 * Makes the trigger depend on the columns and on everything that the
 * expressions call.  Dropping those then fails, or, with CASCADE, drops the
 * trigger.
 */
static void
record_dependencies(Oid relation, const EcChange *change, List *entries)
{
	ObjectAddress trigger;
	ObjectAddress column;
	ListCell *cell;

	ObjectAddressSet(trigger, TriggerRelationId,
					 get_trigger_oid(relation,
									 ec_change_trigger_name(change->name), false));
	foreach (cell, change->columns)
	{
		EcChangeColumn *used = lfirst(cell);

		ObjectAddressSubSet(column, RelationRelationId, relation, used->attnum);
		recordDependencyOn(&trigger, &column, DEPENDENCY_NORMAL);
	}
	foreach (cell, entries)
	{
		EcMappingEntry *entry = lfirst(cell);

		recordDependencyOnSingleRelExpr(&trigger, entry->expression, relation,
										DEPENDENCY_NORMAL, DEPENDENCY_NORMAL,
										false);
	}
}

/*
 * A dump, and so an upgrade, preserves the trigger but not these dependencies.
 */
static bool
has_dependencies(Oid relation, const char *change)
{
	Oid trigger = get_trigger_oid(relation, ec_change_trigger_name(change), true);
	Relation depend = table_open(DependRelationId, AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key[2];
	HeapTuple tuple;
	bool found = false;

	ScanKeyInit(&key[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(TriggerRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(trigger));
	scan = systable_beginscan(depend, DependDependerIndexId, true, NULL, 2, key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = ((Form_pg_depend) GETSTRUCT(tuple))->refobjsubid > 0;
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return found;
}

/*
 * Partitions inherit the trigger from their parent, inheritance children do
 * not; later children get it in partitions.c.  The table must not be open,
 * because ALTER TABLE requires that no one uses it.
 */
static void
start_dual_writes(const EcChange *change, List *entries, bool is_new)
{
	List *leaves = find_all_inheritors(change->relation, NoLock, NULL);
	ListCell *cell;

	foreach (cell, leaves)
	{
		(void) ec_set_row_trigger(lfirst_oid(cell), change->name);
	}
	CommandCounterIncrement();
	if (is_new)
		record_dependencies(change->relation, change, entries);
	ec_warn_of_user_triggers(change, InvalidOid);
	ec_warn_of_writers(change, entries);
}

/* Performs all checks; returns the entries of the mappings. */
static List *
check_change(EcChange *change, Relation relation, bool is_known)
{
	List *forward =
		ec_mapping_analyse(relation, relation, change->forward, "forward", false);
	List *backward = change->backward == NULL
						 ? NIL
						 : ec_mapping_analyse(relation, relation,
											  change->backward, "backward",
											  change->kept_names != NULL);
	List *key = ec_find_key(relation, change->key);

	check_sides(relation, forward, backward);
	ec_check_old_columns(change, relation, targets_of(forward));
	ec_check_no_partition_key(relation, bms_union(targets_of(forward),
												  targets_of(backward)));
	if (change->records)
	{
		if (key == NIL)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("on_error \"record\" needs a key"),
					 errdetail("Table \"%s\" has no unique index whose columns are NOT NULL, so a row whose modern write fails could not be named.",
							   RelationGetRelationName(relation)),
					 errhint("Add a primary key, or use on_error => 'raise'.")));
		ec_check_can_record(relation, targets_of(forward), is_known);
	}
	/* the defaults of names that are kept go to the new columns */
	if (change->kept_names == NULL)
		ec_warn_of_other_defaults(relation, bms_union(targets_of(forward),
													  targets_of(backward)));
	collect_columns(change, relation, forward, backward, key);
	ec_mark_old_columns(change, relation, targets_of(backward), false);
	return list_concat_copy(forward, backward);
}

/* Serializes the check for overlaps among concurrent calls. */
static void
lock_changes(void)
{
	Oid changes = ec_own_table("changes");

	if (!OidIsValid(changes))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table expand_contract.changes is not of the extension"),
				 errhint("Create the extension again.")));
	LockRelationOid(changes, ShareRowExclusiveLock);
}

/*
 * Checks rows that the target already has.  This runs before writers are
 * blocked, since it may take as long as reading both tables.
 */
static void
look_at_target(Expansion *expansion)
{
	EcChange *change = &expansion->change;
	EcChange known;
	Relation relation;
	EcRights outer;

	if (!OidIsValid(change->target) ||
		(ec_change_load(change->name, &known) && !ec_change_is_over(&known) &&
		 !is_gone(&known)))
		return;
	relation = table_open(change->relation, AccessShareLock);
	LockRelationOid(change->target, AccessShareLock);
	(void) find_all_inheritors(change->relation, AccessShareLock, NULL);
	(void) find_all_inheritors(change->target, AccessShareLock, NULL);
	ec_change_take_owner(change);
	ec_become(&outer, change->owner);
	if (!ec_target_is_empty(change->target))
	{
		ec_check_target_rows(change, relation);
		expansion->may_exist = true;
	}
	ec_become_caller(&outer);
	table_close(relation, NoLock);
}

/* The lock excludes writers now. */
static void
check_still_empty(const EcChange *change)
{
	if (!ec_target_is_empty(change->target))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has got rows meanwhile",
						get_rel_name(change->target)),
				 errdetail("It was empty when ec_expand began."),
				 errhint("Call ec_expand again, which compares them with the source.")));
}

/*
 * A registered change may have lost its trigger together with a dropped
 * column. Or it may be in a restored database, where its columns have other
 * numbers and the dependencies are missing.
 */
static void
expand(void *arg)
{
	Expansion *expansion = arg;
	EcChange *change = &expansion->change;
	bool has_target = OidIsValid(change->target);
	bool is_known;
	EcChange known;
	bool is_new; /* the trigger's dependencies are not recorded */
	bool at_work;
	List *entries = NIL;
	EcTableMappings mappings = {0};
	Relation relation;
	EcRights outer;
	int guc_level;

	relation = table_open(change->relation, ShareRowExclusiveLock);
	(void) find_all_inheritors(change->relation, ShareRowExclusiveLock, NULL);
	if (has_target)
	{
		LockRelationOid(change->target, ShareRowExclusiveLock);
		(void) find_all_inheritors(change->target, ShareRowExclusiveLock, NULL);
	}
	ec_check_dual_write_table(relation);
	lock_changes();
	ec_change_take_owner(change);
	retire_ended(change->name);
	is_known = is_registered(change, &known);
	is_new = !has_dependencies(change->relation, change->name);
	at_work = has_target
				  ? ec_table_triggers_at_work(change)
				  : ec_has_dual_writes(change->relation,
									   ec_change_trigger_name(change->name));
	/* The table may have got another owner since the registration. */
	expansion->is_done = is_known && at_work && !known.is_restored &&
						 OidIsValid(ec_change_role(&known)) &&
						 (has_target || !is_new);
	if (!expansion->is_done)
	{
		if (is_known)
			refuse_renamed(&known);
		ec_become(&outer, change->owner);
		/*
		 * Uses the settings of the registration, because existing rows were
		 * computed with them.
		 */
		guc_level = ec_pin_settings(is_known ? known.settings : NULL);
		if (has_target)
		{
			ec_check_table_change(change, relation, &mappings, is_known);
			ec_mark_old_columns(change, relation, mappings.moved,
								is_known ? known.whole_table : mappings.moves_all);
			if (!is_known && !expansion->may_exist)
				check_still_empty(change);
		}
		else
			entries = check_change(change, relation, is_known);
		change->settings = is_known && known.settings != NULL
							   ? known.settings
							   : ec_mapping_settings(entries, !has_target);
		AtEOXact_GUC(false, guc_level);
		ec_become_caller(&outer);
		check_overlap(change);
		if (is_known)
			ec_change_renew(change, !at_work);
		else
			ec_change_insert(change);
	}
	table_close(relation, NoLock);
	if (expansion->is_done)
		return;
	if (has_target)
		ec_start_table_writes(change, &mappings);
	else
		start_dual_writes(change, entries, is_new);
	/*
	 * Sequences must be past the rows that exist in the target and those to
	 * come.
	 */
	if (change->kept_names == NULL && ec_change_load(change->name, &known))
		ec_bring_sequences_forward(&known, false);
}

static ErrorData *
try_expand(void *arg, int lock_wait_ms)
{
	return ec_try_work(expand, arg, lock_wait_ms);
}

/*
 * Checks the rights first, so that nobody waits for a lock on a table of
 * others.
 */
static void
look_at_table(Oid oid)
{
	Relation relation = try_table_open(oid, AccessShareLock);

	if (relation == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", oid)));
	ec_check_dual_write_table(relation);
	table_close(relation, AccessShareLock);
}

/*
 * ec_expand(change, relation, forward, backward, target, key, old_columns,
 *		 on_error, allow_existing) → 'expanded' or 'unchanged'
 *
 * Registers a change and starts its dual writes: after the commit, every write
 * to one side of the mapping updates the other side.  Repeating the call
 * returns 'unchanged', unless the change has lost its trigger or is in a
 * restored database: then it is set up again.  The name of a change that has
 * ended, or has no table any more, can be used again.
 *
 * Only the owner of the table may call it.  The expressions are checked as
 * that role and run with its rights.  If the table gets another owner, the
 * same call by the new owner transfers them to him.
 *
 * Errors: 42710 if another change has that name; 55006 if columns belong to
 * another change; 42P17 if an expression is VOLATILE or reads more than the
 * row, settings and user-defined lookups; 55000 for 'record' without a key or
 * where something else checks the new columns, for two tables with different
 * owners, and for a target with rows that are not in step, unless
 * allow_existing; 55P03 if the table's lock could not be obtained within
 * expand_contract.lock_timeout; and the server's errors for the expressions.
 */
Datum
ec_expand(PG_FUNCTION_ARGS)
{
	Expansion expansion = {0};
	ErrorData *error;

	read_arguments(fcinfo, &expansion.change);
	look_at_table(expansion.change.relation);
	if (OidIsValid(expansion.change.target))
		look_at_table(expansion.change.target);
	expansion.may_exist = allows_existing(fcinfo);
	if (!expansion.may_exist)
		look_at_target(&expansion);
	error = ec_try_for_locks(try_expand, &expansion, ec_lock_timeout);
	if (error != NULL)
		ec_raise_lock_timeout(error, expansion.change.relation,
							  "Nothing has changed.");
	PG_RETURN_TEXT_P(cstring_to_text(expansion.is_done ? "unchanged" : "expanded"));
}
