/*
 * backfill_change.c
 *		ec_backfill_change: submits a backfill job made from a change's mapping.
 *
 * Mode 'fill' writes only rows whose new columns are unset but should have a
 * value, so it never overwrites what an application wrote.  Mode 'repair'
 * corrects every row that differs, from the side that is the authority.
 *
 * The job's SQL is written for search_path = pg_catalog, pg_temp, and is
 * checked as the owner of the tables, which is the role that the job runs as.
 * The job uses the settings stored by ec_expand, since it must compute the
 * same values as writers.  Triggers fired by the job run with the search_path
 * of the session that submitted it, unless a function of the mapping needs a
 * search_path: then they run with the search_path stored by ec_expand.
 */
#include "postgres.h"

#include "access/table.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/hint.h"
#include "core/callers_path.h"
#include "core/arguments.h"
#include "backfill/copy/copy.h"
#include "backfill/submit.h"
#include "lifecycle/backfill_change.h"
#include "core/catalog.h"
#include "core/guc.h"
#include "core/json.h"
#include "core/pinned.h"
#include "core/planned.h"
#include "core/query.h"
#include "model/owner.h"
#include "model/change.h"
#include "dualwrite/columns/statement.h"
#include "dualwrite/table.h"
#include "dualwrite/tables/table_mapping.h"
#include "dualwrite/tables/table_target.h"
#include "expand_contract.h"
#include "worker/jobs/job.h"
#include "worker/jobs/pace.h"
#include "worker/jobs/session.h"

PG_FUNCTION_INFO_V1(ec_backfill_change);

/* Records what ec_note_change_job_done needs when the job is done. */
static void
note_job(int64 job, const char *change, const char *mode)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_int8(&args, job);
	ec_arg_text(&args, change);
	ec_arg_text(&args, mode);
	(void) ec_query("INSERT INTO expand_contract.change_jobs (job, change, mode)"
					" VALUES ($1, $2, $3)",
					&args);
	ec_catalog_end(&scope);
}

static void
refuse_one_way(const EcChange *change)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("change \"%s\" has no backward mapping to repair the old columns with",
					change->name),
			 errdetail("Its phase is \"%s\": the new columns are right, whatever the old ones hold.",
					   change->phase),
			 errhint("No repair is needed.")));
}

/* Without the trigger, rows written behind the job's position would differ. */
static void
require_trigger(const EcChange *change)
{
	if (get_rel_name(change->relation) == NULL)
		return;
	if (OidIsValid(change->target)
			? get_rel_name(change->target) == NULL || ec_table_triggers_at_work(change)
			: ec_has_dual_writes(change->relation,
								 ec_change_trigger_name(change->name)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("change \"%s\" has lost its trigger", change->name),
			 errdetail("It was dropped or disabled, or table \"%s\" has a child without it.",
					   get_rel_name(change->relation)),
			 ec_errhint(
				 "Call ec_expand again with the same arguments, which creates it again.")));
}

/* The new columns are in the same table: the job updates its rows. */
static int64
submit_backfill(EcJobSpec *spec, const EcChange *change, bool forward, bool repair)
{
	Relation relation = try_table_open(change->relation, RowExclusiveLock);
	EcChangeSql sql;
	int64 job;

	if (relation == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("the table of change \"%s\" does not exist any more",
							   change->name)));
	ec_change_sql(relation, change, forward, &sql);
	job = ec_submit_backfill(spec, change->relation, sql.assignments,
							 repair ? sql.repair : sql.fill, "auto");
	table_close(relation, NoLock);
	return job;
}

/* The new columns are in another table: the job copies from the authority. */
static int64
submit_copy(const EcJobSpec *spec, const EcChange *change, bool forward, bool repair)
{
	EcCopySpec copy = {*spec};

	copy.method = "auto";
	copy.source = forward ? change->relation : change->target;
	copy.target = forward ? change->target : change->relation;
	copy.mapping = ec_table_mapping(change, forward, &copy.key);
	copy.repair = repair;
	return ec_submit_copy(&copy);
}

/*
 * A copy makes the target equal to the source.  If the write of a row could
 * not be carried over to the source, the copy would overwrite the newer row
 * with the older one.  A copy that only fills would bring a row back that was
 * deleted.
 */
static void
require_reconciled(const EcChange *change, bool forward, bool repair)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	int64 queued;

	ec_arg_text(&args, change->name);
	ec_arg_text(&args, forward ? "backward" : "forward");
	ec_arg_bool(&args, repair);
	ec_catalog_begin(&scope);
	ec_query("SELECT count(DISTINCT key) FROM expand_contract.discrepancies"
			 " WHERE change = $1 AND direction = $2 AND ($3 OR operation = 'delete')",
			 &args);
	queued = ec_get_int8(0, 1, 0);
	ec_catalog_end(&scope);
	if (queued > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a %s of change \"%s\" would lose writes that are still queued",
						repair ? "repair" : "fill", change->name),
				 errdetail("Rows of table \"%s\" in the queue: " INT64_FORMAT ".",
						   get_rel_name(forward ? change->target : change->relation),
						   queued),
				 ec_errhint("See them in ec_discrepancies; once their cause is gone, use ec_reconcile(%s).",
							quote_literal_cstr(change->name))));
}

/* If a table is missing, no SQL runs, and a later step raises the error. */
static Oid
role_of_job(const EcChange *change)
{
	if (get_rel_name(change->relation) == NULL ||
		(OidIsValid(change->target) && get_rel_name(change->target) == NULL))
		return GetUserId();
	return ec_change_require_role(change);
}

static int64
submit(EcJobSpec *spec, const EcChange *change, bool repair)
{
	bool forward = !repair || ec_old_is_authority(change);
	EcRights outer;
	int guc_level;
	int64 job;

	if (!forward && !ec_has_backward(change))
		refuse_one_way(change);
	if (OidIsValid(change->target))
		require_reconciled(change, forward, repair);
	spec->change = change->name;
	spec->is_backward = !forward;
	spec->fills = !repair;
	spec->owner = GetUserId();
	guc_level = ec_pin_settings(change->settings);
	spec->settings = ec_capture_session();
	ec_become(&outer, role_of_job(change));
	ec_use_own_path();
	job = OidIsValid(change->target)
			  ? submit_copy(spec, change, forward, repair)
			  : submit_backfill(spec, change, forward, repair);
	AtEOXact_GUC(false, guc_level);
	ec_become_caller(&outer);
	return job;
}

/*
 * ec_backfill_change(change, mode, batch_size, delay_ms, workers, start_at,
 *				  run_window, max_lag, on_error) → the job's number
 *
 * Submits the job that brings the rows of a change in step.  The job runs as
 * the owner of its tables.
 *
 * mode 'fill' writes rows whose new columns are unset.  mode 'repair' writes
 * every row that differs: from the old columns before cutover, from the new
 * columns after it.  For a change to another table the job is a copy: 'fill'
 * inserts the missing rows, and 'repair' makes the tables equal.
 *
 * With on_error 'raise', a row that fails stops the job, and the job's error
 * names the row.  With 'skip', the row is put into the queue of the change,
 * and the job continues.  The arguments for pace and schedule are those of
 * ec_backfill.  When the first job of a change is done, the phase goes from
 * dual_write to backfilled.
 *
 * Only the owner of the table may call it.  Raises 42704 if there is no such
 * change; 22023 for an unknown mode; 55000 if the change has ended, its dual
 * writes are off, or a repair has no mapping to use; and the errors of
 * ec_backfill.
 */
Datum
ec_backfill_change(PG_FUNCTION_ARGS)
{
	EcJobSpec spec = {0};
	EcChange change;
	bool repair;
	int64 job;

	ec_read_pace_arguments(fcinfo, 2, true, &spec, NULL);
	ec_require_argument(fcinfo, 0, "change",
						"As in SELECT ec_backfill_change('users_email').");
	repair = ec_is_second_choice(fcinfo, 1, "mode", "fill", "repair");
	spec.skips_failures =
		ec_is_second_choice(fcinfo, 8, "on_error", "raise", "skip");

	ec_change_get(ec_change_argument(fcinfo, 0), &change);
	ec_change_require_active(&change);
	if (!change.dual_write || !ec_enable_modern_write)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("dual writes of change \"%s\" are off", change.name),
				 errdetail("Rows that applications write behind the job's position would not get their new values."),
				 change.dual_write
					 ? errhint("Set expand_contract.enable_modern_write on again first.")
					 : ec_errhint("Use ec_dual_write(%s, true) first.",
								  quote_literal_cstr(change.name))));
	require_trigger(&change);
	job = submit(&spec, &change, repair);
	note_job(job, change.name, repair ? "repair" : "fill");
	PG_RETURN_INT64(job);
}

/*
 * The batch has locked the rows that it has written.  So if it has overwritten
 * a write that could not be carried over, that write's entry in the queue is
 * committed, and visible here.
 */
void
ec_check_change_batch(const EcJob *job)
{
	EcChange change;

	if (strcmp(job->kind, "copy") == 0 &&
		ec_change_load(job->change, &change) && OidIsValid(change.target))
		require_reconciled(&change,
						   ec_json_get_int8(job->parameters, "is_backward", 0) == 0,
						   ec_json_get_int8(job->parameters, "fills", 0) == 0);
}

/*
 * A repair closes a gap only if all transactions of the gap had committed when
 * the repair was submitted, because only then it could see their rows.
 */
static void
close_gaps(const EcJob *job)
{
	EcArgs args = {0};

	ec_arg_int8(&args, job->id);
	(void) ec_query("UPDATE expand_contract.gaps g"
					"   SET repaired_by = j.job, repaired_at = clock_timestamp()"
					"  FROM expand_contract.change_jobs j"
					" WHERE j.job = $1 AND j.mode = 'repair' AND g.change = j.change"
					"   AND g.repaired_by IS NULL"
					"   AND (pg_visible_in_snapshot(g.writer, j.snapshot)"
					/*
					 * A future xid comes from another cluster, which was
					 * dumped.
					 */
					"        OR g.writer >= pg_snapshot_xmax(pg_current_snapshot()))",
					&args);
}

void
ec_note_change_job_done(const EcJob *job)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool is_first;

	ec_catalog_begin(&scope);
	close_gaps(job);
	ec_arg_int8(&args, job->id);
	is_first = ec_query("SELECT FROM expand_contract.change_jobs j"
						"  JOIN expand_contract.changes c ON c.name = j.change"
						" WHERE j.job = $1 AND c.phase = 'dual_write'",
						&args) > 0;
	ec_catalog_end(&scope);
	if (is_first)
		ec_change_set_phase(job->change, EC_PHASE_BACKFILLED);
}
