/*
 * control.c
 *		ec_pause, ec_resume, ec_cancel, ec_configure.
 *
 * Members of pg_signal_backend may pause and resume jobs of other roles, as
 * they may cancel those roles' queries, unless a superuser owns the job.
 *
 * Each function locks the job's row, changes it and wakes the worker at
 * commit.  None waits for the worker, which reads the row before each batch.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_authid.h"
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
#include "worker/jobs/owner.h"
#include "worker/jobs/pace.h"
#include "worker/jobs/registry.h"
#include "worker/jobs/slots.h"
#include "worker/jobs/start.h"

/* The job's number, from the first argument. */
static int64
job_argument(FunctionCallInfo fcinfo)
{
	ec_require_argument(fcinfo, 0, "job", "The view ec_progress lists the jobs.");
	return PG_GETARG_INT64(0);
}

/*
 * Has a running job lost its workers?  A worker that ends changes the job's
 * state before it releases its lock.  So if there is no lock, the state is
 * read again.  By then another worker may have started, so the locks are read
 * again as well.  In scope.
 */
static bool
is_interrupted(int64 id)
{
	EcArgs args = {0};

	/* the locks of the primary's workers are not known to its standbys */
	if (RecoveryInProgress())
		return false;
	ec_arg_int8(&args, id);
	for (int look = 0; look < 2; look++)
		if (ec_query("SELECT FROM expand_contract.jobs "
					 "WHERE id = $1 AND state = 'running'",
					 &args) == 0 ||
			ec_job_is_live(id))
			return false;
	return true;
}

PG_FUNCTION_INFO_V1(ec_sql_is_interrupted);

/* expand_contract.is_interrupted(job) → boolean */
Datum
ec_sql_is_interrupted(PG_FUNCTION_ARGS)
{
	EcCatalogScope scope;
	bool result;

	/*
	 * anyone may execute this, because the views run it with their reader's
	 * rights
	 */
	if (!ec_may_monitor() && !ec_job_is_mine(PG_GETARG_INT64(0)))
		PG_RETURN_NULL();
	ec_catalog_begin(&scope);
	result = is_interrupted(PG_GETARG_INT64(0));
	ec_catalog_end(&scope);
	PG_RETURN_BOOL(result);
}

/*
 * Reads a job for its owner or a member of its owner; in scope.  for_update
 * locks the row, so that two sessions cannot change the job's state at the
 * same time.
 */
void
ec_job_look(int64 id, bool for_update, EcJobStatus *status)
{
	EcArgs args = {0};
	Oid owner;

	ec_arg_int8(&args, id);
	if (for_update)
		ec_query("SELECT FROM expand_contract.jobs WHERE id = $1 FOR UPDATE", &args);
	ec_arg_int8(&args, (int64) GetSystemIdentifier());
	ec_arg_oid(&args, MyDatabaseId);
	if (ec_query("SELECT state, owner, error_code, error_message, "
				 "error_detail, error_hint, kind, relation_name, "
				 "workers, system_identifier = $2 AND database = $3, "
				 "expand_contract.next_run(start_at, run_window, "
				 "settings ->> 'TimeZone', clock_timestamp()) <= clock_timestamp() "
				 "AND EXISTS (SELECT FROM expand_contract.job_slots s WHERE s.job = $1 "
				 "AND coalesce(s.resume_at, '-infinity') <= clock_timestamp()), "
				 "(SELECT min(p.id) FROM expand_contract.jobs p WHERE p.part_of = $1 "
				 "AND p.state IN ('queued', 'running', 'paused')) "
				 "FROM expand_contract.jobs WHERE id = $1",
				 &args) == 0)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("job " INT64_FORMAT " does not exist", id),
						ec_errhint("The view ec_progress lists the jobs.")));
	memset(status, 0, sizeof(*status));
	status->id = id;
	status->state = ec_get_text(0, 1);
	owner = ec_get_oid(0, 2);
	status->owner = owner;
	status->error_code = ec_get_text(0, 3);
	status->error_message = ec_get_text(0, 4);
	status->error_detail = ec_get_text(0, 5);
	status->error_hint = ec_get_text(0, 6);
	status->kind = ec_get_text(0, 7);
	status->relation_name = ec_get_text(0, 8);
	status->workers = ec_get_int4(0, 9, 1);
	status->is_ours = ec_get_bool(0, 10, false);
	status->is_due = ec_get_bool(0, 11, true);
	status->part = ec_get_int8(0, 12, 0);
	status->is_live = ec_job_is_live(id);
	status->is_interrupted = is_interrupted(id);
}

/* Whose jobs a function accepts. */
typedef enum Whose
{
	OF_CALLER,
	OF_WHOM_CALLER_MAY_SIGNAL
} Whose;

static bool
may_call(Oid caller, Oid owner, Whose whose)
{
	return has_privs_of_role(caller, owner) ||
		   (whose == OF_WHOM_CALLER_MAY_SIGNAL && !superuser_arg(owner) &&
			has_privs_of_role(caller, ROLE_PG_SIGNAL_BACKEND));
}

/*
 * Opens the scope, and reads and locks the job's row.  Raises 42501 if the
 * caller may not call the function for this job.
 */
static void
look_as_caller(int64 id, Whose whose, EcCatalogScope *scope, EcJobStatus *status)
{
	Oid caller = GetUserId();

	ec_catalog_begin(scope);
	ec_adopt_upgraded();
	ec_job_look(id, true, status);
	if (!may_call(caller, status->owner, whose))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for job " INT64_FORMAT, id),
				 errdetail("The job belongs to role \"%s\".",
						   GetUserNameFromId(status->owner, true)
							   ? GetUserNameFromId(status->owner, true)
							   : "(dropped)"),
				 errhint("Use SET ROLE to become the owner, or ask a superuser.")));
}

static void
refuse(const EcJobStatus *status, const char *verb)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("cannot %s job " INT64_FORMAT, verb, status->id),
					errdetail("The job is %s.", status->state),
					errhint("Submit a new job.")));
}

static bool
is_in(const char *state, const char *a, const char *b, const char *c)
{
	return strcmp(state, a) == 0 || (b && strcmp(state, b) == 0) ||
		   (c && strcmp(state, c) == 0);
}

static void
set_state(int64 id, const char *state)
{
	EcArgs args = {0};

	ec_arg_int8(&args, id);
	ec_arg_text(&args, state);
	ec_query("UPDATE expand_contract.jobs SET state = $2, "
			 "queued_at = CASE WHEN $2 IN ('queued', 'paused') THEN clock_timestamp() "
			 "ELSE queued_at END, "
			 "finished_at = CASE WHEN $2 = 'cancelled' THEN clock_timestamp() "
			 "END, "
			 "starts = 0 WHERE id = $1",
			 &args);
}

/* If workers cannot connect as the job's owner, they connect as this role. */
static void
set_login(int64 id, Oid login)
{
	EcArgs args = {0};

	ec_arg_int8(&args, id);
	ec_arg_oid(&args, login);
	ec_query("UPDATE expand_contract.jobs SET login = $2 WHERE id = $1", &args);
}

/*
 * Locks the unfinished parts of a job, and parts of these.  Returns their
 * number.
 */
static int
parts_of(int64 whole, int64 **parts)
{
	EcArgs args = {0};
	uint64 count;

	ec_arg_int8(&args, whole);
	count =
		ec_query("SELECT id FROM expand_contract.jobs WHERE id IN ("
				 "WITH RECURSIVE parts (id) AS ("
				 "SELECT id FROM expand_contract.jobs WHERE part_of = $1 "
				 "UNION SELECT j.id FROM parts p JOIN expand_contract.jobs j ON j.part_of = p.id) "
				 "SELECT id FROM parts) "
				 "AND state IN ('queued', 'running', 'paused') ORDER BY id FOR UPDATE",
				 &args);
	*parts = palloc(sizeof(int64) * (count + 1));
	for (uint64 row = 0; row < count; row++)
		(*parts)[row] = ec_get_int8(row, 1, 0);
	return count;
}

static void
pause_job(int64 id)
{
	EcJobStatus status;
	const EcJobKind *kind;

	ec_job_look(id, true, &status);
	kind = ec_find_job_kind(status.kind);
	set_state(id, EC_STATE_PAUSED);
	if (kind != NULL && kind->run == NULL)
		ec_interrupt_at_commit(id);
	else
		ec_wake_at_commit(id);
}

/* Starts the job's workers, as far as its state lets them run. */
static void
queue_job(int64 id)
{
	EcJobStatus status;

	ec_job_look(id, true, &status);
	if (is_in(status.state, EC_STATE_RUNNING, NULL, NULL) && status.is_live)
		return;
	set_state(id, EC_STATE_QUEUED);
	(void) ec_job_end_pauses(id);
	ec_job_add_slots(id, status.workers, 0);
}

static void
cancel_job(int64 id)
{
	set_state(id, EC_STATE_CANCELLED);
	ec_interrupt_at_commit(id);
}

/* The job has been cancelled: a job that waits for it goes on, and fails. */
static void
start_whole_of(int64 part)
{
	EcArgs args = {0};

	ec_arg_int8(&args, part);
	if (ec_query("SELECT w.id FROM expand_contract.jobs p "
				 "JOIN expand_contract.jobs w ON w.id = p.part_of AND w.state = 'queued' "
				 "WHERE p.id = $1",
				 &args) > 0)
		ec_job_add_slots(ec_get_int8(0, 1, 0), 1, 0);
}

void
ec_job_resume_as_part(int64 id, int64 whole)
{
	const EcJobKind *kind;
	EcArgs args = {0};
	EcJobStatus status;

	ec_arg_int8(&args, id);
	ec_arg_int8(&args, whole);
	ec_query("UPDATE expand_contract.jobs SET part_of = $2 WHERE id = $1", &args);
	ec_job_look(id, true, &status);
	kind = ec_find_job_kind(status.kind);
	if (is_in(status.state, EC_STATE_FAILED, NULL, NULL) && kind != NULL &&
		kind->resume != NULL)
		kind->resume(id);
	queue_job(id);
}

void
ec_cancel_parts(int64 whole)
{
	int64 *parts;
	int count = parts_of(whole, &parts);

	for (int i = 0; i < count; i++)
		cancel_job(parts[i]);
}

PG_FUNCTION_INFO_V1(ec_pause);
PG_FUNCTION_INFO_V1(ec_resume);
PG_FUNCTION_INFO_V1(ec_cancel);
PG_FUNCTION_INFO_V1(ec_configure);

/*
 * ec_pause(job) → 'paused'
 *
 * The worker's current batch is rolled back, so a paused job holds no lock, and
 * user code in it that never ends does not matter.  A migration's statement ends
 * first.
 * Pausing a paused job changes nothing; a job that has ended cannot be paused
 * (55000).  Allowed for the owner, and for roles that may signal the owner's
 * backends.
 */
Datum
ec_pause(PG_FUNCTION_ARGS)
{
	int64 id = job_argument(fcinfo);
	EcCatalogScope scope;
	EcJobStatus status;

	look_as_caller(id, OF_WHOM_CALLER_MAY_SIGNAL, &scope, &status);
	if (is_in(status.state, EC_STATE_QUEUED, EC_STATE_RUNNING, NULL))
	{
		int64 *parts;
		int count = parts_of(id, &parts);

		pause_job(id);
		for (int i = 0; i < count; i++)
			pause_job(parts[i]);
	}
	else if (!is_in(status.state, EC_STATE_PAUSED, NULL, NULL))
		refuse(&status, "pause");
	ec_catalog_end(&scope);
	PG_RETURN_TEXT_P(cstring_to_text(EC_STATE_PAUSED));
}

/*
 * ec_resume(job) → 'queued', or 'running' if it has a worker
 *
 * Continues a paused, interrupted or failed job after its last committed
 * batch.  Starts a worker for a queued one, if possible.  A job that is done
 * or cancelled cannot be resumed (55000).  Allowed for the same roles as
 * ec_pause; the job still runs as its owner.
 */
Datum
ec_resume(PG_FUNCTION_ARGS)
{
	int64 id = job_argument(fcinfo);
	const char *state = EC_STATE_QUEUED;
	EcCatalogScope scope;
	EcJobStatus status;

	look_as_caller(id, OF_WHOM_CALLER_MAY_SIGNAL, &scope, &status);
	if (is_in(status.state, EC_STATE_DONE, EC_STATE_CANCELLED, NULL))
		refuse(&status, "resume");
	if (GetUserNameFromId(status.owner, true) == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("cannot resume job " INT64_FORMAT, id),
						errdetail("The role that owns it does not exist any more."),
						errhint("Submit a new job.")));
	if (!status.is_ours)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot resume job " INT64_FORMAT, id),
				 errdetail("It was submitted in the database that this one is a copy of."),
				 errhint("Cancel it here, and submit a new job.")));
	if (strcmp(status.state, EC_STATE_RUNNING) == 0 && status.is_live)
	{
		state = EC_STATE_RUNNING;
		ec_job_add_slots(id, status.workers, status.workers);
	}
	else
	{
		const EcJobKind *kind = ec_find_job_kind(status.kind);
		int64 *parts;
		int count = parts_of(id, &parts);

		if (kind != NULL && kind->resume != NULL)
			kind->resume(id);
		set_state(id, EC_STATE_QUEUED);
		(void) ec_job_end_pauses(id);
		if (ec_session_can_run_jobs_of(status.owner))
			set_login(id, GetSessionUserId());
		/* it goes on when its parts have ended */
		for (int i = 0; i < count; i++)
			queue_job(parts[i]);
		if (count == 0)
			ec_job_add_slots(id, status.workers, 0);
	}
	ec_catalog_end(&scope);
	PG_RETURN_TEXT_P(cstring_to_text(state));
}

/*
 * ec_cancel(job) → 'cancelled'
 *
 * Ends the job and rolls the current batch back.  It cannot be resumed, and rows
 * that it has written stay as they are.  A job that is done cannot be cancelled (55000).
 * Called again, ends the worker's process: code of the job that catches the
 * cancel would go on without an end.
 */
Datum
ec_cancel(PG_FUNCTION_ARGS)
{
	int64 id = job_argument(fcinfo);
	EcCatalogScope scope;
	EcJobStatus status;

	look_as_caller(id, OF_CALLER, &scope, &status);
	if (strcmp(status.state, EC_STATE_DONE) == 0)
		refuse(&status, "cancel");
	if (strcmp(status.state, EC_STATE_CANCELLED) != 0)
	{
		cancel_job(id);
		ec_cancel_parts(id);
		start_whole_of(id);
	}
	else if (status.is_live)
		ec_terminate_at_commit(id);
	ec_catalog_end(&scope);
	PG_RETURN_TEXT_P(cstring_to_text(EC_STATE_CANCELLED));
}

void
ec_cancel_jobs_of_change(const char *change, const char *kind)
{
	EcArgs args = {0};
	uint64 count;
	int64 *jobs;

	ec_arg_text(&args, change);
	ec_arg_text(&args, kind);
	/*
	 * exclude the job that runs this, which ends its own change; it is done
	 * soon
	 */
	ec_arg_int8(&args, ec_running_job());
	count = ec_query("SELECT id FROM expand_contract.jobs"
					 " WHERE change = $1 AND kind = coalesce($2, kind) AND id <> $3"
					 "   AND state NOT IN ('done', 'cancelled') FOR UPDATE",
					 &args);
	jobs = palloc(sizeof(int64) * (count + 1));
	for (uint64 row = 0; row < count; row++)
		jobs[row] = ec_get_int8(row, 1, 0);
	for (uint64 row = 0; row < count; row++)
	{
		set_state(jobs[row], EC_STATE_CANCELLED);
		ec_interrupt_at_commit(jobs[row]);
		start_whole_of(jobs[row]);
	}
}

/*
 * ec_configure(job, batch_size, delay_ms, workers, max_lag) → the job's state
 *
 * A NULL argument changes nothing.  New values apply from the next batch on.
 */
Datum
ec_configure(PG_FUNCTION_ARGS)
{
	int64 id = job_argument(fcinfo);
	int batch_size = ec_check_batch_size(PG_ARGISNULL(1), PG_GETARG_INT32(1));
	int delay_ms = ec_check_delay(PG_ARGISNULL(2), PG_GETARG_INT32(2));
	int workers = ec_check_workers(PG_ARGISNULL(3), PG_GETARG_INT32(3));
	const Interval *max_lag =
		ec_check_max_lag(PG_ARGISNULL(4), PG_GETARG_INTERVAL_P(4));
	const EcJobKind *kind;
	EcCatalogScope scope;
	EcJobStatus status;
	EcArgs args = {0};
	bool is_awake;

	look_as_caller(id, OF_CALLER, &scope, &status);
	if (is_in(status.state, EC_STATE_DONE, EC_STATE_CANCELLED, NULL))
		refuse(&status, "configure");
	kind = ec_find_job_kind(status.kind);
	if (workers > 1 && kind != NULL && kind->run != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("job " INT64_FORMAT " has one worker", id),
						errdetail("The steps of a %s job run one after the other.",
								  status.kind),
						errhint("Leave \"workers\" out.")));
	ec_arg_int8(&args, id);
	ec_arg_int4(&args, batch_size);
	ec_arg_int4(&args, delay_ms);
	ec_arg_int4(&args, workers);
	ec_arg_interval(&args, max_lag);
	ec_query("UPDATE expand_contract.jobs SET "
			 "batch_size = CASE WHEN $2 < 0 THEN batch_size ELSE $2 END, "
			 "delay_ms = CASE WHEN $3 < 0 THEN delay_ms ELSE $3 END, "
			 "workers = CASE WHEN $4 < 0 THEN workers ELSE $4 END, "
			 "max_lag = coalesce($5, max_lag) "
			 "WHERE id = $1",
			 &args);
	is_awake = (delay_ms >= 0 || batch_size >= 0) && ec_job_end_pauses(id);
	if ((workers > 0 || is_awake) &&
		is_in(status.state, EC_STATE_QUEUED, EC_STATE_RUNNING, NULL))
		ec_job_add_slots(id, workers > 0 ? workers : status.workers, status.workers);
	ec_wake_at_commit(id);
	ec_catalog_end(&scope);
	PG_RETURN_TEXT_P(cstring_to_text(status.state));
}
