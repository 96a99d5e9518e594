/*
 * lint_statement.c
 *		The lint's rule for each kind of statement; here those that create and
 *		lock tables and rewrite them as a whole.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"

#include "lint/lint_object.h"
#include "lint/lint_rows.h"
#include "lint/lint_rules.h"

static void
lint_rewriting(EcLint *lint, const RangeVar *name, const char *recipe)
{
	EcRelation *relation = ec_world_find(lint->world, name);
	EcFinding *finding;

	if (name != NULL && relation != NULL)
		finding = ec_lint_stop(lint, "rewrite_table",
							   ec_world_partitions(lint->world, relation),
							   AccessExclusiveLock, true, true);
	else
	{
		finding = name != NULL
					  ? ec_lint_add_missing(lint, "rewrite_table",
											AccessExclusiveLock, true, true)
					  : ec_lint_add(lint, "rewrite_table", NULL);
		finding->lock = AccessExclusiveLock;
		finding->rewrites = true;
		finding->scans = true;
	}
	if (recipe != NULL)
		finding->recipe = pstrdup(recipe);
}

static void
lint_vacuum(EcLint *lint, VacuumStmt *stmt)
{
	bool is_full = stmt->is_vacuumcmd && ec_option_is_set(stmt->options, "full");
	ListCell *cell;

	if (is_full && stmt->rels == NIL)
		lint_rewriting(lint, NULL, "VACUUM;");
	foreach (cell, stmt->rels)
	{
		RangeVar *name = lfirst_node(VacuumRelation, cell)->relation;

		if (is_full)
			lint_rewriting(lint, name, psprintf("VACUUM %s;", ec_lint_name(name)));
		else
		{
			EcRelation *relation = ec_world_find(lint->world, name);

			/* ANALYZE reads a sample only.  Since version 18 there is ONLY. */
			if (relation != NULL)
				ec_lint_effects(lint,
								(PG_VERSION_NUM >= 180000
									 ? name->inh
									 : relation->kind == RELKIND_PARTITIONED_TABLE)
									? ec_world_family(lint->world, relation)
									: list_make1(relation),
								ShareUpdateExclusiveLock, false, false);
		}
	}
}

static void
lint_refresh(EcLint *lint, RefreshMatViewStmt *stmt)
{
	EcRelation *relation = ec_world_find(lint->world, stmt->relation);

	if (stmt->concurrent)
	{
		/* readers go on, and nobody else writes to it */
		ec_lint_effect(lint, relation, ExclusiveLock, false, true);
		return;
	}
	if (relation == NULL)
		(void) ec_lint_add_missing(lint, "refresh", AccessExclusiveLock, true,
								   false);
	else
		(void) ec_lint_stop(lint, "refresh", list_make1(relation),
							AccessExclusiveLock, true, false);
}

/*
 * Foreign keys lock the existing tables to which they refer, for a short time.
 */
static void
lint_keys_of_new(EcLint *lint, EcRelation *relation, List *elements)
{
	ListCell *cell;

	ec_lint_merge_attributes(elements);
	foreach (cell, elements)
	{
		Node *element = lfirst(cell);
		Constraint *constraint;

		if (IsA(element, ColumnDef))
		{
			lint_keys_of_new(lint, relation,
							 castNode(ColumnDef, element)->constraints);
			continue;
		}
		if (!IsA(element, Constraint))
			continue;
		constraint = castNode(Constraint, element);
		if (constraint->contype == CONSTR_FOREIGN)
			ec_lint_foreign_key(lint, relation, constraint, constraint->fk_attrs,
								false, ShareRowExclusiveLock);
	}
}

static void
lint_create(EcLint *lint, CreateStmt *stmt, char kind)
{
	EcRelation *relation;
	ListCell *cell;

	if (stmt->if_not_exists && ec_world_find(lint->world, stmt->relation) != NULL)
		return;
	if (stmt->partspec != NULL)
		kind = RELKIND_PARTITIONED_TABLE;
	relation = ec_world_create(lint->world, stmt->relation, kind);
	foreach (cell, stmt->inhRelations)
	{
		EcRelation *parent =
			ec_world_find(lint->world, lfirst_node(RangeVar, cell));

		if (parent == NULL)
			continue;
		if (stmt->partbound != NULL)
			ec_lint_new_partition(lint, parent, stmt->partbound);
		else
			ec_lint_effect(lint, parent, ShareUpdateExclusiveLock, false, false);
		parent->new_children = lappend(parent->new_children, relation);
	}
	lint_keys_of_new(lint, relation, stmt->tableElts);
}

static void
create_unless_there(EcLint *lint, const RangeVar *name, char kind, bool if_not_exists)
{
	if (!if_not_exists || ec_world_find(lint->world, name) == NULL)
		(void) ec_world_create(lint->world, name, kind);
}

static void
lint_schema(EcLint *lint, CreateSchemaStmt *stmt)
{
	const char *name = stmt->schemaname ? stmt->schemaname
					   : stmt->authrole ? stmt->authrole->rolename
										: NULL;
	ListCell *cell;

	if (name == NULL ||
		(stmt->if_not_exists && OidIsValid(get_namespace_oid(name, true))))
		return;
	ec_world_create_object(lint->world, 's', NULL, name);
	foreach (cell, stmt->schemaElts)
	{
		Node *element = lfirst(cell);
		RangeVar *made = NULL;

		if (IsA(element, CreateStmt))
			made = castNode(CreateStmt, element)->relation;
		else if (IsA(element, ViewStmt))
			made = castNode(ViewStmt, element)->view;
		else if (IsA(element, CreateSeqStmt))
			made = castNode(CreateSeqStmt, element)->sequence;
		if (made == NULL)
			continue;
		made = copyObject(made);
		made->schemaname = pstrdup(name);
		(void) ec_world_create(lint->world, made, RELKIND_RELATION);
	}
}

static void
lint_view(EcLint *lint, ViewStmt *stmt)
{
	EcRelation *present = ec_world_find(lint->world, stmt->view);

	if (stmt->replace && present != NULL)
		ec_lint_effect(lint, present, AccessExclusiveLock, false, false);
	else
		(void) ec_world_create(lint->world, stmt->view, RELKIND_VIEW);
}

static void
lint_lock(EcLint *lint, LockStmt *stmt)
{
	ListCell *cell;

	foreach (cell, stmt->relations)
	{
		RangeVar *name = lfirst_node(RangeVar, cell);
		EcRelation *relation = ec_world_find(lint->world, name);
		List *family;
		EcFinding *finding;

		if (relation == NULL)
		{
			if (stmt->mode >= ShareLock)
				(void) ec_lint_add_missing(lint, "lock_table", stmt->mode,
										   false, false);
			continue;
		}
		family = name->inh ? ec_world_family(lint->world, relation)
						   : list_make1(relation);
		ec_lint_effects(lint, family, stmt->mode, false, false);
		if (stmt->mode < ShareLock)
			continue;
		finding = ec_lint_add(lint, "lock_table", relation);
		finding->lock = stmt->mode;
	}
}

/* The statement that follows the settings in the same way as it would run. */
void
ec_lint_statement(EcLint *lint)
{
	Node *node = lint->statement->node;
	const char *command;

	if (ec_statement_kind(lint->statement, &command) == EC_STATEMENT_FORBIDDEN)
	{
		(void) ec_lint_add(lint, "not_in_script", NULL);
		return;
	}
	if (ec_lint_rows(lint, node) || ec_lint_object(lint, node))
		return;
	switch (nodeTag(node))
	{
		case T_VariableSetStmt:
			ec_world_set(lint->world, castNode(VariableSetStmt, node));
			break;
		case T_CreateStmt:
			lint_create(lint, castNode(CreateStmt, node), RELKIND_RELATION);
			break;
		case T_CreateForeignTableStmt:
			lint_create(lint, &castNode(CreateForeignTableStmt, node)->base,
						RELKIND_FOREIGN_TABLE);
			break;
		case T_CreateSeqStmt:
			create_unless_there(lint, castNode(CreateSeqStmt, node)->sequence,
								RELKIND_SEQUENCE,
								castNode(CreateSeqStmt, node)->if_not_exists);
			break;
		case T_CreateSchemaStmt:
			lint_schema(lint, castNode(CreateSchemaStmt, node));
			break;
		case T_ViewStmt:
			lint_view(lint, castNode(ViewStmt, node));
			break;
		case T_DropStmt:
			ec_lint_drop(lint, castNode(DropStmt, node));
			break;
		case T_DropOwnedStmt:
			ec_lint_drop_owned(lint, castNode(DropOwnedStmt, node));
			break;
		case T_ReassignOwnedStmt:
			ec_lint_reassign_owned(lint, castNode(ReassignOwnedStmt, node));
			break;
		case T_RenameStmt:
			ec_lint_rename(lint, castNode(RenameStmt, node));
			break;
		case T_AlterObjectSchemaStmt:
			ec_lint_set_schema(lint, castNode(AlterObjectSchemaStmt, node));
			break;
		case T_AlterEnumStmt:
			if (castNode(AlterEnumStmt, node)->oldVal != NULL)
				(void) ec_lint_add(lint, "rename_value", NULL);
			break;
		case T_TruncateStmt:
			ec_lint_truncate(lint, castNode(TruncateStmt, node));
			break;
		case T_AlterTableStmt:
			ec_lint_alter_table(lint, castNode(AlterTableStmt, node));
			break;
		case T_AlterTableMoveAllStmt:
			ec_lint_move_all(lint, castNode(AlterTableMoveAllStmt, node));
			break;
		case T_IndexStmt:
			ec_lint_index(lint, castNode(IndexStmt, node));
			break;
		case T_ReindexStmt:
			ec_lint_reindex(lint, castNode(ReindexStmt, node));
			break;
		case T_VacuumStmt:
			lint_vacuum(lint, castNode(VacuumStmt, node));
			break;
		case T_ClusterStmt:
			lint_rewriting(lint, castNode(ClusterStmt, node)->relation, NULL);
			break;
		case T_RefreshMatViewStmt:
			lint_refresh(lint, castNode(RefreshMatViewStmt, node));
			break;
		case T_LockStmt:
			lint_lock(lint, castNode(LockStmt, node));
			break;
		default:
			break;
	}
}
