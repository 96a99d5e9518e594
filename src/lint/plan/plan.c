/*
 * plan.c
 *		The online plan of a script.
 */
#include "postgres.h"

#include "lint/plan/plan.h"

/* Adds a statement as it is; consecutive ones share a transaction. */
static void
plan_as_written(EcPlan *plan, const EcStatement *statement)
{
	const char *command;
	EcStatementKind kind = ec_statement_kind(statement, &command);
	EcPlanStep *step = plan->steps == NIL ? NULL : llast(plan->steps);

	if (step != NULL && step->is_as_written &&
		step->kind == EC_PLAN_TRANSACTION && kind == EC_STATEMENT_TRANSACTIONAL)
	{
		step->last = statement->number;
		step->sql = psprintf("%s;\n%s", step->sql, statement->text);
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
ec_plan_script(const EcScript *script)
{
	EcPlan *plan = palloc0(sizeof(EcPlan));
	ListCell *cell;

	foreach (cell, script->statements)
	{
		plan_as_written(plan, lfirst(cell));
	}
	return plan;
}
