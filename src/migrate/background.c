/*
 * background.c
 *		The job that runs the steps of a script's plan.
 *
 * A step of statements that share a transaction commits together with its mark
 * in the table of steps.  A top-level statement commits by itself, and is
 * marked afterwards.  If the mark is missing, the catalog shows what is left
 * to do (toplevel_step.c).  A job that a step submits commits together with
 * its number in the step's target; the worker leaves until it has ended
 * (job_step.c).
 *
 * Everything between the steps runs as the job's owner, without the settings
 * that the script has SET.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "core/hint.h"
#include "core/catalog.h"
#include "core/clip.h"
#include "core/guc.h"
#include "core/json.h"
#include "core/own_table.h"
#include "core/query.h"
#include "core/transaction.h"
#include "expand_contract.h"
#include "migrate/author.h"
#include "migrate/background.h"
#include "migrate/job_step.h"
#include "migrate/run.h"
#include "migrate/scope.h"
#include "migrate/settings.h"
#include "migrate/steps.h"
#include "migrate/toplevel_step.h"
#include "worker/jobs/registry.h"
#include "worker/jobs/slots.h"
#include "worker/process/deadline.h"

/* An index build that was a deadlock victim is tried again. */
#define MAX_DEADLOCKS    5
#define DEADLOCK_REST_MS 1000

typedef struct Work
{
	const char *scope;
	const char *version;
	const char *direction;
	const char *what; /* names the script in messages */
	EcMigration *migration;
	EcScript *script;
	int steps;       /* how many the plan has */
	int deadlocks;   /* consecutive ones */
	Jsonb *settings; /* that the steps so far have left set */
} Work;

typedef struct StepMark
{
	const Work *work;
	const EcScriptStep *step;
	List *statements; /* that the step runs */
	Jsonb *settings;  /* that it leaves set; NULL: none */
} StepMark;

/* If there are two jobs for one migration, only the newest may run it. */
static void
check_is_newest(const EcJob *job, const Work *work)
{
	EcCatalogScope scope;
	int64 newest;

	ec_catalog_begin(&scope);
	newest = ec_migration_job(work->scope, work->version, work->direction);
	ec_catalog_end(&scope);
	if (newest != job->id)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("job " INT64_FORMAT " does not run %s any more",
							   job->id, work->what),
						errdetail("Job " INT64_FORMAT " was submitted after it.",
								  newest)));
}

/*
 * Steps refer to statements by number, so the script must be split as it was
 * at the submission.
 */
static void
check_is_read_the_same(const Work *work)
{
	int entered = ec_steps_statements(work->scope, work->version, work->direction);
	int read = list_length(work->script->statements);

	if (read != entered)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the script of %s is read differently now", work->what),
				 errdetail("It had %d statements when it was submitted, and has %d now.",
						   entered, read),
				 errhint("Set standard_conforming_strings as it was then, and go on with %s.",
						 ec_qualified(strcmp(work->direction, EC_UP) == 0
										  ? "ec_apply"
										  : "ec_rollback"))));
}

static void
begin_statements(EcJob *job)
{
	Work *work = palloc0(sizeof(Work));
	const char *script;
	bool is_up;

	work->version = ec_json_get_text(job->parameters, "version");
	work->direction = ec_json_get_text(job->parameters, "direction");
	work->scope = ec_json_get_text(job->parameters, "scope");
	/* The job was submitted by an older version of the library. */
	if (work->scope == NULL)
		work->scope = "";
	if (work->version == NULL || work->direction == NULL)
		ec_refuse_row("jobs", "The parameters are of no migration.");
	is_up = strcmp(work->direction, EC_UP) == 0;
	work->what = psprintf(is_up ? "%s" : "the down script of %s",
						  ec_migration_name(work->scope, work->version));
	check_is_newest(job, work);
	work->migration = ec_ledger_find(work->scope, work->version);
	if (work->migration == NULL ||
		strcmp(work->migration->direction, work->direction) != 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("%s is not in the ledger any more", work->what),
						errhint("Apply the migration again.")));
	script = is_up ? work->migration->up : work->migration->down;
	if (script == NULL)
		ec_refuse_row("schema_migrations",
					  psprintf("There is no script of %s.", work->what));
	work->script = ec_script_parse(script, work->what);
	work->script->scope = work->scope;
	if (!is_up)
		work->script->author = ec_require_author(work->migration, work->what);
	check_is_read_the_same(work);
	job->work_done =
		ec_steps_done(work->scope, work->version, work->direction, &work->steps);
	job->work_total = work->steps;
	/*
	 * an earlier worker has ended after the migration, but before its job was
	 * marked as failed
	 */
	if (strcmp(work->migration->state, EC_MIGRATION_FAILED) == 0)
		ec_ledger_set_steps_done(work->scope, work->version, job->work_done);
	job->private = work;
}

/* Runs in the step's transaction, if it has one. */
static void
mark_done(void *arg)
{
	StepMark *mark = arg;
	const Work *work = mark->work;
	EcScriptStep open;

	ec_step_set_done(mark->step, mark->settings);
	if (ec_steps_next(work->scope, work->version, work->direction, &open))
		ec_ledger_set_steps_done(work->scope, work->version, mark->step->number);
	else if (strcmp(work->direction, EC_UP) == 0)
		ec_ledger_set_applied(work->migration);
	else
		ec_ledger_remove(work->migration, work->migration->executed_by,
						 work->migration->executed_at);
}

/* Runs statements that share a transaction, like a transactional script. */
static void
run_transaction(const EcJob *job, StepMark *mark)
{
	MemoryContext memory = CurrentMemoryContext;
	EcScript part = *mark->work->script;

	part.statements = mark->statements;
	/* it may take hours, and nobody waits for it meanwhile */
	if (mark->step->blocks_nobody)
		SetConfigOption("expand_contract.statement_timeout", "0", PGC_USERSET,
						PGC_S_SESSION);
	ec_begin_transaction(memory);
	/*
	 * the script may call pg_advisory_unlock_all(), which does not release
	 * transaction-level locks
	 */
	(void) ec_lock_job_slot_for_transaction(job->id, job->slot);
	ec_run_step(&part, ec_lock_timeout, &mark->settings, mark_done, mark);
	ec_commit_transaction(memory);
}

static void
run_top_level(EcScriptStep *step, StepMark *mark)
{
	MemoryContext memory = CurrentMemoryContext;

	ec_run_top_level_step(step, linitial(mark->statements),
						  list_nth(mark->work->script->statements, step->first - 1),
						  mark->work->what);
	ec_begin_transaction(memory);
	mark_done(mark);
	ec_commit_transaction(memory);
}

/* Leaves until the step's job has ended. */
static void
run_job(EcJob *job, EcScriptStep *step, StepMark *mark)
{
	MemoryContext memory = CurrentMemoryContext;
	EcScript part = *mark->work->script;

	part.statements = mark->statements;
	job->waits_for_part =
		!ec_run_job_step(job, step,
						 list_nth(mark->work->script->statements, step->first - 1),
						 &part);
	if (job->waits_for_part)
		return;
	ec_begin_transaction(memory);
	mark_done(mark);
	ec_commit_transaction(memory);
}

static void
statement_error_callback(void *arg)
{
	StepMark *mark = arg;
	const EcStatement *statement =
		list_nth(mark->work->script->statements, mark->step->first - 1);

	/* for other steps ec_run_script adds this */
	if (mark->step->kind != EC_PLAN_TRANSACTION)
		errcontext("statement %d of %s, line %d", statement->number,
				   mark->work->what, statement->line);
}

/* The step's own SQL is parsed by whoever runs it, as the script is. */
static List *
read_statements(const Work *work, const EcScriptStep *step)
{
	MemoryContext memory = CurrentMemoryContext;
	List *statements;

	ec_begin_transaction(memory);
	statements = ec_step_statements(step, work->script);
	ec_commit_transaction(memory);
	return statements;
}

static void
run_step(EcJob *job, const Work *work, EcScriptStep *step)
{
	StepMark mark = {work, step, NIL, NULL};
	ErrorContextCallback callback;

	callback.callback = statement_error_callback;
	callback.arg = &mark;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	pgstat_report_activity(STATE_RUNNING, step->command);
	ec_enter_session(job->settings, job->parameters, work->script, step->first,
					 work->settings);
	mark.statements = read_statements(work, step);
	switch (step->kind)
	{
		case EC_PLAN_TRANSACTION:
			run_transaction(job, &mark);
			break;
		case EC_PLAN_TOP_LEVEL:
			run_top_level(step, &mark);
			break;
		case EC_PLAN_JOB:
			run_job(job, step, &mark);
			break;
	}
	error_context_stack = callback.previous;
}

/*
 * Called after an error, and must not replace it by another one: drops what is
 * left invalid.  If that fails, too, the next attempt does it.
 */
static void
clean_up(EcJob *job, const Work *work, const EcScriptStep *step)
{
	MemoryContext memory = CurrentMemoryContext;

	if (step->kind != EC_PLAN_TOP_LEVEL)
		return;
	QueryCancelPending = false;
	PG_TRY();
	{
		/* with the role and settings under which it was created */
		ec_enter_session(job->settings, job->parameters, work->script,
						 step->first, work->settings);
		ec_clean_top_level_step(step);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(memory);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(memory);
	}
	PG_END_TRY();
}

/* The outermost context line is ours and names the statement. */
static const char *
last_line(const char *context)
{
	const char *newline = context ? strrchr(context, '\n') : NULL;

	return newline ? newline + 1 : context ? context : "";
}

static char *
error_text(const EcJob *job, const ErrorData *error)
{
	const char *place = last_line(error->context);
	EcCatalogScope scope;
	EcArgs args = {0};
	bool cancelled;

	ec_catalog_begin(&scope);
	ec_arg_int8(&args, job->id);
	cancelled = ec_query("SELECT FROM expand_contract.jobs"
						 " WHERE id = $1 AND state = 'cancelled'",
						 &args) > 0;
	ec_catalog_end(&scope);
	if (cancelled)
		return psprintf("job " INT64_FORMAT " was cancelled", job->id);
	return psprintf("%s: %s%s%s%s%s%s%s", unpack_sql_state(error->sqlerrcode),
					error->message, error->detail ? ". DETAIL: " : "",
					error->detail ? error->detail : "",
					error->hint ? " HINT: " : "", error->hint ? error->hint : "",
					*place ? " CONTEXT: " : "", place);
}

/* Stores the failure in the ledger; the caller stores it in the job. */
static void
record_failure(EcJob *job, const Work *work, const ErrorData *error)
{
	MemoryContext memory = CurrentMemoryContext;

	PG_TRY();
	{
		ec_begin_transaction(memory);
		ec_ledger_set_failed(work->migration, error_text(job, error));
		ec_commit_transaction(memory);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(memory);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(memory);
	}
	PG_END_TRY();
}

static ErrorData *
try_step(EcJob *job, const Work *work, EcScriptStep *step)
{
	MemoryContext memory = CurrentMemoryContext;
	ErrorData *volatile error = NULL;

	PG_TRY();
	{
		run_step(job, work, step);
	}
	PG_CATCH();
	{
		disable_timeout(STATEMENT_TIMEOUT, false);
		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(memory);
	}
	PG_END_TRY();
	return error;
}

static bool
run_next_step(EcJob *job)
{
	MemoryContext memory = CurrentMemoryContext;
	Work *work = job->private;
	ErrorData *error;
	EcScriptStep step;
	bool more;

	ec_begin_transaction(memory);
	more = ec_steps_next(work->scope, work->version, work->direction, &step);
	work->settings = ec_steps_settings(work->scope, work->version, work->direction);
	ec_commit_transaction(memory);
	if (!more)
		return false;

	error = try_step(job, work, &step);
	/*
	 * The place is others' now.  The step is begun again at the next turn, and
	 * only then is cleaned up what it has left, which may take long.
	 */
	if (error != NULL && ec_patience_is_over() &&
		error->sqlerrcode == ERRCODE_QUERY_CANCELED)
	{
		ec_leave_session();
		ReThrowError(error);
	}
	if (error != NULL)
		clean_up(job, work, &step);
	ec_leave_session();
	if (error == NULL)
	{
		work->deadlocks = 0;
		if (job->waits_for_part)
			return true;
		job->work_done = step.number;
		return step.number < work->steps;
	}
	if (error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED &&
		++work->deadlocks <= MAX_DEADLOCKS)
	{
		job->throttled_by = "deadlock";
		job->pause_ms = DEADLOCK_REST_MS;
		FreeErrorData(error);
		return true;
	}
	ec_clip_error(error);
	record_failure(job, work, error);
	ReThrowError(error);
	pg_unreachable();
}

/* Call in scope.  Clears the failure when the job is resumed. */
static void
resume_statements(int64 job)
{
	EcArgs args = {0};

	ec_arg_int8(&args, job);
	(void) ec_query("UPDATE expand_contract.schema_migrations m"
					"   SET state = 'queued', error = NULL"
					"  FROM expand_contract.jobs j"
					" WHERE j.id = $1 AND m.state = 'failed'"
					"   AND m.version = j.parameters ->> 'version'"
					"   AND m.scope = coalesce(j.parameters ->> 'scope', '')"
					"   AND m.direction = j.parameters ->> 'direction'"
					"   AND NOT EXISTS (SELECT FROM expand_contract.jobs n"
					"                    WHERE n.kind = 'statement' AND n.id > j.id"
					"                      AND n.parameters ->> 'version' = m.version"
					"                      AND coalesce(n.parameters ->> 'scope', '') = m.scope)",
					&args);
	/* what has failed as its part is resumed, or submitted again */
	(void) ec_query("UPDATE expand_contract.jobs SET part_of = NULL"
					" WHERE part_of = $1 AND state IN ('failed', 'cancelled')",
					&args);
}

const EcJobKind ec_statement_job_kind = {
	.name = EC_STATEMENT_JOB,
	.begin = begin_statements,
	.resume = resume_statements,
	.run = run_next_step,
};
