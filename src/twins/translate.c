/*
 * translate.c
 *		Expressions over a table, written for other columns of it.
 *
 * The server writes the stored expression with each column qualified by an
 * alias that occurs nowhere else in it.  So the names of columns are found
 * without parsing SQL, are replaced, and the result is parsed by the server.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "core/expression.h"
#include "core/pinned.h"
#include "core/subtransaction.h"
#include "twins/translate.h"

char *
ec_twin_write(Oid relation, Node *stored)
{
	int guc_level = ec_pin_text();
	char *text =
		deparse_expression(stored,
						   deparse_context_for(get_rel_name(relation), relation),
						   false, false);

	AtEOXact_GUC(false, guc_level);
	return text;
}

/* Writes each column as alias.column; returns the alias, quoted, with a dot. */
static char *
write_with_alias(Oid relation, Node *stored, char **text)
{
	char *plain = ec_twin_write(relation, stored);
	char *alias = NULL;
	int guc_level = ec_pin_text();

	for (int i = 0; alias == NULL || strstr(plain, alias) != NULL; i++)
		alias = psprintf("~ec~%d", i);
	*text = deparse_expression(stored, deparse_context_for(alias, relation),
							   true, false);
	AtEOXact_GUC(false, guc_level);
	return psprintf("%s.", quote_identifier(alias));
}

/* Reads an identifier; returns what follows it. */
static const char *
read_name(const char *text, StringInfo name)
{
	resetStringInfo(name);
	if (*text != '"')
	{
		while (IS_HIGHBIT_SET(*text) || isalnum((unsigned char) *text) ||
			   *text == '_' || *text == '$')
			appendStringInfoChar(name, *text++);
		return text;
	}
	for (text++; *text != '\0'; text++)
	{
		if (*text == '"' && *++text != '"')
			break;
		appendStringInfoChar(name, *text);
	}
	return text;
}

static const char *
name_of_twin(const EcRetype *retype, const char *name)
{
	ListCell *cell;

	foreach (cell, retype->pairs)
	{
		EcTwinPair *pair = lfirst(cell);

		if (strcmp(pair->from_name, name) == 0)
			return pair->to_name;
	}
	return name;
}

static char *
replace_columns(const EcRetype *retype, const char *text, const char *alias)
{
	StringInfoData result;
	StringInfoData name;
	const char *found;

	initStringInfo(&result);
	initStringInfo(&name);
	while ((found = strstr(text, alias)) != NULL)
	{
		appendBinaryStringInfo(&result, text, found - text);
		text = read_name(found + strlen(alias), &name);
		appendStringInfoString(&result,
							   quote_identifier(name_of_twin(retype, name.data)));
	}
	appendStringInfoString(&result, text);
	return result.data;
}

typedef struct Reading
{
	Oid relation;
	const char *text;
	ParseExprKind kind;
	AttrNumber attnum; /* of a default's column */
	EcTwinExpression result;
} Reading;

static bool
is_condition(ParseExprKind kind)
{
	return kind == EXPR_KIND_CHECK_CONSTRAINT || kind == EXPR_KIND_INDEX_PREDICATE;
}

static void
read_expression(void *arg)
{
	Reading *reading = arg;
	ParseState *pstate = make_parsestate(NULL);
	Relation relation = table_open(reading->relation, AccessShareLock);
	int guc_level = ec_pin_text();
	Node *node;

	if (reading->kind != EXPR_KIND_COLUMN_DEFAULT)
		addNSItemToQuery(pstate,
						 addRangeTableEntryForRelation(pstate, relation,
													   AccessShareLock, NULL,
													   false, true),
						 true, true, true);
	pstate->p_sourcetext = reading->text;
	node = transformExpr(pstate,
						 ec_parse_expression(reading->text, "an expression"),
						 reading->kind);
	if (is_condition(reading->kind))
		node = coerce_to_boolean(pstate, node, "WHERE");
	if (reading->kind == EXPR_KIND_COLUMN_DEFAULT)
	{
		Form_pg_attribute column =
			TupleDescAttr(RelationGetDescr(relation), reading->attnum - 1);
		Node *coerced =
			coerce_to_target_type(pstate, node, exprType(node),
								  column->atttypid, column->atttypmod,
								  COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);

		if (coerced == NULL)
			ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
							errmsg("default %s of type %s cannot be cast to type %s",
								   reading->text, format_type_be(exprType(node)),
								   format_type_be(column->atttypid))));
		node = coerced;
	}
	assign_expr_collations(pstate, node);
	AtEOXact_GUC(false, guc_level);
	table_close(relation, AccessShareLock);
	free_parsestate(pstate);
	reading->result.node = node;
	reading->result.text = ec_twin_write(reading->relation, node);
}

static EcTwinExpression
read_one(Reading *reading)
{
	MemoryContext memory = CurrentMemoryContext;
	ErrorData *error = ec_subtransaction(read_expression, reading);

	MemoryContextSwitchTo(memory);
	if (error != NULL && (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
						  error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
						  error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED ||
						  error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN ||
						  error->sqlerrcode == ERRCODE_OUT_OF_MEMORY))
		ReThrowError(error);
	if (error != NULL)
		reading->result.error = error->message;
	return reading->result;
}

EcTwinExpression
ec_twin_read(Oid relation, const char *text, ParseExprKind kind)
{
	Reading reading = {.relation = relation, .text = text, .kind = kind};

	return read_one(&reading);
}

EcTwinExpression
ec_twin_read_default(Oid relation, AttrNumber attnum, const char *text)
{
	Reading reading = {.relation = relation,
					   .text = text,
					   .kind = EXPR_KIND_COLUMN_DEFAULT,
					   .attnum = attnum};

	return read_one(&reading);
}

static Node *
without_casts(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcformat == COERCE_IMPLICIT_CAST)
		return without_casts(linitial(((FuncExpr *) node)->args), context);
	if (IsA(node, RelabelType) &&
		((RelabelType *) node)->relabelformat == COERCE_IMPLICIT_CAST)
		return without_casts((Node *) ((RelabelType *) node)->arg, context);
	if (IsA(node, CoerceViaIO) &&
		((CoerceViaIO *) node)->coerceformat == COERCE_IMPLICIT_CAST)
		return without_casts((Node *) ((CoerceViaIO *) node)->arg, context);
	return expression_tree_mutator(node, without_casts, context);
}

/*
 * The server writes implicit casts out: "id % 10" as "id % 10::bigint", which
 * read again are explicit ones, and stay with the other type.  So they are left
 * out where the server puts the same ones in again.
 */
static Node *
as_written(Oid relation, Node *stored, ParseExprKind kind)
{
	Node *plain = without_casts(stored, NULL);
	EcTwinExpression again;

	if (equal(plain, stored))
		return stored;
	again = ec_twin_read(relation, ec_twin_write(relation, plain), kind);
	return again.error == NULL && equal(again.node, stored) ? plain : stored;
}

EcTwinExpression
ec_twin_translate(Oid relation, const EcRetype *retype, Node *stored,
				  ParseExprKind kind)
{
	EcTwinExpression result = {.node = stored};
	Node *plain = as_written(relation, stored, kind);
	char *text;
	char *alias;

	if (retype != NULL)
	{
		alias = write_with_alias(relation, plain, &text);
		result = ec_twin_read(relation, replace_columns(retype, text, alias), kind);
		if (result.error != NULL)
			return result;
		plain = as_written(relation, result.node, kind);
	}
	result.text = ec_twin_write(relation, plain);
	return result;
}

Bitmapset *
ec_twin_reads(Node *stored)
{
	Bitmapset *offset = NULL;
	Bitmapset *reads = NULL;
	int member = -1;

	pull_varattnos(stored, 1, &offset);
	while ((member = bms_next_member(offset, member)) >= 0)
		if (member + FirstLowInvalidHeapAttributeNumber >= 0)
			reads = bms_add_member(reads,
								   member + FirstLowInvalidHeapAttributeNumber);
	return reads;
}
