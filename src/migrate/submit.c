/*
 * submit.c
 *		Submits a mixed script as a job, and reports its state.
 *
 * The ledger does not store whether a migration is running, because that would
 * be wrong after a crash.  It stores which migrations are unfinished.  Their
 * state is that of the job, whose worker is identified by a lock.  A job is
 * found by the version in its parameters, not by a number in the ledger,
 * because that number may belong to another job in a restored copy.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "core/hint.h"
#include "core/catalog.h"
#include "core/json.h"
#include "core/query.h"
#include "migrate/background.h"
#include "migrate/scope.h"
#include "migrate/settings.h"
#include "migrate/steps.h"
#include "worker/jobs/calls.h"
#include "worker/jobs/waiting.h"

int64
ec_migration_job(const char *scope_name, const char *version, const char *direction)
{
	EcArgs args = {0};

	ec_arg_text(&args, version);
	ec_arg_text(&args, direction);
	ec_arg_text(&args, scope_name);
	if (ec_query("SELECT id FROM expand_contract.jobs"
				 " WHERE kind = 'statement' AND parameters ->> 'version' = $1"
				 "   AND parameters ->> 'direction' = $2"
				 "   AND coalesce(parameters ->> 'scope', '') = $3"
				 " ORDER BY id DESC LIMIT 1",
				 &args) == 0)
		return 0;
	return ec_get_int8(0, 1, 0);
}

/*
 * Was the job queued before the server's last start, and is there no launcher
 * to start it?
 */
static bool
is_forgotten(int64 job)
{
	EcArgs args = {0};

	if (ec_launcher_running())
		return false;
	ec_arg_int8(&args, job);
	return ec_query("SELECT FROM expand_contract.jobs"
					" WHERE id = $1 AND queued_at < pg_postmaster_start_time()",
					&args) > 0;
}

/* The state of a job that waits for a part of it.  Call in scope. */
static EcMigrationState
state_of_part(const EcJobStatus *job)
{
	EcJobStatus part;

	ec_job_look(job->part, false, &part);
	if (strcmp(job->state, EC_STATE_PAUSED) == 0 ||
		strcmp(part.state, EC_STATE_PAUSED) == 0)
		return EC_MIGRATION_IS_PAUSED;
	if (part.is_live || ec_launcher_running() ||
		(!part.is_interrupted && !is_forgotten(part.id)))
		return EC_MIGRATION_IS_RUNNING;
	return EC_MIGRATION_IS_INTERRUPTED;
}

/* Call in scope. */
static EcMigrationState
state_of_job(const EcJobStatus *job)
{
	if (strcmp(job->state, EC_STATE_CANCELLED) == 0 && job->is_live)
		return EC_MIGRATION_IS_CANCELLING;
	if (strcmp(job->state, EC_STATE_CANCELLED) == 0 ||
		strcmp(job->state, EC_STATE_FAILED) == 0)
		return EC_MIGRATION_HAS_FAILED;
	if (job->is_live)
		return EC_MIGRATION_IS_RUNNING;
	if (job->part != 0)
		return state_of_part(job);
	if (strcmp(job->state, EC_STATE_PAUSED) == 0)
		return EC_MIGRATION_IS_PAUSED;
	if (strcmp(job->state, EC_STATE_QUEUED) == 0 &&
		(RecoveryInProgress() || !is_forgotten(job->id)))
		return EC_MIGRATION_IS_QUEUED;
	/* it has ended since the ledger was read */
	if (strcmp(job->state, EC_STATE_DONE) == 0)
		return EC_MIGRATION_IS_RUNNING;
	/* with a launcher, it gets another worker soon */
	if (strcmp(job->state, EC_STATE_RUNNING) == 0 &&
		(ec_launcher_running() || !job->is_interrupted))
		return EC_MIGRATION_IS_RUNNING;
	return EC_MIGRATION_IS_INTERRUPTED;
}

EcMigrationState
ec_migration_state(const EcMigration *migration, EcJobStatus *job)
{
	EcMigrationState state = EC_MIGRATION_IS_INTERRUPTED;
	EcCatalogScope scope;
	int64 id;

	memset(job, 0, sizeof(*job));
	if (strcmp(migration->state, EC_MIGRATION_APPLIED) == 0)
		return EC_MIGRATION_IS_APPLIED;
	ec_catalog_begin(&scope);
	id = ec_migration_job(migration->scope, migration->version,
						  migration->direction);
	if (id != 0)
		ec_job_look(id, false, job);
	if (!job->is_ours)
		job->id = 0;
	if (job->id != 0)
		state = state_of_job(job);
	ec_catalog_end(&scope);

	/*
	 * The worker updates the ledger before its job.  Until it has done both, the
	 * migration runs, so that whoever sees that it has failed can resume it.
	 */
	if (strcmp(migration->state, EC_MIGRATION_FAILED) == 0 &&
		(state == EC_MIGRATION_IS_INTERRUPTED ||
		 (state == EC_MIGRATION_IS_RUNNING && !job->is_live)))
		return EC_MIGRATION_HAS_FAILED;
	return state;
}

const char *
ec_migration_state_name(EcMigrationState state)
{
	switch (state)
	{
		case EC_MIGRATION_IS_QUEUED:
			return "queued";
		case EC_MIGRATION_IS_RUNNING:
		case EC_MIGRATION_IS_CANCELLING:
			return "running";
		case EC_MIGRATION_IS_PAUSED:
			return "paused";
		case EC_MIGRATION_IS_INTERRUPTED:
			return "interrupted";
		case EC_MIGRATION_HAS_FAILED:
			return "failed";
		case EC_MIGRATION_IS_APPLIED:
			return "applied";
	}
	return NULL;
}

/*
 * Was the job queued before the current transaction?  Otherwise the commit
 * starts it.
 */
static bool
is_committed(int64 job)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool committed;

	ec_catalog_begin(&scope);
	ec_arg_int8(&args, job);
	committed = ec_query("SELECT FROM expand_contract.jobs"
						 " WHERE id = $1 AND queued_at < transaction_timestamp()",
						 &args) > 0;
	ec_catalog_end(&scope);
	return committed;
}

const char *
ec_answer_of_unfinished(const char *what, EcMigrationState state,
						const EcJobStatus *job, bool *resume)
{
	*resume = false;
	switch (state)
	{
		case EC_MIGRATION_IS_QUEUED:
			/* it may have found no free slot */
			if (!XactReadOnly && is_committed(job->id))
				ec_start_waiting_jobs(false);
			return "queued";
		case EC_MIGRATION_IS_RUNNING:
			return "running";
		case EC_MIGRATION_IS_PAUSED:
			ereport(NOTICE, (errmsg("%s is paused", what),
							 ec_errhint("Use SELECT ec_resume(" INT64_FORMAT ").",
										job->id)));
			return "queued";
		case EC_MIGRATION_IS_CANCELLING:
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("%s is being cancelled", what),
					 errdetail("The worker of job " INT64_FORMAT
							   " is dropping the invalid index that it left.",
							   job->id),
					 ec_errhint(
						 "Wait for it with CALL ec_wait_migration, then try again.")));
			pg_unreachable();
		default:
			*resume = true;
			return NULL;
	}
}

void
ec_check_no_other_unfinished(const char *scope, const char *version, const char *what)
{
	char *other = ec_ledger_unfinished_other(scope, version);
	EcMigration *unfinished = other ? ec_ledger_find(scope, other) : NULL;
	EcMigrationState state;
	EcJobStatus job;
	bool up;

	if (unfinished == NULL)
		return;
	state = ec_migration_state(unfinished, &job);
	up = strcmp(unfinished->direction, EC_UP) == 0;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s has to wait for migration \"%s\"", what, other),
			 errdetail("The state of %s is \"%s\", %d of %d steps are done.",
					   up ? "that migration" : "its down script",
					   ec_migration_state_name(state), unfinished->steps_done,
					   unfinished->steps),
			 state == EC_MIGRATION_HAS_FAILED || state == EC_MIGRATION_IS_INTERRUPTED
				 ? ec_errhint("Call %s again to continue; the view ec_migrations shows why it stopped.",
							  ec_qualified(up ? "ec_apply" : "ec_rollback"))
				 : ec_errhint("Use CALL ec_wait_migration, then try again.")));
}

/*
 * Cancels a job that is replaced by another one, so that it does not run
 * again.  A worker that starts right now finds it cancelled.
 */
static void
retire_job(const char *scope, const char *version, const char *direction)
{
	EcArgs args = {0};
	int64 job = ec_migration_job(scope, version, direction);

	ec_arg_int8(&args, job);
	(void) ec_query("UPDATE expand_contract.jobs"
					"   SET state = 'cancelled', finished_at = clock_timestamp()"
					" WHERE id = $1 AND state IN ('queued', 'running', 'paused')",
					&args);
}

void
ec_submit_migration(const char *scope_name, const char *version, const char *direction)
{
	EcJobSpec spec = {0};
	EcJsonWriter writer;
	EcCatalogScope scope;

	ec_catalog_begin(&scope);
	retire_job(scope_name, version, direction);
	ec_catalog_end(&scope);

	ec_json_begin(&writer);
	ec_json_text(&writer, "scope", scope_name);
	ec_json_text(&writer, "version", version);
	ec_json_text(&writer, "direction", direction);
	ec_capture_settings(&writer);
	spec.kind = EC_STATEMENT_JOB;
	spec.title = ec_migration_name(scope_name, version);
	spec.parameters = ec_json_end(&writer);
	spec.workers = 1;
	(void) ec_job_submit(&spec);
}

PG_FUNCTION_INFO_V1(ec_sql_migration_status);

/* Roles that may execute ec_apply may see the ledger. */
static bool
may_see_ledger(void)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool may;

	if (ec_may_monitor())
		return true;
	ec_arg_oid(&args, GetUserId());
	ec_catalog_begin(&scope);
	may =
		ec_query("SELECT FROM pg_proc p"
				 "  JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid"
				 "   AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass"
				 "  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'expand_contract'"
				 " WHERE p.proname = 'ec_apply' AND has_function_privilege($1, p.oid, 'EXECUTE')",
				 &args) > 0;
	ec_catalog_end(&scope);
	return may;
}

/*
 * expand_contract.migration_status(version, scope, OUT state, OUT job)
 *
 * Any role may execute it, because ec_migrations runs it with its reader's
 * rights.  Returns NULL for roles that may not see the ledger.
 */
Datum
ec_sql_migration_status(PG_FUNCTION_ARGS)
{
	/* In an older version's SQL the function has no scope. */
	const char *scope = PG_NARGS() > 1 ? text_to_cstring(PG_GETARG_TEXT_PP(1)) : "";
	EcMigration *migration =
		may_see_ledger()
			? ec_ledger_find(scope, text_to_cstring(PG_GETARG_TEXT_PP(0)))
			: NULL;
	EcJobStatus job;
	TupleDesc descriptor;
	Datum values[2] = {0};
	bool nulls[2] = {false};

	if (migration == NULL)
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	descriptor = BlessTupleDesc(descriptor);
	values[0] = CStringGetTextDatum(
		ec_migration_state_name(ec_migration_state(migration, &job)));
	values[1] = Int64GetDatum(job.id);
	nulls[1] = job.id == 0;
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls)));
}
