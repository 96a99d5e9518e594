/*
 * paths.c
 *		Rules that restrict the planner's choice of paths for a table.
 */
#include "postgres.h"

#include "optimizer/paths.h"

#include "backfill/paths.h"

#define MAX_RULES 4

static EcPathRule *rules[MAX_RULES];
static int rule_count = 0;
static set_rel_pathlist_hook_type previous_hook = NULL;

static void
keep_only_wanted(EcPathRule *rule, PlannerInfo *root, RelOptInfo *rel)
{
	List *all = rel->pathlist;
	List *wanted = NIL;
	ListCell *cell;

	if (rule->make != NULL)
	{
		rel->pathlist = NIL;
		rule->make(root, rel);
	}
	foreach (cell, rel->pathlist)
		if (rule->is_wanted(lfirst(cell)))
			wanted = lappend(wanted, lfirst(cell));
	if (wanted == NIL)
	{
		rule->has_failed = true;
		rel->pathlist = all;
		return;
	}
	rel->pathlist = wanted;
	rel->partial_pathlist = NIL;
}

static void
apply_rules(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	if (previous_hook)
		previous_hook(root, rel, rti, rte);
	for (int i = 0; i < rule_count; i++)
		if (rules[i]->is_on && rules[i]->applies(root, rel, rte))
			keep_only_wanted(rules[i], root, rel);
}

void
ec_path_rule_begin(EcPathRule *rule)
{
	int i;

	for (i = 0; i < rule_count; i++)
		if (rules[i] == rule)
			break;
	if (i == MAX_RULES)
		elog(ERROR, "too many rules for paths");
	if (rule_count == 0)
	{
		previous_hook = set_rel_pathlist_hook;
		set_rel_pathlist_hook = apply_rules;
	}
	if (i == rule_count)
		rules[rule_count++] = rule;
	rule->is_on = true;
	rule->has_failed = false;
}

void
ec_path_rules_end(void)
{
	for (int i = 0; i < rule_count; i++)
		rules[i]->is_on = false;
}
