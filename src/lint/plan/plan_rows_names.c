/*
 * plan_rows_names.c
 *		The names in an UPDATE or DELETE that a job is to do.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/pinned.h"
#include "lint/plan/plan_rows.h"
#include "script/tokens.h"

const char *
ec_rows_alias(const EcRows *rows)
{
	return rows->name->alias ? rows->name->alias->aliasname : rows->name->relname;
}

char *
ec_rows_column_name(const Node *reference)
{
	const ColumnRef *column = (const ColumnRef *) reference;

	if (reference == NULL || !IsA(reference, ColumnRef) ||
		!IsA(llast(column->fields), String))
		return NULL;
	return strVal(llast(column->fields));
}

List *
ec_rows_conditions(Node *condition)
{
	List *all = NIL;
	ListCell *cell;

	if (condition == NULL)
		return NIL;
	if (!IsA(condition, BoolExpr) || castNode(BoolExpr, condition)->boolop != AND_EXPR)
		return list_make1(condition);
	foreach (cell, castNode(BoolExpr, condition)->args)
		all = list_concat(all, ec_rows_conditions(lfirst(cell)));
	return all;
}

static bool
any_source_has(const EcRows *rows, const char *column)
{
	ListCell *cell;

	foreach (cell, rows->sources)
		if (ec_find_column(rows->planner->lint.world, lfirst(cell), column) != NULL)
			return true;
	return false;
}

bool
ec_rows_is_own_column(const EcRows *rows, const ColumnRef *reference)
{
	List *fields = reference->fields;
	const char *table;

	if (list_length(fields) == 1)
		return !IsA(linitial(fields), String) ||
			   !any_source_has(rows, strVal(linitial(fields)));
	if (!IsA(list_nth(fields, list_length(fields) - 2), String))
		return false;
	table = strVal(list_nth(fields, list_length(fields) - 2));
	return strcmp(table, ec_rows_alias(rows)) == 0 ||
		   strcmp(table, rows->relation->name) == 0;
}

static void
replace(EcRows *rows, int token, const char *text)
{
	rows->edits[token] = pstrdup(text);
}

static void
give_reason(EcRows *rows, char *reason)
{
	if (rows->reason == NULL)
		rows->reason = reason;
}

/* A name that a FROM gives to what it reads. */
static void
note_reference_name(EcRows *rows, const char *name)
{
	if (strcmp(name, ec_rows_alias(rows)) == 0 ||
		strcmp(name, rows->relation->name) == 0)
		give_reason(rows, psprintf("\"%s\" is also the name of something else that it reads",
								   name));
}

static void
note_source(EcRows *rows, const RangeVar *name)
{
	EcWorld *world = rows->planner->lint.world;
	EcRelation *source = ec_world_find(world, name);
	EcRelation *top = rows->relation;
	List *parents;

	while ((parents = ec_world_parents(world, top)) != NIL)
		top = linitial(parents);
	if (source != NULL && list_member_ptr(ec_world_family(world, top), source))
		give_reason(rows,
					"it reads the table that it writes, so batches would see rows of earlier ones; put the keys of the rows into a table of their own, and select by that");
	note_reference_name(rows, name->alias ? name->alias->aliasname : name->relname);
	if (source == NULL)
		return; /* a WITH, or nothing */
	rows->sources = lappend(rows->sources, source);
	ec_load_facts(world, source);
	if (source->persistence == RELPERSISTENCE_TEMP)
		give_reason(rows, "a background worker sees no temporary tables");
	else if (source->kind == RELKIND_VIEW)
		give_reason(rows, psprintf("the view \"%s\" may read the table that it writes; name the tables instead",
								   source->name));
}

/* Where a row is, and which version of it, changes from batch to batch. */
static bool
is_of_version(EcRows *rows, const char *name)
{
	static const char *const names[] = {"ctid", "xmin", "xmax", "cmin", "cmax"};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(name, names[i]) == 0)
			return ec_find_column(rows->planner->lint.world, rows->relation,
								  name) == NULL;
	}
	return false;
}

/*
 * An alias is replaced by the table's name.  Only parts of the name that stand
 * before the column's are replaced.
 */
static void
look_at_column(EcRows *rows, const ColumnRef *reference)
{
	List *fields = reference->fields;
	const char *alias = ec_rows_alias(rows);
	int token = ec_piece_at(rows->pieces, reference->location);
	int before = list_length(fields) - 1;
	const char *last = ec_rows_column_name((const Node *) reference);

	if (last != NULL && is_of_version(rows, last))
		give_reason(rows, psprintf("\"%s\" changes with each batch", last));
	if (before == 0 && IsA(linitial(fields), String))
	{
		last = strVal(linitial(fields));
		/* a column, or the row itself */
		if (strcmp(last, alias) == 0 &&
			ec_find_column(rows->planner->lint.world, rows->relation, last) == NULL)
		{
			if (ec_find_column(rows->planner->lint.world, rows->relation,
							   rows->relation->name) != NULL)
				give_reason(rows, "a column has the table's name");
			replace(rows, token, quote_identifier(rows->relation->name));
		}
		return;
	}
	if (before == 0)
		return;
	if (before > 2)
	{
		give_reason(rows, "a column's name has too many parts");
		return;
	}
	if (before == 2)
	{
		/* schema.table.column; with an alias the server refuses it */
		if (strcmp(strVal(list_nth(fields, 1)), rows->relation->name) != 0)
			return;
		if (rows->name->alias != NULL)
			give_reason(rows, "it names the table, which has an alias");
		replace(rows, token, "");
		replace(rows, token + 1, "");
		return;
	}
	last = strVal(linitial(fields));
	if (rows->name->alias != NULL && strcmp(last, alias) != 0 &&
		strcmp(last, rows->relation->name) == 0)
		give_reason(rows, "it names the table, which has an alias");
	if (strcmp(last, alias) == 0 && strcmp(alias, rows->relation->name) != 0)
		replace(rows, token, quote_identifier(rows->relation->name));
}

static char *
literal(Oid type, Datum value)
{
	Oid output;
	bool is_varlena;
	int level = ec_pin_output();
	char *text;

	getTypeOutputInfo(type, &output, &is_varlena);
	text = OidOutputFunctionCall(output, value);
	AtEOXact_GUC(false, level);
	return psprintf("%s::%s", quote_literal_cstr(text),
					format_type_extended(type, -1, FORMAT_TYPE_FORCE_QUALIFY));
}

/* NULL: the function does not read the clock. */
static char *
time_of(const SQLValueFunction *function)
{
	int32 typmod = function->typmod;

	switch (function->op)
	{
		case SVFOP_CURRENT_DATE:
			return literal(DATEOID, DateADTGetDatum(GetSQLCurrentDate()));
		case SVFOP_CURRENT_TIME:
		case SVFOP_CURRENT_TIME_N:
			return literal(TIMETZOID,
						   TimeTzADTPGetDatum(GetSQLCurrentTime(typmod)));
		case SVFOP_CURRENT_TIMESTAMP:
		case SVFOP_CURRENT_TIMESTAMP_N:
			return literal(TIMESTAMPTZOID,
						   TimestampTzGetDatum(GetSQLCurrentTimestamp(typmod)));
		case SVFOP_LOCALTIME:
		case SVFOP_LOCALTIME_N:
			return literal(TIMEOID, TimeADTGetDatum(GetSQLLocalTime(typmod)));
		case SVFOP_LOCALTIMESTAMP:
		case SVFOP_LOCALTIMESTAMP_N:
			return literal(TIMESTAMPOID,
						   TimestampGetDatum(GetSQLLocalTimestamp(typmod)));
		default:
			return NULL;
	}
}

/* Replaces the token, and empties those that follow it, up to the end. */
static void
replace_call(EcRows *rows, int token, int end, const char *text)
{
	replace(rows, token, text);
	while (++token < end)
		replace(rows, token, "");
}

static void
look_at_value_function(EcRows *rows, const SQLValueFunction *function)
{
	int token = ec_piece_at(rows->pieces, function->location);
	char *text = time_of(function);
	int end = token + 1;

	if (text == NULL)
		return;
	if (end < rows->pieces->count && rows->pieces->tokens[end].kind == '(')
		end = ec_piece_after_parenthesis(rows->pieces, end);
	replace_call(rows, token, end, text);
}

static bool
is_clock(const FuncCall *call)
{
	const char *name = strVal(llast(call->funcname));
	FuncCandidateList candidate;

	if (call->args != NIL || list_length(call->funcname) > 2 ||
		(strcmp(name, "now") != 0 && strcmp(name, "transaction_timestamp") != 0 &&
		 strcmp(name, "statement_timestamp") != 0))
		return false;
	candidate =
		FuncnameGetCandidates(call->funcname, 0, NIL, false, false, false, true);
	return candidate != NULL && (candidate->oid == F_NOW ||
								 candidate->oid == F_TRANSACTION_TIMESTAMP ||
								 candidate->oid == F_STATEMENT_TIMESTAMP);
}

static void
look_at_call(EcRows *rows, const FuncCall *call)
{
	int token = ec_piece_at(rows->pieces, call->location);
	int open = token;

	if (!is_clock(call))
		return;
	while (open < rows->pieces->count && rows->pieces->tokens[open].kind != '(')
		open++;
	replace_call(rows, token, ec_piece_after_parenthesis(rows->pieces, open),
				 literal(TIMESTAMPTZOID,
						 TimestampTzGetDatum(GetCurrentTransactionStartTimestamp())));
}

static bool
look_at_node(Node *node, void *context)
{
	EcRows *rows = context;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_RangeVar:
			note_source(rows, castNode(RangeVar, node));
			return false;
		case T_Alias:
			note_reference_name(rows, castNode(Alias, node)->aliasname);
			break;
		case T_CommonTableExpr:
			note_reference_name(rows, castNode(CommonTableExpr, node)->ctename);
			break;
		case T_ColumnRef:
			look_at_column(rows, castNode(ColumnRef, node));
			return false;
		case T_SQLValueFunction:
			look_at_value_function(rows, castNode(SQLValueFunction, node));
			return false;
		case T_FuncCall:
			look_at_call(rows, castNode(FuncCall, node));
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, look_at_node, context);
}

void
ec_rows_look_at_names(EcRows *rows)
{
	rows->edits = palloc0((rows->pieces->count + 1) * sizeof(char *));
	(void) look_at_node((Node *) rows->from, rows);
	(void) look_at_node((Node *) rows->targets, rows);
	(void) look_at_node(rows->condition, rows);
}

char *
ec_rows_text(const EcRows *rows, int from, int until)
{
	const EcPieceToken *tokens = rows->pieces->tokens;
	const char *text = rows->pieces->statement->text;
	StringInfoData result;

	initStringInfo(&result);
	for (int i = from; i < until; i++)
	{
		if (i > from)
			appendBinaryStringInfo(&result, text + tokens[i - 1].end,
								   tokens[i].offset - tokens[i - 1].end);
		if (rows->edits[i] != NULL)
			appendStringInfoString(&result, rows->edits[i]);
		else
			appendBinaryStringInfo(&result, text + tokens[i].offset,
								   tokens[i].end - tokens[i].offset);
	}
	return result.data;
}
