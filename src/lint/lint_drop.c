/*
 * lint_drop.c
 *		The lint's rules for DROP and TRUNCATE.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_foreign_data_wrapper.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "lint/lint_object.h"
#include "lint/lint_rules.h"

static const char *
drop_rule(ObjectType type)
{
	switch (type)
	{
		case OBJECT_TABLE:
		case OBJECT_FOREIGN_TABLE:
			return "drop_table";
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
			return "drop_view";
		case OBJECT_SEQUENCE:
			return "drop_sequence";
		case OBJECT_FUNCTION:
		case OBJECT_PROCEDURE:
		case OBJECT_ROUTINE:
		case OBJECT_AGGREGATE:
			return "drop_function";
		case OBJECT_TYPE:
		case OBJECT_DOMAIN:
			return "drop_type";
		case OBJECT_SCHEMA:
			return "drop_schema";
		case OBJECT_EXTENSION:
			return "drop_extension";
		default:
			return NULL;
	}
}

static bool
is_relation(ObjectType type)
{
	return type == OBJECT_TABLE || type == OBJECT_FOREIGN_TABLE ||
		   type == OBJECT_VIEW || type == OBJECT_MATVIEW ||
		   type == OBJECT_SEQUENCE;
}

static void
lint_cascade(EcLint *lint, EcRelation *relation)
{
	char *dependents =
		ec_is_new(relation) ? NULL : ec_lint_dependents(relation->oid);

	if (dependents != NULL)
		ec_lint_explain(ec_lint_add(lint, "cascade", relation), ": %s", dependents);
}

static void
drop_relation(EcLint *lint, DropStmt *stmt, List *names, const char *rule)
{
	EcRelation *relation =
		ec_world_find(lint->world, makeRangeVarFromNameList(names));
	bool comes_back;
	ListCell *cell;

	if (relation == NULL)
	{
		if (!stmt->missing_ok)
			(void) ec_lint_add(lint, rule, NULL);
		return;
	}
	ec_lint_effects(lint,
					relation->kind == RELKIND_RELATION
						? list_make1(relation)
						: ec_world_family(lint->world, relation),
					AccessExclusiveLock, false, false);
	comes_back = strcmp(rule, "drop_view") == 0 &&
				 ec_lint_comes_back(lint, 'v', relation->name, "");
	if (!comes_back)
		ec_lint_add(lint, rule, relation)->lock = AccessExclusiveLock;
	ec_load_facts(lint->world, relation);
	foreach (cell, relation->constraints)
	{
		ec_lint_drop_key(lint, relation, lfirst(cell));
	}
	if (stmt->behavior == DROP_CASCADE)
	{
		lint_cascade(lint, relation);
		ec_lint_cascade(lint, RelationRelationId, relation->oid);
	}
	foreach (cell, ec_world_parents(lint->world, relation))
	{
		EcRelation *parent = lfirst(cell);

		/*
		 * The set of partitions changes for the parent and for the default
		 * partition.
		 */
		ec_lint_effect(lint, parent, AccessExclusiveLock, false, false);
		ec_lint_effect(lint, ec_lint_default_partition(lint, parent),
					   AccessExclusiveLock, false, false);
	}
	ec_world_drop(lint->world, relation);
}

/* Finds the object, if it is no relation, and what depends on it. */
static void
cascade_from(EcLint *lint, ObjectType type, Node *object)
{
	if (IsA(object, ObjectWithArgs))
		ec_lint_cascade(lint, ProcedureRelationId,
						ec_lint_find_function(lint,
											  castNode(ObjectWithArgs, object)));
	else if (IsA(object, TypeName))
	{
		Type found =
			ec_lint_find_type(lint->world, castNode(TypeName, object), NULL);

		if (found == NULL)
			return;
		ec_lint_cascade(lint, TypeRelationId, typeTypeId(found));
		ReleaseSysCache(found);
	}
	else if (!IsA(object, String))
		return;
	else if (type == OBJECT_SCHEMA)
		ec_lint_cascade(lint, NamespaceRelationId,
						get_namespace_oid(strVal(object), true));
	else if (type == OBJECT_EXTENSION)
		ec_lint_cascade(lint, ExtensionRelationId,
						get_extension_oid(strVal(object), true));
	else if (type == OBJECT_FOREIGN_SERVER)
		ec_lint_cascade(lint, ForeignServerRelationId,
						get_foreign_server_oid(strVal(object), true));
	else if (type == OBJECT_FDW)
		ec_lint_cascade(lint, ForeignDataWrapperRelationId,
						get_foreign_data_wrapper_oid(strVal(object), true));
}

void
ec_lint_drop(EcLint *lint, DropStmt *stmt)
{
	const char *rule = drop_rule(stmt->removeType);
	ListCell *cell;

	foreach (cell, stmt->objects)
	{
		Node *object = lfirst(cell);

		if (stmt->behavior == DROP_CASCADE)
			cascade_from(lint, stmt->removeType, object);
		if (stmt->removeType == OBJECT_INDEX)
			ec_lint_drop_index(lint, stmt, (List *) object);
		else if (is_relation(stmt->removeType))
			drop_relation(lint, stmt, (List *) object, rule);
		else if (stmt->removeType == OBJECT_TRIGGER ||
				 stmt->removeType == OBJECT_POLICY || stmt->removeType == OBJECT_RULE)
		{
			List *table =
				list_copy_head((List *) object, list_length((List *) object) - 1);

			if (table != NIL)
				ec_lint_effect(lint,
							   ec_world_find(lint->world,
											 makeRangeVarFromNameList(table)),
							   AccessExclusiveLock, false, false);
		}
		else if (IsA(object, ObjectWithArgs) && rule != NULL)
		{
			ObjectWithArgs *function = castNode(ObjectWithArgs, object);

			if (!ec_lint_is_own_object(lint, 'f', function->objname) &&
				!ec_lint_function_comes_back(lint, function))
				(void) ec_lint_add(lint, rule, NULL);
			ec_lint_make_object(lint, 'd', function->objname);
		}
		else if (IsA(object, TypeName) && rule != NULL)
		{
			if (!ec_lint_is_own_object(lint, 't', castNode(TypeName, object)->names))
				(void) ec_lint_add(lint, rule, NULL);
		}
		else if (rule != NULL &&
				 !(IsA(object, String) &&
				   ec_world_is_new_object(lint->world, 's', NULL, strVal(object))))
			(void) ec_lint_add(lint, rule, NULL);
	}
	if (stmt->behavior == DROP_CASCADE && rule != NULL &&
		!is_relation(stmt->removeType))
		(void) ec_lint_add(lint, "cascade", NULL);
}

/* Objects that refer to a table are dropped with it, or prevent the drop. */
void
ec_lint_truncate(EcLint *lint, TruncateStmt *stmt)
{
	List *relations = NIL;
	ListCell *cell;

	foreach (cell, stmt->relations)
	{
		RangeVar *name = lfirst_node(RangeVar, cell);
		EcRelation *relation = ec_world_find(lint->world, name);

		if (relation == NULL)
		{
			(void) ec_lint_add(lint, "truncate", NULL);
			continue;
		}
		relations =
			list_concat_unique_ptr(relations,
								   name->inh ? ec_world_family(lint->world, relation)
											 : list_make1(relation));
		ec_lint_add(lint, "truncate", relation)->lock = AccessExclusiveLock;
	}
	/* The list grows during the loop. */
	foreach (cell, relations)
	{
		EcRelation *relation = lfirst(cell);
		ListCell *other;

		foreach (other, ec_inbound_keys(lint->world, relation))
		{
			EcRelation *referencing = ((EcInboundKey *) lfirst(other))->relation;

			if (list_member_ptr(relations, referencing))
				continue;
			if (stmt->behavior == DROP_CASCADE)
			{
				ec_lint_add(lint, "truncate", referencing)->lock =
					AccessExclusiveLock;
				relations = list_concat_unique_ptr(relations,
												   ec_world_family(lint->world,
																   referencing));
			}
			else
				ec_lint_explain(ec_lint_add(lint, "will_fail", relation),
								": %s refers to the table",
								quote_qualified_identifier(referencing->schema,
														   referencing->name));
		}
	}
	ec_lint_effects(lint, relations, AccessExclusiveLock, true, false);
}
