/*
 * prepare.c
 *		ec_prepare: builds what hangs on a column on the one that is to take its
 *		name over, in the background.
 *
 * The job has no state of its own.  Before each step it looks at the catalog
 * for what is missing (twins/twins.h), so it goes on where a crash has
 * interrupted it, and cleans up what that has left.
 *
 * Locks.  Building an index waits for transactions, which may take hours, and
 * blocks nobody.  Other steps lock the table in short tries.
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "core/catalog.h"
#include "core/hint.h"
#include "core/guc.h"
#include "core/json.h"
#include "core/lock_retry.h"
#include "core/planned.h"
#include "core/query.h"
#include "core/rights.h"
#include "core/toplevel.h"
#include "core/transaction.h"
#include "lifecycle/gates.h"
#include "lifecycle/prepare.h"
#include "lifecycle/transition.h"
#include "model/owner.h"
#include "twins/twins.h"
#include "worker/jobs/pace.h"
#include "worker/process/worker.h"
#include "expand_contract.h"

PG_FUNCTION_INFO_V1(ec_prepare);

#define LOCK_REST_MS 1000

static void
require_keeps_names(const EcChange *change)
{
	if (change->kept_names == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("change \"%s\" does not keep names", change->name),
				 errdetail("Nothing is to be built for it."),
				 ec_errhint("Only changes of ec_change_type are prepared.")));
}

static void
require_gate(const EcChange *change, const char *name, EcGateCheck check)
{
	EcGate gate = {0};

	check(change, &gate);
	if (!gate.passed)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("change \"%s\" cannot be prepared yet", change->name),
				 errdetail("%s: %s; required: %s.", name, gate.observed, gate.required),
				 gate.hint ? errhint("%s", gate.hint) : 0));
}

/* The new columns are NULL in rows that are not filled, which keys forbid. */
static void
require_filled(const EcChange *change)
{
	require_gate(change, "backfill_complete", ec_gate_backfill_complete);
	require_gate(change, "discrepancies", ec_gate_discrepancies);
	require_gate(change, "dual_write", ec_gate_dual_write);
}

/* An unfinished job of the change; 0 if there is none. */
static int64
unfinished_job(const EcChange *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	int64 job = 0;

	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	if (ec_query("SELECT max(id) FROM expand_contract.jobs WHERE kind = 'prepare' AND change = $1"
				 "   AND state IN ('queued', 'running', 'paused')",
				 &args) > 0)
		job = ec_get_int8(0, 1, 0);
	ec_catalog_end(&scope);
	return job;
}

/*
 * ec_prepare(change, batch_size, delay_ms, workers, start_at, run_window,
 *		 max_lag) → the job's number
 *
 * For a change of ec_change_type whose backfill is complete: builds the indexes
 * and constraints of the columns on those that take their names over.  After
 * the cutover, does so for the way back; from then on values that the old type
 * cannot hold are refused.  The work is that of single statements, so the pace
 * is that of ec_pause, start_at and run_window.  If a job of the change is
 * unfinished, returns that.
 *
 * Only the owner of the table may call it (42501).  Raises 42704 if there is no
 * such change; 55000 if it does not keep names, is over, or is not filled;
 * 0A000 if something has come that cannot be built.
 */
Datum
ec_prepare(PG_FUNCTION_ARGS)
{
	EcJobSpec spec = {.kind = "prepare"};
	EcTwinPlan *plan;
	EcRetype retype;
	EcChange change;
	EcJsonWriter parameters;
	int64 job;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("argument \"change\" must not be null"),
						ec_errhint("As in SELECT ec_prepare('042').")));
	ec_read_pace_arguments(fcinfo, 1, true, &spec, NULL);
	ec_change_lock(ec_change_argument(fcinfo, 0), &change);
	ec_change_require_active(&change);
	require_keeps_names(&change);
	require_filled(&change);
	(void) ec_change_require_role(&change);
	job = unfinished_job(&change);
	if (job != 0)
		PG_RETURN_INT64(job);
	LockRelationOid(change.relation, AccessShareLock);
	ec_retype_of(&change, &retype);
	plan = ec_twins_look(&retype);
	if (plan->refused != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("change \"%s\" cannot be prepared", change.name),
				 errdetail("In the way: %s.", ec_twins_list(plan->refused, ";\n")),
				 errhint("Do what stands in parentheses.")));
	spec.change = change.name;
	spec.relation = change.relation;
	spec.owner = GetUserId();
	spec.workers = 1;
	ec_json_begin(&parameters);
	spec.parameters = ec_json_end(&parameters);
	PG_RETURN_INT64(ec_job_submit(&spec));
}

/* ------------------------------------------------------------------ the job */

typedef struct Work
{
	bool is_analysed; /* the planner knows the new columns */
	int64 done;
} Work;

typedef struct Piece
{
	const EcChange *change;
	const EcTwinStep *step;
} Piece;

static void
begin_prepare(EcJob *job)
{
	job->private = palloc0(sizeof(Work));
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
run_piece(void *arg)
{
	const Piece *piece = arg;
	EcRights outer;

	ec_become(&outer, ec_change_require_role(piece->change));
	ec_run_ddl(piece->step->sql);
	ec_become_caller(&outer);
}

static ErrorData *
try_piece(void *arg, int lock_wait_ms)
{
	return ec_try_work(run_piece, arg, lock_wait_ms);
}

/* False if a lock was not to be had. */
static bool
run_in_transaction(const EcChange *change, const EcTwinStep *step)
{
	Piece piece = {change, step};

	return ec_try_for_locks(try_piece, &piece, ec_lock_timeout) == NULL;
}

/*
 * As the table's owner: a name that is another table's by now says nothing that
 * this role could not say itself.  No transaction may begin in a restricted
 * operation; the server itself enters one before it evaluates expressions of an
 * index.
 */
static void
run_at_top_level(Oid role, const char *sql, MemoryContext memory)
{
	char *path = pstrdup(GetConfigOption("search_path", false, false));
	EcRights outer;

	begin_transaction(memory);
	ec_commit_transaction(memory);
	SetConfigOption("lock_timeout", "0", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("statement_timeout", "0", PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("search_path", EC_OWN_SEARCH_PATH, PGC_USERSET, PGC_S_SESSION);
	pgstat_report_activity(STATE_RUNNING, sql);
	GetUserIdAndSecContext(&outer.userid, &outer.security_context);
	SetUserIdAndSecContext(role, outer.security_context);
	PG_TRY();
	{
		ec_run_toplevel(sql);
	}
	PG_FINALLY();
	{
		/* an aborted transaction returns to the role in which it has begun */
		if (IsTransactionState())
			AbortCurrentTransaction();
		ec_become_caller(&outer);
	}
	PG_END_TRY();
	SetConfigOption("search_path", path, PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("role", "none", PGC_SUSET, PGC_S_SESSION);
}

static void
refuse_newcomers(const EcChange *change, const EcTwinPlan *plan)
{
	if (plan->refused != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("change \"%s\" cannot be prepared", change->name),
				 errdetail("In the way: %s.", ec_twins_list(plan->refused, ";\n")),
				 ec_errhint("Do what stands in parentheses, then use ec_resume.")));
}

static void
note_prepared(const EcChange *change)
{
	if (strcmp(change->phase, EC_PHASE_BACKFILLED) == 0)
		ec_change_set_phase(change->name, EC_PHASE_PREPARED);
}

static bool
prepare(EcJob *job)
{
	MemoryContext memory = CurrentMemoryContext;
	Work *work = job->private;
	EcTwinPlan *plan;
	EcTwinStep *step;
	EcRetype retype;
	EcChange change;
	Oid role;

	begin_transaction(memory);
	ec_change_get(job->change, &change);
	ec_change_require_active(&change);
	role = ec_change_require_role(&change);
	ec_retype_of(&change, &retype);
	plan = ec_twins_look(&retype);
	refuse_newcomers(&change, plan);
	job->work_total = work->done + list_length(plan->steps) + 1;
	job->work_done = work->done;
	if (plan->steps == NIL && work->is_analysed)
	{
		note_prepared(&change);
		job->work_done = job->work_total;
		ec_commit_transaction(memory);
		return false;
	}
	step = plan->steps == NIL ? NULL : linitial(plan->steps);
	if (step != NULL && !step->is_top_level)
	{
		if (run_in_transaction(&change, step))
			work->done++;
		else
		{
			job->throttled_by = "lock";
			job->pause_ms = LOCK_REST_MS;
		}
		ec_commit_transaction(memory);
		return true;
	}
	ec_commit_transaction(memory);
	run_at_top_level(role,
					 step == NULL ? psprintf("ANALYZE %s", retype.table) : step->sql,
					 memory);
	if (step == NULL)
		work->is_analysed = true;
	else
		work->done++;
	return true;
}

const EcJobKind ec_prepare_kind = {
	.name = "prepare",
	.begin = begin_prepare,
	.batch = no_batch,
	.run = prepare,
};
