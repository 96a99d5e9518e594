/*
 * lint_online.c
 *		What becomes of a script's findings by its online plan.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
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

/*
 * A recipe that is longer than this is for nobody to read, and each finding about
 * its statement would have it.
 */
#define LONGEST_RECIPE (64 * 1024)

/* The recipe of a statement, for all its findings. */
typedef struct Recipe
{
	const EcPlan *plan;
	int number; /* of the statement; 0: none yet */
	bool is_planned;
	char *sql; /* NULL: it runs as it is, or is too long */
} Recipe;

/* The steps of a statement as SQL. */
static const Recipe *
recipe_of(Recipe *recipe, const EcStatement *statement)
{
	StringInfoData sql;
	ListCell *cell;

	if (recipe->number == statement->number)
		return recipe;
	recipe->number = statement->number;
	recipe->is_planned = false;
	recipe->sql = NULL;
	initStringInfo(&sql);
	foreach (cell, recipe->plan->steps)
	{
		const EcPlanStep *step = lfirst(cell);

		if (statement->number < step->first || statement->number > step->last)
			continue;
		recipe->is_planned |= !step->is_as_written;
		if (sql.len <= LONGEST_RECIPE)
			appendStringInfo(&sql, "%s%s", sql.len > 0 ? "\n" : "", step_sql(step));
	}
	if (recipe->is_planned && sql.len <= LONGEST_RECIPE)
		recipe->sql = sql.data;
	return recipe;
}

/* Not for as long as a table is read or written, but for a moment. */
static bool
is_brief(const EcFinding *finding)
{
	return !finding->rewrites && !finding->scans;
}

static void
settle_online(Recipe *recipe, EcFinding *finding)
{
	const EcPlan *plan = recipe->plan;

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
	else if (recipe_of(recipe, finding->statement)->is_planned ||
			 (is_split && plan->is_online))
	{
		finding->severity = EC_SEVERITY_NOTICE;
		ec_lint_explain(finding, "; done online");
	}
}

void
ec_lint_settle(const EcScript *script, List *findings, bool online)
{
	Recipe planned = {0};
	Recipe if_large = {0};
	ListCell *cell;

	foreach (cell, findings)
	{
		EcFinding *finding = lfirst(cell);
		const EcFinding *refused;
		char *recipe;

		CHECK_FOR_INTERRUPTS();
		if (!finding->is_about_time)
			continue;
		/* also where the table is small by now */
		if (if_large.plan == NULL)
			if_large.plan = ec_plan_if_large(script);
		refused = find_refused(if_large.plan, finding);
		recipe = refused != NULL ? refused->recipe
								 : recipe_of(&if_large, finding->statement)->sql;
		if (recipe != NULL)
			finding->recipe = recipe;
		if (finding->severity <= EC_SEVERITY_NOTICE)
			continue;
		if (planned.plan == NULL)
			planned.plan = ec_plan_script(script);
		if (online)
			settle_online(&planned, finding);
		else if (!is_brief(finding))
			finding->severity = EC_SEVERITY_ERROR;
	}
}
