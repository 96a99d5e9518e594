/*
 * lint_advice.c
 *		Findings about style, reported only on request.
 */
#include "postgres.h"

#include "lint/lint_advice.h"

static const char *
last_name(const TypeName *type)
{
	return type->names == NIL ? "" : strVal(llast(type->names));
}

static bool
is_one_of(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
	{
		if (strcmp(name, *names) == 0)
			return true;
	}
	return false;
}

static bool
is_primary(const ColumnDef *column)
{
	ListCell *cell;

	foreach (cell, column->constraints)
	{
		if (lfirst_node(Constraint, cell)->contype == CONSTR_PRIMARY)
			return true;
	}
	return false;
}

static void
advise(EcLint *lint, const char *rule, EcRelation *relation, const char *what)
{
	/* also for tables that the script creates */
	EcFinding *finding =
		ec_lint_add(lint, rule, ec_is_new(relation) ? NULL : relation);

	if (what != NULL)
		ec_lint_explain(finding, ": %s", what);
}

static void
advise_column(EcLint *lint, EcRelation *relation, const ColumnDef *column)
{
	static const char *const serials[] = {"smallserial", "serial2",   "serial",
										  "serial4",     "bigserial", "serial8",
										  NULL};
	static const char *const short_keys[] = {"smallserial", "serial2", "serial",
											 "serial4",     "int2",    "int4",
											 "smallint",    "integer", "int",
											 NULL};
	static const char *const limited[] = {"varchar", "bpchar", "char", NULL};
	const char *type;

	if (column->typeName == NULL)
		return;
	type = last_name(column->typeName);
	if (is_primary(column) && is_one_of(type, short_keys))
		advise(lint, "prefer_bigint", relation, column->colname);
	if (is_one_of(type, serials))
		advise(lint, "prefer_identity", relation, column->colname);
	if (is_one_of(type, limited) && column->typeName->typmods != NIL)
		advise(lint, "prefer_text", relation, column->colname);
	if (strcmp(type, "timestamp") == 0)
		advise(lint, "prefer_timestamptz", relation, column->colname);
	if (strcmp(type, "json") == 0)
		advise(lint, "prefer_jsonb", relation, column->colname);
}

static bool
alters_same_table(const EcStatement *previous, const AlterTableStmt *stmt)
{
	const RangeVar *one;
	const RangeVar *other = stmt->relation;

	if (previous == NULL || !IsA(previous->node, AlterTableStmt))
		return false;
	one = castNode(AlterTableStmt, previous->node)->relation;
	return strcmp(one->relname, other->relname) == 0 &&
		   (one->schemaname == NULL) == (other->schemaname == NULL) &&
		   (one->schemaname == NULL ||
			strcmp(one->schemaname, other->schemaname) == 0);
}

/* what a worker would have to repeat after a crash */
static bool
is_repeatable(Node *node)
{
	switch (nodeTag(node))
	{
		case T_CreateStmt:
			return castNode(CreateStmt, node)->if_not_exists;
		case T_IndexStmt:
			return castNode(IndexStmt, node)->if_not_exists;
		case T_CreateSeqStmt:
			return castNode(CreateSeqStmt, node)->if_not_exists;
		case T_CreateSchemaStmt:
			return castNode(CreateSchemaStmt, node)->if_not_exists;
		case T_DropStmt:
			return castNode(DropStmt, node)->missing_ok;
		default:
			return true;
	}
}

void
ec_lint_advise(EcLint *lint, const EcStatement *previous)
{
	Node *node = lint->statement->node;
	ListCell *cell;

	if (lint->is_mixed && !is_repeatable(node))
		advise(lint, "prefer_robust", NULL, NULL);
	if (IsA(node, CreateStmt))
		foreach (cell, castNode(CreateStmt, node)->tableElts)
		{
			if (IsA(lfirst(cell), ColumnDef))
				advise_column(lint, NULL, lfirst_node(ColumnDef, cell));
		}
	else if (IsA(node, AlterTableStmt))
	{
		AlterTableStmt *stmt = castNode(AlterTableStmt, node);
		EcRelation *relation = ec_world_find(lint->world, stmt->relation);

		if (!lint->is_mixed && alters_same_table(previous, stmt))
			advise(lint, "combine_alters", relation, NULL);
		foreach (cell, stmt->cmds)
		{
			AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

			if (command->subtype == AT_AddColumn)
				advise_column(lint, relation, castNode(ColumnDef, command->def));
		}
	}
	else if (IsA(node, AlterEnumStmt) &&
			 castNode(AlterEnumStmt, node)->oldVal == NULL &&
			 castNode(AlterEnumStmt, node)->newValNeighbor == NULL)
		advise(lint, "enum_order", NULL, NULL);
}
