/*
 * steps.c
 *		The steps of a plan that a worker runs one by one, as stored.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "storage/lock.h"
#include "utils/builtins.h"

#include "core/catalog.h"
#include "core/clip.h"
#include "core/own_table.h"
#include "core/query.h"
#include "migrate/steps.h"
#include "script/tokens.h"

/* The kinds as stored. */
static const char *const kinds[] = {
	[EC_PLAN_TRANSACTION] = "transaction",
	[EC_PLAN_TOP_LEVEL] = "top_level",
	[EC_PLAN_JOB] = "job",
};

static EcPlanKind
kind_named(const char *name)
{
	for (int kind = 0; kind < lengthof(kinds); kind++)
	{
		if (name != NULL && strcmp(kinds[kind], name) == 0)
			return kind;
	}
	ec_refuse_row("migration_steps", "The step is of no known kind.");
	pg_unreachable();
}

/* Names a step in messages. */
static char *
command_of(const EcScript *script, const EcPlanStep *step)
{
	const char *command;

	if (!step->is_as_written)
		return ec_clip(step->sql, EC_MAX_NAMED);
	if (step->first < step->last)
		return psprintf("%d statements in one transaction",
						step->last - step->first + 1);
	(void) ec_statement_kind(list_nth(script->statements, step->first - 1),
							 &command);
	return pstrdup(command);
}

/*
 * The name of an object that the statement creates for its session only, or
 * NULL.
 */
static const char *
made_for_session(Node *node)
{
	const RangeVar *relation = NULL;

	switch (nodeTag(node))
	{
		case T_CreateStmt:
			relation = ((CreateStmt *) node)->relation;
			break;
		case T_CreateTableAsStmt:
			relation = ((CreateTableAsStmt *) node)->into->rel;
			break;
		case T_SelectStmt:
			if (((SelectStmt *) node)->intoClause != NULL)
				relation = ((SelectStmt *) node)->intoClause->rel;
			break;
		case T_ViewStmt:
			relation = ((ViewStmt *) node)->view;
			break;
		case T_CreateSeqStmt:
			relation = ((CreateSeqStmt *) node)->sequence;
			break;
		case T_PrepareStmt:
			return ((PrepareStmt *) node)->name;
		case T_DeclareCursorStmt:
			return ((DeclareCursorStmt *) node)->portalname;
		case T_CreateFunctionStmt:
			if (list_length(((CreateFunctionStmt *) node)->funcname) == 2 &&
				strcmp(strVal(linitial(((CreateFunctionStmt *) node)->funcname)),
					   "pg_temp") == 0)
				return strVal(lsecond(((CreateFunctionStmt *) node)->funcname));
			break;
		default:
			break;
	}
	if (relation == NULL || (relation->relpersistence != RELPERSISTENCE_TEMP &&
							 (relation->schemaname == NULL ||
							  strcmp(relation->schemaname, "pg_temp") != 0)))
		return NULL;
	return relation->relname;
}

static void
refuse_lost(const EcScript *script, const EcPlanStep *step)
{
	for (int made = step->first; made <= step->last; made++)
	{
		const EcStatement *maker = list_nth(script->statements, made - 1);
		const char *name = made_for_session(maker->node);

		for (int n = step->last;
			 name != NULL && n < list_length(script->statements); n++)
		{
			const EcStatement *user = list_nth(script->statements, n);

			if (ec_text_names(user->text, name))
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("%s uses \"%s\", which exists only in the session of an earlier step",
								script->what, name),
						 errdetail("%s uses what statement %d creates, and a statement between them runs in a transaction of its own.",
								   ec_statement_place(user), maker->number),
						 errhint("Make it a permanent table and drop it at the end, put the statements that need it next to each other, or put them into a migration of their own.")));
		}
	}
}

void
ec_check_steps(const EcScript *script, const EcPlan *plan)
{
	ListCell *cell;

	foreach (cell, plan->steps)
	{
		refuse_lost(script, lfirst(cell));
	}
}

void
ec_show_steps(const EcScript *script, const EcPlan *plan, const char *direction)
{
	ListCell *cell;

	if (!plan->is_online && !ec_script_is_mixed(script))
	{
		int count = list_length(script->statements);

		ereport(NOTICE,
				(errmsg_plural("%s: %d statement, in the caller's transaction",
							   "%s: %d statements, in the caller's transaction",
							   count, direction, count)));
		return;
	}
	foreach (cell, plan->steps)
	{
		const EcPlanStep *step = lfirst(cell);
		const EcStatement *statement =
			list_nth(script->statements, step->first - 1);

		ereport(NOTICE,
				(errmsg("%s, step %d of %d, by a %s, from line %d: %s", direction,
						foreach_current_index(cell) + 1, list_length(plan->steps),
						step->kind == EC_PLAN_JOB ? "job" : "worker",
						statement->line, command_of(script, step))));
	}
}

void
ec_steps_enter(const char *scope_name, const char *version,
			   const char *direction, const EcScript *script, const EcPlan *plan)
{
	EcCatalogScope scope;
	ListCell *cell;

	ec_check_steps(script, plan);
	ec_catalog_begin(&scope);
	foreach (cell, plan->steps)
	{
		const EcPlanStep *step = lfirst(cell);
		EcArgs args = {0};

		ec_arg_text(&args, version);
		ec_arg_text(&args, direction);
		ec_arg_int4(&args, foreach_current_index(cell) + 1);
		ec_arg_int4(&args, step->first);
		ec_arg_int4(&args, step->last);
		ec_arg_text(&args, kinds[step->kind]);
		ec_arg_text(&args, command_of(script, step));
		ec_arg_text(&args, scope_name);
		ec_arg_text(&args, step->is_as_written ? NULL : step->sql);
		ec_arg_text(&args, step->undo);
		ec_arg_text(&args, step->detail);
		ec_arg_text(&args, step->lock == NoLock
							   ? NULL
							   : GetLockmodeName(DEFAULT_LOCKMETHOD, step->lock));
		ec_arg_oid(&args, scope.userid);
		ec_arg_int8(&args, (int64) GetSystemIdentifier());
		(void) ec_query("INSERT INTO expand_contract.migration_steps (version,"
						"   direction, step, first_statement, last_statement,"
						"   kind, command, scope, sql, undo, detail, lock_mode,"
						"   planned_by, planned_system)"
						" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
						"   CASE WHEN $9 IS NOT NULL THEN $13 END,"
						"   CASE WHEN $9 IS NOT NULL THEN $14 END)",
						&args);
	}
	ec_catalog_end(&scope);
}

bool
ec_steps_next(const char *scope_name, const char *version,
			  const char *direction, EcScriptStep *step)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool found;

	memset(step, 0, sizeof(*step));
	step->scope = scope_name;
	step->version = version;
	step->direction = direction;
	ec_catalog_begin(&scope);
	ec_arg_text(&args, version);
	ec_arg_text(&args, direction);
	ec_arg_text(&args, scope_name);
	found =
		ec_query("SELECT step, first_statement, last_statement, kind,"
				 "       command, target, sql,"
				 "       sql IS NOT NULL AND coalesce(lock_mode NOT IN ('ShareLock',"
				 "       'ShareRowExclusiveLock', 'AccessExclusiveLock'), true)"
				 "  FROM expand_contract.migration_steps"
				 " WHERE scope = $3 AND version = $1 AND direction = $2 AND done_at IS NULL"
				 " ORDER BY step LIMIT 1",
				 &args) > 0;
	if (found)
	{
		step->number = ec_get_int4(0, 1, 0);
		step->first = ec_get_int4(0, 2, 0);
		step->last = ec_get_int4(0, 3, 0);
		step->kind = kind_named(ec_get_text(0, 4));
		step->command = ec_get_text(0, 5);
		step->target = ec_get_jsonb(0, 6);
		step->sql = ec_get_text(0, 7);
		step->blocks_nobody = ec_get_bool(0, 8, false);
		if (step->first < 1 || step->last < step->first)
			ec_refuse_row("migration_steps", "The step is of no statement.");
	}
	ec_catalog_end(&scope);
	return found;
}

int
ec_steps_statements(const char *scope_name, const char *version, const char *direction)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	int statements;

	ec_catalog_begin(&scope);
	ec_arg_text(&args, version);
	ec_arg_text(&args, direction);
	ec_arg_text(&args, scope_name);
	(void) ec_query("SELECT coalesce(max(last_statement), 0)"
					"  FROM expand_contract.migration_steps"
					" WHERE scope = $3 AND version = $1 AND direction = $2",
					&args);
	statements = ec_get_int4(0, 1, 0);
	ec_catalog_end(&scope);
	return statements;
}

int
ec_steps_done(const char *scope_name, const char *version,
			  const char *direction, int *all)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	int done;

	ec_catalog_begin(&scope);
	ec_arg_text(&args, version);
	ec_arg_text(&args, direction);
	ec_arg_text(&args, scope_name);
	(void) ec_query("SELECT count(done_at)::integer, count(*)::integer"
					"  FROM expand_contract.migration_steps"
					" WHERE scope = $3 AND version = $1 AND direction = $2",
					&args);
	done = ec_get_int4(0, 1, 0);
	*all = ec_get_int4(0, 2, 0);
	ec_catalog_end(&scope);
	return done;
}

List *
ec_step_statements(const EcScriptStep *step, const EcScript *script)
{
	const EcStatement *written = list_nth(script->statements, step->first - 1);
	List *statements = NIL;
	ListCell *cell;

	if (step->sql == NULL)
	{
		for (int number = step->first; number <= step->last; number++)
			statements =
				lappend(statements, list_nth(script->statements, number - 1));
		return statements;
	}
	statements = ec_script_parse(step->sql, script->what)->statements;
	foreach (cell, statements)
	{
		EcStatement *statement = lfirst(cell);

		statement->number = written->number;
		statement->line = written->line;
		statement->column = written->column;
	}
	return statements;
}

/* Passes the step's key as the first four arguments. */
static void
step_args(EcArgs *args, const EcScriptStep *step)
{
	ec_arg_text(args, step->version);
	ec_arg_text(args, step->direction);
	ec_arg_int4(args, step->number);
	ec_arg_text(args, step->scope);
}

void
ec_step_set_target(EcScriptStep *step, Jsonb *target)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	step_args(&args, step);
	ec_arg_jsonb(&args, target);
	(void) ec_query("UPDATE expand_contract.migration_steps SET target = $5"
					" WHERE version = $1 AND direction = $2 AND step = $3 AND scope = $4",
					&args);
	ec_catalog_end(&scope);
	step->target = target;
}

void
ec_step_add_made(const EcScriptStep *step, Oid relation)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	step_args(&args, step);
	ec_arg_oid(&args, relation);
	(void) ec_query("UPDATE expand_contract.migration_steps"
					"   SET made = made || jsonb_build_object($5, $5::regclass::text)"
					" WHERE version = $1 AND direction = $2 AND step = $3 AND scope = $4",
					&args);
	ec_catalog_end(&scope);
}

void
ec_step_set_done(const EcScriptStep *step, Jsonb *settings)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	step_args(&args, step);
	ec_arg_jsonb(&args, settings);
	if (ec_query("UPDATE expand_contract.migration_steps"
				 "   SET done_at = clock_timestamp(), settings = $5"
				 " WHERE version = $1 AND direction = $2 AND step = $3 AND scope = $4"
				 "   AND done_at IS NULL",
				 &args) != 1)
		elog(ERROR, "step %d of migration \"%s\" is not open", step->number,
			 step->version);
	ec_catalog_end(&scope);
}

Jsonb *
ec_steps_settings(const char *scope_name, const char *version, const char *direction)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	Jsonb *settings;

	ec_catalog_begin(&scope);
	ec_arg_text(&args, version);
	ec_arg_text(&args, direction);
	ec_arg_text(&args, scope_name);
	/* of one that several have set, the last value counts */
	(void) ec_query("SELECT jsonb_object_agg(s.key, s.value ORDER BY m.step)"
					"  FROM expand_contract.migration_steps m, jsonb_each(m.settings) s"
					" WHERE m.scope = $3 AND m.version = $1 AND m.direction = $2"
					"   AND m.done_at IS NOT NULL AND m.settings IS NOT NULL",
					&args);
	settings = ec_is_null(0, 1) ? NULL : ec_get_jsonb(0, 1);
	ec_catalog_end(&scope);
	return settings;
}
