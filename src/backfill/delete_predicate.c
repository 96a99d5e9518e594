/*
 * delete_predicate.c
 *		The predicate of ec_delete, which selects the rows to be deleted.
 *
 * A job evaluates its predicate again in each batch, and deletes rows until it
 * holds for none.  So the predicate must select the same rows in each batch as
 * it does at the beginning.  A DELETE of all rows at once has one snapshot and
 * one time.  A predicate for which this makes a difference is refused, or, if
 * it reads the clock, the time is written into it.
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/ruleutils.h"

#include "backfill/analyse.h"
#include "backfill/delete_predicate.h"
#include "backfill/predicate.h"
#include "core/catalog.h"
#include "core/compat.h"
#include "core/expression.h"
#include "core/pinned.h"

static char *
delete_statement(Relation relation, const char *predicate)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "DELETE FROM ONLY %s WHERE ",
					 ec_relation_name(RelationGetRelid(relation)));
	ec_append_expression(&sql, predicate);
	return sql.data;
}

/* Evaluates a function that reads the clock, now. */
static Node *
value_now(Node *clock)
{
	PlannerInfo *root = makeNode(PlannerInfo);

	root->glob = makeNode(PlannerGlobal);
	return estimate_expression_value(root, clock);
}

static Node *
write_time(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (ec_is_clock(node))
		return value_now(node);
	if (IsA(node, Query))
		return (Node *) query_tree_mutator((Query *) node, write_time, context, 0);
	return expression_tree_mutator(node, write_time, context);
}

/*
 * Not the rewritten query, in which views are replaced by what they read,
 * with the rights of their owners.
 */
static char *
predicate_with_time(Relation relation, const char *predicate)
{
	char *sql = delete_statement(relation, predicate);
	List *parsed = raw_parser(sql, RAW_PARSE_DEFAULT);
	Query *query = parse_analyze_fixedparams(linitial_node(RawStmt, parsed),
											 sql, NULL, 0, NULL);
	Node *condition = write_time(query->jointree->quals, NULL);
	int guc_level = ec_pin_output();
	char *result =
		deparse_expression(condition,
						   deparse_context_for(RelationGetRelationName(relation),
											   RelationGetRelid(relation)),
						   false, false);

	AtEOXact_GUC(false, guc_level);
	return result;
}

char *
ec_delete_predicate(Relation relation, const char *predicate)
{
	Query *query;
	Node *condition;

	ec_check_expression(predicate, "predicate");
	query = ec_analyse_statement(delete_statement(relation, predicate));
	condition = query->jointree->quals;
	ec_refuse_volatile(condition, predicate);
	if (query->hasSubLinks && ec_reads_table(condition, relation))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("predicate must not read table \"%s\" in a sub-select",
						RelationGetRelationName(relation)),
				 errdetail("Each batch deletes rows of the table, so the next one would select other rows than a single DELETE."),
				 errhint("Put the keys of the rows into a table of their own first, and select by that, as in \"id IN (SELECT id FROM rows_to_delete)\".")));
	return ec_reads_clock(condition) ? predicate_with_time(relation, predicate)
									 : pstrdup(predicate);
}
