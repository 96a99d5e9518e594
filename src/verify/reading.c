/*
 * reading.c
 *		Builds and runs the query SELECT expressions FROM a table.
 */
#include "postgres.h"

#include "access/transam.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "core/planned.h"
#include "verify/reading.h"

void
ec_reading_begin(EcReading *reading, Relation relation)
{
	ParseState *pstate = make_parsestate(NULL);

	reading->relation = relation;
	reading->pstate = pstate;
	reading->query = makeNode(Query);
	reading->quals = NIL;
	reading->plan_only = false;
	reading->tolerates = false;
	reading->careful = NULL;
	reading->failed = NULL;
	addNSItemToQuery(pstate,
					 addRangeTableEntryForRelation(pstate, relation, AccessShareLock,
												   NULL, true, true),
					 true, true, true);
}

/*
 * Marks columns as read, so that the caller's privileges on them are checked.
 */
static bool
mark_columns(Node *node, ParseState *pstate)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		markVarForSelectPriv(pstate, (Var *) node);
	return expression_tree_walker(node, mark_columns, pstate);
}

/*
 * Removes the coercion to a domain.  The value is not stored, so it need not
 * satisfy the domain's constraints.  The domain's owner has written them, and
 * they would run with the rights of the role that verifies.
 */
static Node *
without_checks(Node *expression)
{
	if (IsA(expression, CoerceToDomain))
		return (Node *) ((CoerceToDomain *) expression)->arg;
	if (IsA(expression, ArrayCoerceExpr))
	{
		ArrayCoerceExpr *array = (ArrayCoerceExpr *) expression;

		if (IsA(array->elemexpr, CoerceToDomain))
			array->elemexpr = ((CoerceToDomain *) array->elemexpr)->arg;
	}
	return expression;
}

Node *
ec_reading_expression(EcReading *reading, Relation owner, const EcMappedColumn *column)
{
	Node *expression;

	if (column->analysed == NULL)
		return without_checks(ec_mapped_expression(reading->pstate, owner, column));
	expression = copyObject(column->analysed);
	(void) mark_columns(expression, reading->pstate);
	return without_checks(expression);
}

Node *
ec_reading_column(EcReading *reading, const char *name)
{
	ColumnRef *reference = makeNode(ColumnRef);

	reference->fields = list_make1(makeString(pstrdup(name)));
	reference->location = -1;
	return transformExpr(reading->pstate, (Node *) reference,
						 EXPR_KIND_SELECT_TARGET);
}

TargetEntry *
ec_reading_select(EcReading *reading, Node *expression)
{
	List **targets = &reading->query->targetList;
	TargetEntry *entry = makeTargetEntry((Expr *) expression,
										 list_length(*targets) + 1, NULL, false);

	*targets = lappend(*targets, entry);
	return entry;
}

/*
 * Collects all relations, including those in sub-selects of expressions.
 * Their values may be recorded, so a role may see the record only if it may
 * read them all.
 */
static bool
collect_relations(Node *node, List **relations)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *entry = (RangeTblEntry *) node;

		if (entry->rtekind == RTE_RELATION)
			*relations = list_append_unique_oid(*relations, entry->relid);
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, collect_relations, relations,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, collect_relations, relations);
}

static bool
is_user_function(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
}

/* A user-defined function may read relations that the query does not name. */
static bool
calls_user_functions(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_user_function, context))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, calls_user_functions, context, 0);
	return expression_tree_walker(node, calls_user_functions, context);
}

void
ec_reading_end(EcReading *reading, List **reads, bool *is_opaque)
{
	ParseState *pstate = reading->pstate;
	Query *query = reading->query;

	query->commandType = CMD_SELECT;
	query->querySource = QSRC_ORIGINAL;
	query->canSetTag = true;
	query->rtable = pstate->p_rtable;
#if PG_VERSION_NUM >= 160000
	query->rteperminfos = pstate->p_rteperminfos;
#endif
	query->jointree =
		makeFromExpr(pstate->p_joinlist,
					 reading->quals ? (Node *) make_ands_explicit(reading->quals)
									: NULL);
	query->hasSubLinks = pstate->p_hasSubLinks;
	query->stmt_location = -1;
	free_parsestate(pstate);

	(void) collect_relations((Node *) query, reads);
	*is_opaque |= calls_user_functions((Node *) query, NULL);
	/* sub-selects have to be planned with the query */
	if (reading->tolerates && !query->hasSubLinks)
		reading->careful = ec_careful_begin(query, &reading->failed);
}

void
ec_reading_run(EcReading *reading, DestReceiver *receiver)
{
	static const char *const source_text = "ec_verify";
	int guc_level = ec_planning_begin(NULL);
	List *rewritten;
	PlannedStmt *plan;
	QueryDesc *desc;

	rewritten = pg_rewrite_query(reading->query);
	plan = pg_plan_query(linitial_node(Query, rewritten), source_text, 0, NULL);
	ec_planning_end(guc_level);
	if (reading->careful != NULL)
		receiver = ec_careful_receiver(reading->careful, receiver);
	desc = CreateQueryDesc(plan, source_text, GetActiveSnapshot(),
						   InvalidSnapshot, receiver, NULL, NULL, 0);
	ExecutorStart(desc, 0);
	if (!reading->plan_only)
		ec_ExecutorRun(desc, ForwardScanDirection, 0);
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
}
