/*
 * copy_plan.c
 *		How the statements of a copy are planned.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "nodes/pathnodes.h"
#include "nodes/parsenodes.h"
#include "optimizer/paths.h"
#include "utils/lsyscache.h"

#include "backfill/copy/copy_statement.h"

/* What is searched while our statements are planned, or InvalidOid. */
static Oid searched_table = InvalidOid;
static const char *searched_name;
static bool search_has_indexes;
static set_rel_pathlist_hook_type previous_pathlist_hook = NULL;

/* The table that a partition or child belongs to, in this query. */
static Oid
top_relation(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte)
{
	if (rel->top_parent_relids == NULL)
		return rte->relid;
	return root->simple_rte_array[bms_next_member(rel->top_parent_relids, -1)]->relid;
}

/* "first column of the index = something" is enough; a key is selective. */
static bool
searches_index(const Path *path)
{
	const IndexPath *index_path = (const IndexPath *) path;
	const IndexOptInfo *index = index_path->indexinfo;
	ListCell *cell;

	if (!IsA(path, IndexPath) || path->param_info != NULL)
		return false;
	foreach (cell, index_path->indexclauses)
	{
		IndexClause *clause = lfirst_node(IndexClause, cell);
		RestrictInfo *restriction = linitial_node(RestrictInfo, clause->indexquals);
		OpExpr *condition = (OpExpr *) restriction->clause;

		if (clause->indexcol == 0 && IsA(condition, OpExpr) &&
			get_op_opfamily_strategy(condition->opno, index->opfamily[0]) ==
				BTEqualStrategyNumber)
			return true;
	}
	return false;
}

/*
 * The paths that we find here are those that the planner has kept: an index
 * scan that looked dearer than another way is gone already.  So they are made
 * again, without competition.
 */
static void
keep_only_searches(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	List *all_paths;
	List *searches = NIL;
	ListCell *cell;

	if (previous_pathlist_hook)
		previous_pathlist_hook(root, rel, rti, rte);
	if (!OidIsValid(searched_table) || rte->rtekind != RTE_RELATION || rte->inh ||
		rte->alias == NULL || strcmp(rte->alias->aliasname, searched_name) != 0 ||
		top_relation(root, rel, rte) != searched_table)
		return;
	all_paths = rel->pathlist;
	rel->pathlist = NIL;
	create_index_paths(root, rel);
	foreach (cell, rel->pathlist)
		if (searches_index(lfirst(cell)))
			searches = lappend(searches, lfirst(cell));
	if (searches == NIL)
	{
		search_has_indexes = false;
		rel->pathlist = all_paths;
		return;
	}
	rel->pathlist = searches;
	rel->partial_pathlist = NIL;
}

void
ec_copy_plan_init(void)
{
	static bool hooked = false;

	if (hooked)
		return;
	previous_pathlist_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = keep_only_searches;
	hooked = true;
}

void
ec_copy_plan_begin(const EcBackfill *backfill)
{
	bool deletes = backfill->stage == EC_COPY_DELETE;

	/* left over from a batch that failed while planning */
	searched_table = InvalidOid;
	if (backfill->copy == NULL)
		return;
	searched_table = deletes ? backfill->copy->source : backfill->copy->target;
	searched_name = deletes ? EC_COPY_SOURCE : EC_COPY_TARGET;
	search_has_indexes = true;
}

bool
ec_copy_plan_end(void)
{
	searched_table = InvalidOid;
	return search_has_indexes;
}
