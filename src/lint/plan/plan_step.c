/*
 * plan_step.c
 *		Steps: drafted, looked at by the lint, and added to the plan.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "utils/builtins.h"

#include "lint/plan/planner.h"

char *
ec_plan_name(const char *schema, const char *name)
{
	return quote_qualified_identifier(schema, name);
}

char *
ec_plan_table(const EcRelation *relation, bool inh)
{
	return psprintf("%s%s", inh ? "" : "ONLY ",
					ec_plan_name(relation->schema, relation->name));
}

EcRelation *
ec_plan_foreign(EcPlanner *planner, EcRelation *relation)
{
	ListCell *cell;

	foreach (cell, ec_world_family(planner->lint.world, relation))
	{
		EcRelation *member = lfirst(cell);

		if (member->kind == RELKIND_FOREIGN_TABLE)
			return member;
	}
	return NULL;
}

EcPlanStep *
ec_plan_step(EcDraft *draft, EcPlanKind kind, char *sql, EcRelation *relation,
			 LOCKMODE lock, bool scans)
{
	EcPlanStep *step = palloc0(sizeof(EcPlanStep));

	step->kind = kind;
	step->sql = sql;
	step->lock = lock;
	step->relation = relation ? relation->oid : InvalidOid;
	step->scans = scans;
	draft->steps = lappend(draft->steps, step);
	return step;
}

EcPlanStep *
ec_plan_alter(EcDraft *draft, EcRelation *relation, const char *table, char *command)
{
	return ec_plan_step(draft, EC_PLAN_TRANSACTION,
						psprintf("ALTER TABLE %s %s", table, command), relation,
						AccessExclusiveLock, false);
}

/*
 * True if the finding says that the statement blocks others for long.  A
 * temporary table has no other users.
 */
static bool
is_about_blocking(EcPlanner *planner, const EcFinding *finding)
{
	EcRelation *relation =
		ec_world_relation(planner->lint.world, finding->relation);

	if (relation != NULL && relation->persistence == RELPERSISTENCE_TEMP)
		return false;
	if (relation == NULL ||
		(finding->severity <= EC_SEVERITY_NOTICE && !planner->if_large))
		return false;
	if (finding->is_about_time)
		return true;
	/* what a change of a type does to the table is part of its finding */
	return strcmp(finding->rule, "change_type") == 0 &&
		   (finding->rewrites || finding->scans) &&
		   (planner->if_large ||
			!ec_lint_is_small(ec_world_family(planner->lint.world, relation)));
}

EcFinding *
ec_plan_lint(EcPlanner *planner, Node *node)
{
	int before = list_length(planner->lint.findings);

	planner->looked_at->node = node;
	planner->lint.statement = planner->looked_at;
	ec_lint_statement(&planner->lint);
	for (int i = before; i < list_length(planner->lint.findings); i++)
	{
		EcFinding *finding = list_nth(planner->lint.findings, i);

		if (is_about_blocking(planner, finding))
			return finding;
	}
	return NULL;
}

void
ec_plan_add_all(EcPlanner *planner, List *steps)
{
	ListCell *cell;

	foreach (cell, steps)
	{
		EcPlanStep *step = lfirst(cell);

		step->number = list_length(planner->plan->steps) + 1;
		step->first = step->last = planner->statement->number;
		planner->plan->steps = lappend(planner->plan->steps, step);
		planner->plan->is_online = true;
	}
	planner->takes_more = false;
}

/* What the statement that was looked at last does to existing relations. */
static void
look_at_effects(EcPlanner *planner, EcPlanStep *effect, bool *is_long)
{
	*is_long = false;
	for (int i = list_length(planner->lint.effects) - 1; i >= 0; i--)
	{
		const EcEffect *found = list_nth(planner->lint.effects, i);

		if (found->statement != planner->lint.statement)
			break;
		if (found->relation->persistence == RELPERSISTENCE_TEMP)
			continue;
		if ((found->scans || found->rewrites) &&
			!ec_lint_is_small(list_make1(found->relation)))
			*is_long = true;
		if (found->lock >= effect->lock)
		{
			effect->lock = found->lock;
			effect->relation = found->relation->oid;
		}
		effect->rewrites |= found->rewrites;
		effect->scans |= found->scans;
	}
}

void
ec_plan_add_written(EcPlanner *planner)
{
	EcPlan *plan = planner->plan;
	const EcStatement *statement = planner->statement;
	const char *command;
	EcStatementKind kind = ec_statement_kind(statement, &command);
	EcPlanStep *step = palloc0(sizeof(EcPlanStep));
	bool is_long;

	step->number = list_length(plan->steps) + 1;
	step->first = step->last = statement->number;
	step->is_as_written = true;
	step->kind = kind == EC_STATEMENT_TOP_LEVEL ? EC_PLAN_TOP_LEVEL
												: EC_PLAN_TRANSACTION;
	step->sql = statement->text;
	look_at_effects(planner, step, &is_long);
	/*
	 * What takes long does not run while the transaction keeps others from a
	 * table.  Nor does it run anew in each try for a strong lock.
	 */
	if (planner->takes_more && kind == EC_STATEMENT_TRANSACTIONAL &&
		((planner->keeps_locks && is_long) ||
		 (planner->validates && step->lock >= ShareLock)) &&
		planner->local == NULL)
	{
		planner->takes_more = false;
		plan->is_online = true;
	}
	if (planner->takes_more && kind == EC_STATEMENT_TRANSACTIONAL)
	{
		EcPlanStep *first = llast(plan->steps);

		first->last = statement->number;
		ec_plan_append(first, step->sql);
		if (step->lock > first->lock)
		{
			first->lock = step->lock;
			first->relation = step->relation;
		}
		first->rewrites |= step->rewrites;
		first->scans |= step->scans;
	}
	else
	{
		plan->steps = lappend(plan->steps, step);
		planner->keeps_locks = false;
	}
	planner->takes_more = kind == EC_STATEMENT_TRANSACTIONAL;
	planner->validates = is_long && step->lock == ShareUpdateExclusiveLock;
	planner->keeps_locks |= step->lock >= ShareLock;
}

void
ec_plan_check_local(EcPlanner *planner, EcDraft *draft)
{
	if (planner->local == NULL || draft->steps == NIL)
		return;
	draft->steps = NIL;
	draft->reason = psprintf("SET LOCAL %s would end with the first step: use SET",
							 planner->local);
}

void
ec_plan_refuse(EcPlanner *planner, EcFinding *finding, const EcDraft *draft)
{
	if (draft->reason != NULL)
		ec_lint_explain(finding, "; %s", draft->reason);
	if (draft->instead != NULL)
		finding->recipe = draft->instead;
	finding->statement = planner->statement;
	planner->plan->refused = lappend(planner->plan->refused, finding);
}

void
ec_plan_attach_index(EcDraft *draft, EcRelation *relation,
					 const char *parent_index, const char *index, char *undo)
{
	EcPlanStep *step = ec_plan_step(draft, EC_PLAN_TRANSACTION,
									psprintf("ALTER INDEX %s ATTACH PARTITION %s",
											 parent_index, index),
									relation, AccessExclusiveLock, false);

	step->undo = undo;
	step->detail = "attaches the partition's index";
}
