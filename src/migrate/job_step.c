/*
 * job_step.c
 *		Steps that submit a job, and are done when the job is done.
 *
 * The job's number is stored in the step's target, in the transaction that
 * submits it, so that it is submitted once.  The migration's job then waits
 * for it without a worker (part_of in job.h).
 *
 *		the job is done			the step is done
 *		it has failed			so has the migration.  When that is applied again,
 *								the job is resumed
 *		it was cancelled		likewise, but another job is submitted then
 *		it has lost its worker	it is resumed when the migration is
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"

#include "core/catalog.h"
#include "core/guc.h"
#include "core/json.h"
#include "core/query.h"
#include "core/transaction.h"
#include "expand_contract.h"
#include "migrate/job_step.h"
#include "migrate/run.h"
#include "worker/jobs/control.h"

typedef struct Submission
{
	const EcJob *job;
	EcScriptStep *step;
	int64 number;
} Submission;

/* The number of the job that the step has submitted; 0 if it has not. */
static int64
submitted(const EcScriptStep *step)
{
	char *system = step->target ? ec_json_get_text(step->target, "system") : NULL;

	/* in a restored copy the number belongs to another job */
	if (system == NULL ||
		strcmp(system, psprintf(UINT64_FORMAT, GetSystemIdentifier())) != 0 ||
		ec_json_get_int8(step->target, "database", 0) != MyDatabaseId)
		return 0;
	return ec_json_get_int8(step->target, "job", 0);
}

/*
 * Stores the number.  A migration that was paused or cancelled a moment ago
 * has a part in the same state.
 */
static void
record_job(void *arg)
{
	Submission *submission = arg;
	EcJsonWriter writer;
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_json_begin(&writer);
	ec_json_text(&writer, "system", psprintf(UINT64_FORMAT, GetSystemIdentifier()));
	ec_json_int8(&writer, "database", MyDatabaseId);
	ec_json_int8(&writer, "job", submission->number);
	ec_step_set_target(submission->step, ec_json_end(&writer));

	ec_catalog_begin(&scope);
	ec_arg_int8(&args, submission->number);
	ec_arg_int8(&args, submission->job->id);
	(void) ec_query("SELECT FROM expand_contract.jobs WHERE id = $2 AND $1 > 0 FOR UPDATE",
					&args);
	(void) ec_query("UPDATE expand_contract.jobs p"
					"   SET part_of = w.id,"
					"       state = CASE WHEN w.state IN ('paused', 'cancelled')"
					"                    THEN w.state ELSE p.state END"
					"  FROM expand_contract.jobs w"
					" WHERE p.id = $1 AND w.id = $2",
					&args);
	ec_catalog_end(&scope);
}

static void
submit(const EcJob *job, EcScriptStep *step, const EcStatement *written,
	   const EcScript *part)
{
	MemoryContext memory = CurrentMemoryContext;
	Submission submission = {job, step, 0};

	ec_begin_transaction(memory);
	if (IsA(written->node, AlterTableStmt))
		ec_job_is_part_of = EC_PART_OF_TABLE;
	else if (!IsA(written->node, SelectStmt))
		ec_job_is_part_of = EC_PART_OF_ROWS;
	PG_TRY();
	{
		ec_run_script_for_number(part, ec_lock_timeout, &submission.number,
								 record_job, &submission);
	}
	PG_FINALLY();
	{
		ec_job_is_part_of = EC_PART_OF_NONE;
	}
	PG_END_TRY();
	ec_commit_transaction(memory);
}

/* Reads the job; false if it is not there any more.  In scope. */
static bool
look(int64 id, EcJobStatus *status, int64 *whole)
{
	EcArgs args = {0};

	ec_arg_int8(&args, id);
	if (ec_query("SELECT part_of FROM expand_contract.jobs WHERE id = $1 FOR UPDATE",
				 &args) == 0)
		return false;
	*whole = ec_get_int8(0, 1, 0);
	ec_job_look(id, false, status);
	return true;
}

static void
raise_failure(const EcJobStatus *status)
{
	const char *code = status->error_code ? status->error_code : "XX000";

	if (strcmp(status->state, EC_STATE_CANCELLED) == 0)
		ereport(ERROR,
				(errcode(EC_ERRCODE_JOB_CANCELLED),
				 errmsg("job " INT64_FORMAT " was cancelled", status->id),
				 errdetail("It was a step of the migration."),
				 errhint("Apply the migration again to submit another job.")));
	ereport(ERROR,
			(errcode(MAKE_SQLSTATE(code[0], code[1], code[2], code[3], code[4])),
			 errmsg_internal("%s", status->error_message ? status->error_message
														 : "the job failed"),
			 status->error_detail ? errdetail_internal("%s", status->error_detail) : 0,
			 errhint("%s%sIt is the error of job " INT64_FORMAT
					 ". Once its cause is gone, apply the migration again: the job goes on where it stopped.",
					 status->error_hint ? status->error_hint : "",
					 status->error_hint ? " " : "", status->id)));
}

/* What the step's job needs. */
typedef enum Verdict
{
	SUBMIT,
	WAIT,
	IS_DONE,
	HAS_FAILED
} Verdict;

/* In scope. */
static Verdict
judge(const EcJob *job, int64 id, EcJobStatus *status)
{
	int64 whole;
	bool is_new; /* the migration has been applied again since */

	if (!look(id, status, &whole))
		return SUBMIT;
	is_new = whole != job->id;
	if (strcmp(status->state, EC_STATE_DONE) == 0)
		return IS_DONE;
	if (strcmp(status->state, EC_STATE_CANCELLED) == 0)
		return is_new ? SUBMIT : HAS_FAILED;
	if (strcmp(status->state, EC_STATE_FAILED) == 0 && !is_new)
		return HAS_FAILED;
	if (is_new)
		ec_job_resume_as_part(id, job->id);
	return WAIT;
}

bool
ec_run_job_step(const EcJob *job, EcScriptStep *step,
				const EcStatement *written, const EcScript *part)
{
	MemoryContext memory = CurrentMemoryContext;
	int64 id = submitted(step);
	Verdict verdict = SUBMIT;
	EcJobStatus status;

	if (id != 0)
	{
		EcCatalogScope scope;

		ec_begin_transaction(memory);
		ec_catalog_begin(&scope);
		verdict = judge(job, id, &status);
		ec_catalog_end(&scope);
		if (verdict == HAS_FAILED)
			raise_failure(&status);
		ec_commit_transaction(memory);
	}
	if (verdict == SUBMIT)
		submit(job, step, written, part);
	return verdict == IS_DONE;
}

bool
ec_has_begun_job(const char *scope_name, const char *version)
{
	EcScriptStep step;

	return ec_steps_next(scope_name, version, EC_UP, &step) &&
		   step.kind == EC_PLAN_JOB && submitted(&step) != 0;
}
