/*
 * rehearse.c
 *		ec_rehearse: runs a migration up, down and up again, and rolls back.
 *
 * With expand_contract.online it runs the steps of the plan, so that the time
 * of each is known before.
 *
 * Everything runs in one subtransaction, which is always rolled back; the
 * result rows are returned after that.  It really takes locks, rewrites tables
 * and waits, so it is meant for a copy of the database.  Some effects are not
 * rolled back (values taken from sequences, files written).
 *
 * Locks: the migration lock until the caller's transaction ends; those of the
 * script until the function returns.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "storage/lock.h"
#include "tcop/dest.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "core/subtransaction.h"
#include "core/clip.h"
#include "core/guc.h"
#include "expand_contract.h"
#include "core/arguments.h"
#include "lint/plan/plan.h"
#include "migrate/fingerprint.h"
#include "lint/lint_rules.h"
#include "migrate/lock.h"
#include "migrate/observe.h"
#include "migrate/run.h"
#include "script/script.h"

#define COLUMNS 8

typedef struct Rehearsal
{
	EcScript *up;
	EcScript *down; /* NULL: none */
	ReturnSetInfo *result;
	MemoryContext context; /* survives the subtransaction */
	EcObserver *observer;

	/* the current position, for the row of an error */
	const char *direction;
	const EcStatement *statement; /* NULL: after the last statement */
	TimestampTz started;
	bool is_restored; /* no difference has been found */
} Rehearsal;

static void
put_row(Rehearsal *rehearsal, const EcObservation *seen, Interval *duration,
		const char *command, const char *error)
{
	Datum values[COLUMNS] = {0};
	bool nulls[COLUMNS] = {0};
	const EcStatement *statement = rehearsal->statement;
	MemoryContext old_context = MemoryContextSwitchTo(rehearsal->context);

	nulls[0] = statement == NULL;
	if (statement != NULL)
		values[0] = Int32GetDatum(statement->number);
	values[1] = CStringGetTextDatum(rehearsal->direction);
	values[2] = CStringGetTextDatum(command);
	nulls[3] = seen == NULL;
	if (!nulls[3])
		values[3] =
			CStringGetTextDatum(GetLockmodeName(DEFAULT_LOCKMETHOD, seen->lock));
	nulls[4] = seen == NULL;
	if (seen != NULL)
		values[4] = ObjectIdGetDatum(seen->relation);
	values[5] = BoolGetDatum(seen != NULL && seen->rewritten);
	nulls[6] = duration == NULL;
	values[6] = IntervalPGetDatum(duration);
	nulls[7] = error == NULL;
	if (error != NULL)
		values[7] = CStringGetTextDatum(error);
	tuplestore_putvalues(rehearsal->result->setResult,
						 rehearsal->result->setDesc, values, nulls);
	MemoryContextSwitchTo(old_context);
}

static const char *
command_of(const EcStatement *statement)
{
	const char *name;

	if (statement == NULL)
		return "SET CONSTRAINTS";
	(void) ec_statement_kind(statement, &name);
	return name;
}

static Interval *
time_since(TimestampTz started)
{
	return DatumGetIntervalP(
		DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(GetCurrentTimestamp()),
							TimestampTzGetDatum(started)));
}

static void
execute(const char *text)
{
	SPIExecuteOptions options = {0};
	int code;

	options.dest = None_Receiver;
	code = SPI_execute_extended(text, &options);
	if (code < 0)
		elog(ERROR, "SPI_execute_extended failed: %s", SPI_result_code_string(code));
}

/* Called before the statement, because it may drop them. */
static List *
named_oids(Node *node)
{
	List *oids = NIL;
	ListCell *cell;

	foreach (cell, ec_named_relations(node))
	{
		oids =
			lappend_oid(oids, ec_lint_find_relation(lfirst_node(RangeVar, cell)));
	}
	return oids;
}

static void
rehearse_statement(Rehearsal *rehearsal, const EcStatement *statement)
{
	const char *command;
	EcStatementKind kind = ec_statement_kind(statement, &command);
	Interval *duration;
	List *named;
	List *observations;
	ListCell *cell;

	rehearsal->statement = statement;
	if (kind == EC_STATEMENT_TOP_LEVEL || kind == EC_STATEMENT_FORBIDDEN)
	{
		put_row(rehearsal, NULL, NULL, command,
				kind == EC_STATEMENT_TOP_LEVEL
					? "not rehearsed: it cannot run in a transaction"
					: "not rehearsed: a script must not have it");
		return;
	}
	named = named_oids(statement->node);
	rehearsal->started = GetCurrentTimestamp();
	execute(statement->text);
	CHECK_FOR_INTERRUPTS();
	duration = time_since(rehearsal->started);

	observations = ec_observe(rehearsal->observer, named);
	if (observations == NIL)
		put_row(rehearsal, NULL, duration, command, NULL);
	foreach (cell, observations)
	{
		put_row(rehearsal, lfirst(cell), duration, command, NULL);
	}
}

static void
execute_statement(void *arg)
{
	execute(arg);
}

/*
 * Makes the checks that the commit would make, in a subtransaction that is
 * rolled back, so that the constraints' modes do not change for what follows.
 */
static void
check_deferred_constraints(void)
{
	ErrorData *error = ec_subtransaction_undone(execute_statement,
												"SET CONSTRAINTS ALL IMMEDIATE");

	if (error != NULL)
		ReThrowError(error);
}

/* The statements of a step, with its number. */
static List *
numbered(List *statements, const EcPlanStep *step)
{
	List *result = NIL;
	ListCell *cell;

	foreach (cell, statements)
	{
		EcStatement *statement = palloc(sizeof(EcStatement));

		*statement = *(EcStatement *) lfirst(cell);
		statement->number = step->number;
		result = lappend(result, statement);
	}
	return result;
}

/* The text without the word CONCURRENTLY, which stands before all names or at the end. */
static char *
not_concurrently(const char *sql)
{
	static const char word[] = " CONCURRENTLY";
	size_t length = strlen(word);
	const char *end = sql + strlen(sql) - length;
	const char *at = end > sql && strcmp(end, word) == 0 ? end : strstr(sql, word);

	if (at == NULL)
		return pstrdup(sql);
	return psprintf("%.*s%s", (int) (at - sql), sql, at + length);
}

/* The constants of a call by position (char *). */
static List *
constants_of(const FuncCall *call)
{
	List *constants = NIL;
	ListCell *cell;

	foreach (cell, call->args)
	{
		A_Const *constant = lfirst(cell);

		if (!IsA(constant, A_Const) || constant->isnull ||
			!IsA(&constant->val, String))
			break;
		constants = lappend(constants, strVal(&constant->val));
	}
	return constants;
}

/*
 * The statement that has the effect of a job, all at once: the job would run
 * after a commit.  NULL: none is known.
 */
static char *
statement_of_job(const EcScript *script, const char *sql)
{
	List *statements = ec_script_parse(sql, script->what)->statements;
	EcStatement *statement = linitial(statements);
	SelectStmt *select = (SelectStmt *) statement->node;
	FuncCall *call;
	List *constants;
	const char *name;

	if (!IsA(select, SelectStmt) || list_length(select->targetList) != 1)
		return NULL;
	call = (FuncCall *) linitial_node(ResTarget, select->targetList)->val;
	if (!IsA(call, FuncCall))
		return NULL;
	name = strVal(llast(call->funcname));
	constants = constants_of(call);
	if (strcmp(name, "ec_backfill") == 0 && list_length(constants) >= 2)
		return psprintf("UPDATE %s SET %s%s%s", (char *) linitial(constants),
						(char *) lsecond(constants),
						list_length(constants) > 2 ? " WHERE " : "",
						list_length(constants) > 2 ? (char *) lthird(constants)
												   : "");
	if (strcmp(name, "ec_delete") == 0 && list_length(constants) >= 2)
		return psprintf("DELETE FROM %s WHERE %s", (char *) linitial(constants),
						(char *) lsecond(constants));
	return NULL;
}

/*
 * The plan's statements, as far as one transaction can run them: an index is
 * built without CONCURRENTLY, which takes the same work, and a job's rows are
 * written at once.
 */
static List *
statements_to_rehearse(const EcScript *script)
{
	EcPlan *plan = ec_online ? ec_plan_script(script) : ec_plan_as_written(script);
	List *result = NIL;
	ListCell *cell;

	if (!plan->is_online)
		return script->statements;
	foreach (cell, plan->steps)
	{
		const EcPlanStep *step = lfirst(cell);
		List *statements = NIL;
		char *sql = step->sql;

		if (step->is_as_written)
		{
			for (int n = step->first; n <= step->last; n++)
				statements =
					lappend(statements, list_nth(script->statements, n - 1));
			result = list_concat(result, numbered(statements, step));
			continue;
		}
		if (step->kind == EC_PLAN_TOP_LEVEL)
			sql = not_concurrently(sql);
		else if (step->kind == EC_PLAN_JOB)
			sql = statement_of_job(script, sql);
		if (sql == NULL)
			sql = step->sql;
		statements = ec_script_parse(sql, script->what)->statements;
		result = list_concat(result, numbered(statements, step));
	}
	return result;
}

static void
rehearse_script(Rehearsal *rehearsal, const EcScript *script, const char *direction)
{
	int guc_level = NewGUCNestLevel();
	ListCell *cell;

	rehearsal->direction = direction;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	foreach (cell, statements_to_rehearse(script))
	{
		rehearse_statement(rehearsal, lfirst(cell));
	}
	rehearsal->statement = NULL;
	rehearsal->started = GetCurrentTimestamp();
	check_deferred_constraints();
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	/* this also undoes SET ROLE */
	AtEOXact_GUC(false, guc_level);
}

static void
put_difference(void *arg, const char *identity, const char *before, const char *after)
{
	Rehearsal *rehearsal = (Rehearsal *) arg;

	rehearsal->is_restored = false;
	put_row(rehearsal, NULL, NULL, "compare schema",
			before == NULL ? psprintf("left behind by \"down\": %s", identity)
			: after == NULL
				? psprintf("not restored by \"down\": %s", identity)
				: psprintf("changed after \"down\": %s: %s instead of %s",
						   identity, after, before));
}

static void
compare_schemas(Rehearsal *rehearsal, const EcFingerprint *before)
{
	rehearsal->statement = NULL;
	rehearsal->is_restored = true;
	ec_fingerprint_compare(before, ec_fingerprint(), put_difference, rehearsal);
	if (rehearsal->is_restored)
		put_row(rehearsal, NULL, NULL, "compare schema", NULL);
	(void) ec_observe(rehearsal->observer, NIL);
}

static void
rehearse_all(Rehearsal *rehearsal)
{
	EcFingerprint *before;

	if (rehearsal->down == NULL)
	{
		rehearse_script(rehearsal, rehearsal->up, "up");
		return;
	}
	before = ec_fingerprint();
	/* ignore the fingerprint's own locks */
	(void) ec_observe(rehearsal->observer, NIL);
	rehearse_script(rehearsal, rehearsal->up, "up");
	rehearse_script(rehearsal, rehearsal->down, "down");
	compare_schemas(rehearsal, before);
	rehearse_script(rehearsal, rehearsal->up, "up again");
}

/*
 * An error of a statement becomes a row of the result; a cancel or a server
 * error does not.
 */
static bool
is_result(const ErrorData *error)
{
	return error->sqlerrcode != ERRCODE_QUERY_CANCELED &&
		   ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_OPERATOR_INTERVENTION &&
		   ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_INSUFFICIENT_RESOURCES &&
		   ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_INTERNAL_ERROR;
}

static void
put_error(Rehearsal *rehearsal, const ErrorData *error)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%s: %s", unpack_sql_state(error->sqlerrcode),
					 ec_clip(error->message, EC_MAX_TEXT));
	if (error->detail != NULL)
		appendStringInfo(&text, " DETAIL: %s", ec_clip(error->detail, EC_MAX_TEXT));
	put_row(rehearsal, NULL, time_since(rehearsal->started),
			command_of(rehearsal->statement), text.data);
}

static void
rehearse_with_limit(void *arg)
{
	char value[16];

	snprintf(value, sizeof(value), "%d", ec_lock_timeout);
	(void) set_config_option("lock_timeout", value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
	rehearse_all(arg);
}

static void
rehearse_and_undo(Rehearsal *rehearsal)
{
	ErrorData *error = ec_subtransaction_undone(rehearse_with_limit, rehearsal);

	if (error == NULL)
		return;
	if (!is_result(error))
		ReThrowError(error);
	put_error(rehearsal, error);
}

/*
 * ec_rehearse(up text, down text) → SETOF (step, direction, command,
 *			lock_mode, relation, rewritten, duration, error)
 *
 * Returns a row for each lock that a statement took and each table that it
 * rewrote.  The error of a statement is a row, too, and the last one.  Leaves
 * nothing behind.
 *
 * Errors: 22004, 22023 (arguments), 42601 (syntax), 55P03 (the migration
 * lock), 57014 (a cancel), 55000 (called from a script), 25006 (read-only).
 */
PG_FUNCTION_INFO_V1(ec_rehearse);
Datum
ec_rehearse(PG_FUNCTION_ARGS)
{
	Rehearsal *rehearsal = palloc0(sizeof(Rehearsal));
	char *down = ec_text_or_null(fcinfo, 1);

	ec_run_check_nesting("a rehearsal");
	rehearsal->up = ec_script_parse(ec_text_argument(fcinfo, 0, "up"), "\"up\"");
	if (down != NULL)
		rehearsal->down = ec_script_parse(down, "\"down\"");
	PreventCommandIfReadOnly("ec_rehearse");
	(void) ec_migration_lock();
	InitMaterializedSRF(fcinfo, 0);
	rehearsal->result = (ReturnSetInfo *) fcinfo->resultinfo;
	rehearsal->context = CurrentMemoryContext;
	rehearsal->observer = ec_observe_begin();
	rehearse_and_undo(rehearsal);
	return (Datum) 0;
}
