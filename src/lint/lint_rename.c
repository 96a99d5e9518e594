/*
 * lint_rename.c
 *		The lint's rules for ALTER ... RENAME and ALTER ... SET SCHEMA.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "lint/lint_object.h"
#include "lint/lint_rules.h"

/*
 * Renaming an object of any other type breaks no statement of an application.
 */
static const char *
rename_rule(ObjectType type)
{
	switch (type)
	{
		case OBJECT_COLUMN:
		case OBJECT_ATTRIBUTE:
			return "rename_column";
		case OBJECT_TABLE:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_SEQUENCE:
			return "rename_table";
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
		case OBJECT_AGGREGATE:
			return "rename_function";
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			return "rename_type";
		case OBJECT_SCHEMA:
			return "rename_schema";
		default:
			return NULL;
	}
}

static void
rename_column(EcLint *lint, EcRelation *relation, RenameStmt *stmt)
{
	List *family = stmt->relation->inh ? ec_world_family(lint->world, relation)
									   : list_make1(relation);
	EcColumn *column = ec_find_column(lint->world, relation, stmt->subname);
	ListCell *cell;

	ec_lint_effects(lint, family, AccessExclusiveLock, false, false);
	if (relation->kind == RELKIND_COMPOSITE_TYPE && !ec_is_new(relation))
		ec_lint_effects(lint,
						ec_lint_tables_of_type(lint, get_rel_type_id(relation->oid),
											   true),
						AccessExclusiveLock, false, false);
	if (column == NULL || !column->is_new)
		ec_lint_add(lint, "rename_column", relation)->lock = AccessExclusiveLock;
	foreach (cell, family)
	{
		column = ec_find_column(lint->world, lfirst(cell), stmt->subname);
		if (column != NULL)
			column->name = pstrdup(stmt->newname);
	}
}

static void
rename_constraint(EcLint *lint, EcRelation *relation, RenameStmt *stmt)
{
	ListCell *cell;

	foreach (cell, ec_world_family(lint->world, relation))
	{
		EcConstraint *constraint =
			ec_find_constraint(lint->world, lfirst(cell), stmt->subname);

		if (constraint == NULL)
			continue;
		ec_lint_effect(lint, lfirst(cell), AccessExclusiveLock, false, false);
		constraint->name = pstrdup(stmt->newname);
	}
}

static bool
is_own_object(EcLint *lint, ObjectType type, Node *object)
{
	if (object == NULL)
		return false;
	if (IsA(object, ObjectWithArgs))
		return ec_lint_is_own_object(lint, 'f',
									 castNode(ObjectWithArgs, object)->objname);
	if (type == OBJECT_TYPE || type == OBJECT_DOMAIN)
		return ec_lint_is_own_object(lint, 't', (List *) object);
	return false;
}

/* Later statements use the new name. */
static void
rename_object(EcLint *lint, RenameStmt *stmt)
{
	TypeName *name;
	EcObject *own;
	EcObject *renamed;
	Type type;

	if (stmt->renameType == OBJECT_SCHEMA)
		ec_world_rename_schema(lint->world, stmt->subname, stmt->newname);
	if (stmt->renameType != OBJECT_TYPE && stmt->renameType != OBJECT_DOMAIN)
		return;
	name = makeTypeNameFromNameList((List *) stmt->object);
	own = ec_lint_own_type(lint->world, name);
	type = ec_lint_find_type(lint->world, name, NULL);
	renamed = ec_world_create_object(lint->world, 't', NULL, stmt->newname);
	if (own != NULL)
		*renamed = *own;
	if (type != NULL)
	{
		renamed->oid = typeTypeId(type);
		ReleaseSysCache(type);
	}
}

void
ec_lint_rename(EcLint *lint, RenameStmt *stmt)
{
	const char *rule = rename_rule(stmt->renameType);
	EcRelation *relation = ec_world_find(lint->world, stmt->relation);

	if (stmt->relation != NULL && relation == NULL)
	{
		if (rule != NULL && !stmt->missing_ok)
			(void) ec_lint_add(lint, rule, NULL);
		return;
	}
	if (relation == NULL)
	{
		if (rule != NULL && !is_own_object(lint, stmt->renameType, stmt->object) &&
			!(stmt->renameType == OBJECT_SCHEMA &&
			  ec_world_is_new_object(lint->world, 's', NULL, stmt->subname)))
			(void) ec_lint_add(lint, rule, NULL);
		rename_object(lint, stmt);
		return;
	}
	if (stmt->renameType == OBJECT_COLUMN || stmt->renameType == OBJECT_ATTRIBUTE)
	{
		rename_column(lint, relation, stmt);
		return;
	}
	if (stmt->renameType == OBJECT_TABCONSTRAINT)
	{
		rename_constraint(lint, relation, stmt);
		return;
	}
	if (stmt->renameType == OBJECT_INDEX || relation->kind == RELKIND_INDEX)
	{
		EcRelation *table = ec_lint_table_of_index(lint, relation);
		EcIndex *index =
			table ? ec_find_index(lint->world, table, relation->name) : NULL;

		if (index != NULL)
			index->name = pstrdup(stmt->newname);
	}
	else
	{
		ec_lint_effect(lint, relation, AccessExclusiveLock, false, false);
		if (rule != NULL)
			ec_lint_add(lint, rule, relation)->lock = AccessExclusiveLock;
		else if (stmt->renameType != OBJECT_TRIGGER &&
				 stmt->renameType != OBJECT_POLICY && stmt->renameType != OBJECT_RULE)
			return;
	}
	if (stmt->renameType != OBJECT_TRIGGER &&
		stmt->renameType != OBJECT_POLICY && stmt->renameType != OBJECT_RULE)
		ec_world_rename(lint->world, relation, NULL, stmt->newname);
}

void
ec_lint_set_schema(EcLint *lint, AlterObjectSchemaStmt *stmt)
{
	const char *rule = rename_rule(stmt->objectType);
	EcRelation *relation = ec_world_find(lint->world, stmt->relation);

	if (rule == NULL || (relation == NULL && stmt->missing_ok) ||
		is_own_object(lint, stmt->objectType, stmt->object))
		return;
	ec_lint_add(lint, rule, relation)->lock =
		stmt->relation ? AccessExclusiveLock : NoLock;
	if (relation == NULL)
		return;
	ec_lint_effect(lint, relation, AccessExclusiveLock, false, false);
	ec_world_rename(lint->world, relation, stmt->newschema, NULL);
}
