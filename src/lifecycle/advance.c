/*
 * advance.c
 *		ec_advance: takes a change from phase to phase, in the background.
 *
 * The job submits the jobs of the phases as parts of itself, and waits for each
 * without a worker.  It has no state of its own: what is to be done next, it
 * learns from the change's phase, from the gates, and from its last part.  So
 * it goes on where a crash, or somebody's own call, has left the change.
 *
 *		phase                       next
 *		--------------------------  -------------------------------------------
 *		dual_write                  ec_backfill_change
 *		backfilled, of kept names   ec_prepare
 *		backfilled, prepared        ec_verify_job; ec_verify_change where the
 *		                            table has no key
 *		verified                    ec_cutover, as soon as its gates pass
 *
 * Locks: those of the functions that it calls.  The cutover makes a single
 * attempt at a time, and the job pauses between them.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/arguments.h"
#include "core/catalog.h"
#include "core/hint.h"
#include "core/json.h"
#include "core/lock_retry.h"
#include "core/query.h"
#include "core/subtransaction.h"
#include "core/transaction.h"
#include "expand_contract.h"
#include "lifecycle/advance.h"
#include "lifecycle/gates.h"
#include "lifecycle/transition.h"
#include "model/owner.h"
#include "worker/jobs/control.h"
#include "worker/jobs/pace.h"
#include "worker/process/worker.h"

PG_FUNCTION_INFO_V1(ec_advance);

#define REST_MS 1000

/* the phases up to which it can go, in their order */
static const char *const phases[] = {
	EC_PHASE_DUAL_WRITE, EC_PHASE_BACKFILLED, EC_PHASE_PREPARED,
	EC_PHASE_VERIFIED,   EC_PHASE_CUT_OVER,
};

static int
number_of(const char *phase)
{
	for (int i = 0; i < lengthof(phases); i++)
		if (strcmp(phases[i], phase) == 0)
			return i;
	/* quarantined, for one */
	return lengthof(phases);
}

static char *
until_argument(FunctionCallInfo fcinfo)
{
	char *until = PG_ARGISNULL(1) ? EC_PHASE_VERIFIED
								  : text_to_cstring(PG_GETARG_TEXT_PP(1));
	int number = number_of(until);

	if (number == 0 || number == lengthof(phases))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("until must be \"backfilled\", \"prepared\", \"verified\" or \"cut_over\""),
				 errdetail("It is \"%s\".", until),
				 ec_errhint(
					 "ec_contract comes after that, when nobody wants to go back.")));
	return until;
}

static int64
unfinished_job(const char *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	int64 job = 0;

	ec_arg_text(&args, change);
	ec_catalog_begin(&scope);
	if (ec_query("SELECT max(id) FROM expand_contract.jobs WHERE kind = 'advance' AND change = $1"
				 "   AND state IN ('queued', 'running', 'paused')",
				 &args) > 0)
		job = ec_get_int8(0, 1, 0);
	ec_catalog_end(&scope);
	return job;
}

/* The pace is that of the parts, as it was given, or the session has it set. */
static Jsonb *
parameters_of(FunctionCallInfo fcinfo, const char *until, const EcJobSpec *spec)
{
	EcJsonWriter writer;

	ec_json_begin(&writer);
	ec_json_text(&writer, "until", until);
	if (!PG_ARGISNULL(2))
		ec_json_int8(&writer, "batch_size", spec->batch_size);
	ec_json_int8(&writer, "delay_ms", spec->delay_ms);
	ec_json_int8(&writer, "workers", spec->workers);
	if (spec->run_window != NULL)
		ec_json_text(&writer, "run_window", spec->run_window);
	if (spec->max_lag != NULL)
		ec_json_text(&writer, "max_lag",
					 DatumGetCString(
						 DirectFunctionCall1(interval_out,
											 IntervalPGetDatum(spec->max_lag))));
	return ec_json_end(&writer);
}

/*
 * ec_advance(change, until, batch_size, delay_ms, workers, start_at,
 *		 run_window, max_lag) → the job's number
 *
 * Takes a change to the phase 'backfilled', 'prepared', 'verified' or
 * 'cut_over', through those before it.  For the cutover it waits until the
 * gates pass; ec_progress shows for which.  The pace is that of the jobs that
 * it submits as its parts; ec_pause, ec_resume and ec_cancel do the same to
 * these.  If such a job of the change is unfinished, returns that.
 *
 * Only the owner of the table may call it (42501).  Raises 42704 if there is no
 * such change; 22023 for another phase; 55000 if the change has ended.
 */
Datum
ec_advance(PG_FUNCTION_ARGS)
{
	EcJobSpec spec = {.kind = "advance"};
	EcChange change;
	char *until;
	int64 job;

	ec_require_argument(fcinfo, 0, "change",
						"As in SELECT ec_advance('042', until => 'cut_over').");
	ec_read_pace_arguments(fcinfo, 2, true, &spec, NULL);
	until = until_argument(fcinfo);
	ec_change_lock(ec_change_argument(fcinfo, 0), &change);
	ec_change_require_active(&change);
	(void) ec_change_require_role(&change);
	job = unfinished_job(change.name);
	if (job != 0)
		PG_RETURN_INT64(job);
	spec.change = change.name;
	spec.relation = change.relation;
	spec.owner = GetUserId();
	spec.parameters = parameters_of(fcinfo, until, &spec);
	spec.workers = 1;
	PG_RETURN_INT64(ec_job_submit(&spec));
}

/* ------------------------------------------------------------------ the job */

/* A part: the newest one, or one that blocks the next. */
typedef struct Part
{
	int64 id; /* 0: none */
	char *kind;
	char *state;
} Part;

static void
begin_advance(EcJob *job)
{
}

static bool
no_batch(EcJob *job)
{
	return false;
}

static void
begin_transaction(MemoryContext memory)
{
	ec_begin_transaction(memory);
	ec_worker_assume_owner();
}

static void
read_part(const char *sql, EcArgs *args, Part *part)
{
	EcCatalogScope scope;

	memset(part, 0, sizeof(*part));
	ec_catalog_begin(&scope);
	if (ec_query(sql, args) > 0)
	{
		part->id = ec_get_int8(0, 1, 0);
		part->kind = ec_get_text(0, 2);
		part->state = ec_get_text(0, 3);
	}
	ec_catalog_end(&scope);
}

static void
last_part(const EcJob *job, Part *part)
{
	EcArgs args = {0};

	ec_arg_int8(&args, job->id);
	read_part("SELECT id, kind, state FROM expand_contract.jobs WHERE part_of = $1 ORDER BY id DESC LIMIT 1",
			  &args, part);
}

/* A backfill of the change that has not been done, whoever has submitted it. */
static void
open_backfill(const EcJob *job, Part *part)
{
	EcArgs args = {0};

	ec_arg_text(&args, job->change);
	read_part("SELECT j.id, j.kind, j.state FROM expand_contract.change_jobs c"
			  "  JOIN expand_contract.jobs j ON j.id = c.job"
			  " WHERE c.change = $1 AND j.state NOT IN ('done', 'cancelled')"
			  " ORDER BY j.id DESC LIMIT 1",
			  &args, part);
}

static bool
is_unfinished(const Part *part)
{
	return part->id != 0 && (strcmp(part->state, EC_STATE_QUEUED) == 0 ||
							 strcmp(part->state, EC_STATE_RUNNING) == 0 ||
							 strcmp(part->state, EC_STATE_PAUSED) == 0);
}

static bool
is_done(const Part *part, const char *kind)
{
	return part->id != 0 && strcmp(part->kind, kind) == 0 &&
		   strcmp(part->state, EC_STATE_DONE) == 0;
}

static void
raise_failure(const Part *part)
{
	EcCatalogScope scope;
	EcJobStatus status;

	if (strcmp(part->state, EC_STATE_CANCELLED) == 0)
		ereport(ERROR, (errcode(EC_ERRCODE_JOB_CANCELLED),
						errmsg("job " INT64_FORMAT " was cancelled", part->id),
						errdetail("It was a part of this one."),
						errhint("Resume this one, which submits another.")));
	ec_catalog_begin(&scope);
	ec_job_look(part->id, false, &status);
	ec_catalog_end(&scope);
	ec_job_raise_failure(&status);
}

/* The job is resumed: so are parts that have failed. */
static void
resume_advance(int64 job)
{
	EcArgs args = {0};
	EcArgs failed = {0};

	ec_arg_int8(&args, job);
	ec_query("UPDATE expand_contract.jobs SET part_of = NULL WHERE part_of = $1 AND state = 'cancelled'",
			 &args);
	ec_arg_int8(&failed, job);
	if (ec_query("SELECT max(id) FROM expand_contract.jobs WHERE part_of = $1 AND state = 'failed'",
				 &failed) > 0 &&
		!ec_is_null(0, 1))
		ec_job_resume_as_part(ec_get_int8(0, 1, 0), job);
}

/* A part that is there already. */
static void
adopt(const EcJob *job, const Part *part)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	if (strcmp(part->state, EC_STATE_FAILED) == 0)
		ec_job_resume_as_part(part->id, job->id);
	else
	{
		ec_arg_int8(&args, job->id);
		ec_arg_int8(&args, part->id);
		ec_query("UPDATE expand_contract.jobs SET part_of = $1 WHERE id = $2 AND part_of IS NULL",
				 &args);
	}
	ec_catalog_end(&scope);
}

/* ------------------------------------------------------------ what is next */

/* Calls a function of the extension as the job's owner. */
typedef struct Call
{
	const EcJob *job;
	const char *function;  /* "ec_prepare" */
	const char *arguments; /* after the change; NULL: the pace */
	int64 number;          /* its result, of a job */
} Call;

static const char *
or_null(const char *text)
{
	return text == NULL ? "NULL" : quote_literal_cstr(text);
}

static const char *
number_or_null(const EcJob *job, const char *name)
{
	int64 value = ec_json_get_int8(job->parameters, name, -1);

	return value < 0 ? "NULL" : psprintf(INT64_FORMAT, value);
}

/* In a subtransaction. */
static void
call_function(void *arg)
{
	Call *call = arg;
	const EcJob *job = call->job;
	char *pace =
		psprintf("batch_size => %s, delay_ms => %s, workers => " INT64_FORMAT
				 ", run_window => %s, max_lag => %s",
				 number_or_null(job, "batch_size"), number_or_null(job, "delay_ms"),
				 ec_json_get_int8(job->parameters, "workers", 1),
				 or_null(ec_json_get_text(job->parameters, "run_window")),
				 or_null(ec_json_get_text(job->parameters, "max_lag")));
	EcExtension extension;
	char *sql;
	bool isnull = true;
	Datum value = (Datum) 0;

	if (!ec_extension_lookup(&extension))
		elog(ERROR, "extension expand_contract does not exist");
	sql = psprintf("SELECT %s(%s%s%s)",
				   quote_qualified_identifier(get_namespace_name(extension.schema),
											  call->function),
				   quote_literal_cstr(job->change),
				   call->arguments != NULL && call->arguments[0] == '\0' ? "" : ", ",
				   call->arguments != NULL ? call->arguments : pace);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute(sql, false, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not run \"%s\"", sql);
	if (SPI_gettypeid(SPI_tuptable->tupdesc, 1) == INT8OID)
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
							  &isnull);
	call->number = isnull ? 0 : DatumGetInt64(value);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}

static void
submit_part(EcJob *job, const char *function)
{
	Call call = {job, function};
	Part part = {.state = EC_STATE_QUEUED};

	call_function(&call);
	part.id = call.number;
	adopt(job, &part);
	job->waits_for_part = true;
}

static void
backfill(EcJob *job)
{
	Part part;

	open_backfill(job, &part);
	if (part.id == 0)
	{
		submit_part(job, "ec_backfill_change");
		return;
	}
	adopt(job, &part);
	job->waits_for_part = true;
}

/* Without a key with an index there is no job; then all rows are read at once. */
static void
verify(EcJob *job, const Part *last)
{
	MemoryContext memory = CurrentMemoryContext;
	Call call = {job, "ec_verify_job"};
	ErrorData *error;

	if (is_done(last, "verify"))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("rows of change \"%s\" are not in step", job->change),
				 errdetail("Job " INT64_FORMAT " has compared them.", last->id),
				 ec_errhint("See them in ec_mismatches, bring them in step with ec_backfill_change(%s, 'repair'), then use ec_advance again.",
							quote_literal_cstr(job->change))));
	error = ec_subtransaction(call_function, &call);
	MemoryContextSwitchTo(memory);
	if (error == NULL)
	{
		Part part = {.id = call.number, .state = EC_STATE_QUEUED};

		adopt(job, &part);
		job->waits_for_part = true;
		return;
	}
	if (error->sqlerrcode != ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE)
		ReThrowError(error);
	call.function = "ec_verify_change";
	call.arguments = "";
	call_function(&call);
}

/* The names of the gates that are closed; NULL if all pass. */
static char *
closed_gates(const EcChange *change)
{
	StringInfoData names;
	ListCell *cell;

	initStringInfo(&names);
	foreach (cell, ec_gates(change, EC_TRANSITION_CUTOVER, EC_LOOK))
	{
		EcGate *gate = lfirst(cell);

		if (!gate->passed)
			appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", gate->name);
	}
	return names.len == 0 ? NULL : names.data;
}

static void
rest(EcJob *job, const char *reason)
{
	job->throttled_by = reason;
	job->pause_ms = REST_MS;
}

static bool
gate_passes(const EcChange *change, EcGateCheck check)
{
	EcGate gate = {0};

	check(change, &gate);
	return gate.passed;
}

static void
cut_over(EcJob *job, const EcChange *change, const Part *last)
{
	MemoryContext memory = CurrentMemoryContext;
	Call call = {job, "ec_cutover", ""};
	char *closed = closed_gates(change);
	ErrorData *error;

	if (change->kept_names != NULL && !gate_passes(change, ec_gate_prepared))
	{
		submit_part(job, "ec_prepare");
		return;
	}
	/* something has come after the verification */
	if (!gate_passes(change, ec_gate_verified) && !is_done(last, "verify"))
	{
		verify(job, last);
		return;
	}
	if (closed != NULL)
	{
		rest(job, psprintf("gate: %s", closed));
		return;
	}
	error = ec_subtransaction(call_function, &call);
	MemoryContextSwitchTo(memory);
	if (error == NULL)
		return;
	if (ec_is_lock_error(error))
		rest(job, "lock");
	else if (error->sqlerrcode == EC_ERRCODE_GATE)
		rest(job, "gate");
	else
		ReThrowError(error);
}

static void
next_step(EcJob *job, const EcChange *change, int until, const Part *last)
{
	int phase = number_of(change->phase);

	if (phase == number_of(EC_PHASE_DUAL_WRITE))
		backfill(job);
	else if (change->kept_names != NULL && phase < number_of(EC_PHASE_PREPARED))
		submit_part(job, "ec_prepare");
	else if (phase < number_of(EC_PHASE_VERIFIED))
		verify(job, last);
	else
		cut_over(job, change, last);
}

/* Changes that keep no names are not prepared. */
static int
number_of_goal(const EcJob *job, const EcChange *change)
{
	int goal = number_of(ec_json_get_text(job->parameters, "until"));

	return goal == number_of(EC_PHASE_PREPARED) && change->kept_names == NULL
			   ? number_of(EC_PHASE_BACKFILLED)
			   : goal;
}

static bool
advance(EcJob *job)
{
	MemoryContext memory = CurrentMemoryContext;
	EcChange change;
	bool is_there;
	Part last;
	int goal;

	begin_transaction(memory);
	ec_change_lock(job->change, &change);
	ec_change_require_active(&change);
	(void) ec_change_require_role(&change);
	last_part(job, &last);
	goal = number_of_goal(job, &change);
	job->work_total = goal;
	job->work_done = Min(number_of(change.phase), goal);
	is_there = number_of(change.phase) >= goal;
	if (is_there)
		;
	else if (is_unfinished(&last))
		job->waits_for_part = true;
	else if (last.id != 0 && strcmp(last.state, EC_STATE_DONE) != 0)
		raise_failure(&last);
	else
		next_step(job, &change, goal, &last);
	ec_commit_transaction(memory);
	return !is_there;
}

const EcJobKind ec_advance_kind = {
	.name = "advance",
	.begin = begin_advance,
	.batch = no_batch,
	.resume = resume_advance,
	.run = advance,
};
