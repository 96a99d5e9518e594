/*
 * revert.c
 *		ec_revert: takes a change one step back.
 *
 * Whatever was written through either shape is in both, so a step back loses
 * nothing.  Where that does not hold, the step is refused.
 */
#include "postgres.h"

#include "access/table.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "core/hint.h"
#include "core/arguments.h"
#include "lifecycle/end_change.h"
#include "lifecycle/forget.h"
#include "lifecycle/old_shape.h"
#include "lifecycle/gates.h"
#include "lifecycle/quarantine.h"
#include "lifecycle/transition.h"
#include "core/catalog.h"
#include "core/pinned.h"
#include "core/query.h"
#include "core/read_text.h"
#include "model/owner.h"
#include "dualwrite/columns/statement.h"
#include "dualwrite/sequences.h"
#include "expand_contract.h"
#include "twins/foreign.h"
#include "twins/twins.h"
#include "worker/jobs/control.h"

PG_FUNCTION_INFO_V1(ec_revert);

/* a table of so many blocks takes milliseconds to read */
#define SMALL_BLOCKS 128

/* number of rows that are named; further ones are only counted */
#define MAX_NAMED 3

static bool
is_phase(const EcChange *change, const char *phase)
{
	return strcmp(change->phase, phase) == 0;
}

/* quarantined → cut_over */
static void
take_back(const EcChange *change, int lock_wait_ms, void *arg)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_quarantine_undo(change, lock_wait_ms, arg);
	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	ec_cancel_jobs_of_change(change->name, "contract");
	ec_query("UPDATE expand_contract.changes"
			 "   SET quarantine_until = NULL, auto_drop = false WHERE name = $1",
			 &args);
	ec_catalog_end(&scope);
	ec_change_set_phase(change->name, EC_PHASE_CUT_OVER);
}

/*
 * Counts, as the table's owner, the rows whose new columns hold values that
 * the old columns lack.
 */
static int64
rows_in_new_shape_only(const EcChange *change)
{
	Relation relation = table_open(change->relation, AccessShareLock);
	Oid role = ec_change_require_role(change);
	EcChangeSql sql;
	int guc_level = ec_pin_settings(change->settings);
	int64 count;

	ec_change_sql(relation, change, true, &sql);
	count = ec_count_rows(psprintf("SELECT FROM %s WHERE %s",
								   ec_relation_name(change->relation),
								   sql.not_in_step),
						  role);
	AtEOXact_GUC(false, guc_level);
	table_close(relation, NoLock);
	return count;
}

static void
require_way_back(const EcChange *change)
{
	if (ec_has_backward(change))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("change \"%s\" cannot be reverted after its cutover", change->name),
			 OidIsValid(change->target)
				 ? errdetail("It has no backward mapping: rows written to table \"%s\" after the cutover are not in the old table.",
							 get_rel_name(change->target))
				 : errdetail("It has no backward mapping, and " INT64_FORMAT
							 " rows of table \"%s\" are correct only in the new shape.",
							 rows_in_new_shape_only(change),
							 get_rel_name(change->relation)),
			 ec_change_is_stuck(change)
				 ? ec_errhint("The change has nothing to contract either: ec_forget(%s) ends the change, and leaves both shapes as they are.",
							  quote_literal_cstr(change->name))
				 : ec_errhint("Continue with ec_contract, or update the old shape yourself and switch reads with ec_set_flag(%s, false).",
							  quote_literal_cstr(change->name))));
}

static void
refuse_loss(const EcChange *change, const char *detail, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("change \"%s\" cannot be reverted without loss", change->name),
			 errdetail("%s", detail), errhint("%s", hint)));
}

/*
 * After the step back, nothing is carried from the new shape to the old one,
 * so what the old shape lacks now it would never get.
 */
static void
require_all_carried_back(const EcChange *change)
{
	char *name = quote_literal_cstr(change->name);
	EcCatalogScope scope;
	EcArgs args = {0};
	int64 failed;
	int64 gaps;

	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	ec_query("SELECT (SELECT count(DISTINCT key) FROM expand_contract.discrepancies"
			 "         WHERE change = $1 AND direction = 'backward'),"
			 "       (SELECT count(*) FROM expand_contract.gaps"
			 "         WHERE change = $1 AND repaired_by IS NULL)",
			 &args);
	failed = ec_get_int8(0, 1, 0);
	gaps = ec_get_int8(0, 2, 0);
	ec_catalog_end(&scope);

	if (!change->dual_write)
		refuse_loss(change, "Its dual writes are off.",
					ec_hint("Use ec_dual_write(%s, true), then ec_backfill_change(%s, 'repair').",
							name, name));
	if (gaps > 0)
		refuse_loss(change,
					psprintf("Transactions that wrote while its dual writes were off: " INT64_FORMAT
							 ".",
							 gaps),
					ec_hint("Use ec_backfill_change(%s, 'repair') first.", name));
	if (failed > 0)
		refuse_loss(change,
					psprintf("Rows that could not be written back to the old shape: " INT64_FORMAT
							 ".",
							 failed),
					ec_hint("See ec_discrepancies, remove the cause, then use ec_reconcile(%s).",
							name));
}

/*
 * Returns an SQL expression that names a row, as in "id, part = 7, b"; NULL if
 * the change has no key.
 */
static char *
row_name(const EcChange *change)
{
	StringInfoData names;
	StringInfoData values;
	ListCell *cell;

	initStringInfo(&names);
	initStringInfo(&values);
	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);
		const char *name;

		if (column->key_position == 0 || column->attnum <= 0)
			continue;
		name =
			quote_identifier(get_attname(change->relation, column->attnum, false));
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", name);
		appendStringInfo(&values, "%s%s", values.len > 0 ? ", ', ', " : "", name);
	}
	if (names.len == 0)
		return NULL;
	return psprintf("pg_catalog.concat('(', %s, ') = (', %s, ')')",
					quote_literal_cstr(names.data), values.data);
}

/* Names some of the rows, in no particular order. */
static char *
name_rows(const EcChange *change, const char *condition, Oid role)
{
	char *name = row_name(change);

	if (name == NULL)
		return "";
	return psprintf(", among them %s",
					ec_read_text(psprintf("SELECT pg_catalog.string_agg(k, ', ') FROM"
										  " (SELECT %s AS k FROM %s WHERE %s LIMIT %d) AS r",
										  name, ec_relation_name(change->relation),
										  condition, MAX_NAMED),
								 role));
}

/*
 * Looks for values that the old columns cannot hold.  Those do not show up as
 * failed writes, because the backward mapping may yield NULL for them, or not
 * read them at all.  Runs before any lock is taken, since it may take long.
 */
static void
require_all_values_in_old(const EcChange *change)
{
	Relation relation;
	EcChangeSql sql;
	int guc_level;
	Oid role;
	int64 count;

	if (OidIsValid(change->target))
		return;
	guc_level = ec_pin_settings(change->settings);
	relation = table_open(change->relation, AccessShareLock);
	role = ec_change_require_role(change);
	ec_change_sql(relation, change, false, &sql);
	count =
		ec_count_rows(psprintf("SELECT FROM %s WHERE %s",
							   ec_relation_name(change->relation), sql.only_new),
					  role);
	if (count > 0)
		refuse_loss(change,
					psprintf("Rows of table \"%s\" with a value in the new columns that the old ones do not have: " INT64_FORMAT
							 "%s.",
							 RelationGetRelationName(relation), count,
							 name_rows(change, sql.only_new, role)),
					ec_qualified(
						"Give them values that \"backward\" carries over, or go on with ec_contract."));
	table_close(relation, NoLock);
	AtEOXact_GUC(false, guc_level);
}

/*
 * What a small table lacks is built within the swap; not where another table
 * would have to be read for it.
 */
static bool
is_small(const EcChange *change)
{
	EcRetype retype;

	ec_retype_of(change, &retype);
	return ec_twin_tables(&retype) == NIL &&
		   DatumGetInt64(DirectFunctionCall2(pg_relation_size,
											 ObjectIdGetDatum(change->relation),
											 CStringGetTextDatum("main"))) <=
			   SMALL_BLOCKS * BLCKSZ;
}

/*
 * The keys of the old columns are to be built first, which takes as long as it
 * takes, and blocks nobody.
 */
static void
require_prepared_back(const EcChange *change)
{
	EcGate gate = {0};

	ec_gate_prepared(change, &gate);
	if (!gate.passed)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the way back of change \"%s\" is not prepared", change->name),
				 errdetail("For the old columns, %s.", gate.observed),
				 ec_errhint("Use SELECT ec_prepare(%s), wait for its job, and call again. From then on values that the old type cannot hold are refused.",
							quote_literal_cstr(change->name))));
}

/* cut_over → verified; the lock excludes writes in progress */
static void
switch_back(const EcChange *change, int lock_wait_ms, void *arg)
{
	ec_lock_tables_of_change(change, ShareRowExclusiveLock, lock_wait_ms);
	require_all_carried_back(change);
	ec_flag_set(change->name, false);
	ec_change_set_phase(change->name, EC_PHASE_VERIFIED);
}

/* The same, where the names go back to the old columns. */
static void
swap_back(const EcChange *change, int lock_wait_ms, void *arg)
{
	EcRetype retype;

	ec_retype_of(change, &retype);
	ec_twins_lock(&retype, lock_wait_ms);
	/* a name may have been changed meanwhile */
	ec_retype_of(change, &retype);
	require_all_carried_back(change);
	if (is_small(change))
		ec_twins_build(change, &retype);
	ec_twins_swap(change, &retype);
	ec_flag_set(change->name, false);
	ec_change_set_phase(change->name, EC_PHASE_VERIFIED);
}

/* The flag may have been set before the cutover. */
static bool
is_flag_on(const EcChange *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool is_on;

	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	is_on = ec_query("SELECT FROM expand_contract.flags WHERE name = $1 AND value",
					 &args) > 0;
	ec_catalog_end(&scope);
	return is_on;
}

/* We have added them, and with them goes all that was built on them. */
static void
drop_shadows(const EcChange *change)
{
	Bitmapset *shadows = NULL;
	ListCell *cell;

	if (get_rel_name(change->relation) == NULL)
		return;
	ec_drop_triggers_of_change(change);
	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);

		if (column->side == EC_SIDE_NEW && column->expression != NULL &&
			column->attnum > 0)
			shadows = bms_add_member(shadows, column->attnum);
	}
	ec_twin_drop_keys(change->relation, shadows);
	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);
		char *name = column->attnum > 0
						 ? get_attname(change->relation, column->attnum, true)
						 : NULL;

		if (column->side == EC_SIDE_NEW && column->expression != NULL && name != NULL)
			ec_run_ddl(psprintf("ALTER TABLE %s DROP COLUMN %s",
								ec_relation_name(change->relation),
								quote_identifier(name)));
	}
}

/* → reverted */
static void
give_up(const EcChange *change, int lock_wait_ms, void *arg)
{
	ec_lock_tables_of_change(change, AccessExclusiveLock, lock_wait_ms);
	ec_unwatch_old_columns(change);
	if (is_flag_on(change))
		ec_flag_set(change->name, false);
	if (change->kept_names != NULL)
		drop_shadows(change);
	ec_change_end(change, EC_PHASE_REVERTED);
}

/* Returns the SQL that drops the new columns or the new table. */
static char *
how_to_drop(const EcChange *change)
{
	StringInfoData sql;
	ListCell *cell;

	initStringInfo(&sql);
	if (OidIsValid(change->target))
	{
		appendStringInfo(&sql, "DROP TABLE %s", ec_relation_name(change->target));
		return sql.data;
	}
	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);
		char *name = column->attnum > 0
						 ? get_attname(change->relation, column->attnum, true)
						 : NULL;

		if (column->side == EC_SIDE_NEW && column->expression != NULL && name != NULL)
			appendStringInfo(&sql, "%s DROP COLUMN %s",
							 sql.len > 0
								 ? ","
								 : psprintf("ALTER TABLE %s",
											ec_relation_name(change->relation)),
							 quote_identifier(name));
	}
	return sql.data;
}

static const char *
one_back(const EcChange *change)
{
	bool is_gone = get_rel_name(change->relation) == NULL;

	/*
	 * The old shape's sequences have not seen values written through the new
	 * shape.  Where names are kept, both shapes have the same sequences.
	 */
	if (!is_gone && change->kept_names == NULL)
		ec_bring_sequences_forward(change, true);
	if (is_phase(change, EC_PHASE_QUARANTINED) && !is_gone)
	{
		ec_transition_with_locks(change, take_back, ec_quarantine_look(change));
		return EC_PHASE_CUT_OVER;
	}
	if (is_phase(change, EC_PHASE_CUT_OVER) && !is_gone)
	{
		require_way_back(change);
		require_all_carried_back(change);
		require_all_values_in_old(change);
		if (change->kept_names != NULL && !is_small(change))
			require_prepared_back(change);
		ec_transition_with_locks(change,
								 change->kept_names != NULL ? swap_back : switch_back,
								 NULL);
		return EC_PHASE_VERIFIED;
	}
	ec_transition_with_locks(change, give_up, NULL);
	if (!is_gone && change->kept_names == NULL)
		ereport(NOTICE, (errmsg("the new shape of change \"%s\" is left as it is",
								change->name),
						 errhint("When it is not needed any more, use: %s",
								 how_to_drop(change))));
	return EC_PHASE_REVERTED;
}

/*
 * ec_revert(change) → the change's phase after one step back
 *
 * quarantined → cut_over: the old shape gets its names back.  cut_over →
 * verified: the flag is switched off, and the old shape becomes the
 * authority.  Any earlier phase → reverted: dual writes end, and the new shape
 * stays as it is.  If the table has been dropped, the change is just ended.
 *
 * Only the owner of the table may call it (42501).  Raises 42704 if there is
 * no such change; 55000 if it is contracted or data would be lost; and 55P03
 * if locks could not be obtained.
 */
Datum
ec_revert(PG_FUNCTION_ARGS)
{
	EcChange change;

	ec_require_argument(fcinfo, 0, "change",
						"As in SELECT ec_revert('users_email').");
	ec_change_lock(ec_change_argument(fcinfo, 0), &change);
	if (is_phase(&change, EC_PHASE_REVERTED))
		PG_RETURN_TEXT_P(cstring_to_text(change.phase));
	if (is_phase(&change, EC_PHASE_CONTRACTED))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("change \"%s\" cannot be reverted any more", change.name),
				 errdetail("It is contracted: the old shape has been dropped."),
				 errhint("Register a change in the opposite direction.")));
	PG_RETURN_TEXT_P(cstring_to_text(one_back(&change)));
}
