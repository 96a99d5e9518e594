/*
 * lint_online.c
 *		What becomes of a script's findings by its online plan.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/catalog.h"
#include "lint/lint_online.h"
#include "lint/lint_rules.h"
#include "lint/plan/plan.h"

/* The finding with the plan's reason; NULL: the plan has not refused it. */
static const EcFinding *
find_refused(const EcPlan *plan, const EcFinding *finding)
{
	ListCell *cell;

	foreach (cell, plan->refused)
	{
		const EcFinding *refused = lfirst(cell);

		if (refused->statement->number == finding->statement->number &&
			strcmp(refused->rule, finding->rule) == 0)
			return refused;
	}
	return NULL;
}

/*
 * The step as psql runs it: a transaction, or a statement by itself; and a job
 * is waited for.
 */
static char *
step_sql(const EcPlanStep *step)
{
	if (step->kind == EC_PLAN_JOB)
	{
		EcExtension extension;
		const char *schema = ec_extension_lookup(&extension)
								 ? get_namespace_name(extension.schema)
								 : "public";

		return psprintf("CALL %s.ec_wait(%s);", quote_identifier(schema),
						step->sql + strlen("SELECT "));
	}
	if (step->kind == EC_PLAN_TRANSACTION && strstr(step->sql, ";\n") != NULL)
		return psprintf("BEGIN;\n%s;\nCOMMIT;", step->sql);
	return psprintf("%s;", step->sql);
}

/* The steps of a statement as SQL; NULL: it runs as it is. */
static char *
recipe_of(const EcPlan *plan, const EcStatement *statement)
{
	char *recipe = NULL;
	bool is_planned = false;
	ListCell *cell;

	foreach (cell, plan->steps)
	{
		const EcPlanStep *step = lfirst(cell);

		if (statement->number < step->first || statement->number > step->last)
			continue;
		is_planned |= !step->is_as_written;
		recipe = recipe ? psprintf("%s\n%s", recipe, step_sql(step))
						: step_sql(step);
	}
	return is_planned ? recipe : NULL;
}

/* Not for as long as a table is read or written, but for a moment. */
static bool
is_brief(const EcFinding *finding)
{
	return !finding->rewrites && !finding->scans;
}

static void
settle_online(const EcPlan *plan, EcFinding *finding)
{
	/* Each step has its own transaction, which holds no lock of another. */
	bool is_split = strcmp(finding->rule, "hold_lock") == 0 ||
					strcmp(finding->rule, "validate_constraint") == 0;

	const EcFinding *refused = find_refused(plan, finding);

	if (refused != NULL)
	{
		finding->severity = EC_SEVERITY_ERROR;
		finding->recipe = refused->recipe;
		finding->detail = refused->detail;
	}
	else if (recipe_of(plan, finding->statement) != NULL ||
			 (is_split && plan->is_online))
	{
		finding->severity = EC_SEVERITY_NOTICE;
		ec_lint_explain(finding, "; done online");
	}
}

void
ec_lint_settle(const EcScript *script, List *findings, bool online)
{
	EcPlan *plan = NULL;
	EcPlan *if_large = NULL;
	ListCell *cell;

	foreach (cell, findings)
	{
		EcFinding *finding = lfirst(cell);
		const EcFinding *refused;
		char *recipe;

		if (!finding->is_about_time)
			continue;
		/* also where the table is small by now */
		if (if_large == NULL)
			if_large = ec_plan_if_large(script);
		refused = find_refused(if_large, finding);
		recipe = refused != NULL ? refused->recipe
								 : recipe_of(if_large, finding->statement);
		if (recipe != NULL)
			finding->recipe = recipe;
		if (finding->severity <= EC_SEVERITY_NOTICE)
			continue;
		if (plan == NULL)
			plan = ec_plan_script(script);
		if (online)
			settle_online(plan, finding);
		else if (!is_brief(finding))
			finding->severity = EC_SEVERITY_ERROR;
	}
}
