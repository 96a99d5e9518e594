/*
#include "catalog/pg_type.h"
 * contract.c
 *		ec_contract: quarantines the old shape by renaming it, and later drops
 *		it.
 *
 * Until the drop, ec_revert can undo everything, see revert.c.  Both steps
 * check the gates first and take their locks last, so that applications wait
 * only for one short attempt and a commit.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/hint.h"
#include "core/arguments.h"
#include "dualwrite/sequences.h"
#include "lifecycle/contract.h"
#include "lifecycle/drop.h"
#include "lifecycle/forget.h"
#include "lifecycle/gates.h"
#include "lifecycle/old_shape.h"
#include "lifecycle/quarantine.h"
#include "lifecycle/transition.h"
#include "core/catalog.h"
#include "core/json.h"
#include "core/query.h"
#include "core/read_text.h"
#include "core/rights.h"
#include "expand_contract.h"
#include "worker/jobs/calls.h"
#include "worker/jobs/registry.h"
#include "worker/jobs/control.h"

PG_FUNCTION_INFO_V1(ec_contract);

typedef struct Contraction
{
	TimestampTz until; /* end of the quarantine */
	bool auto_drop;
} Contraction;

static bool
is_phase(const EcChange *change, const char *phase)
{
	return strcmp(change->phase, phase) == 0;
}

static void
require_old_shape(const EcChange *change)
{
	if (!bms_is_empty(ec_old_columns(change)))
		return;
	if (get_rel_name(change->relation) == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("the table of change \"%s\" does not exist any more",
							   change->name),
						errdetail("There is nothing to contract."),
						ec_errhint("Use ec_revert(%s) to end the change.",
								   quote_literal_cstr(change->name))));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("change \"%s\" has nothing to contract", change->name),
			 errdetail("It has no old columns: no backward mapping writes any, none were named in ec_expand, or they have been dropped."),
			 ec_errhint("The argument \"old_columns\" of ec_expand names what contraction removes. %s, and a migration of phase \"contract\" removes columns of which the change does not know.",
						ec_change_is_stuck(change)
							? ec_hint("ec_forget(%s) ends it and its dual writes",
									  quote_literal_cstr(change->name))
							: ec_hint("ec_revert(%s) reverts it",
									  quote_literal_cstr(change->name)))));
}

/* Raises the error before the quarantine rather than after it. */
static void
refuse_partition_key(const EcChange *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	char *column = NULL;

	if (change->whole_table)
		return;
	ec_arg_oid(&args, change->relation);
	ec_arg(&args, TEXTARRAYOID, PointerGetDatum(ec_old_column_names(change)), false);
	ec_catalog_begin(&scope);
	if (ec_query("SELECT a.attname::text FROM expand_contract.family_of($1) f (oid)"
				 "  JOIN pg_partitioned_table p ON p.partrelid = f.oid"
				 "  JOIN pg_attribute a ON a.attrelid = f.oid AND a.attname = ANY ($2)"
				 "   AND a.attnum = ANY (p.partattrs::int2[]) LIMIT 1",
				 &args) > 0)
		column = ec_get_text(0, 1);
	ec_catalog_end(&scope);
	if (column != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" cannot be contracted because it is part of a partition key",
						column),
				 errdetail("Table \"%s\" is partitioned by it, and the server does not drop such a column.",
						   get_rel_name(change->relation)),
				 errhint("Register a change with a target table that is partitioned by another column.")));
}

/*
 * What the server drops with the old shape; with cascade, what stands in the way
 * too.
 */
static char *
what_goes(const EcChange *change, bool cascade)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	char *list = NULL;

	ec_arg_oid(&args, change->relation);
	ec_arg(&args, INT2ARRAYOID, ec_old_column_numbers(change), change->whole_table);
	ec_arg_bool(&args, cascade);
	ec_catalog_begin(&scope);
	if (ec_query("SELECT string_agg(left(kind || ' ' || object, 300), ', ' ORDER BY kind, object)"
				 "       FILTER (WHERE n <= 50)"
				 "       || CASE WHEN max(n) > 50 THEN format(', and %s more', max(n) - 50) ELSE '' END"
				 "  FROM (SELECT kind, object, row_number() OVER (ORDER BY kind, object) AS n"
				 "          FROM expand_contract.dependents($1, $2)"
				 "         WHERE falls AND (goes OR $3 OR because = 'temporary, of another session')"
				 "           AND NOT starts_with(object, '\"~ec_')) d",
				 &args) > 0)
		list = ec_get_text(0, 1);
	ec_catalog_end(&scope);
	return list;
}

/*
 * Returns how many rows have a value in the columns to be dropped, as in "3 in
 * street, 2 in zip"; NULL if none has.
 */
static char *
values_that_go(const EcChange *change)
{
	Bitmapset *columns = ec_old_columns(change);
	int attnum = -1;
	StringInfoData sql;
	char *values;

	if (bms_is_empty(columns))
		return NULL;
	initStringInfo(&sql);
	while ((attnum = bms_next_member(columns, attnum)) >= 0)
	{
		const char *name =
			quote_identifier(get_attname(change->relation, attnum, false));

		/* quoted, to show where a name ends */
		appendStringInfo(&sql,
						 "%s CASE WHEN pg_catalog.count(%s) OPERATOR(pg_catalog.<>) 0"
						 " THEN pg_catalog.concat(pg_catalog.count(%s), ' in ', %s) END",
						 sql.len > 0 ? "," : "", name, name,
						 quote_literal_cstr(name));
	}
	values =
		ec_read_text(psprintf("SELECT pg_catalog.array_to_string(ARRAY[%s], ', ') FROM %s",
							  sql.data, ec_relation_name(change->relation)),
					 ec_relation_owner(change->relation));
	return values == NULL || values[0] == '\0' ? NULL : values;
}

/* Called before the first step, which can be reverted, and before the drop. */
static void
tell_values(const EcChange *change, bool can_revert)
{
	char *values = values_that_go(change);

	if (values == NULL)
		return;
	ereport(NOTICE,
			(change->whole_table
				 ? errmsg("table \"%s\" will be dropped with the old shape of change \"%s\"",
						  get_rel_name(change->relation), change->name)
				 : errmsg("columns of table \"%s\" will be dropped with the old shape of change \"%s\"",
						  get_rel_name(change->relation), change->name),
			 errdetail("Rows with a value: %s.", values),
			 can_revert ? ec_errhint("Until the drop, ec_revert(%s) undoes the contraction.",
									 quote_literal_cstr(change->name))
						: 0));
}

/* Tells the user which dependent objects will be dropped. */
static void
tell_what_goes(const EcChange *change, bool cascade)
{
	char *list = what_goes(change, cascade);

	if (list != NULL)
		ereport(NOTICE,
				(errmsg("objects that belong to the old shape of change \"%s\" will be dropped with it",
						change->name),
				 errdetail("These are: %s.", list),
				 ec_errhint("Use ec_revert(%s) if one of them is still needed.",
							quote_literal_cstr(change->name))));
}

static void
store_quarantine(const EcChange *change, const Contraction *contraction)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_text(&args, change->name);
	ec_arg_timestamptz(&args, contraction->until);
	ec_arg_bool(&args, contraction->auto_drop);
	ec_catalog_begin(&scope);
	ec_query("UPDATE expand_contract.changes"
			 "   SET quarantine_until = $2, auto_drop = $3 WHERE name = $1",
			 &args);
	ec_catalog_end(&scope);
}

/* The job repeats the caller's call, with the rights of the caller. */
static void
submit_drop(const EcChange *change, TimestampTz until, ArrayType *override)
{
	EcJobSpec spec = {0};
	EcJsonWriter parameters;

	if (!ec_launcher_running())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the old shape of change \"%s\" would not be dropped at the end of its quarantine",
						change->name),
				 errdetail("auto_drop needs the launcher, which is not running."),
				 ec_errhint(
					 "Add expand_contract to shared_preload_libraries and restart the server, or call ec_contract again then.")));
	ec_json_begin(&parameters);
	if (override != NULL)
		ec_json_text(&parameters, "override",
					 OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(override)));
	spec.kind = ec_contract_kind.name;
	spec.change = change->name;
	spec.relation = change->relation;
	spec.parameters = ec_json_end(&parameters);
	spec.workers = 1;
	spec.batch_size = 1;
	spec.start_at = &until;
	(void) ec_job_submit(&spec);
}

static void
quarantine(const EcChange *change, int lock_wait_ms, void *arg)
{
	ec_quarantine_begin(change, lock_wait_ms, NULL);
	store_quarantine(change, arg);
	ec_change_set_phase(change->name, EC_PHASE_QUARANTINED);
}

static bool
has_override(ArrayType *override, const char *gate)
{
	ListCell *cell;

	foreach (cell, ec_text_list(override, "override"))
		if (strcmp(lfirst(cell), gate) == 0)
			return true;
	return false;
}

static TimestampTz
end_of(TimestampTz begun, const Interval *length)
{
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												   TimestampTzGetDatum(begun),
												   IntervalPGetDatum(length)));
}

/* the first step: quarantine */
static void
begin(const EcChange *change, ArrayType *override, const Interval *length,
	  bool auto_drop)
{
	Contraction contraction = {.auto_drop = auto_drop};

	require_old_shape(change);
	refuse_partition_key(change);
	ec_gates_require(change, EC_TRANSITION_CONTRACT, override);
	ec_bring_sequences_forward(change, true);
	contraction.until = end_of(GetCurrentTimestamp(), length);
	tell_values(change, true);
	tell_what_goes(change, has_override(override, "dependents"));
	if (auto_drop)
		submit_drop(change, contraction.until, override);
	ec_transition_with_locks(change, quarantine, &contraction);
}

/* the second step: drop */
static void
finish(const EcChange *change, ArrayType *override)
{
	bool cascade = has_override(override, "dependents");
	char *along;

	ec_gates_require(change, EC_TRANSITION_CONTRACT, override);
	if (change->kept_names == NULL)
		ec_bring_sequences_forward(change, true);
	tell_values(change, false);
	along = what_goes(change, cascade);
	ec_drop_old_shape(change, cascade);
	if (along != NULL)
		ec_change_announce(change->name, "dropped_with_it", along);
}

/* Returns the end of the change's quarantine. */
static TimestampTz
quarantine_until(const EcChange *change, bool *auto_drop)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	TimestampTz until;

	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	ec_query("SELECT quarantine_until, auto_drop FROM expand_contract.changes"
			 " WHERE name = $1",
			 &args);
	until = ec_get_timestamptz(0, 1, 0);
	*auto_drop = ec_get_bool(0, 2, false);
	ec_catalog_end(&scope);
	return until;
}

/*
 * True for the argument's default: such a call does not shorten the
 * quarantine.
 */
static bool
is_default_length(const Interval *length)
{
	return length->month == 0 && length->day == 7 && length->time == 0;
}

/*
 * Shortens the quarantine if the call asks for less than what remains; the
 * length counts from the start of the quarantine.  Returns the end of the
 * quarantine.
 */
static TimestampTz
shorten(const EcChange *change, TimestampTz until, const Interval *length,
		ArrayType *override, bool auto_drop)
{
	Contraction contraction = {.auto_drop = auto_drop};
	EcCatalogScope scope;
	EcArgs args = {0};
	TimestampTz begun;

	if (is_default_length(length))
		return until;
	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	ec_query("SELECT since FROM expand_contract.changes WHERE name = $1", &args);
	begun = ec_get_timestamptz(0, 1, 0);
	ec_catalog_end(&scope);
	contraction.until = end_of(begun, length);
	if (contraction.until >= until)
		return until;
	ec_change_announce(change->name, "override",
					   psprintf("quarantine: until %s instead of %s",
								pstrdup(timestamptz_to_str(contraction.until)),
								pstrdup(timestamptz_to_str(until))));
	store_quarantine(change, &contraction);
	if (auto_drop && contraction.until > GetCurrentTimestamp())
	{
		ec_catalog_begin(&scope);
		ec_cancel_jobs_of_change(change->name, ec_contract_kind.name);
		ec_catalog_end(&scope);
		submit_drop(change, contraction.until, override);
	}
	return contraction.until;
}

/* A call during the quarantine can only add auto_drop. */
static void
wait_on(const EcChange *change, TimestampTz until, ArrayType *override,
		bool add_auto_drop)
{
	Contraction contraction = {.until = until, .auto_drop = true};

	if (add_auto_drop)
	{
		submit_drop(change, until, override);
		store_quarantine(change, &contraction);
	}
	ereport(NOTICE,
			(errmsg("the old shape of change \"%s\" is in quarantine until %s",
					change->name, timestamptz_to_str(until)),
			 ec_errhint("ec_contract drops it when called after that time. Until then, ec_revert(%s) restores it.",
						quote_literal_cstr(change->name))));
}

#define EXAMPLE "As in SELECT ec_contract('users_email')."

static const Interval *
quarantine_argument(FunctionCallInfo fcinfo)
{
	const Interval *length = PG_GETARG_INTERVAL_P(2);
	Interval none = {0};

	if (DatumGetInt32(DirectFunctionCall2(interval_cmp, IntervalPGetDatum(length),
										  IntervalPGetDatum(&none))) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"quarantine\" must not be negative"),
				 errhint("Use '0' to be able to drop the old shape at once.")));
	return length;
}

/* The names are the new columns' since the cutover: nothing is to be renamed. */
static void
refuse_auto_drop(const EcChange *change)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("change \"%s\" cannot be contracted by itself", change->name),
			 errdetail("It keeps the names of columns, and so has no quarantine after which a job could drop the old ones."),
			 ec_errhint("Call ec_contract(%s) when its gates are passed.",
						quote_literal_cstr(change->name))));
}

/*
 * ec_contract(change, override, quarantine, auto_drop) → the change's phase
 *
 * The first call passes the gates of 'contract' and renames the old columns or
 * the old table: phase 'quarantined'.  A call after the quarantine passes the
 * gates again and drops them: phase 'contracted'.  With auto_drop a job makes
 * that second call.  A call during the quarantine reports when it ends; if it
 * asks for a shorter quarantine, other than the default length, that is
 * applied and recorded.  Objects that depend on the old shape are dropped with
 * it only if the gate dependents is overridden; otherwise they are an error
 * (2BP01).
 *
 * A change that keeps the names of columns has no quarantine, since its cutover
 * has renamed the old ones away: the first call passes the gates and drops
 * them.
 *
 * Only the owner of the table may call it (42501).  Raises 42704 if there is
 * no such change; XE020 while a gate is closed; 55000 if the change is not cut
 * over, is reverted, or has nothing to contract; and 55P03 if locks could not
 * be obtained.
 */
Datum
ec_contract(PG_FUNCTION_ARGS)
{
	ArrayType *override = PG_ARGISNULL(1) ? NULL : PG_GETARG_ARRAYTYPE_P(1);
	EcChange change;
	bool auto_drop;

	ec_require_argument(fcinfo, 0, "change", EXAMPLE);
	ec_require_argument(fcinfo, 2, "quarantine", EXAMPLE);
	ec_require_argument(fcinfo, 3, "auto_drop", EXAMPLE);
	ec_change_lock(ec_change_argument(fcinfo, 0), &change);
	if (is_phase(&change, EC_PHASE_CONTRACTED))
		PG_RETURN_TEXT_P(cstring_to_text(change.phase));
	ec_change_require_active(&change);
	if (is_phase(&change, EC_PHASE_QUARANTINED))
	{
		TimestampTz until = quarantine_until(&change, &auto_drop);

		until = shorten(&change, until, quarantine_argument(fcinfo), override,
						auto_drop);
		if (GetCurrentTimestamp() < until)
		{
			wait_on(&change, until, override, PG_GETARG_BOOL(3) && !auto_drop);
			PG_RETURN_TEXT_P(cstring_to_text(change.phase));
		}
		finish(&change, override);
		PG_RETURN_TEXT_P(cstring_to_text(EC_PHASE_CONTRACTED));
	}
	if (!is_phase(&change, EC_PHASE_CUT_OVER))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("change \"%s\" is not cut over", change.name),
						errdetail("Its phase is \"%s\": applications may still need the old shape.",
								  change.phase),
						ec_errhint("Use ec_cutover(%s) first.",
								   quote_literal_cstr(change.name))));
	if (change.kept_names != NULL)
	{
		if (PG_GETARG_BOOL(3))
			refuse_auto_drop(&change);
		finish(&change, override);
		PG_RETURN_TEXT_P(cstring_to_text(EC_PHASE_CONTRACTED));
	}
	begin(&change, override, quarantine_argument(fcinfo), PG_GETARG_BOOL(3));
	PG_RETURN_TEXT_P(cstring_to_text(EC_PHASE_QUARANTINED));
}

static void
begin_job(EcJob *job)
{
}

static bool
contract_batch(EcJob *job)
{
	char *override = ec_json_get_text(job->parameters, "override");
	EcChange change;

	ec_change_lock(job->change, &change);
	if (is_phase(&change, EC_PHASE_QUARANTINED))
		finish(&change,
			   override == NULL
				   ? NULL
				   : DatumGetArrayTypeP(OidInputFunctionCall(F_ARRAY_IN, override,
															 TEXTOID, -1)));
	return false;
}

const EcJobKind ec_contract_kind = {"contract", begin_job, contract_batch, NULL};
