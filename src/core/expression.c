/*
 * expression.c
 *		SQL expressions that a user hands over as text.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "parser/scanner.h"

#include "core/expression.h"

typedef struct CheckedExpression
{
	const char *text;
	const char *what;
} CheckedExpression;

#define EXPRESSION_HINT                                                        \
	"Give one SQL expression over the columns of a row, as in \"lower(name)\"."

static void
refuse(const CheckedExpression *expression, const char *reason)
{
	ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
					errmsg("%s is not a single expression", expression->what),
					errdetail("\"%s\" %s.", expression->text, reason),
					errhint(EXPRESSION_HINT)));
}

/*
 * A parser error's position would be read as a position in the client's
 * statement.  Turns it into a position in the expression's text.
 */
static void
point_into(const char *text)
{
	int position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(text);
	}
}

/*
 * The parser's own errors do not say where the text comes from; this adds it.
 */
static void
parse_error_callback(void *arg)
{
	const CheckedExpression *expression = arg;

	point_into(expression->text);
	errdetail("\"%s\", %s, is not a single expression.", expression->text,
			  expression->what);
	errhint(EXPRESSION_HINT);
}

static void
expression_context_callback(void *arg)
{
	const EcExpressionContext *context = arg;

	point_into(context->text);
	errcontext("%s: \"%s\"", context->what, context->text);
}

void
ec_expression_context_begin(EcExpressionContext *context, const char *text,
							const char *what)
{
	context->text = text;
	context->what = what;
	context->callback.callback = expression_context_callback;
	context->callback.arg = context;
	context->callback.previous = error_context_stack;
	error_context_stack = &context->callback;
}

void
ec_expression_context_end(EcExpressionContext *context)
{
	error_context_stack = context->callback.previous;
}

/*
 * A "--" comment that lasts to the end of the text would hide what a statement
 * puts after the text.  Append a semicolon and see whether the scanner returns
 * it.
 */
static bool
ends_in_comment(const char *text)
{
	core_yyscan_t scanner;
	core_yy_extra_type extra;
	core_YYSTYPE value;
	YYLTYPE location;
	char *probe = psprintf("%s ;", text);
	int token;
	int last_token = 0;

	scanner = scanner_init(probe, &extra, &ScanKeywords, ScanKeywordTokens);
	while ((token = core_yylex(&value, &location, scanner)) != 0)
		last_token = token;
	scanner_finish(scanner);
	pfree(probe);
	return last_token != ';';
}

static bool
contains_parameter(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, ParamRef))
		return true;
	return raw_expression_tree_walker(node, contains_parameter, context);
}

static bool
is_bare_star(const Node *node)
{
	const ColumnRef *column = (const ColumnRef *) node;

	return IsA(node, ColumnRef) && list_length(column->fields) == 1 &&
		   IsA(linitial(column->fields), A_Star);
}

/*
 * RAW_PARSE_PLPGSQL_EXPR parses the text as if it followed SELECT.  So the
 * result may have one target without a name, and no clause.
 */
static Node *
check_parsed(const CheckedExpression *expression, List *parsed)
{
	const SelectStmt *select;
	const ResTarget *target;

	if (list_length(parsed) != 1)
		refuse(expression, "is more than one statement");
	select = (const SelectStmt *) linitial_node(RawStmt, parsed)->stmt;
	if (!IsA(select, SelectStmt) || select->op != SETOP_NONE ||
		select->valuesLists != NIL || select->withClause != NULL)
		refuse(expression, "is a statement");
	if (select->targetList == NIL && select->fromClause == NIL)
		refuse(expression, "is empty");
	if (list_length(select->targetList) != 1)
		refuse(expression, "is a list of expressions");
	if (select->distinctClause != NIL || select->intoClause != NULL ||
		select->fromClause != NIL || select->whereClause != NULL ||
		select->groupClause != NIL || select->havingClause != NULL ||
		select->windowClause != NIL || select->sortClause != NIL ||
		select->limitOffset != NULL || select->limitCount != NULL ||
		select->lockingClause != NIL)
		refuse(expression, "has a clause of a SELECT");

	target = linitial_node(ResTarget, select->targetList);
	if (target->name != NULL)
		refuse(expression, "gives the expression a name");
	if (target->indirection != NIL || is_bare_star(target->val) ||
		IsA(target->val, SetToDefault))
		refuse(expression, "is not a value");
	if (contains_parameter(target->val, NULL))
		refuse(expression, "has a parameter");
	return target->val;
}

Node *
ec_parse_expression(const char *text, const char *what)
{
	CheckedExpression expression = {text, what};
	ErrorContextCallback callback;
	List *parsed;
	Node *node;

	callback.callback = parse_error_callback;
	callback.arg = &expression;
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	parsed = raw_parser(text, RAW_PARSE_PLPGSQL_EXPR);
	error_context_stack = callback.previous;

	node = check_parsed(&expression, parsed);
	if (ends_in_comment(text))
		refuse(&expression, "ends in a comment that has no end");
	return node;
}

void
ec_check_expression(const char *text, const char *what)
{
	(void) ec_parse_expression(text, what);
}

void
ec_append_expression(StringInfo sql, const char *text)
{
	/* a line break ends a "--" comment, should one have passed the checks */
	appendStringInfo(sql, "(%s\n)", text);
}
