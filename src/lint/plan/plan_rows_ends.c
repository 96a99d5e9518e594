/*
 * plan_rows_ends.c
 *		Whether an UPDATE ends when it is done in batches.
 *
 * A row is done when the predicate holds for it no longer.  There are two ways
 * to come to such a predicate.  The condition of the statement is one if the
 * assignments make it false, as SET done = true does with WHERE NOT done.
 * Otherwise it is added that a column differs from its new value; this needs
 * values that are the same in each batch, and that read no assigned column but
 * their own, as lower(mail) does.
 *
 * ec_backfill checks each row that it has written, and fails rather than write
 * a row twice.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

#include "lint/plan/plan_rows.h"

static EcAssigned *
find_assigned(const EcRows *rows, const Node *reference)
{
	char *name = ec_rows_column_name(reference);
	ListCell *cell;

	if (name == NULL || !ec_rows_is_own_column(rows, (const ColumnRef *) reference))
		return NULL;
	foreach (cell, rows->assigned)
	{
		EcAssigned *assigned = lfirst(cell);

		if (strcmp(assigned->name, name) == 0)
			return assigned;
	}
	return NULL;
}

static const A_Const *
constant_of(const Node *node)
{
	while (node != NULL && IsA(node, TypeCast))
		node = castNode(TypeCast, node)->arg;
	return node != NULL && IsA(node, A_Const) ? (const A_Const *) node : NULL;
}

static bool
is_null_constant(const Node *node)
{
	const A_Const *constant = constant_of(node);

	return constant != NULL && constant->isnull;
}

/* The value of a boolean constant, or a string for one: 1, 0; -1: another. */
static int
boolean_of(const Node *node)
{
	const A_Const *constant = constant_of(node);
	bool value;

	if (constant == NULL || constant->isnull)
		return -1;
	if (nodeTag(&constant->val) == T_Boolean)
		return constant->val.boolval.boolval;
	if (nodeTag(&constant->val) == T_String &&
		parse_bool(constant->val.sval.sval, &value))
		return value;
	return -1;
}

static char *
constant_text(const A_Const *constant)
{
	switch (nodeTag(&constant->val))
	{
		case T_Integer:
			return psprintf("%d", constant->val.ival.ival);
		case T_Float:
			return constant->val.fval.fval;
		case T_Boolean:
			return constant->val.boolval.boolval ? "true" : "false";
		case T_String:
			return constant->val.sval.sval;
		default:
			return constant->val.bsval.bsval;
	}
}

/*
 * What differs in case, in blanks at the end or in the form of a number may be
 * the same to the column's type.
 */
static bool
are_different_constants(const Node *one, const Node *other)
{
	const A_Const *first = constant_of(one);
	const A_Const *second = constant_of(other);
	char *texts[2];
	char *ends[2];
	double numbers[2];

	if (first == NULL || second == NULL)
		return false;
	if (first->isnull || second->isnull)
		return true;
	texts[0] = constant_text(first);
	texts[1] = constant_text(second);
	for (int i = 0; i < 2; i++)
	{
		int length = strlen(texts[i]);

		numbers[i] = strtod(texts[i], &ends[i]);
		while (length > 0 && texts[i][length - 1] == ' ')
			length--;
		texts[i] = pnstrdup(texts[i], length);
	}
	if (*ends[0] == '\0' && *ends[1] == '\0')
		return numbers[0] != numbers[1];
	return pg_strcasecmp(texts[0], texts[1]) != 0;
}

static bool
ends_null_test(const EcRows *rows, const NullTest *test)
{
	const EcAssigned *assigned = find_assigned(rows, (Node *) test->arg);

	if (assigned == NULL || assigned->is_part || assigned->value == NULL)
		return false;
	if (test->nulltesttype == IS_NOT_NULL)
		return is_null_constant(assigned->value);
	return constant_of(assigned->value) != NULL &&
		   !is_null_constant(assigned->value);
}

static bool
ends_boolean_test(const EcRows *rows, const BooleanTest *test)
{
	const EcAssigned *assigned = find_assigned(rows, (Node *) test->arg);
	int value;

	if (assigned == NULL || assigned->is_part)
		return false;
	value = boolean_of(assigned->value);
	switch (test->booltesttype)
	{
		case IS_TRUE:
			return value == 0 || is_null_constant(assigned->value);
		case IS_NOT_TRUE:
			return value == 1;
		case IS_FALSE:
			return value == 1 || is_null_constant(assigned->value);
		case IS_NOT_FALSE:
			return value == 0;
		case IS_UNKNOWN:
			return value >= 0;
		default:
			return is_null_constant(assigned->value);
	}
}

/* column = one, IN (one, other), column <> value, IS DISTINCT FROM value */
static bool
ends_comparison(const EcRows *rows, const A_Expr *comparison)
{
	const char *name = strVal(llast(comparison->name));
	Node *other = comparison->rexpr;
	const EcAssigned *assigned = find_assigned(rows, comparison->lexpr);
	ListCell *cell;

	if (assigned == NULL && comparison->kind != AEXPR_IN)
	{
		assigned = find_assigned(rows, comparison->rexpr);
		other = comparison->lexpr;
	}
	if (assigned == NULL || assigned->is_part || assigned->value == NULL)
		return false;
	switch (comparison->kind)
	{
		case AEXPR_OP:
			if (strcmp(name, "=") == 0)
				return are_different_constants(other, assigned->value) ||
					   is_null_constant(assigned->value);
			return (strcmp(name, "<>") == 0 || strcmp(name, "!=") == 0) &&
				   equal(other, assigned->value);
		case AEXPR_DISTINCT:
			return equal(other, assigned->value);
		case AEXPR_NOT_DISTINCT:
			return are_different_constants(other, assigned->value);
		case AEXPR_IN:
			if (strcmp(name, "=") != 0 || !IsA(other, List))
				return false;
			foreach (cell, (List *) other)
				if (!are_different_constants(lfirst(cell), assigned->value))
					return false;
			return true;
		default:
			return false;
	}
}

/* Is the condition false for a row once it is updated? */
static bool
ends(const EcRows *rows, Node *condition)
{
	const EcAssigned *assigned;

	switch (nodeTag(condition))
	{
		case T_NullTest:
			return ends_null_test(rows, castNode(NullTest, condition));
		case T_BooleanTest:
			return ends_boolean_test(rows, castNode(BooleanTest, condition));
		case T_A_Expr:
			return ends_comparison(rows, castNode(A_Expr, condition));
		case T_ColumnRef:
			assigned = find_assigned(rows, condition);
			return assigned != NULL && !assigned->is_part &&
				   assigned->value != NULL &&
				   (boolean_of(assigned->value) == 0 ||
					is_null_constant(assigned->value));
		case T_BoolExpr:
			if (castNode(BoolExpr, condition)->boolop != NOT_EXPR)
				return false;
			assigned =
				find_assigned(rows, linitial(castNode(BoolExpr, condition)->args));
			return assigned != NULL && !assigned->is_part &&
				   assigned->value != NULL &&
				   (boolean_of(assigned->value) == 1 ||
					is_null_constant(assigned->value));
		default:
			return false;
	}
}

static bool
condition_ends(const EcRows *rows)
{
	ListCell *cell;

	foreach (cell, ec_rows_conditions(rows->condition))
		if (ends(rows, lfirst(cell)))
			return true;
	return false;
}

/* WHERE column IS NULL: false as soon as the column has a value. */
static bool
fills_nulls(const EcRows *rows)
{
	ListCell *cell;

	foreach (cell, ec_rows_conditions(rows->condition))
	{
		NullTest *test = lfirst(cell);
		const EcAssigned *assigned;

		if (!IsA(test, NullTest) || test->nulltesttype != IS_NULL)
			continue;
		assigned = find_assigned(rows, (Node *) test->arg);
		if (assigned != NULL && !assigned->is_part && assigned->value != NULL)
			return true;
	}
	return false;
}

typedef struct Reader
{
	const EcRows *rows;
	int depth; /* of sub-selects */
} Reader;

/* In a sub-select an unqualified name may be that of a table there. */
static bool
is_assigned(const Reader *reader, ColumnRef *reference)
{
	ListCell *cell;

	if (reader->depth > 0 || reader->rows->from != NIL ||
		list_length(reference->fields) > 1)
		return find_assigned(reader->rows, (Node *) reference) != NULL;
	foreach (cell, reader->rows->assigned)
	{
		const EcAssigned *assigned = lfirst(cell);

		if (strcmp(assigned->name, strVal(linitial(reference->fields))) == 0)
			return true;
	}
	return false;
}

static bool
reads_assigned(Node *node, void *context)
{
	Reader *reader = context;
	bool found;

	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		ColumnRef *reference = castNode(ColumnRef, node);

		/* the row as a whole, by "*" or by the table's name */
		if (!IsA(llast(reference->fields), String) ||
			(list_length(reference->fields) == 1 &&
			 strcmp(strVal(linitial(reference->fields)),
					ec_rows_alias(reader->rows)) == 0))
			return true;
		return is_assigned(reader, reference);
	}
	reader->depth += IsA(node, SubLink);
	found = raw_expression_tree_walker(node, reads_assigned, context);
	reader->depth -= IsA(node, SubLink);
	return found;
}

/* A function of the server that returns what it is given the second time. */
static bool
is_repeatable_function(const FuncCall *call, bool *changes_case)
{
	static const char *const names[] = {"lower", "upper", "initcap",
										"btrim", "ltrim", "rtrim"};
	const char *name = strVal(llast(call->funcname));

	if (list_length(call->funcname) > 1 &&
		strcmp(strVal(linitial(call->funcname)), "pg_catalog") != 0)
		return false;
	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(names[i], name) != 0)
			continue;
		*changes_case = i < 3;
		return call->args != NIL && call->agg_order == NIL &&
			   call->agg_filter == NULL && call->over == NULL;
	}
	return false;
}

/*
 * Is the value the same if it is computed again from itself?  lower(c), also of
 * blanks trimmed; nullif(lower(c), ''); coalesce(c, 0).  With other characters
 * to trim, or with a second change of the case, it need not be.
 */
static bool
is_repeatable(const EcRows *rows, const EcAssigned *assigned)
{
	Node *node = assigned->value;
	bool has_case = false;

	if (IsA(node, CoalesceExpr))
	{
		List *args = castNode(CoalesceExpr, node)->args;

		for (int i = 1; i < list_length(args); i++)
		{
			if (reads_assigned(list_nth(args, i), &(Reader){rows, 0}))
				return false;
		}
		node = linitial(args);
	}
	else
	{
		if (IsA(node, A_Expr) && castNode(A_Expr, node)->kind == AEXPR_NULLIF &&
			constant_of(castNode(A_Expr, node)->rexpr) != NULL)
			node = castNode(A_Expr, node)->lexpr;
		while (IsA(node, FuncCall))
		{
			const FuncCall *call = castNode(FuncCall, node);
			bool changes_case;

			if (!is_repeatable_function(call, &changes_case) ||
				list_length(call->args) > 1 || (changes_case && has_case))
				return false;
			has_case |= changes_case;
			node = linitial(call->args);
		}
	}
	return find_assigned(rows, node) == assigned;
}

typedef struct Values
{
	bool are_volatile;
	bool are_known;      /* as text, each of its own ... */
	bool are_single;     /* ... or as a DEFAULT */
	bool are_repeatable; /* one reads its own column */
	const char *reader;  /* a column whose value reads an assigned one */
} Values;

static Values
look_at_values(const EcRows *rows)
{
	Values values = {false, true, true, false, NULL};
	ListCell *cell;

	foreach (cell, rows->assigned)
	{
		EcAssigned *assigned = lfirst(cell);

		if (assigned->text == NULL || assigned->is_part)
			values.are_known = false;
		if (assigned->value == NULL)
			continue;
		if (assigned->text == NULL || assigned->is_part)
			values.are_single = false;
		if (ec_lint_is_volatile(rows->planner->lint.world, assigned->value))
			values.are_volatile = true;
		if (!assigned->is_part &&
			!reads_assigned(assigned->value, &(Reader){rows, 0}))
			continue;
		if (!assigned->is_part && is_repeatable(rows, assigned))
			values.are_repeatable = true;
		else
			values.reader = assigned->name;
	}
	return values;
}

/* "a column differs from its new value", as ec_backfill writes it */
static char *
differs(const EcRows *rows)
{
	const char *table = quote_identifier(rows->relation->name);
	StringInfoData sql;
	ListCell *cell;

	initStringInfo(&sql);
	foreach (cell, rows->assigned)
	{
		const EcAssigned *assigned = lfirst(cell);
		const EcColumn *column = assigned->column;
		const char *name = quote_identifier(assigned->name);

		if (sql.len > 0)
			appendStringInfoString(&sql, " OR ");
		if (column != NULL && OidIsValid(column->type))
			appendStringInfo(&sql, "expand_contract.differs(%s.%s, CAST(%s AS %s))",
							 table, name, assigned->text,
							 format_type_extended(column->type, column->typmod,
												  FORMAT_TYPE_TYPEMOD_GIVEN |
													  FORMAT_TYPE_FORCE_QUALIFY));
		else
			appendStringInfo(&sql, "%s.%s IS DISTINCT FROM (%s)", table, name,
							 assigned->text);
	}
	return list_length(rows->assigned) > 1 ? psprintf("(%s)", sql.data) : sql.data;
}

char *
ec_rows_predicate(EcRows *rows, const char *condition)
{
	Values values = look_at_values(rows);

	if (condition != NULL && condition_ends(rows))
		return pstrdup(condition);
	if (values.are_volatile && !(values.reader == NULL && fills_nulls(rows)))
		rows->reason =
			"a value is volatile, so nothing tells which rows are done; add a condition that the update makes false, as in \"WHERE token IS NULL\"";
	else if (values.are_volatile)
		return pstrdup(condition);
	else if (values.reader != NULL && !fills_nulls(rows))
		rows->reason =
			psprintf("the value of \"%s\" reads a column that is assigned, so nothing tells which rows are done; add a column that says so, as in \"SET n = n + 1, done = true WHERE NOT done\"",
					 values.reader);
	else if (condition == NULL && rows->from == NIL && values.reader == NULL &&
			 !values.are_repeatable && values.are_single)
		return NULL; /* ec_backfill compares by itself */
	else if (!values.are_known)
		rows->reason =
			"a value cannot be compared with its column; add a condition that the update makes false";
	else
		return condition == NULL
				   ? differs(rows)
				   : psprintf("(%s) AND %s", condition, differs(rows));
	return NULL;
}
