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
refuse_mapping(const char *argument, const char *reason, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("argument \"%s\" must %s", argument, reason),
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
				 errhint("Add the column first, or correct the name.")));
	if (attnum < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
						errmsg("system column \"%s\" cannot be written", name),
						errdetail("The server sets system columns itself."),
						errhint("Name a column of the table \"%s\".",
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
ec_mapping_columns(Relation relation, const Jsonb *mapping, const char *argument)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue part;
	EcMappedColumn *column = NULL;
	List *columns = NIL;

	if (!JB_ROOT_IS_OBJECT(mapping))
		refuse_mapping(argument, "be a JSON object",
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
				refuse_mapping(argument, "have strings as values",
							   psprintf("The value for \"%s\" is not.",
										column->name));
			column->expression = string_of(&part);
			columns = lappend(columns, column);
		}
	}
	if (columns == NIL)
		refuse_mapping(argument, "not be empty", "It names no column.");
	list_sort(columns, by_attnum);
	return columns;
}

char *
ec_expression_name(const EcMappedColumn *column)
{
	return psprintf("expression for column \"%s\"", column->name);
}

Node *
ec_coerce_to_column(ParseState *pstate, Node *expression, Relation target,
					AttrNumber attnum)
{
	Form_pg_attribute attribute =
		TupleDescAttr(RelationGetDescr(target), attnum - 1);
	Oid type = exprType(expression);
	Node *coerced =
		coerce_to_target_type(pstate, expression, type, attribute->atttypid,
							  attribute->atttypmod, COERCION_ASSIGNMENT,
							  COERCE_IMPLICIT_CAST, -1);

	if (coerced == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is of type %s but expression is of type %s",
						NameStr(attribute->attname),
						format_type_be(attribute->atttypid), format_type_be(type)),
				 errhint("You will need to rewrite or cast the expression.")));
	assign_expr_collations(pstate, coerced);
	return coerced;
}

void
ec_require_one_row(ParseState *pstate, const EcMappedColumn *column,
				   bool with_subselects)
{
	const char *found = NULL;
	int code = ERRCODE_FEATURE_NOT_SUPPORTED;

	if (pstate->p_hasSubLinks && !with_subselects)
		found = "a sub-select";
	else if (pstate->p_hasAggs)
	{
		found = "an aggregate function";
		code = ERRCODE_GROUPING_ERROR;
	}
	else if (pstate->p_hasWindowFuncs)
	{
		found = "a window function";
		code = ERRCODE_WINDOWING_ERROR;
	}
	else if (pstate->p_hasTargetSRFs)
		found = "a set-returning function";
	if (found != NULL)
		ereport(ERROR,
				(errcode(code), errmsg("%s is not allowed in a mapping", found),
				 errdetail("The expression for column \"%s\" is computed from one row.",
						   column->name),
				 with_subselects
					 ? errhint("A sub-select may use one.")
					 : errhint("Wrap a look-up in a STABLE function of your own.")));
}

/*
 * A volatile function gives another value each time it is called, so the value
 * could not be verified later.
 */
static void
refuse_volatile(Node *expression, const EcMappedColumn *column)
{
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
	char *what = ec_expression_name(column);
	EcExpressionContext context;
	Node *raw = ec_parse_expression(column->expression, what);
	Node *expression;

	ec_expression_context_begin(&context, column->expression, what);
	pstate->p_sourcetext = column->expression;
	expression =
		ec_coerce_to_column(pstate,
							transformExpr(pstate, raw, EXPR_KIND_SELECT_TARGET),
							relation, column->attnum);
	ec_require_one_row(pstate, column, true);
	refuse_volatile(expression, column);
	ec_expression_context_end(&context);
	return expression;
}
