/*
 * copy_plan.c
 *		Controls how the statements of a copy are planned.
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "nodes/pathnodes.h"
#include "nodes/parsenodes.h"
#include "optimizer/paths.h"
#include "utils/lsyscache.h"

#include "backfill/copy/copy_plan.h"
#include "backfill/copy/copy_statement.h"

/* The table that is searched. */
static Oid searched_table = InvalidOid;
static const char *searched_name;

/* The table in the query that a partition or child belongs to. */
static Oid
top_relation(PlannerInfo *root, RelOptInfo *rel, const RangeTblEntry *rte)
{
	if (rel->top_parent_relids == NULL)
		return rte->relid;
	return root->simple_rte_array[bms_next_member(rel->top_parent_relids, -1)]->relid;
}

/*
 * "first column of the index = something" is enough, because a key is
 * selective.
 */
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

static bool
is_searched(PlannerInfo *root, RelOptInfo *rel, const RangeTblEntry *rte)
{
	return rte->rtekind == RTE_RELATION && !rte->inh && rte->alias != NULL &&
		   strcmp(rte->alias->aliasname, searched_name) == 0 &&
		   top_relation(root, rel, rte) == searched_table;
}

static EcPathRule search = {is_searched, create_index_paths, searches_index};

EcPathRule *
ec_copy_path_rule(const EcBackfill *backfill)
{
	bool deletes = backfill->stage == EC_COPY_DELETE;

	searched_table = deletes ? backfill->copy->source : backfill->copy->target;
	searched_name = deletes ? EC_COPY_SOURCE : EC_COPY_TARGET;
	return &search;
}
