/*
 * lint_rows.c
 *		The lint's rules for statements that read and write rows.
 *
 * The plan that the server will choose is not known.  A table counts as
 * scanned completely unless a condition compares the first column of one of
 * its indexes.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"

#include "core/hint.h"
#include "lint/lint_rows.h"

static bool
is_true(Node *condition)
{
	if (condition == NULL)
		return true;
	if (IsA(condition, A_Const))
	{
		A_Const *constant = castNode(A_Const, condition);

		return !constant->isnull && nodeTag(&constant->val) == T_Boolean &&
			   constant->val.boolval.boolval;
	}
	/* true before 15's parser knew the constant, and 1 = 1 */
	if (IsA(condition, TypeCast))
		return false;
	if (IsA(condition, A_Expr))
	{
		A_Expr *comparison = castNode(A_Expr, condition);

		return comparison->kind == AEXPR_OP && comparison->lexpr != NULL &&
			   IsA(comparison->lexpr, A_Const) && IsA(comparison->rexpr, A_Const) &&
			   strcmp(strVal(llast(comparison->name)), "=") == 0 &&
			   equal(comparison->lexpr, comparison->rexpr);
	}
	return false;
}

typedef struct Search
{
	EcLint *lint;
	EcRelation *relation;
	bool found;

	/* for is_limited: the table's name, and whether there are others */
	const RangeVar *name;
	bool has_others;
} Search;

static bool
begins_index(Search *search, Node *node)
{
	EcColumn *column;
	ListCell *cell;

	if (node == NULL || !IsA(node, ColumnRef) ||
		!IsA(llast(castNode(ColumnRef, node)->fields), String))
		return false;
	column = ec_find_column(search->lint->world, search->relation,
							strVal(llast(castNode(ColumnRef, node)->fields)));
	if (column == NULL)
		return false;
	foreach (cell, search->relation->indexes)
	{
		EcIndex *index = lfirst(cell);

		if (index->keys != NIL && linitial_int(index->keys) == column->number)
			return true;
	}
	return false;
}

static bool
look_for_key(Node *node, void *context)
{
	Search *search = context;

	if (node == NULL || search->found)
		return false;
	if (IsA(node, A_Expr))
	{
		A_Expr *comparison = castNode(A_Expr, node);

		search->found |= begins_index(search, comparison->lexpr) ||
						 begins_index(search, comparison->rexpr);
	}
	return raw_expression_tree_walker(node, look_for_key, context);
}

static bool
is_read_as_a_whole(EcLint *lint, EcRelation *relation, Node *condition)
{
	Search search = {lint, relation, false};

	if (is_true(condition))
		return true;
	(void) look_for_key(condition, &search);
	return !search.found;
}

static bool
reads_rows(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef) || IsA(node, SubLink))
		return true;
	return raw_expression_tree_walker(node, reads_rows, context);
}

/* Is it a column of the table that is written, and the first one of an index? */
static bool
leads_to_rows(Search *search, Node *node)
{
	const RangeVar *name = search->name;
	List *fields;

	if (node == NULL || !IsA(node, ColumnRef))
		return false;
	fields = castNode(ColumnRef, node)->fields;
	if (list_length(fields) == 1)
		return !search->has_others && begins_index(search, node);
	return strcmp(strVal(list_nth(fields, list_length(fields) - 2)),
				  name->alias ? name->alias->aliasname : name->relname) == 0 &&
		   begins_index(search, node);
}

/* An index finds the rows by a value, or by a list or range of values. */
static bool
limits_by_index(Search *search, A_Expr *comparison)
{
	switch (comparison->kind)
	{
		case AEXPR_OP:
		case AEXPR_OP_ANY:
		case AEXPR_NOT_DISTINCT:
			if (strcmp(strVal(llast(comparison->name)), "=") != 0)
				return false;
			return (leads_to_rows(search, comparison->lexpr) &&
					!reads_rows(comparison->rexpr, NULL)) ||
				   (leads_to_rows(search, comparison->rexpr) &&
					!reads_rows(comparison->lexpr, NULL));
		case AEXPR_IN:
			if (strcmp(strVal(llast(comparison->name)), "=") != 0)
				return false;
			/* FALLTHROUGH */
		case AEXPR_BETWEEN:
		case AEXPR_BETWEEN_SYM:
			return leads_to_rows(search, comparison->lexpr) &&
				   !reads_rows(comparison->rexpr, NULL);
		default:
			return false;
	}
}

/* Does the condition limit the statement to a part of the table? */
static bool
is_limited(Search *search, Node *condition)
{
	BoolExpr *conditions = (BoolExpr *) condition;
	bool any = false;
	bool all = true;
	ListCell *cell;

	if (condition == NULL)
		return false;
	if (IsA(condition, CurrentOfExpr))
		return true;
	if (IsA(condition, A_Expr))
		return limits_by_index(search, castNode(A_Expr, condition));
	if (!IsA(condition, BoolExpr) || conditions->boolop == NOT_EXPR)
		return false;
	foreach (cell, conditions->args)
	{
		bool limited = is_limited(search, lfirst(cell));

		any |= limited;
		all &= limited;
	}
	return conditions->boolop == AND_EXPR ? any : all;
}

static void
lint_written(EcLint *lint, const RangeVar *name, Node *condition,
			 bool has_others, const char *rule)
{
	EcRelation *relation = ec_world_find(lint->world, name);
	List *family;
	EcFinding *finding;

	if (relation == NULL)
	{
		if (is_true(condition) && !has_others)
			(void) ec_lint_add_missing(lint, rule, RowExclusiveLock, false, true);
		return;
	}
	family = name->inh ? ec_world_family(lint->world, relation)
					   : list_make1(relation);
	ec_load_facts(lint->world, relation);
	if ((!is_true(condition) || has_others) &&
		(is_limited(&(Search){lint, relation, false, name, has_others}, condition) ||
		 ec_lint_is_small(family)))
	{
		ec_lint_effects(lint, family, RowExclusiveLock, false,
						is_read_as_a_whole(lint, relation, condition));
		return;
	}
	finding = ec_lint_stop(lint, rule, family, RowExclusiveLock, false,
						   is_true(condition) ||
							   is_read_as_a_whole(lint, relation, condition));
	if (!is_true(condition) || has_others)
		ec_lint_explain(finding, ", for which its condition holds");
}

static void
lint_read(EcLint *lint, Node *from, Node *condition)
{
	EcRelation *relation;

	if (IsA(from, JoinExpr))
	{
		lint_read(lint, castNode(JoinExpr, from)->larg, condition);
		lint_read(lint, castNode(JoinExpr, from)->rarg, condition);
		return;
	}
	if (!IsA(from, RangeVar))
		return;
	relation = ec_world_find(lint->world, castNode(RangeVar, from));
	if (relation == NULL)
		return;
	ec_load_facts(lint->world, relation);
	ec_lint_effects(lint, ec_world_family(lint->world, relation), AccessShareLock,
					false, is_read_as_a_whole(lint, relation, condition));
}

static void
lint_select(EcLint *lint, SelectStmt *stmt)
{
	ListCell *cell;

	if (stmt->op != SETOP_NONE)
	{
		lint_select(lint, stmt->larg);
		lint_select(lint, stmt->rarg);
		return;
	}
	foreach (cell, stmt->fromClause)
	{
		/* A LIMIT may end a scan early. */
		if (stmt->limitCount == NULL)
			lint_read(lint, lfirst(cell), stmt->whereClause);
	}
}

static void
lint_with(EcLint *lint, WithClause *with)
{
	ListCell *cell;

	if (with == NULL)
		return;
	foreach (cell, with->ctes)
	{
		(void) ec_lint_rows(lint, castNode(CommonTableExpr, lfirst(cell))->ctequery);
	}
}

static void
lint_table_as(EcLint *lint, CreateTableAsStmt *stmt)
{
	if (stmt->if_not_exists && ec_world_find(lint->world, stmt->into->rel) != NULL)
		return;
	(void) ec_lint_rows(lint, stmt->query);
	(void) ec_world_create(lint->world, stmt->into->rel,
						   stmt->objtype == OBJECT_MATVIEW ? RELKIND_MATVIEW
														   : RELKIND_RELATION);
}

bool
ec_lint_rows(EcLint *lint, Node *node)
{
	switch (nodeTag(node))
	{
		case T_UpdateStmt:
		{
			UpdateStmt *stmt = castNode(UpdateStmt, node);

			lint_with(lint, stmt->withClause);
			lint_written(lint, stmt->relation, stmt->whereClause,
						 stmt->fromClause != NIL, "update_all");
			return true;
		}
		case T_DeleteStmt:
		{
			DeleteStmt *stmt = castNode(DeleteStmt, node);

			lint_with(lint, stmt->withClause);
			lint_written(lint, stmt->relation, stmt->whereClause,
						 stmt->usingClause != NIL, "delete_all");
			return true;
		}
		case T_InsertStmt:
		{
			InsertStmt *stmt = castNode(InsertStmt, node);

			lint_with(lint, stmt->withClause);
			if (stmt->selectStmt != NULL)
				(void) ec_lint_rows(lint, stmt->selectStmt);
			ec_lint_effect(lint, ec_world_find(lint->world, stmt->relation),
						   RowExclusiveLock, false, false);
			return true;
		}
		case T_MergeStmt:
		{
			MergeStmt *stmt = castNode(MergeStmt, node);

			lint_with(lint, stmt->withClause);
			if (stmt->sourceRelation != NULL)
				lint_read(lint, stmt->sourceRelation, NULL);
			ec_lint_effect(lint, ec_world_find(lint->world, stmt->relation),
						   RowExclusiveLock, false, false);
			return true;
		}
		case T_SelectStmt:
		{
			SelectStmt *stmt = castNode(SelectStmt, node);

			ec_world_set_config(lint->world, node);
			lint_with(lint, stmt->withClause);
			lint_select(lint, stmt);
			if (stmt->intoClause != NULL)
				(void) ec_world_create(lint->world, stmt->intoClause->rel,
									   RELKIND_RELATION);
			return true;
		}
		case T_CreateTableAsStmt:
			lint_table_as(lint, castNode(CreateTableAsStmt, node));
			return true;
		default:
			return false;
	}
}
