/*
 * mapping.c
 *		Mappings: {"target_column": "SQL expression over the source row"}.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/transam.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/ruleutils.h"

#include "core/expression.h"
#include "core/pinned.h"
#include "dualwrite/mapping.h"
#include "dualwrite/mutable.h"
#include "dualwrite/tree.h"
#include "expand_contract.h"

static void
refuse_generated(Relation target, const EcMappedColumn *column, bool identity)
{
	Form_pg_attribute attribute =
		TupleDescAttr(RelationGetDescr(target), column->attnum - 1);

	if (attribute->attgenerated ||
		(attribute->attidentity == ATTRIBUTE_IDENTITY_ALWAYS && !identity))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("generated column \"%s\" cannot be written", column->name),
				 errdetail("Column \"%s\" of table \"%s\" is %s.", column->name,
						   RelationGetRelationName(target),
						   attribute->attgenerated
							   ? "a generated column"
							   : "an identity column, GENERATED ALWAYS"),
				 errhint("Map to a column that the application can write.")));
}

static void
note_reads(Relation source, EcMappedColumn *column)
{
	Bitmapset *read = NULL;
	int member = -1;

	pull_varattnos(column->analysed, 1, &read);
	while ((member = bms_next_member(read, member)) >= 0)
	{
		AttrNumber attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (attnum <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("%s is not allowed in a mapping",
							attnum == 0 ? "a whole row" : "a system column"),
					 errdetail("The expression for column \"%s\" reads %s.",
							   column->name,
							   attnum == 0
								   ? "the row as a whole, and with it every column"
								   : "what the server sets when the row is stored"),
					 errhint("Name the columns that it needs.")));
		if (TupleDescAttr(RelationGetDescr(source), attnum - 1)->attgenerated)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
					 errmsg("generated column \"%s\" cannot be a source",
							NameStr(TupleDescAttr(RelationGetDescr(source), attnum - 1)
										->attname)),
					 errdetail("It is computed after the expression for column \"%s\".",
							   column->name),
					 errhint("Write the generation expression in its place.")));
		column->reads = bms_add_member(column->reads, attnum);
	}
}

static bool
contains_name(List *names, const char *name)
{
	ListCell *cell;

	foreach (cell, names)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

static bool
note_call(Oid function, void *context)
{
	List **calls = context;
	char *signature;

	if (function < FirstNormalObjectId)
		return false;
	signature = format_procedure_qualified(function);
	if (!contains_name(*calls, signature))
		*calls = lappend(*calls, signature);
	return false;
}

/*
 * Collects the signatures of user-defined functions, including those of
 * operators and casts.
 */
static bool
find_calls(Node *node, void *context)
{
	if (node == NULL)
		return false;
	(void) check_functions_in_node(node, note_call, context);
	return expression_tree_walker(node, find_calls, context);
}

static void
refuse_other_calls(Node *expression, List *calls, const char *column)
{
	List *found = NIL;
	ListCell *cell;

	(void) find_calls(expression, &found);
	foreach (cell, found)
	{
		if (!contains_name(calls, lfirst(cell)))
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_FUNCTION),
					 errmsg("expression for column \"%s\" would call another function than it did at ec_expand",
							column),
					 errdetail("It would call %s.", (char *) lfirst(cell)),
					 errhint("Drop or rename that function, and check who may create functions in its schema.")));
	}
}

/*
 * Analyses an expression over the source.  names NIL: use the current column
 * names.
 */
static Node *
analyse_expression(Relation source, List *names, const EcMappedColumn *column,
				   ParseState *pstate)
{
	Node *raw =
		ec_parse_expression(column->expression, ec_expression_name(column));
	ParseNamespaceItem *item =
		addRangeTableEntryForRelation(pstate, source, AccessShareLock, NULL,
									  false, false);

	if (names != NIL)
		item->p_names->colnames = names;
	addNSItemToQuery(pstate, item, true, true, true);
	pstate->p_sourcetext = column->expression;
	return transformExpr(pstate, raw, EXPR_KIND_SELECT_TARGET);
}

/* Qualifies every name that is not in pg_catalog. */
static char *
deparse(Relation source, Node *expression)
{
	List *context = deparse_context_for(RelationGetRelationName(source),
										RelationGetRelid(source));
	int guc_level = ec_pin_text();
	char *text;

	text = deparse_expression(expression, context, false, false);
	AtEOXact_GUC(false, guc_level);
	return text;
}

static void
analyse_column(Relation source, Relation target, EcMappedColumn *column, bool identity)
{
	ParseState *pstate = make_parsestate(NULL);
	EcExpressionContext context;
	Node *expression;

	refuse_generated(target, column, identity);
	ec_check_expression(column->expression, ec_expression_name(column));
	ec_expression_context_begin(&context, column->expression,
								ec_expression_name(column));
	expression = analyse_expression(source, NIL, column, pstate);
	ec_require_one_row(pstate, column, false);
	column->analysed = ec_coerce_to_column(pstate, copyObject(expression),
										   target, column->attnum);
	assign_expr_collations(pstate, expression);
	ec_refuse_mutable(column->analysed, column->name);
	(void) find_calls(column->analysed, &column->calls);
	note_reads(source, column);
	/*
	 * A literal is stored as coerced to the column, under the current
	 * settings.
	 */
	if (exprType(expression) == UNKNOWNOID)
		expression = column->analysed;
	column->stored = deparse(source, expression);
	column->tree = ec_tree_of(source, expression);
	ec_expression_context_end(&context);
	free_parsestate(pstate);
}

/*
 * Analyses the stored text.  It may resolve to other functions if overloads
 * were created or functions were renamed since.
 */
static Node *
read_text(Relation source, List *names, const EcChangeColumn *known,
		  ParseState *pstate)
{
	EcMappedColumn column = {.name = known->name, .expression = known->expression};
	int guc_level = ec_pin_text();
	Node *expression = analyse_expression(source, names, &column, pstate);

	AtEOXact_GUC(false, guc_level);
	return expression;
}

Node *
ec_mapping_reparse(Relation source, List *names, Relation target,
				   AttrNumber attnum, const EcChangeColumn *known)
{
	ParseState *pstate = make_parsestate(NULL);
	EcExpressionContext context;
	Node *expression;
	bool is_text;

	ec_expression_context_begin(&context, known->expression,
								"stored expression of a mapping");
	expression = ec_expression_of_tree(source, names, known->tree);
	is_text = expression == NULL;
	if (is_text)
		expression = read_text(source, names, known, pstate);
	expression = ec_coerce_to_column(pstate, expression, target, attnum);
	if (is_text)
		refuse_other_calls(expression, known->calls, known->name);
	ec_expression_context_end(&context);
	free_parsestate(pstate);
	return expression;
}

char *
ec_mapping_write(Relation source, Node *expression, const char *name)
{
	EcMappedColumn column = {.name = unconstify(char *, name)};
	ParseState *pstate = make_parsestate(NULL);
	int guc_level = ec_pin_text();
	List *calls = NIL;

	column.expression = deparse(source, strip_implicit_coercions(expression));
	(void) find_calls(expression, &calls);
	refuse_other_calls(analyse_expression(source, NIL, &column, pstate), calls,
					   name);
	free_parsestate(pstate);
	AtEOXact_GUC(false, guc_level);
	return column.expression;
}

Jsonb *
ec_mapping_settings(List *columns, bool with_path)
{
	bool needs_path = false;
	ListCell *cell;

	foreach (cell, columns)
	{
		needs_path |= ec_needs_path(((EcMappedColumn *) lfirst(cell))->analysed);
	}
	return ec_settings_now(with_path && needs_path);
}

List *
ec_mapping_analyse(Relation source, Relation target, const Jsonb *mapping,
				   const char *argument, bool identity)
{
	List *columns = ec_mapping_columns(target, mapping, argument);
	ListCell *cell;

	foreach (cell, columns)
	{
		analyse_column(source, target, lfirst(cell), identity);
	}
	return columns;
}
