/*
 * job.c
 *		Reads and writes the tables of jobs.
 *
 * Every statement here runs as the extension's owner; the callers have checked
 * the user's rights.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/hint.h"
#include "core/catalog.h"
#include "core/json.h"
#include "core/clip.h"
#include "core/guc.h"
#include "core/own_table.h"
#include "core/query.h"
#include "expand_contract.h"
#include "worker/jobs/calls.h"
#include "worker/jobs/job.h"
#include "worker/jobs/origin.h"
#include "worker/jobs/owner.h"
#include "worker/jobs/samples.h"
#include "worker/jobs/schedule.h"
#include "worker/jobs/session.h"
#include "worker/jobs/slots.h"
#include "worker/jobs/start.h"

/* ec_progress shows a moving average of the rate over about this time. */
#define RATE_HORIZON_SECONDS 5.0

TimestampTz
ec_job_next_run(uint64 row, int column, TimestampTz now, TimestampTz *until)
{
	return ec_next_run(ec_get_timestamptz(row, column, DT_NOBEGIN),
					   ec_get_text(row, column + 1),
					   ec_get_text(row, column + 2), now, until);
}

void
ec_job_add_slots(int64 id, int workers, int all_from)
{
	EcArgs args = {0};
	EcJobStart start = {.id = id};
	List *live = ec_live_slots();
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz due;
	TimestampTz until;

	ec_arg_int8(&args, id);
	ec_arg_int4(&args, workers);
	ec_query("INSERT INTO expand_contract.job_slots (job, slot) "
			 "SELECT $1, slot FROM generate_series(0, $2 - 1) slot "
			 "ON CONFLICT (job, slot) DO NOTHING",
			 &args);
	memset(&args, 0, sizeof(args));
	ec_arg_int8(&args, id);
	if (ec_query("SELECT start_at, run_window, settings ->> 'TimeZone', owner, login "
				 "FROM expand_contract.jobs WHERE id = $1",
				 &args) == 0)
		return;
	due = ec_job_next_run(0, 1, now, &until);
	start.owner = ec_get_oid(0, 4);
	start.login = ec_job_login(start.owner, ec_get_oid(0, 5));
	ec_require_acting_as(start.owner, psprintf("job " INT64_FORMAT, id));
	ec_require_acting_as(start.login, psprintf("job " INT64_FORMAT, id));
	if (due > now)
	{
		ec_call_launcher_at_commit(due);
		return;
	}
	for (start.slot = 0; start.slot < workers; start.slot++)
		if (start.slot >= all_from || !ec_is_live(live, id, start.slot))
			ec_start_at_commit(&start);
}

/* Only the launcher starts jobs that do not start at their submission. */
static void
check_launcher(const EcJobSpec *spec)
{
	bool waits = spec->start_at != NULL && *spec->start_at > GetCurrentTimestamp();
	bool closes = spec->run_window != NULL && !ec_is_always_open(spec->run_window);

	if ((waits || closes) && !ec_launcher_running())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the job would not be started when its time comes"),
				 errdetail("%s needs the launcher, which is not running.",
						   waits ? "start_at" : "run_window"),
				 errhint("Add expand_contract to shared_preload_libraries and restart the server, or submit the job without %s.",
						 waits ? "start_at" : "run_window")));
}

EcPartOf ec_job_is_part_of = EC_PART_OF_NONE;

/*
 * Inserts a job owned by the current user or spec->owner.  Its workers start
 * when the transaction commits.
 */
int64
ec_job_submit(const EcJobSpec *spec)
{
	Oid owner = OidIsValid(spec->owner) ? spec->owner : GetUserId();
	Jsonb *settings = spec->settings ? spec->settings : ec_capture_session();
	EcCatalogScope scope;
	EcArgs args = {0};
	char *relation_name;
	int64 job;

	ec_check_job_owner(owner);
	check_launcher(spec);
	relation_name = OidIsValid(spec->relation) ? ec_relation_name(spec->relation)
											   : pstrdup(spec->title);

	ec_arg_text(&args, spec->kind);
	ec_arg_text(&args, spec->change);
	ec_arg_oid(&args, spec->relation);
	ec_arg_text(&args, relation_name);
	ec_arg_jsonb(&args, spec->parameters);
	ec_arg_jsonb(&args, settings);
	ec_arg_oid(&args, owner);
	ec_arg_int4(&args, spec->workers);
	ec_arg_int4(&args, spec->batch_size);
	ec_arg_int4(&args, spec->delay_ms);
	ec_arg_int8(&args, spec->rows_estimate);
	ec_arg_int8(&args, (int64) GetSystemIdentifier());
	ec_arg_oid(&args, MyDatabaseId);
	ec_arg_interval(&args, spec->max_lag);
	ec_arg(&args, TIMESTAMPTZOID,
		   spec->start_at ? TimestampTzGetDatum(*spec->start_at) : (Datum) 0,
		   spec->start_at == NULL);
	ec_arg_text(&args, spec->run_window);
	ec_arg_oid(&args, GetSessionUserId());

	ec_catalog_begin(&scope);
	ec_adopt_upgraded();
	ec_pass_own_rows("jobs");
	ec_query("INSERT INTO expand_contract.jobs (kind, change, relation, "
			 "relation_name, parameters, settings, owner, workers, batch_size, "
			 "delay_ms, rows_estimate, system_identifier, database, "
			 "max_lag, start_at, run_window, login) "
			 "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, "
			 "$14, $15, $16, $17) "
			 "RETURNING id",
			 &args);
	job = ec_get_int8(0, 1, 0);
	ec_job_add_slots(job, spec->workers, 0);
	ec_catalog_end(&scope);
	return job;
}

/* Returns false if there is no such job. */
bool
ec_job_load(int64 id, int slot, EcJob *job)
{
	EcArgs args = {0};

	memset(job, 0, sizeof(*job));
	ec_arg_int8(&args, id);
	ec_arg_int4(&args, slot);
	if (ec_query("SELECT j.kind, j.change, j.relation, j.relation_name, "
				 "j.owner, j.parameters, j.settings, j.state, j.batch_size, "
				 "j.delay_ms, s.position, s.sweep, s.work_done, s.work_total, "
				 "s.rows_done, s.skipped_locked, j.workers, s.notice, s.rows_failed "
				 "FROM expand_contract.jobs j "
				 "JOIN expand_contract.job_slots s ON s.job = j.id "
				 "WHERE j.id = $1 AND s.slot = $2",
				 &args) == 0)
		return false;
	job->id = id;
	job->slot = slot;
	job->kind = ec_get_text(0, 1);
	job->change = ec_get_text(0, 2);
	job->relation = ec_get_oid(0, 3);
	job->relation_name = ec_get_text(0, 4);
	job->owner = ec_get_oid(0, 5);
	job->parameters = ec_get_jsonb(0, 6);
	job->settings = ec_get_jsonb(0, 7);
	job->state = ec_get_text(0, 8);
	job->batch_size = ec_get_int4(0, 9, 0);
	job->delay_ms = ec_get_int4(0, 10, 0);
	job->position = ec_get_jsonb(0, 11);
	job->sweep = ec_get_int4(0, 12, 1);
	job->work_done = ec_get_int8(0, 13, 0);
	job->work_total = ec_get_int8(0, 14, 0);
	job->rows_done = ec_get_int8(0, 15, 0);
	job->skipped_locked = ec_get_int8(0, 16, 0);
	job->workers = ec_get_int4(0, 17, 1);
	job->notice = ec_get_text(0, 18);
	job->rows_failed = ec_get_int8(0, 19, 0);
	job->role = (Oid) ec_json_get_int8(job->parameters, "role", InvalidOid);
	return true;
}

/*
 * Reads the present state and pace; returns false if the job no longer exists.
 */
bool
ec_job_read_pace(EcJob *job)
{
	EcArgs args = {0};
	TimestampTz now = GetCurrentTimestamp();

	ec_arg_int8(&args, job->id);
	ec_arg_oid(&args, job->owner);
	if (ec_query("SELECT state, batch_size, delay_ms, workers, "
				 "CASE WHEN max_lag IS NOT NULL "
				 "THEN (least(extract(epoch FROM max_lag), 1e9) * 1000)::bigint END, "
				 "start_at, run_window, settings ->> 'TimeZone' "
				 "FROM expand_contract.jobs WHERE id = $1 AND owner = $2",
				 &args) == 0)
		return false;
	job->state = ec_get_text(0, 1);
	job->batch_size = ec_get_int4(0, 2, 0);
	job->delay_ms = ec_get_int4(0, 3, 0);
	job->workers = ec_get_int4(0, 4, 1);
	job->max_lag_ms = ec_get_int8(0, 5, -1);
	job->is_due = ec_job_next_run(0, 6, now, &job->must_end_at) <= now;
	return true;
}

/*
 * Saves the progress of a batch in the batch's own transaction.  seconds is
 * the time since the last save, pauses included; rate_seconds is the part of
 * it to use for the displayed rate.
 */
void
ec_job_save_progress(EcJob *job, double seconds, double rate_seconds, int64 wal_bytes)
{
	EcArgs args = {0};
	double rate = rate_seconds > 0 ? job->rows_written / rate_seconds : 0;

	ec_arg_int8(&args, job->id);
	ec_arg_int4(&args, job->slot);
	ec_arg_jsonb(&args, job->position);
	ec_arg_int4(&args, job->sweep);
	ec_arg_int8(&args, job->work_done);
	ec_arg_int8(&args, job->work_total);
	ec_arg_int8(&args, job->rows_done);
	ec_arg_int8(&args, job->skipped_locked);
	ec_arg_float8(&args, RATE_HORIZON_SECONDS);
	ec_arg_float8(&args, rate);
	ec_arg_float8(&args, seconds);
	ec_arg_int8(&args, wal_bytes);
	ec_arg_text(&args, job->throttled_by);
	ec_arg_int8(&args, job->table_bytes);
	ec_arg_text(&args, job->notice);
	ec_arg_oid(&args, job->table);
	ec_arg_int8(&args, job->rows_failed);
	if (ec_query("UPDATE expand_contract.job_slots SET position = $3, "
				 "sweep = $4, work_done = $5, work_total = $6, "
				 "rows_done = $7, skipped_locked = $8, "
				 "rows_per_second = rows_per_second + ($10 - rows_per_second) "
				 "* $11 / greatest(least($9, active_seconds + $11), 1e-6), "
				 "active_seconds = active_seconds + $11, "
				 "wal_bytes = wal_bytes + $12, throttled_by = $13, "
				 "bytes_at_start = coalesce(bytes_at_start, $14), "
				 "bytes_now = $14, notice = $15, relation = $16, rows_failed = $17 "
				 "WHERE job = $1 AND slot = $2",
				 &args) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job " INT64_FORMAT " does not exist any more", job->id)));
	ec_job_sample(job->id, job->slot, job->throttled_by);
}

/*
 * Takes over the rest of the pause in which the slot's previous worker has
 * left.
 */
static void
take_pause(EcJob *job)
{
	EcArgs args = {0};

	ec_arg_int8(&args, job->id);
	ec_arg_int4(&args, job->slot);
	job->resume_at = 0;
	if (ec_query("SELECT resume_at FROM expand_contract.job_slots "
				 "WHERE job = $1 AND slot = $2 AND resume_at IS NOT NULL FOR UPDATE",
				 &args) == 0)
		return;
	job->resume_at = ec_get_timestamptz(0, 1, 0);
	ec_query("UPDATE expand_contract.job_slots SET resume_at = NULL "
			 "WHERE job = $1 AND slot = $2",
			 &args);
}

/*
 * Committed before the work begins.  Returns false if the job must not run
 * now.
 */
bool
ec_job_set_running(EcJob *job)
{
	EcArgs args = {0};

	if (!ec_job_read_pace(job) || !job->is_due)
		return false;
	take_pause(job);
	ec_arg_int8(&args, job->id);
	ec_arg_oid(&args, job->owner);
	ec_arg_int8(&args, (int64) GetSystemIdentifier());
	ec_arg_oid(&args, MyDatabaseId);
	return ec_query("UPDATE expand_contract.jobs SET state = 'running', "
					"starts = starts + 1, turn_at = clock_timestamp(), "
					"started_at = coalesce(started_at, clock_timestamp()), "
					"error_code = NULL, error_message = NULL, "
					"error_detail = NULL, error_hint = NULL, "
					"finished_at = NULL "
					"WHERE id = $1 AND owner = $2 "
					"AND state IN ('queued', 'running') "
					"AND system_identifier = $3 AND database = $4",
					&args) > 0;
}

/* The job's run window has closed, so it has no worker until the next one. */
void
ec_job_set_queued(EcJob *job)
{
	EcArgs args = {0};

	ec_arg_int8(&args, job->id);
	ec_query("UPDATE expand_contract.jobs SET state = 'queued', starts = 0, "
			 "queued_at = clock_timestamp() "
			 "WHERE id = $1 AND state = 'running'",
			 &args);
}

/*
 * The lock of the job's row serializes workers that leave at the same time.
 * The second one sees the first one's resume_at, and so does not count it
 * although its process still lives.
 */
void
ec_job_give_back(EcJob *job, TimestampTz resume_at)
{
	EcArgs args = {0};

	ec_arg_int8(&args, job->id);
	ec_query("SELECT FROM expand_contract.jobs WHERE id = $1 FOR UPDATE", &args);
	ec_arg_int4(&args, job->slot);
	ec_arg_timestamptz(&args, resume_at);
	ec_query("UPDATE expand_contract.job_slots SET resume_at = $3 "
			 "WHERE job = $1 AND slot = $2",
			 &args);
	memset(&args, 0, sizeof(args));
	ec_arg_int8(&args, job->id);
	ec_query("UPDATE expand_contract.jobs SET state = 'queued', starts = 0, "
			 "turn_at = clock_timestamp(), queued_at = clock_timestamp() "
			 "WHERE id = $1 AND state = 'running' AND NOT EXISTS ("
			 "SELECT FROM expand_contract.job_slots s "
			 "JOIN expand_contract.live_slots() l ON l.job = s.job AND l.slot = s.slot "
			 "WHERE s.job = $1 AND s.resume_at IS NULL)",
			 &args);
}

bool
ec_job_others_wait(const EcJob *job)
{
	EcArgs args = {0};

	ec_arg_oid(&args, job->owner);
	ec_arg_int8(&args, (int64) GetSystemIdentifier());
	ec_arg_oid(&args, MyDatabaseId);
	return ec_query("SELECT FROM expand_contract.jobs j "
					"JOIN expand_contract.job_slots s ON s.job = j.id AND s.slot < j.workers "
					"WHERE j.state = 'queued' AND j.owner <> $1 "
					"AND j.system_identifier = $2 AND j.database = $3 "
					"AND (s.resume_at IS NULL OR s.resume_at <= clock_timestamp()) "
					"AND NOT EXISTS (SELECT FROM expand_contract.jobs p WHERE p.part_of = j.id "
					"AND p.state IN ('queued', 'running', 'paused')) "
					"AND expand_contract.next_run(j.start_at, j.run_window, "
					"j.settings ->> 'TimeZone', clock_timestamp()) <= clock_timestamp() "
					"AND NOT EXISTS (SELECT FROM expand_contract.live_slots() l "
					"JOIN expand_contract.jobs o ON o.id = l.job WHERE o.owner = j.owner) "
					"LIMIT 1",
					&args) > 0;
}

bool
ec_job_end_pauses(int64 id)
{
	EcArgs args = {0};

	ec_arg_int8(&args, id);
	return ec_query("UPDATE expand_contract.job_slots SET resume_at = NULL "
					"WHERE job = $1 AND resume_at IS NOT NULL",
					&args) > 0;
}

double
ec_job_bytes_at_start(const EcJob *job)
{
	EcArgs args = {0};

	ec_arg_int8(&args, job->id);
	ec_query("SELECT min(bytes_at_start)::float8 FROM expand_contract.job_slots "
			 "WHERE job = $1",
			 &args);
	return ec_get_float8(0, 1, 0);
}

/*
 * Once a batch has committed, a later crash of the worker no longer counts as
 * a start without progress.
 */
void
ec_job_clear_starts(EcJob *job)
{
	EcArgs args = {0};

	ec_arg_int8(&args, job->id);
	ec_query("UPDATE expand_contract.jobs SET starts = 0 "
			 "WHERE id = $1 AND starts <> 0",
			 &args);
}

void
ec_job_set_throttle(int64 id, int slot, const char *reason)
{
	EcArgs args = {0};

	ec_arg_int8(&args, id);
	ec_arg_int4(&args, slot);
	ec_arg_text(&args, reason);
	ec_query("UPDATE expand_contract.job_slots SET throttled_by = $3 "
			 "WHERE job = $1 AND slot = $2",
			 &args);
	ec_job_sample(id, slot, reason);
}

void
ec_job_set_done(EcJob *job)
{
	EcArgs args = {0};

	ec_arg_int8(&args, job->id);
	ec_query("UPDATE expand_contract.jobs SET state = 'done', "
			 "finished_at = clock_timestamp() "
			 "WHERE id = $1 AND state = 'running'",
			 &args);
}

void
ec_job_set_failed(int64 id, const ErrorData *error)
{
	EcArgs args = {0};

	ec_arg_int8(&args, id);
	ec_arg_text(&args, unpack_sql_state(error->sqlerrcode));
	ec_arg_text(&args, ec_clip(error->message, EC_MAX_TEXT));
	ec_arg_text(&args, ec_clip(error->detail, EC_MAX_TEXT));
	ec_arg_text(&args, ec_clip(error->hint, EC_MAX_TEXT));
	ec_query("UPDATE expand_contract.jobs SET state = 'failed', "
			 "finished_at = clock_timestamp(), "
			 "error_code = $2, error_message = $3, error_detail = $4, "
			 "error_hint = $5 "
			 "WHERE id = $1 AND state IN ('queued', 'running')",
			 &args);
}

void
ec_job_fail_unauthorized(int64 id)
{
	ErrorData error = {0};

	error.sqlerrcode = ERRCODE_INSUFFICIENT_PRIVILEGE;
	error.message =
		"the extension's owner does not have the privileges of the job's owner";
	error.detail =
		"The extension's owner can write what the job runs with the privileges of its owner.";
	error.hint = ec_qualified(
		"Make the extension's owner a member of that role, or give the extension to a superuser with REASSIGN OWNED; then use ec_resume.");
	ec_job_set_failed(id, &error);
}
