/*
 * follow.c
 *		CALL ec_wait: waits for the end of a job.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/hint.h"
#include "core/arguments.h"
#include "core/catalog.h"
#include "core/query.h"
#include "expand_contract.h"
#include "worker/jobs/control.h"
#include "worker/jobs/job.h"
#include "worker/jobs/origin.h"
#include "worker/jobs/wait.h"
#include "worker/jobs/calls.h"
#include "worker/jobs/waiting.h"

/*
 * Without a launcher, how often a waiting session starts a queued job's
 * worker.
 */
#define RESTART_AFTER_MS 2000

typedef struct Follow
{
	int64 job;
	TimestampTz last_start;
} Follow;

/* Copies a text into memory that survives SPI_finish. */
static char *
kept(const char *text)
{
	return strcpy(SPI_palloc(strlen(text) + 1), text);
}

void
ec_job_tell_progress(int64 job, EcWaitNews *news)
{
	EcArgs args = {0};
	char *line;

	ec_arg_int8(&args, job);
	if (ec_query("SELECT state, rows_done, percent, rows_per_second, eta, "
				 "throttled_by, "
				 "concat_ws(' ', state, floor(percent), "
				 "nullif(split_part(throttled_by, ' ', 1), 'delay')) "
				 "FROM expand_contract.progress WHERE job = $1",
				 &args) == 0)
		return;
	if (strcmp(ec_get_text(0, 1), EC_STATE_RUNNING) != 0)
		line = psprintf("job " INT64_FORMAT " is %s, %s rows done%s%s", job,
						ec_get_text(0, 1), ec_get_text(0, 2),
						ec_is_null(0, 6) ? "" : ", ",
						ec_is_null(0, 6) ? "" : ec_get_text(0, 6));
	else
		line =
			psprintf("job " INT64_FORMAT ": %s %%, %s rows, %s rows/s, %s left%s%s",
					 job, ec_get_text(0, 3), ec_get_text(0, 2), ec_get_text(0, 4),
					 ec_is_null(0, 5) ? "?" : ec_get_text(0, 5),
					 ec_is_null(0, 6) ? "" : ", throttled by ",
					 ec_is_null(0, 6) ? "" : ec_get_text(0, 6));
	news->line = kept(line);
	news->mark = kept(ec_get_text(0, 7));
}

void
ec_job_raise_failure(const EcJobStatus *status)
{
	const char *code = status->error_code ? status->error_code : "XX000";

	ereport(ERROR,
			(errcode(MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4])),
			 errmsg_internal("%s", status->error_message ? status->error_message
														 : "the job failed"),
			 status->error_detail ? errdetail_internal("%s", status->error_detail) : 0,
			 status->error_hint ? errhint("%s", status->error_hint) : 0,
			 errcontext("job " INT64_FORMAT " (%s of %s)", status->id,
						status->kind, status->relation_name)));
}

static bool
look(void *arg, EcWaitNews *news)
{
	Follow *follow = arg;
	Oid caller = GetUserId();
	EcCatalogScope scope;
	EcJobStatus status;

	ec_catalog_begin(&scope);
	ec_adopt_upgraded();
	ec_job_look(follow->job, false, &status);
	if (!has_privs_of_role(caller, status.owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for job " INT64_FORMAT, follow->job)));
	ec_job_tell_progress(follow->job, news);
	ec_catalog_end(&scope);

	if (strcmp(status.state, EC_STATE_DONE) == 0)
		return true;
	if (strcmp(status.state, EC_STATE_FAILED) == 0)
		ec_job_raise_failure(&status);
	if (strcmp(status.state, EC_STATE_CANCELLED) == 0)
		ereport(ERROR, (errcode(EC_ERRCODE_JOB_CANCELLED),
						errmsg("job " INT64_FORMAT " was cancelled", follow->job)));
	if (!status.is_ours)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("job " INT64_FORMAT " does not run in this database",
						follow->job),
				 errdetail("It was submitted in the database that this one is a copy of."),
				 errhint("Cancel it here, and submit a new job.")));
	if (!ec_launcher_running() && !RecoveryInProgress())
	{
		if (status.is_interrupted)
			ereport(ERROR,
					(errcode(EC_ERRCODE_INTERRUPTED),
					 errmsg("job " INT64_FORMAT " is interrupted", follow->job),
					 errdetail("The job has lost its worker."),
					 ec_errhint("Use SELECT ec_resume(" INT64_FORMAT
								") to go on where it stopped, or add expand_contract to shared_preload_libraries to have that done at every start.",
								follow->job)));

		/* it found no free slot, or its worker could not start */
		if (!status.is_live && status.is_due &&
			strcmp(status.state, EC_STATE_QUEUED) == 0 &&
			TimestampDifferenceExceeds(follow->last_start,
									   GetCurrentTimestamp(), RESTART_AFTER_MS))
		{
			ec_start_waiting_jobs(false);
			follow->last_start = GetCurrentTimestamp();
		}
	}
	return false;
}

PG_FUNCTION_INFO_V1(ec_wait);

/*
 * CALL ec_wait(job, timeout)
 *
 * Returns when the job is done.  Raises the error of a failed job, XE012 if it
 * was cancelled, XE011 if it has lost its worker and there is no launcher to
 * start another, XE013 after the timeout.  Shows progress as notices, at most
 * one per percent and at least a second apart.  Keeps waiting for a paused
 * job.
 */
Datum
ec_wait(PG_FUNCTION_ARGS)
{
	Follow follow;
	char what[48];

	ec_require_argument(fcinfo, 0, "job", "The view ec_progress lists the jobs.");
	follow.job = PG_GETARG_INT64(0);
	follow.last_start = GetCurrentTimestamp();
	snprintf(what, sizeof(what), "job " INT64_FORMAT, follow.job);
	ec_wait_until(fcinfo, what, look, &follow,
				  PG_ARGISNULL(1) ? NULL : PG_GETARG_INTERVAL_P(1));
	PG_RETURN_VOID();
}
