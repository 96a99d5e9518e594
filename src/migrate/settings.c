/*
 * settings.c
 *		The settings under which a worker runs a script.
 *
 * Settings that a transactional script SETs end with it.  Those of a mixed
 * script must reach its later statements, across transactions and restarts.
 * So before each step the session's settings are restored, and the SETs of all
 * earlier statements are repeated, including SELECT set_config(...) with
 * constants.  SET LOCAL, and settings made by other functions, last as long as
 * their transaction.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "core/json.h"
#include "migrate/settings.h"
#include "worker/process/worker.h"
#include "worker/jobs/session.h"

/* Settings that affect DDL, in addition to those that every job captures. */
static const char *const captured[] = {
	/* of the jobs that a step submits */
	"expand_contract.backfill_delay",
	"expand_contract.batch_size",
	"expand_contract.target_batch_time",
	"expand_contract.lock_timeout",
	"expand_contract.statement_timeout",
	"check_function_bodies",
	"default_table_access_method",
	"default_tablespace",
	"maintenance_work_mem",
	"max_parallel_maintenance_workers",
	"row_security",
	/*
	 * it is off in a worker, because a batch can be repeated; but a migration
	 * reported as applied must not be lost
	 */
	"synchronous_commit",
	"work_mem",
};

void
ec_capture_settings(EcJsonWriter *writer)
{
	for (int i = 0; i < lengthof(captured); i++)
		ec_json_text(writer, captured[i],
					 GetConfigOption(captured[i], false, false));
}

/* Is the argument a constant? */
static bool
is_constant(Node *node)
{
	return IsA(node, A_Const) ||
		   (IsA(node, TypeCast) && is_constant(((TypeCast *) node)->arg));
}

/* Is it set_config('name', 'value', false), with or without its schema? */
static bool
is_set_config(Node *node)
{
	FuncCall *call = (FuncCall *) node;
	Node *is_local;

	if (!IsA(node, FuncCall) || list_length(call->args) != 3 ||
		strcmp(strVal(llast(call->funcname)), "set_config") != 0 ||
		!is_constant(linitial(call->args)) || !is_constant(lsecond(call->args)))
		return false;
	is_local = lthird(call->args);
	return IsA(is_local, A_Const) && IsA(&((A_Const *) is_local)->val, Boolean) &&
		   !boolVal(&((A_Const *) is_local)->val);
}

/* Is it SELECT set_config(...), as in dumps, which does what SET does? */
static bool
is_select_set_config(const SelectStmt *stmt)
{
	ListCell *cell;

	if (stmt->targetList == NIL || stmt->fromClause != NIL ||
		stmt->whereClause != NULL || stmt->op != SETOP_NONE ||
		stmt->withClause != NULL || stmt->intoClause != NULL)
		return false;
	foreach (cell, stmt->targetList)
	{
		if (!is_set_config(lfirst_node(ResTarget, cell)->val))
			return false;
	}
	return true;
}

static bool
is_set(Node *node)
{
	VariableSetStmt *stmt = (VariableSetStmt *) node;

	if (IsA(node, SelectStmt))
		return is_select_set_config((SelectStmt *) node);
	return IsA(node, VariableSetStmt) && !stmt->is_local &&
		   stmt->kind != VAR_SET_MULTI;
}

static void
repeat_settings(const EcScript *script, int before)
{
	ListCell *cell;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	foreach (cell, script->statements)
	{
		const EcStatement *statement = lfirst(cell);

		if (statement->number < before && is_set(statement->node) &&
			SPI_execute(statement->text, false, 0) < 0)
			elog(ERROR, "could not repeat \"%s\"", statement->text);
	}
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}

void
ec_enter_session(Jsonb *session, Jsonb *parameters, const EcScript *script,
				 int statement)
{
	MemoryContext memory = CurrentMemoryContext;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	ec_worker_assume_owner();
	ec_apply_session(session);
	for (int i = 0; i < lengthof(captured); i++)
	{
		char *value = ec_json_get_text(parameters, captured[i]);

		if (value != NULL)
			SetConfigOption(captured[i], value, PGC_USERSET, PGC_S_SESSION);
	}
	/* the script's own timeout is enabled for each statement */
	SetConfigOption("statement_timeout", "0", PGC_USERSET, PGC_S_SESSION);
	repeat_settings(script, statement);
	/* the step sets its own lock_timeout */
	SetConfigOption("lock_timeout", "0", PGC_USERSET, PGC_S_SESSION);
	/* a read-only default would keep us from storing the result */
	SetConfigOption("default_transaction_isolation", "read committed",
					PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("default_transaction_read_only", "off", PGC_USERSET,
					PGC_S_SESSION);
#if PG_VERSION_NUM >= 170000
	SetConfigOption("transaction_timeout", "0", PGC_USERSET, PGC_S_SESSION);
#endif
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(memory);
}

void
ec_leave_session(void)
{
	SetConfigOption("role", "none", PGC_SUSET, PGC_S_SESSION);
}
