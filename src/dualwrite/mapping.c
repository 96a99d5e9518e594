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
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "utils/builtins.h"
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

#define MAPPING_HINT                                                           \
	"A mapping looks like {\"email\": \"lower(legacy_email)\"}."

static void
refuse_mapping(const char *argument, const char *reason, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("argument \"%s\" %s", argument, reason),
					detail ? errdetail("%s", detail) : 0, errhint(MAPPING_HINT)));
}

static void
check_target_column(Relation target, const EcMappingEntry *entry, const char *argument, bool identity)
{
	const char *table = RelationGetRelationName(target);
	Form_pg_attribute attribute;

	if (entry->attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						entry->column, table),
				 errdetail("A key of the mapping \"%s\" must be a column to write.",
						   argument),
				 errhint("Add the column first, for example with ec_apply.")));
	if (entry->attnum < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("system column \"%s\" cannot be written", entry->column),
				 errdetail("The server sets system columns itself."),
				 errhint("Name a column of the table \"%s\".", table)));
	attribute = TupleDescAttr(RelationGetDescr(target), entry->attnum - 1);
	if (attribute->attgenerated || (attribute->attidentity == ATTRIBUTE_IDENTITY_ALWAYS && !identity))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_COLUMN_REFERENCE),
				 errmsg("generated column \"%s\" cannot be written", entry->column),
				 errdetail("Column \"%s\" of table \"%s\" is %s.", entry->column, table,
						   attribute->attgenerated
							   ? "a generated column"
							   : "an identity column, GENERATED ALWAYS"),
				 errhint("Map to a column that the application can write.")));
}

/*
 * Rejects expressions that are not computed from the columns of one row alone.
 */
static void
refuse_what_is_not_of_one_row(ParseState *pstate, const EcMappingEntry *entry)
{
	const char *found = NULL;
	int code = ERRCODE_FEATURE_NOT_SUPPORTED;

	if (pstate->p_hasSubLinks)
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
						   entry->column),
				 errhint("Wrap a look-up in a STABLE function of your own.")));
}

static void
note_reads(Relation source, Node *expression, EcMappingEntry *entry)
{
	Bitmapset *read = NULL;
	int member = -1;

	pull_varattnos(expression, 1, &read);
	while ((member = bms_next_member(read, member)) >= 0)
	{
		AttrNumber attnum = member + FirstLowInvalidHeapAttributeNumber;

		if (attnum <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("%s is not allowed in a mapping",
							attnum == 0 ? "a whole row" : "a system column"),
					 errdetail("The expression for column \"%s\" reads %s.",
							   entry->column,
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
							   entry->column),
					 errhint("Write the generation expression in its place.")));
		entry->reads = bms_add_member(entry->reads, attnum);
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
					 errhint("Drop or rename that function, and see who may create functions in its schema.")));
	}
}

/*
 * Analyses an expression over the source.  names NIL: use the current column
 * names.
 */
static Node *
analyse_expression(Relation source, List *names, EcMappingEntry *entry,
				   const char *text, ParseState *pstate)
{
	char *what = psprintf("expression for column \"%s\"", entry->column);
	Node *raw = ec_parse_expression(text, what);
	ParseNamespaceItem *item =
		addRangeTableEntryForRelation(pstate, source, AccessShareLock, NULL,
									  false, false);

	if (names != NIL)
		item->p_names->colnames = names;
	addNSItemToQuery(pstate, item, true, true, true);
	pstate->p_sourcetext = text;
	return transformExpr(pstate, raw, EXPR_KIND_SELECT_TARGET);
}

/* Coerces as INSERT and UPDATE do. */
static Node *
coerce_to_column(ParseState *pstate, Node *expression, Relation target,
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
analyse_entry(Relation source, Relation target, EcMappingEntry *entry,
			  const char *argument, bool identity)
{
	ParseState *pstate = make_parsestate(NULL);
	EcExpressionContext context;
	Node *expression;

	check_target_column(target, entry, argument, identity);
	ec_check_expression(entry->text,
						psprintf("expression for column \"%s\"", entry->column));
	ec_expression_context_begin(&context, entry->text,
								psprintf("expression for column \"%s\"",
										 entry->column));
	expression = analyse_expression(source, NIL, entry, entry->text, pstate);
	refuse_what_is_not_of_one_row(pstate, entry);
	entry->expression =
		coerce_to_column(pstate, copyObject(expression), target, entry->attnum);
	assign_expr_collations(pstate, expression);
	ec_refuse_mutable(entry->expression, entry->column);
	(void) find_calls(entry->expression, &entry->calls);
	note_reads(source, entry->expression, entry);
	/*
	 * A literal is stored as coerced to the column, under the current
	 * settings.
	 */
	if (exprType(expression) == UNKNOWNOID)
		expression = entry->expression;
	entry->stored = deparse(source, expression);
	entry->tree = ec_tree_of(source, expression);
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
	EcMappingEntry entry = {.column = known->name};
	int guc_level = ec_pin_text();
	Node *expression =
		analyse_expression(source, names, &entry, known->expression, pstate);

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
	expression = coerce_to_column(pstate, expression, target, attnum);
	if (is_text)
		refuse_other_calls(expression, known->calls, known->name);
	ec_expression_context_end(&context);
	free_parsestate(pstate);
	return expression;
}

char *
ec_mapping_write(Relation source, Node *expression, const char *column)
{
	EcMappingEntry entry = {.column = unconstify(char *, column)};
	ParseState *pstate = make_parsestate(NULL);
	int guc_level = ec_pin_text();
	List *calls = NIL;
	char *text = deparse(source, strip_implicit_coercions(expression));

	(void) find_calls(expression, &calls);
	refuse_other_calls(analyse_expression(source, NIL, &entry, text, pstate),
					   calls, column);
	free_parsestate(pstate);
	AtEOXact_GUC(false, guc_level);
	return text;
}

Jsonb *
ec_mapping_settings(List *entries, bool with_path)
{
	bool needs_path = false;
	ListCell *cell;

	foreach (cell, entries)
	{
		needs_path |= ec_needs_path(((EcMappingEntry *) lfirst(cell))->expression);
	}
	return ec_settings_now(with_path && needs_path);
}

static int
by_attnum(const ListCell *left, const ListCell *right)
{
	const EcMappingEntry *left_entry = lfirst(left);
	const EcMappingEntry *right_entry = lfirst(right);

	return left_entry->attnum - right_entry->attnum;
}

List *
ec_mapping_analyse(Relation source, Relation target, const Jsonb *mapping,
				   const char *argument, bool identity)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue part;
	EcMappingEntry *entry = NULL;
	List *entries = NIL;
	ListCell *cell;

	if (!JB_ROOT_IS_OBJECT(mapping))
		refuse_mapping(argument, "must be a JSON object", NULL);
	iterator = JsonbIteratorInit(unconstify(JsonbContainer *, &mapping->root));
	while ((token = JsonbIteratorNext(&iterator, &part, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			entry = palloc0_object(EcMappingEntry);
			entry->column = pnstrdup(part.val.string.val, part.val.string.len);
			entry->attnum = get_attnum(RelationGetRelid(target), entry->column);
		}
		else if (token == WJB_VALUE)
		{
			if (part.type != jbvString)
				refuse_mapping(argument, "must have strings as values",
							   psprintf("The value for \"%s\" is not.",
										entry->column));
			entry->text = pnstrdup(part.val.string.val, part.val.string.len);
			entries = lappend(entries, entry);
		}
	}
	if (entries == NIL)
		refuse_mapping(argument, "must not be empty", NULL);
	list_sort(entries, by_attnum);
	foreach (cell, entries)
	{
		analyse_entry(source, target, lfirst(cell), argument, identity);
	}
	return entries;
}
