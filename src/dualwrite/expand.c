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

#include "access/table.h"
#include "catalog/pg_inherits.h"
#include "fmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "core/hint.h"
#include "core/arguments.h"
#include "core/catalog.h"
#include "core/guc.h"
#include "core/holders.h"
#include "core/lock_retry.h"
#include "core/own_table.h"
#include "core/pinned.h"
#include "core/query.h"
#include "dualwrite/columns/column_change.h"
#include "dualwrite/columns/row_trigger.h"
#include "dualwrite/mapping.h"
#include "dualwrite/old_columns.h"
#include "dualwrite/registered.h"
#include "dualwrite/sequences.h"
#include "dualwrite/table.h"
#include "dualwrite/tables/existing.h"
#include "dualwrite/tables/table_target.h"
#include "expand_contract.h"
#include "model/change.h"
#include "model/owner.h"

PG_FUNCTION_INFO_V1(ec_expand);

#define EXAMPLE                                                                \
	"As in SELECT ec_expand('users_email', 'users', '{\"email\": \"lower(legacy_email)\"}')."

typedef struct Expansion
{
	EcChange change; /* as given by the caller */
	bool is_done;    /* it is already registered and its triggers work */
	bool may_exist;  /* the target may have rows: allowed by the caller, or
					  * already checked */
} Expansion;

static void
read_arguments(FunctionCallInfo fcinfo, EcChange *change)
{
	memset(change, 0, sizeof(*change));
	ec_require_argument(fcinfo, 0, "change", EXAMPLE);
	ec_require_argument(fcinfo, 1, "relation", EXAMPLE);
	ec_require_argument(fcinfo, 2, "forward", EXAMPLE);
	change->name = ec_change_argument(fcinfo, 0);
	if (change->name[0] == '\0' || strlen(change->name) > EC_MAX_CHANGE_NAME)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("name of a change must have 1 to %d bytes", EC_MAX_CHANGE_NAME),
				 ec_scope[0] == '\0'
					 ? errdetail("It is part of its triggers' names.")
					 : errdetail("With its scope it is \"%s\", which is part of its triggers' names.",
								 change->name),
				 errhint("Choose a short name, as in \"users_email\".")));
	change->relation = PG_GETARG_OID(1);
	change->forward = PG_GETARG_JSONB_P(2);
	if (!PG_ARGISNULL(3))
		change->backward = PG_GETARG_JSONB_P(3);
	if (!PG_ARGISNULL(4))
		change->target = PG_GETARG_OID(4);
	change->key = ec_text_list_argument(fcinfo, 5, "key");
	change->old_columns = ec_text_list_argument(fcinfo, 6, "old_columns");
	change->records =
		!ec_is_second_choice(fcinfo, 7, "on_error", "record", "raise");
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
					 errdetail("A column that one change writes cannot be read or written by another, because their order would be undefined."),
					 errhint("Map from the same old columns, or end that change first.")));
	}
	ec_catalog_end(&scope);
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
		 !ec_change_has_no_table(&known)))
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
				 errmsg("table \"%s\" is not empty any more",
						get_rel_name(change->target)),
				 errdetail("It was empty when ec_expand began."),
				 ec_errhint(
					 "Call ec_expand again, which compares them with the source.")));
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
	bool differs;
	bool by_today;
	bool is_complete;
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
	ec_retire_ended(change->name);
	is_complete = ec_trigger_is_complete(
		has_target ? ec_table_trigger(change->relation, change->name)
				   : get_trigger_oid(change->relation,
									 ec_change_trigger_name(change->name), true));
	is_known = ec_is_registered(change, &known, !is_complete, &differs, &by_today);
	at_work = has_target
				  ? ec_table_triggers_at_work(change)
				  : ec_has_dual_writes(change->relation,
									   ec_change_trigger_name(change->name));
	/* The table may have got another owner since the registration. */
	expansion->is_done = is_known && at_work && !known.is_restored &&
						 OidIsValid(ec_change_role(&known)) && is_complete;
	if (!expansion->is_done)
	{
		if (is_known)
			ec_refuse_renamed(&known, by_today);
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
			entries = ec_check_column_change(change, relation, is_known);
		change->settings = is_known && known.settings != NULL
							   ? known.settings
							   : ec_mapping_settings(entries, !has_target);
		AtEOXact_GUC(false, guc_level);
		ec_become_caller(&outer);
		check_overlap(change);
		if (is_known)
		{
			ec_require_same_columns(&known, change);
			ec_rename_queued(&known);
			ec_change_renew(change, !at_work || differs);
		}
		else
			ec_change_insert(change);
	}
	table_close(relation, NoLock);
	if (expansion->is_done)
		return;
	if (has_target)
		ec_start_table_writes(change, &mappings);
	else
		ec_start_column_writes(change, entries, !is_complete);
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
	ec_look_at_dual_write_table(expansion.change.relation);
	if (OidIsValid(expansion.change.target))
		ec_look_at_dual_write_table(expansion.change.target);
	expansion.may_exist = allows_existing(fcinfo);
	if (!expansion.may_exist)
		look_at_target(&expansion);
	error = ec_try_for_locks(try_expand, &expansion, ec_lock_timeout);
	if (error != NULL)
		ec_raise_lock_timeout(error, expansion.change.relation,
							  "Nothing has changed.");
	PG_RETURN_TEXT_P(cstring_to_text(expansion.is_done ? "unchanged" : "expanded"));
}
