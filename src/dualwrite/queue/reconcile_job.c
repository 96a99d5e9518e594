/*
 * reconcile_job.c
 *		Jobs of kind "reconcile": process the queue of a change until it is
 *		empty.
 *
 * After each failure of a row the delay until its next attempt doubles, from a
 * second to an hour.  When only rows are left that have failed many times, the
 * job fails, because waiting will not help them.  When the job is resumed, it
 * starts counting again.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/hint.h"
#include "core/arguments.h"
#include "core/catalog.h"
#include "core/json.h"
#include "core/query.h"
#include "model/change.h"
#include "dualwrite/queue/reconcile.h"
#include "expand_contract.h"
#include "worker/jobs/job.h"
#include "worker/jobs/pace.h"
#include "worker/jobs/registry.h"

PG_FUNCTION_INFO_V1(ec_reconcile_job);

/* the delays in between add up to a little more than an hour */
#define MOST_ATTEMPTS 12

/* between two looks at a queue without due entries */
#define SHORTEST_PAUSE_MS 100
#define LONGEST_PAUSE_MS  10000

static void
begin_reconcile(EcJob *job)
{
}

/*
 * Returns the number of rows in the queue, how many of them may be tried
 * again, and the time until the first of those is due.
 */
static int64
look_at_queue(const char *change, int64 *hopeful, int *pause_ms)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	int64 left;

	ec_catalog_begin(&scope);
	ec_arg_text(&args, change);
	ec_arg_int4(&args, MOST_ATTEMPTS);
	(void) ec_query("SELECT count(*), count(*) FILTER (WHERE attempts < $2),"
					"       extract(epoch FROM min(coalesce(next_attempt_at, '-infinity'))"
					"           FILTER (WHERE attempts < $2) - clock_timestamp()) * 1000"
					"  FROM (SELECT max(attempts) AS attempts, max(next_attempt_at) AS next_attempt_at"
					"          FROM expand_contract.discrepancies WHERE change = $1 GROUP BY key) q",
					&args);
	left = ec_get_int8(0, 1, 0);
	*hopeful = ec_get_int8(0, 2, 0);
	*pause_ms = SHORTEST_PAUSE_MS;
	if (!ec_is_null(0, 3))
	{
		char *wait = ec_get_text(0, 3);

		*pause_ms = (int) Min(LONGEST_PAUSE_MS,
							  Max((double) SHORTEST_PAUSE_MS, atof(wait)));
	}
	ec_catalog_end(&scope);
	return left;
}

static void
give_up(const char *change, int64 left)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("modern writes of change \"%s\" still fail", change),
			 errdetail("Rows left in the queue: " INT64_FORMAT ", each tried %d times.",
					   left, MOST_ATTEMPTS),
			 ec_errhint(
				 "See ec_discrepancies for their errors, remove the cause, then resume the job or call ec_reconcile.")));
}

static bool
reconcile_batch(EcJob *job)
{
	EcChange change;
	int64 left;
	int64 hopeful;

	if (!ec_change_load(job->change, &change) || !OidIsValid(change.relation) ||
		get_rel_name(change.relation) == NULL)
		return false;
	job->rows_written = ec_reconcile_rows(&change, true, job->row_limit);
	left = look_at_queue(job->change, &hopeful, &job->pause_ms);
	job->rows_done += job->rows_written;
	job->work_done += job->rows_written;
	job->work_total = job->work_done + left;
	if (left == 0)
		return false;
	if (job->rows_written == job->row_limit)
	{
		job->pause_ms = 0; /* The worker pauses between batches anyway. */
		return true;
	}
	if (hopeful == 0)
		give_up(job->change, left);
	job->throttled_by = "backoff";
	return true;
}

static void
resume_reconcile(int64 job)
{
	EcArgs args = {0};

	ec_arg_int8(&args, job);
	(void) ec_query("UPDATE expand_contract.discrepancies d"
					"   SET attempts = 0, next_attempt_at = NULL"
					"  FROM expand_contract.jobs j"
					" WHERE j.id = $1 AND j.kind = 'reconcile' AND d.change = j.change",
					&args);
}

const EcJobKind ec_reconcile_kind = {.name = "reconcile",
									 .begin = begin_reconcile,
									 .batch = reconcile_batch,
									 .resume = resume_reconcile,
									 .runs_as_table_owner = true};

/*
 * ec_reconcile_job(change, batch_size, delay_ms, start_at, run_window,
 * max_lag) → the job's number
 *
 * Does the work of ec_reconcile in the background: retries the queued dual
 * writes of a change as the owner of the table until none is left.  The
 * arguments for pace and schedule are those of ec_backfill.  The job fails
 * (55000) when all rows left have been tried 12 times.
 *
 * Only the owner of the table may call it (42501).  Raises 42704 if there is
 * no such change.
 */
Datum
ec_reconcile_job(PG_FUNCTION_ARGS)
{
	EcJobSpec spec = {0};
	EcChange change;
	EcJsonWriter parameters;

	ec_read_pace_arguments(fcinfo, 1, false, &spec, NULL);
	ec_require_argument(fcinfo, 0, "change",
						"As in SELECT ec_reconcile_job('users_email').");
	ec_change_get(ec_change_argument(fcinfo, 0), &change);
	if (get_rel_name(change.relation) == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("the table of change \"%s\" does not exist any more",
							   change.name)));

	ec_json_begin(&parameters);
	spec.kind = "reconcile";
	spec.change = change.name;
	spec.relation = change.relation;
	spec.parameters = ec_json_end(&parameters);
	spec.rows_estimate = ec_discrepancies_left(change.name);
	PG_RETURN_INT64(ec_job_submit(&spec));
}
