/*
 * mapping.c
 *		Reads and analyses mappings:
 *		{"target_column": "SQL expression over the source row"}.
 */
#include "postgres.h"

#include "access/attnum.h"
#include "catalog/pg_attribute.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/expression.h"
#include "core/mapping.h"

#define MAPPING_HINT                                                           \
	"A mapping looks like {\"email\": \"lower(legacy_email)\"}."

static void
refuse_mapping(const char *message, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message),
					errdetail("%s", detail), errhint(MAPPING_HINT)));
}

AttrNumber
ec_mapping_attnum(Relation relation, const char *name)
{
	AttrNumber attnum = get_attnum(RelationGetRelid(relation), name);

	if (attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", name,
						RelationGetRelationName(relation)),
				 errdetail("A key of the mapping must be a column of that table."),
				 errhint(MAPPING_HINT)));
	if (attnum < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
						errmsg("system column \"%s\" cannot be mapped to", name),
						errdetail("The server sets system columns itself."),
						errhint("Name a column of the table \"%s\" in the mapping.",
								RelationGetRelationName(relation))));
	return attnum;
}

static int
by_attnum(const ListCell *left, const ListCell *right)
{
	const EcMappedColumn *left_column = lfirst(left);
	const EcMappedColumn *right_column = lfirst(right);

	return left_column->attnum - right_column->attnum;
}

static char *
string_of(const JsonbValue *value)
{
	return pnstrdup(value->val.string.val, value->val.string.len);
}

List *
ec_mapping_columns(Relation relation, const Jsonb *mapping)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue part;
	EcMappedColumn *column = NULL;
	List *columns = NIL;

	if (!JB_ROOT_IS_OBJECT(mapping))
		refuse_mapping("mapping must be a JSON object",
					   JB_ROOT_IS_SCALAR(mapping) ? "It is a single value."
												  : "It is an array.");
	iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &mapping->root));
	while ((token = JsonbIteratorNext(&iterator, &part, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			column = palloc0_object(EcMappedColumn);
			column->name = string_of(&part);
			column->attnum = ec_mapping_attnum(relation, column->name);
		}
		else if (token == WJB_VALUE)
		{
			if (part.type != jbvString)
				refuse_mapping("values of a mapping must be strings",
							   psprintf("The value for \"%s\" is not.",
										column->name));
			column->expression = string_of(&part);
			columns = lappend(columns, column);
		}
	}
	if (columns == NIL)
		refuse_mapping("mapping must not be empty", "It names no column.");
	list_sort(columns, by_attnum);
	return columns;
}

/*
 * Aggregates, window functions and set-returning functions are not computed
 * from one row.  A volatile function gives another value each time it is
 * called, so the value could not be verified later.
 */
static void
refuse_what_is_not_of_one_row(ParseState *pstate, Node *expression,
							  const EcMappedColumn *column)
{
	const char *found = NULL;

	if (pstate->p_hasAggs)
		found = "an aggregate function";
	else if (pstate->p_hasWindowFuncs)
		found = "a window function";
	else if (pstate->p_hasTargetSRFs)
		found = "a set-returning function";
	if (found != NULL)
		ereport(ERROR,
				(errcode(pstate->p_hasAggs          ? ERRCODE_GROUPING_ERROR
						 : pstate->p_hasWindowFuncs ? ERRCODE_WINDOWING_ERROR
													: ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("%s is not allowed in a mapping", found),
				 errdetail("The expression for column \"%s\" is computed from one row.",
						   column->name),
				 errhint("A sub-select may use one.")));
	if (contain_volatile_functions(expression))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
				 errmsg("volatile functions are not allowed in a mapping"),
				 errdetail("The expression for column \"%s\" gives another value when it is computed again.",
						   column->name),
				 errhint("Use an expression over the row's columns, with immutable or stable functions.")));
}

Node *
ec_mapped_expression(ParseState *pstate, Relation relation,
					 const EcMappedColumn *column)
{
	Form_pg_attribute attribute =
		TupleDescAttr(RelationGetDescr(relation), column->attnum - 1);
	char *what = psprintf("expression for column \"%s\"", column->name);
	EcExpressionContext context;
	Node *raw = ec_parse_expression(column->expression, what);
	Node *expression;
	Node *coerced;

	ec_expression_context_begin(&context, column->expression, what);
	pstate->p_sourcetext = column->expression;
	expression = transformExpr(pstate, raw, EXPR_KIND_SELECT_TARGET);
	coerced = coerce_to_target_type(pstate, expression, exprType(expression),
									attribute->atttypid, attribute->atttypmod,
									COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
	if (coerced == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is of type %s but expression is of type %s",
						column->name, format_type_be(attribute->atttypid),
						format_type_be(exprType(expression))),
				 errhint("You will need to rewrite or cast the expression.")));
	assign_expr_collations(pstate, coerced);
	refuse_what_is_not_of_one_row(pstate, coerced, column);
	ec_expression_context_end(&context);
	return coerced;
}
