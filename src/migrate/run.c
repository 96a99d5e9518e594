/*
 * run.c
 *		Runs a transactional script.
 *
 * The script runs in a subtransaction of its own.  A statement's error is
 * still raised to the caller.  But by then the script's locks are released, so
 * finding the holders of the lock that it did not get blocks no one.
 *
 * It runs in short tries; see core/lock_retry.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "nodes/parsenodes.h"
#include "storage/proc.h"
#include "tcop/dest.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "core/hint.h"
#include "core/subtransaction.h"
#include "core/guc.h"
#include "core/lock_retry.h"
#include "expand_contract.h"
#include "migrate/explain.h"
#include "migrate/guard.h"
#include "migrate/lock.h"
#include "migrate/run.h"
#include "migrate/settings.h"
#include "migrate/used.h"

/*
 * The statement timeout that we have enabled, and the caller's that it
 * replaced.
 */
typedef struct StatementLimit
{
	bool armed;
	int duration; /* ms */
	TimestampTz finish;
	bool outer_active;
	TimestampTz outer_finish;
} StatementLimit;

typedef struct ScriptRun
{
	const EcScript *script;
	const EcStatement *statement; /* the current statement, or the one that
								   * failed */
	StatementLimit limit;
	EcScriptGuard guard;
	int outer_statement_timeout; /* in ms; a different value is the script's */
	int lock_timeout_ms;         /* for all tries */
	int64 *number;               /* the result of the statement; NULL: none */
	Jsonb **settings;            /* that it leaves set; NULL: not wanted */
	EcRecord record;
	void *record_arg;
	int lock_wait_ms;
	bool is_out_of_time;
} ScriptRun;

/* the script that this session runs, for ec_run_check_nesting */
static const char *running = NULL;

void
ec_run_check_nesting(const char *what)
{
	if (running != NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("%s cannot be applied or rolled back from within a script",
							   what),
						errdetail("The script of %s is being run.", running),
						errhint("Apply migrations one after the other.")));
}

/* The shorter one of ours and the script's; 0: none. */
static int
statement_timeout(const ScriptRun *run)
{
	if (StatementTimeout == run->outer_statement_timeout || StatementTimeout == 0)
		return ec_statement_timeout;
	return ec_statement_timeout == 0
			   ? StatementTimeout
			   : Min(ec_statement_timeout, StatementTimeout);
}

/*
 * The server enables statement_timeout only at the start of the client's
 * statement, so we enable it ourselves.  The caller's own timeout stays in
 * force if it ends first.
 */
static void
arm_statement_limit(StatementLimit *limit, int duration)
{
	memset(limit, 0, sizeof(*limit));
	if (duration == 0)
		return;
	limit->finish = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), duration);
	limit->outer_active = get_timeout_active(STATEMENT_TIMEOUT);
	if (limit->outer_active)
	{
		limit->outer_finish = get_timeout_finish_time(STATEMENT_TIMEOUT);
		if (limit->outer_finish <= limit->finish)
			return;
		disable_timeout(STATEMENT_TIMEOUT, false);
	}
	limit->armed = true;
	limit->duration = duration;
	enable_timeout_at(STATEMENT_TIMEOUT, limit->finish);
}

/* Restores the caller's timeout; returns true if ours has expired. */
static bool
disarm_statement_limit(StatementLimit *limit)
{
	if (!limit->armed)
		return false;
	limit->armed = false;
	disable_timeout(STATEMENT_TIMEOUT, false);
	if (limit->outer_active)
		enable_timeout_at(STATEMENT_TIMEOUT, limit->outer_finish);
	return GetCurrentTimestamp() >= limit->finish;
}

static void
run_error_callback(void *arg)
{
	ScriptRun *run = (ScriptRun *) arg;

	if (run->statement != NULL)
		errcontext("statement %d of %s, line %d", run->statement->number,
				   run->script->what, run->statement->line);
}

/*
 * If the session has used SET ROLE to run another role's script, a RESET ROLE
 * in the script, or in a function that it calls, would give the script the
 * session's own rights.  So SET ROLE is forbidden, as in a SECURITY DEFINER
 * function.  Deferred triggers fire at the end of the script, because at
 * commit the restriction no longer applies.
 */
static bool
needs_guard(const EcScript *script)
{
	return OidIsValid(script->author) &&
		   !has_privs_of_role(script->author, GetSessionUserId());
}

static void
fire_deferred_triggers(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute("SET CONSTRAINTS ALL IMMEDIATE", false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not set constraints");
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}

static int
execute_for_number(ScriptRun *run)
{
	SPIExecuteOptions options = {0};
	int code = SPI_execute_extended(run->statement->text, &options);
	bool is_null = true;
	Datum value = (Datum) 0;

	if (code == SPI_OK_SELECT && SPI_processed == 1 &&
		SPI_gettypeid(SPI_tuptable->tupdesc, 1) == INT8OID)
		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1,
							  &is_null);
	if (is_null)
		elog(ERROR, "no number is the result of \"%s\"", run->statement->text);
	*run->number = DatumGetInt64(value);
	return code;
}

static void
run_statements(ScriptRun *run)
{
	SPIExecuteOptions options = {0};
	ListCell *cell;

	/* discard result rows */
	options.dest = None_Receiver;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	foreach (cell, run->script->statements)
	{
		int code;

		run->statement = lfirst(cell);
		ec_guard_lock_waits();
		arm_statement_limit(&run->limit, statement_timeout(run));
		code = run->number != NULL ? execute_for_number(run)
			   : OidIsValid(run->script->author)
				   ? ec_execute_taking_back(run->statement, run->script->what)
				   : SPI_execute_extended(run->statement->text, &options);
		if (code < 0)
			elog(ERROR, "SPI_execute_extended failed: %s",
				 SPI_result_code_string(code));
		/* report a timeout that has fired as the statement's error */
		CHECK_FOR_INTERRUPTS();
		(void) disarm_statement_limit(&run->limit);
	}
	run->statement = NULL;
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}

static void
run_guarded(ScriptRun *run)
{
	Oid userid;
	int security_context;

	GetUserIdAndSecContext(&userid, &security_context);
	SetUserIdAndSecContext(userid, security_context | SECURITY_LOCAL_USERID_CHANGE);
	run_statements(run);
	fire_deferred_triggers();
	SetUserIdAndSecContext(userid, security_context);
}

List *
ec_named_relations(Node *node)
{
	List *relations = NIL;
	ListCell *cell;

	switch (nodeTag(node))
	{
		case T_AlterTableStmt:
			return list_make1(castNode(AlterTableStmt, node)->relation);
		case T_IndexStmt:
			return list_make1(castNode(IndexStmt, node)->relation);
		case T_CreateTrigStmt:
			return list_make1(castNode(CreateTrigStmt, node)->relation);
		case T_RenameStmt:
			return castNode(RenameStmt, node)->relation
					   ? list_make1(castNode(RenameStmt, node)->relation)
					   : NIL;
		case T_InsertStmt:
			return list_make1(castNode(InsertStmt, node)->relation);
		case T_UpdateStmt:
			return list_make1(castNode(UpdateStmt, node)->relation);
		case T_DeleteStmt:
			return list_make1(castNode(DeleteStmt, node)->relation);
		case T_TruncateStmt:
			return castNode(TruncateStmt, node)->relations;
		case T_LockStmt:
			return castNode(LockStmt, node)->relations;
		case T_DropStmt:
			if (castNode(DropStmt, node)->removeType != OBJECT_TABLE)
				return NIL;
			foreach (cell, castNode(DropStmt, node)->objects)
				relations =
					lappend(relations, makeRangeVarFromNameList(lfirst(cell)));
			return relations;
		default:
			return NIL;
	}
}

/* Adds the holders of the lock that a statement did not get. */
static void
explain_lock_timeout(ErrorData *error, const EcStatement *statement)
{
	ListCell *cell;

	if (error->hint == NULL)
		error->hint = pstrdup("Nothing has changed. Apply the migration again when the "
							  "lock's holders are done, or raise "
							  "expand_contract.lock_timeout.");
	foreach (cell, ec_named_relations(statement->node))
	{
		ec_tell_holders(error, RangeVarGetRelid(lfirst_node(RangeVar, cell),
												NoLock, true));
	}
}

static void
explain_statement_timeout(ErrorData *error, int duration)
{
	if (error->hint == NULL)
		error->hint =
			ec_hint("A statement of a migration may run for %d ms, see "
					"expand_contract.statement_timeout, and statement_timeout where "
					"the script sets it. Rewriting many rows is ec_backfill's work.",
					duration);
}

static void
run_once(void *arg)
{
	ScriptRun *run = arg;
	int guc_level = NewGUCNestLevel();

	/* changes that the script names are those of its scope */
	if (run->script->scope != NULL)
		(void) set_config_option("expand_contract.scope", run->script->scope,
								 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE,
								 true, 0, false);
	ec_guard_begin(&run->guard, run->lock_wait_ms);
	PG_TRY();
	{
		if (needs_guard(run->script))
			run_guarded(run);
		else
			run_statements(run);
		if (run->guard.has_set_constraints)
			ec_restore_constraints();
		ec_guard_end();
		if (run->settings != NULL)
			*run->settings = ec_settings_kept(guc_level);
	}
	PG_CATCH();
	{
		/*
		 * do this first, so that our timeout does not interrupt what follows
		 */
		run->is_out_of_time = disarm_statement_limit(&run->limit);
		ec_guard_end();
		PG_RE_THROW();
	}
	PG_END_TRY();
	/* this also undoes SET ROLE, so the rest runs as the caller */
	AtEOXact_GUC(false, guc_level);
	run->record(run->record_arg);
}

/*
 * One try, in a subtransaction.  Returns NULL on success, and the error if it
 * did not get a lock; other errors are raised.
 */
static ErrorData *
try_script(void *arg, int lock_wait_ms)
{
	ScriptRun *run = arg;
	ErrorData *error;

	run->statement = NULL;
	run->lock_wait_ms = lock_wait_ms;
	run->is_out_of_time = false;
	error = ec_subtransaction(run_once, run);
	if (run->guard.lock_timeout_wished > 0)
		run->lock_timeout_ms =
			Min(run->lock_timeout_ms, run->guard.lock_timeout_wished);
	if (error == NULL || (run->statement != NULL && ec_is_lock_error(error)))
		return error;
	ec_explain_script_error(error);
	if (run->is_out_of_time && error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		explain_statement_timeout(error, run->limit.duration);
	ReThrowError(error);
	return NULL; /* keep the compiler quiet */
}

static void
run_in_tries(ScriptRun *run)
{
	ErrorContextCallback callback;
	ErrorData *error = NULL;

	/* in a worker only the script can have set one */
	run->outer_statement_timeout = MyBgworkerEntry != NULL ? 0 : StatementTimeout;
	callback.callback = run_error_callback;
	callback.arg = run;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	ec_run_check_nesting(run->script->what);
	running = run->script->what;
	PG_TRY();
	{
		error = ec_try_for_locks_within(try_script, run, &run->lock_timeout_ms);
		if (error != NULL)
		{
			explain_lock_timeout(error, run->statement);
			ReThrowError(error);
		}
	}
	PG_FINALLY();
	{
		running = NULL;
	}
	PG_END_TRY();
	error_context_stack = callback.previous;
}

static ScriptRun *
new_run(const EcScript *script, int lock_timeout_ms, EcRecord record, void *arg)
{
	ScriptRun *run = palloc0(sizeof(ScriptRun));

	run->script = script;
	run->lock_timeout_ms = lock_timeout_ms;
	run->record = record;
	run->record_arg = arg;
	return run;
}

void
ec_run_script(const EcScript *script, int lock_timeout_ms, EcRecord record, void *arg)
{
	run_in_tries(new_run(script, lock_timeout_ms, record, arg));
}

void
ec_run_step(const EcScript *script, int lock_timeout_ms, Jsonb **settings,
			EcRecord record, void *arg)
{
	ScriptRun *run = new_run(script, lock_timeout_ms, record, arg);

	run->settings = settings;
	run_in_tries(run);
}

void
ec_run_script_for_number(const EcScript *script, int lock_timeout_ms,
						 int64 *number, EcRecord record, void *arg)
{
	ScriptRun *run = new_run(script, lock_timeout_ms, record, arg);

	run->number = number;
	run_in_tries(run);
}
