/*
 * plan_written.c
 *		The plan of a script all of whose statements run as they are.
 */
#include "postgres.h"

#include "lint/plan/plan.h"

/* Can the next statement of the script share the step's transaction? */
static bool
is_open(const EcPlanStep *step, const EcScript *script)
{
	const char *command;

	return step->is_as_written &&
		   ec_statement_kind(list_nth(script->statements, step->last - 1),
							 &command) == EC_STATEMENT_TRANSACTIONAL;
}

void
ec_plan_append(EcPlanStep *step, const char *sql)
{
	if (step->text == NULL)
	{
		step->text = makeStringInfo();
		appendStringInfoString(step->text, step->sql);
	}
	appendStringInfo(step->text, ";\n%s", sql);
	step->sql = step->text->data;
}

/* Adds a statement as it is; consecutive ones share a transaction. */
static void
plan_as_written(EcPlan *plan, const EcScript *script, const EcStatement *statement)
{
	const char *command;
	EcStatementKind kind = ec_statement_kind(statement, &command);
	EcPlanStep *step = plan->steps == NIL ? NULL : llast(plan->steps);

	if (step != NULL && kind == EC_STATEMENT_TRANSACTIONAL && is_open(step, script))
	{
		step->last = statement->number;
		ec_plan_append(step, statement->text);
		return;
	}
	step = palloc0(sizeof(EcPlanStep));
	step->number = list_length(plan->steps) + 1;
	step->first = statement->number;
	step->last = statement->number;
	step->is_as_written = true;
	step->kind = kind == EC_STATEMENT_TOP_LEVEL ? EC_PLAN_TOP_LEVEL
												: EC_PLAN_TRANSACTION;
	step->sql = statement->text;
	plan->steps = lappend(plan->steps, step);
}

EcPlan *
ec_plan_as_written(const EcScript *script)
{
	EcPlan *plan = palloc0(sizeof(EcPlan));
	ListCell *cell;

	foreach (cell, script->statements)
	{
		plan_as_written(plan, script, lfirst(cell));
	}
	return plan;
}
