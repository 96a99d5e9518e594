/*
 * settings.c
 *		The settings under which a worker runs a script.
 *
 * Settings that a transactional script SETs end with it.  Those of a mixed
 * script must reach its later statements, across transactions and restarts.
 * So before each step the session's settings are restored, and the SETs of all
 * earlier statements are repeated, including SELECT set_config(...) with
 * constants.  Blocks and functions make settings, too, which only running them
 * shows: what a step leaves set is stored with it, and set again after these.
 * SET LOCAL lasts as long as its transaction.
 *
 * Whoever runs the next step has to have the right to set them, as if he did
 * it there.  That a step could set them is no such right.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/guc_tables.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
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

/*
 * Settings that are of one transaction, the random generator's state, and the
 * timeouts of a try, which every step sets.
 */
static bool
is_of_step(const char *name)
{
	static const char *const names[] = {"transaction_isolation",
										"transaction_read_only",
										"transaction_deferrable",
										"seed",
										"lock_timeout",
										"deadlock_timeout"};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* Do they decide who the current user is? */
static bool
is_identity(const char *name)
{
	return strcmp(name, "session_authorization") == 0 || strcmp(name, "role") == 0;
}

/* Numbers are in the setting's own unit. */
static char *
value_text(struct config_generic *setting, const union config_var_val *value)
{
	switch (setting->vartype)
	{
		case PGC_BOOL:
			return pstrdup(value->boolval ? "on" : "off");
		case PGC_INT:
			return psprintf("%d", value->intval);
		case PGC_REAL:
			return psprintf("%.17g", value->realval);
		case PGC_STRING:
			return pstrdup(value->stringval ? value->stringval : "");
		case PGC_ENUM:
			return pstrdup(config_enum_lookup_by_value((struct config_enum *) setting,
													   value->enumval));
	}
	return NULL;
}

static union config_var_val
present_value(struct config_generic *setting)
{
	union config_var_val value = {0};

	switch (setting->vartype)
	{
		case PGC_BOOL:
			value.boolval = *((struct config_bool *) setting)->variable;
			break;
		case PGC_INT:
			value.intval = *((struct config_int *) setting)->variable;
			break;
		case PGC_REAL:
			value.realval = *((struct config_real *) setting)->variable;
			break;
		case PGC_STRING:
			value.stringval = *((struct config_string *) setting)->variable;
			break;
		case PGC_ENUM:
			value.enumval = *((struct config_enum *) setting)->variable;
			break;
	}
	return value;
}

/*
 * Can the current user make the setting again?  A function with its owner's
 * rights can make settings that its caller may not make, and RESET ALL goes
 * back to the server's for everybody: the next step has those anyway.
 */
static bool
may_repeat(const struct config_generic *setting, Oid setter)
{
	if (setting->context != PGC_SUSET || superuser() ||
		pg_parameter_aclcheck(setting->name, GetUserId(), ACL_SET) == ACLCHECK_OK)
		return true;
	if (setting->source < PGC_S_SESSION)
		return false;
	if (setter != GetUserId() && ec_may_set_role(GetSessionUserId(), setter))
		return true;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("the setting of \"%s\" cannot be kept for the steps that follow",
					setting->name),
			 errdetail("Role \"%s\" may not set it; a function has, with the rights of its owner. Each step has a session of its own.",
					   GetUserNameFromId(GetUserId(), false)),
			 errhint("Have a superuser do GRANT SET ON PARAMETER %s TO %s, or let the setting end with its statement (SET LOCAL, or true as the third argument of set_config).",
					 setting->name,
					 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
	return false;
}

Jsonb *
ec_settings_kept(int guc_level)
{
	EcJsonWriter writer;
	bool any = false;
	int count;
	struct config_generic **settings = ec_guc_variables(&count);

	ec_json_begin(&writer);
	for (int i = 0; i < count; i++)
	{
		struct config_generic *setting = settings[i];
		const GucStack *made = setting->stack;
		union config_var_val value;

		if (made == NULL || made->nest_level < guc_level ||
			(made->state != GUC_SET && made->state != GUC_SET_LOCAL) ||
			(setting->context != PGC_USERSET && setting->context != PGC_SUSET) ||
			is_of_step(setting->name) ||
			(!is_identity(setting->name) &&
			 !may_repeat(setting, made->state == GUC_SET ? setting->srole
														 : made->masked_srole)))
			continue;
		/* SET LOCAL after SET hides what stays */
		value = made->state == GUC_SET ? present_value(setting) : made->masked.val;
		ec_json_text(&writer, setting->name, value_text(setting, &value));
		any = true;
	}
	return any ? ec_json_end(&writer) : NULL;
}

/* Returns false if the current user may not set it and elevel is no error. */
static bool
set_again(const char *name, const char *value, int elevel)
{
	return set_config_option(name, value, superuser() ? PGC_SUSET : PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SET, true, elevel,
							 false) > 0;
}

/*
 * Sets what the current user may set, then becomes who the step was at its
 * end, and sets the rest as him.
 */
static void
set_kept(Jsonb *kept)
{
	static const char *const identity[] = {"session_authorization", "role"};
	JsonbIterator *iterator = JsonbIteratorInit(&kept->root);
	JsonbIteratorToken token;
	JsonbValue item;
	char *name = NULL;
	List *others = NIL;
	ListCell *cell;

	while ((token = JsonbIteratorNext(&iterator, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(item.val.string.val, item.val.string.len);
		else if (token == WJB_VALUE && item.type == jbvString && !is_identity(name))
		{
			char *value = pnstrdup(item.val.string.val, item.val.string.len);

			if (!set_again(name, value, DEBUG5))
				others = lappend(others, list_make2(name, value));
		}
	}
	for (int i = 0; i < lengthof(identity); i++)
	{
		char *who = ec_json_get_text(kept, identity[i]);

		if (who != NULL)
			(void) set_again(identity[i], who, ERROR);
	}
	foreach (cell, others)
		(void) set_again(linitial(lfirst(cell)), lsecond(lfirst(cell)), ERROR);
}

void
ec_enter_session(Jsonb *session, Jsonb *parameters, const EcScript *script,
				 int statement, Jsonb *kept)
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
	if (kept != NULL)
		set_kept(kept);
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
