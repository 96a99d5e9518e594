/*
 * safe.c
 *		Tells which expressions can fail, and runs what may fail.
 */
#include "postgres.h"

#include "access/xact.h"
#include "nodes/nodeFuncs.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "core/subtransaction.h"
#include "dualwrite/safe.h"

/*
 * True for server functions that never fail.  The list covers what is common
 * in mappings and need not be complete: any other function only costs a
 * subtransaction per row.
 */
static bool
is_total_function(Oid function)
{
	switch (function)
	{
		case F_LOWER_TEXT:
		case F_UPPER_TEXT:
		case F_INITCAP:
		case F_BTRIM_TEXT:
		case F_LTRIM_TEXT:
		case F_RTRIM_TEXT:
		case F_LENGTH_TEXT:
		case F_TEXTCAT:
		case F_TEXTEQ:
		case F_TEXTNE:
		case F_TEXT_BPCHAR:
		case F_INT4_INT2:
		case F_INT8_INT2:
		case F_INT8_INT4:
		case F_FLOAT8_INT2:
		case F_FLOAT8_INT4:
		case F_FLOAT8_FLOAT4:
		case F_NUMERIC_INT2:
		case F_NUMERIC_INT4:
		case F_NUMERIC_INT8:
		case F_INT2EQ:
		case F_INT2NE:
		case F_INT2LT:
		case F_INT2GT:
		case F_INT2LE:
		case F_INT2GE:
		case F_INT4EQ:
		case F_INT4NE:
		case F_INT4LT:
		case F_INT4GT:
		case F_INT4LE:
		case F_INT4GE:
		case F_INT8EQ:
		case F_INT8NE:
		case F_INT8LT:
		case F_INT8GT:
		case F_INT8LE:
		case F_INT8GE:
		case F_INT84EQ:
		case F_INT84NE:
		case F_INT84LT:
		case F_INT84GT:
		case F_INT84LE:
		case F_INT84GE:
		case F_BOOLEQ:
		case F_BOOLNE:
			return true;
		default:
			return false;
	}
}

static bool
is_other_function(Oid function, void *context)
{
	return !is_total_function(function);
}

/* A function that needs a collation fails if none can be derived. */
static bool
lacks_collation(Node *node)
{
	List *arguments;
	ListCell *cell;

	if (IsA(node, FuncExpr))
		arguments = ((FuncExpr *) node)->args;
	else if (IsA(node, OpExpr) || IsA(node, DistinctExpr))
		arguments = ((OpExpr *) node)->args;
	else
		return false;
	foreach (cell, arguments)
	{
		if (OidIsValid(get_typcollation(exprType(lfirst(cell)))) &&
			!OidIsValid(exprInputCollation(node)))
			return true;
	}
	return false;
}

static bool
can_fail_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_List:
		case T_RelabelType:
		case T_CoalesceExpr:
		case T_NullTest:
		case T_BooleanTest:
		case T_BoolExpr:
		case T_CaseExpr:
		case T_CaseWhen:
		case T_CaseTestExpr:
			break;
		case T_FuncExpr:
		case T_OpExpr:
		case T_DistinctExpr:
			if (check_functions_in_node(node, is_other_function, NULL) ||
				lacks_collation(node))
				return true;
			break;
		default:
			return true;
	}
	return expression_tree_walker(node, can_fail_walker, context);
}

bool
ec_can_fail(Node *expression)
{
	return can_fail_walker(expression, NULL);
}

ErrorData *
ec_try(void (*work)(void *arg), void *arg)
{
	ErrorData *error = ec_subtransaction(work, arg);

	if (error != NULL && !ec_may_swallow(error))
		ReThrowError(error);
	return error;
}
