/*
 * await.c
 *		ec_wait_migration: waits until a worker has finished a migration.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "core/hint.h"
#include "core/catalog.h"
#include "core/query.h"
#include "expand_contract.h"
#include "core/arguments.h"
#include "migrate/background.h"
#include "migrate/ledger.h"
#include "migrate/scope.h"
#include "migrate/steps.h"
#include "migrate/version.h"
#include "worker/jobs/wait.h"
#include "worker/jobs/calls.h"
#include "worker/jobs/waiting.h"

/*
 * Without a launcher, how often a waiting session starts a queued migration's
 * worker.
 */
#define RESTART_AFTER_MS 2000

typedef struct Await
{
	const char *scope;
	const char *version;
	const char *what;
	TimestampTz last_start;
	TimestampTz began;
	bool saw_rollback; /* then the wait ends when it is not in the ledger */
} Await;

/*
 * Appends what the job's worker does, and which sessions it waits for.  In
 * scope, so it shows figures of other roles' sessions, but not their queries.
 */
static void
append_activity(StringInfo line, int64 job)
{
	EcArgs args = {0};
	uint64 count;

	ec_arg_int8(&args, job);
	if (ec_query("SELECT p.phase, p.blocks_done,"
				 "       CASE WHEN p.phase NOT LIKE 'waiting%' THEN p.blocks_total END,"
				 "       p.lockers_done,"
				 "       CASE WHEN p.phase LIKE 'waiting%' THEN p.lockers_total END"
				 "  FROM expand_contract.live_slots() l"
				 "  JOIN pg_stat_progress_create_index p ON p.pid = l.pid"
				 " WHERE l.job = $1",
				 &args) > 0)
	{
		appendStringInfo(line, ", %s", ec_get_text(0, 1));
		if (ec_get_int8(0, 3, 0) > 0)
			appendStringInfo(line,
							 ", block " INT64_FORMAT " of " INT64_FORMAT
							 ", " INT64_FORMAT " %%",
							 ec_get_int8(0, 2, 0), ec_get_int8(0, 3, 0),
							 ec_get_int8(0, 2, 0) * 100 / ec_get_int8(0, 3, 0));
		if (ec_get_int8(0, 5, 0) > 0)
			appendStringInfo(line,
							 ", " INT64_FORMAT " of " INT64_FORMAT " waited for",
							 ec_get_int8(0, 4, 0), ec_get_int8(0, 5, 0));
	}

	count = ec_query("SELECT b.pid, coalesce(nullif(a.application_name, ''),"
					 "       a.backend_type, 'unknown'), a.state,"
					 "       extract(epoch FROM clock_timestamp() - a.xact_start)::bigint"
					 "  FROM expand_contract.live_slots() l"
					 " CROSS JOIN LATERAL (SELECT DISTINCT p.pid"
					 "               FROM unnest(pg_blocking_pids(l.pid)) p (pid)) b"
					 "  LEFT JOIN pg_stat_activity a ON a.pid = b.pid"
					 " WHERE l.job = $1 ORDER BY b.pid",
					 &args);
	for (uint64 row = 0; row < count; row++)
	{
		appendStringInfo(line, "%s pid %d (%s", row == 0 ? ", waits for" : ",",
						 ec_get_int4(row, 1, 0), ec_get_text(row, 2));
		if (!ec_is_null(row, 3))
			appendStringInfo(line, ", %s", ec_get_text(row, 3));
		if (!ec_is_null(row, 4))
			appendStringInfo(line, ", transaction age " INT64_FORMAT " s",
							 ec_get_int8(row, 4, 0));
		appendStringInfoChar(line, ')');
	}
}

static char *
name_of(const EcMigration *migration)
{
	return ec_migration_name(migration->scope, migration->version);
}

/* Appends what the step that is going on does. */
static void
append_step(StringInfo line, const EcJobStatus *job, const EcScriptStep *step)
{
	EcCatalogScope scope;
	EcWaitNews news = {0};

	appendStringInfo(line, ": %s", step->command);
	ec_catalog_begin(&scope);
	if (job->part == 0)
		append_activity(line, job->id);
	else
	{
		ec_job_tell_progress(job->part, &news);
		if (news.line != NULL)
			appendStringInfo(line, "; %s", news.line);
	}
	ec_catalog_end(&scope);
}

static char *
progress_line(const EcMigration *migration, EcMigrationState state,
			  const EcJobStatus *job)
{
	bool up = strcmp(migration->direction, EC_UP) == 0;
	bool is_at_step;
	StringInfoData line;
	EcScriptStep step;

	is_at_step = (job->is_live || job->part != 0) &&
				 ec_steps_next(migration->scope, migration->version,
							   migration->direction, &step);
	initStringInfo(&line);
	appendStringInfo(&line, "%s%s is %s", up ? "" : "the down script of ",
					 name_of(migration), ec_migration_state_name(state));
	if (state == EC_MIGRATION_IS_CANCELLING)
		appendStringInfoString(&line,
							   ", cancelled: what is left invalid is dropped");
	else if (is_at_step)
		appendStringInfo(&line, ", step %d of %d", step.number, migration->steps);
	else
		appendStringInfo(&line, ", %d of %d steps done", migration->steps_done,
						 migration->steps);
	if (job->id != 0)
		appendStringInfo(&line, ", job " INT64_FORMAT, job->id);
	if (is_at_step)
		append_step(&line, job, &step);
	return line.data;
}

static void
raise_failure(const EcMigration *migration, const EcJobStatus *job)
{
	const char *again = ec_qualified(
		strcmp(migration->direction, EC_UP) == 0 ? "ec_apply" : "ec_rollback");

	if (job->id != 0 && strcmp(job->state, EC_STATE_CANCELLED) == 0)
		ereport(ERROR, (errcode(EC_ERRCODE_JOB_CANCELLED),
						errmsg("%s was cancelled", name_of(migration)),
						errdetail("%d of %d steps are done.",
								  migration->steps_done, migration->steps),
						errhint("Use %s again to go on where it stopped.", again)));
	if (job->id != 0 && job->error_code != NULL)
		ec_job_raise_failure(job);
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("%s failed", name_of(migration)),
					migration->error ? errdetail("%s", migration->error) : 0,
					errhint("Use %s again once the cause is gone.", again)));
}

static void
raise_interrupted(const EcMigration *migration, const EcJobStatus *job)
{
	const char *again = ec_qualified(
		strcmp(migration->direction, EC_UP) == 0 ? "ec_apply" : "ec_rollback");

	ereport(ERROR,
			(errcode(EC_ERRCODE_INTERRUPTED),
			 errmsg("%s is interrupted", name_of(migration)),
			 job->id != 0
				 ? errdetail("Its job has lost its worker, %d of %d steps are done.",
							 migration->steps_done, migration->steps)
				 : errdetail("It was submitted in the database that this one is a copy of, %d of %d steps are done.",
							 migration->steps_done, migration->steps),
			 errhint("Use %s again to go on where it stopped.", again)));
}

/*
 * For a migration that is not in the ledger: has it been rolled back, in the
 * caller's transaction or by a worker?  A deployment script need not know
 * which.
 */
static bool
was_rolled_back(const char *scope_name, const char *version)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool done = false;

	ec_catalog_begin(&scope);
	ec_arg_text(&args, version);
	ec_arg_text(&args, scope_name);
	done = ec_query("SELECT FROM expand_contract.migration_events"
					" WHERE scope = $2 AND version = $1 AND event = 'rollback' LIMIT 1",
					&args) > 0;
	ec_catalog_end(&scope);
	return done;
}

/* The job may have found no free slot, or its worker could not start. */
static void
start_if_forgotten(Await *await)
{
	if (ec_launcher_running() || RecoveryInProgress() ||
		!TimestampDifferenceExceeds(await->last_start, GetCurrentTimestamp(),
									RESTART_AFTER_MS))
		return;
	ec_start_waiting_jobs(false);
	await->last_start = GetCurrentTimestamp();
}

/*
 * A worker's warnings go to the server's log.  Shows here the warnings that
 * changes have recorded during the wait, for example about a unique index that
 * the migration has created.
 */
static void
warn_of_ended_records(TimestampTz began)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	uint64 count;

	ec_arg_timestamptz(&args, began);
	ec_catalog_begin(&scope);
	count = ec_query("SELECT DISTINCT change, value FROM expand_contract.change_events"
					 " WHERE event = 'record ends' AND at >= $1 ORDER BY 1, 2",
					 &args);
	for (uint64 row = 0; row < count; row++)
		ereport(WARNING,
				(errmsg("on_error \"record\" of change \"%s\" does not cover violations of \"%s\"",
						ec_get_text(row, 1), ec_get_text(row, 2)),
				 errdetail("It is checked after the change's trigger has run, so a violation also fails the legacy write."),
				 errhint("Drop it until the old columns are no longer written, or make sure that no legacy write can violate it.")));
	ec_catalog_end(&scope);
}

/* One look of EcWaitLook. */
static bool
look_at_migration(void *arg, EcWaitNews *news)
{
	Await *await = arg;
	EcMigration *migration = ec_ledger_find(await->scope, await->version);
	EcMigrationState state;
	EcJobStatus job;

	if (migration == NULL)
	{
		/*
		 * if an entry covers the version, there is nothing to wait for, either
		 */
		if (await->saw_rollback || was_rolled_back(await->scope, await->version) ||
			ec_ledger_covered_by(await->scope, await->version) != NULL)
			return true;
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("%s is not in the ledger", await->what),
						ec_errhint("Submit it with ec_apply, and commit.")));
	}
	await->saw_rollback = strcmp(migration->direction, EC_DOWN) == 0;
	state = ec_migration_state(migration, &job);
	switch (state)
	{
		case EC_MIGRATION_IS_APPLIED:
			warn_of_ended_records(await->began);
			return true;
		case EC_MIGRATION_HAS_FAILED:
			raise_failure(migration, &job);
			break;
		case EC_MIGRATION_IS_INTERRUPTED:
			raise_interrupted(migration, &job);
			break;
		case EC_MIGRATION_IS_QUEUED:
			start_if_forgotten(await);
			break;
		case EC_MIGRATION_IS_RUNNING:
			/* the job of a step, too, may have found no free slot */
			if (job.part != 0)
				start_if_forgotten(await);
			break;
		default:
			break;
	}
	news->line = progress_line(migration, state, &job);
	news->mark = news->line;
	return false;
}

void
ec_await_migration(FunctionCallInfo fcinfo, const char *scope,
				   const char *version, Interval *timeout)
{
	TimestampTz now = GetCurrentTimestamp();
	Await await = {scope, version, ec_migration_name(scope, version),
				   now,   now,     false};

	ec_wait_until(fcinfo, await.what, look_at_migration, &await, timeout);
}

/*
 * ec_wait_migration(version text, timeout interval, scope text) - a procedure
 *
 * Returns when the migration is applied, or rolled back if it is being rolled
 * back.  With a NULL timeout it waits without limit.  From time to time shows
 * the progress and the sessions that the worker waits for.
 *
 * Errors: 22004, 22023 (arguments), 25001 (inside a transaction block), 42704
 * (not in the ledger), that of the statement that failed, XE012 (cancelled),
 * XE011 (it has no worker), EC_ERRCODE_WAIT_TIMEOUT.
 */
PG_FUNCTION_INFO_V1(ec_wait_migration);
Datum
ec_wait_migration(PG_FUNCTION_ARGS)
{
	char *version = ec_text_argument(fcinfo, 0, "version");

	ec_check_version(version);
	ec_await_migration(fcinfo, ec_scope_argument(fcinfo, 2), version,
					   PG_ARGISNULL(1) ? NULL : PG_GETARG_INTERVAL_P(1));
	PG_RETURN_VOID();
}
