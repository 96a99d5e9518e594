/*
 * own_drops.c
 *		Detects a script that drops everything that it has created.
 *
 * Only the names in the script are compared; nothing is looked up.  Temporary
 * tables do not count, because they are created to be dropped.  Constraints do
 * not count, because a script may drop a CHECK that was needed only to prove a
 * NOT NULL.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"

#include "expand_contract.h"
#include "script/own_drops.h"
#include "script/script.h"
#include "script/tokens.h"

/* Kinds of objects whose names cannot collide with names of another kind. */
typedef enum ObjectKind
{
	KIND_RELATION,
	KIND_INDEX,
	KIND_COLUMN,
	KIND_TYPE,
	KIND_FUNCTION,
	KIND_TRIGGER,
	KIND_SCHEMA,
	KIND_EXTENSION,
	KIND_ROLE
} ObjectKind;

typedef struct Object
{
	ObjectKind kind;
	const char *schema; /* NULL: not given, or it has none */
	const char *name;
	const char *table; /* for a column or a trigger, else NULL */
	const EcStatement *created;
	const EcStatement *dropped; /* NULL: not dropped */
} Object;

typedef struct Objects
{
	List *objects; /* of Object */
	const EcStatement *statement;
} Objects;

/* ------------------------------------------------------------ what is created */

static void
create(Objects *objects, ObjectKind kind, const char *schema, const char *table,
	   const char *name)
{
	Object *object;

	if (name == NULL)
		return;
	object = palloc0(sizeof(Object));
	object->kind = kind;
	object->schema = schema;
	object->table = table;
	object->name = name;
	object->created = objects->statement;
	objects->objects = lappend(objects->objects, object);
}

static void
create_relation(Objects *objects, const RangeVar *relation)
{
	if (relation->relpersistence != RELPERSISTENCE_TEMP &&
		(relation->schemaname == NULL ||
		 strcmp(relation->schemaname, "pg_temp") != 0))
		create(objects, KIND_RELATION, relation->schemaname, NULL,
			   relation->relname);
}

static const char *
schema_of(List *names)
{
	return list_length(names) > 1
			   ? strVal(list_nth(names, list_length(names) - 2))
			   : NULL;
}

static void
create_named(Objects *objects, ObjectKind kind, List *names)
{
	create(objects, kind, schema_of(names), NULL, strVal(llast(names)));
}

static void
create_columns(Objects *objects, const AlterTableStmt *stmt)
{
	ListCell *cell;

	foreach (cell, stmt->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		if (command->subtype == AT_AddColumn)
			create(objects, KIND_COLUMN, NULL, stmt->relation->relname,
				   castNode(ColumnDef, command->def)->colname);
	}
}

static void
note_created(Objects *objects, Node *node)
{
	switch (nodeTag(node))
	{
		case T_CreateStmt:
			create_relation(objects, ((CreateStmt *) node)->relation);
			break;
		case T_CreateForeignTableStmt:
			create_relation(objects,
							((CreateForeignTableStmt *) node)->base.relation);
			break;
		case T_CreateTableAsStmt:
			create_relation(objects, ((CreateTableAsStmt *) node)->into->rel);
			break;
		case T_ViewStmt:
			create_relation(objects, ((ViewStmt *) node)->view);
			break;
		case T_CreateSeqStmt:
			create_relation(objects, ((CreateSeqStmt *) node)->sequence);
			break;
		case T_SelectStmt:
			if (((SelectStmt *) node)->intoClause != NULL)
				create_relation(objects, ((SelectStmt *) node)->intoClause->rel);
			break;
		case T_IndexStmt:
			create(objects, KIND_INDEX, ((IndexStmt *) node)->relation->schemaname,
				   NULL, ((IndexStmt *) node)->idxname);
			break;
		case T_AlterTableStmt:
			create_columns(objects, (AlterTableStmt *) node);
			break;
		case T_CreateFunctionStmt:
			create_named(objects, KIND_FUNCTION,
						 ((CreateFunctionStmt *) node)->funcname);
			break;
		case T_CreateTrigStmt:
			create(objects, KIND_TRIGGER, NULL,
				   ((CreateTrigStmt *) node)->relation->relname,
				   ((CreateTrigStmt *) node)->trigname);
			break;
		case T_CreateEnumStmt:
			create_named(objects, KIND_TYPE, ((CreateEnumStmt *) node)->typeName);
			break;
		case T_CreateRangeStmt:
			create_named(objects, KIND_TYPE, ((CreateRangeStmt *) node)->typeName);
			break;
		case T_CreateDomainStmt:
			create_named(objects, KIND_TYPE,
						 ((CreateDomainStmt *) node)->domainname);
			break;
		case T_CompositeTypeStmt:
			create(objects, KIND_TYPE,
				   ((CompositeTypeStmt *) node)->typevar->schemaname, NULL,
				   ((CompositeTypeStmt *) node)->typevar->relname);
			break;
		case T_CreateSchemaStmt:
			create(objects, KIND_SCHEMA, NULL, NULL,
				   ((CreateSchemaStmt *) node)->schemaname);
			break;
		case T_CreateExtensionStmt:
			create(objects, KIND_EXTENSION, NULL, NULL,
				   ((CreateExtensionStmt *) node)->extname);
			break;
		case T_CreateRoleStmt:
			create(objects, KIND_ROLE, NULL, NULL, ((CreateRoleStmt *) node)->role);
			break;
		default:
			break;
	}
}

/* ------------------------------------------------------------ what is dropped */

/*
 * A name without a schema is taken to be in public, because nothing is looked
 * up.
 */
static bool
is_same_schema(const char *a, const char *b)
{
	return strcmp(a ? a : "public", b ? b : "public") == 0;
}

static void
drop(Objects *objects, ObjectKind kind, const char *schema, const char *table,
	 const char *name)
{
	ListCell *cell;

	foreach (cell, objects->objects)
	{
		Object *object = lfirst(cell);
		bool is_it =
			object->kind == kind && strcmp(object->name, name) == 0 &&
			(object->table != NULL || is_same_schema(object->schema, schema)) &&
			(table == NULL || strcmp(object->table, table) == 0);
		/* it is dropped with its table or its schema */
		bool is_in_it = (kind == KIND_RELATION && object->table != NULL &&
						 strcmp(object->table, name) == 0) ||
						(kind == KIND_SCHEMA && object->schema != NULL &&
						 strcmp(object->schema, name) == 0);

		if (object->dropped == NULL && (is_it || is_in_it))
			object->dropped = objects->statement;
	}
}

static void
drop_objects(Objects *objects, const DropStmt *stmt)
{
	ListCell *cell;

	foreach (cell, stmt->objects)
	{
		Node *object = lfirst(cell);
		List *names;

		switch (stmt->removeType)
		{
			case OBJECT_TABLE:
			case OBJECT_VIEW:
			case OBJECT_MATVIEW:
			case OBJECT_SEQUENCE:
			case OBJECT_FOREIGN_TABLE:
				names = (List *) object;
				drop(objects, KIND_RELATION, schema_of(names), NULL,
					 strVal(llast(names)));
				break;
			case OBJECT_INDEX:
				names = (List *) object;
				drop(objects, KIND_INDEX, schema_of(names), NULL,
					 strVal(llast(names)));
				break;
			case OBJECT_TYPE:
			case OBJECT_DOMAIN:
				names = castNode(TypeName, object)->names;
				drop(objects, KIND_TYPE, schema_of(names), NULL,
					 strVal(llast(names)));
				break;
			case OBJECT_FUNCTION:
			case OBJECT_PROCEDURE:
			case OBJECT_ROUTINE:
				names = castNode(ObjectWithArgs, object)->objname;
				drop(objects, KIND_FUNCTION, schema_of(names), NULL,
					 strVal(llast(names)));
				break;
			case OBJECT_TRIGGER:
				names = (List *) object;
				drop(objects, KIND_TRIGGER, NULL, schema_of(names),
					 strVal(llast(names)));
				break;
			case OBJECT_SCHEMA:
				drop(objects, KIND_SCHEMA, NULL, NULL, strVal(object));
				break;
			case OBJECT_EXTENSION:
				drop(objects, KIND_EXTENSION, NULL, NULL, strVal(object));
				break;
			default:
				break;
		}
	}
}

static void
drop_columns(Objects *objects, const AlterTableStmt *stmt)
{
	ListCell *cell;

	foreach (cell, stmt->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		if (command->subtype == AT_DropColumn)
			drop(objects, KIND_COLUMN, NULL, stmt->relation->relname, command->name);
	}
}

static void
note_dropped(Objects *objects, Node *node)
{
	ListCell *cell;

	if (IsA(node, DropStmt))
		drop_objects(objects, (DropStmt *) node);
	else if (IsA(node, AlterTableStmt))
		drop_columns(objects, (AlterTableStmt *) node);
	else if (IsA(node, DropRoleStmt))
	{
		foreach (cell, ((DropRoleStmt *) node)->roles)
		{
			const RoleSpec *role = lfirst_node(RoleSpec, cell);

			/* CURRENT_USER and the like have no name */
			if (role->roletype == ROLESPEC_CSTRING)
				drop(objects, KIND_ROLE, NULL, NULL, role->rolename);
		}
	}
}

/* Records a new name for objects that have not been dropped. */
static void
note_renamed(Objects *objects, const RenameStmt *stmt)
{
	ListCell *cell;

	foreach (cell, objects->objects)
	{
		Object *object = lfirst(cell);
		const char *old_name = stmt->subname;

		if (object->dropped != NULL)
			continue;
		if (stmt->relation == NULL)
		{
			if (old_name == NULL && stmt->object != NULL && IsA(stmt->object, List))
				old_name = strVal(llast((List *) stmt->object));
			else if (old_name == NULL && stmt->object != NULL &&
					 IsA(stmt->object, ObjectWithArgs))
				old_name =
					strVal(llast(((ObjectWithArgs *) stmt->object)->objname));
			if (old_name != NULL && strcmp(object->name, old_name) == 0)
				object->name = stmt->newname;
			continue;
		}
		if (old_name != NULL
				? object->table != NULL &&
					  strcmp(object->table, stmt->relation->relname) == 0 &&
					  strcmp(object->name, old_name) == 0
				: object->table == NULL &&
					  strcmp(object->name, stmt->relation->relname) == 0)
			object->name = stmt->newname;
		else if (old_name == NULL && object->table != NULL &&
				 strcmp(object->table, stmt->relation->relname) == 0)
			object->table = stmt->newname;
	}
}

/* ------------------------------------------------------------- what was used */

/* The table that the statement writes; NULL if that is unknown. */
static const RangeVar *
written(Node *node)
{
	switch (nodeTag(node))
	{
		case T_InsertStmt:
			return ((InsertStmt *) node)->relation;
		case T_UpdateStmt:
			return ((UpdateStmt *) node)->relation;
		case T_DeleteStmt:
			return ((DeleteStmt *) node)->relation;
		case T_MergeStmt:
			return ((MergeStmt *) node)->relation;
		default:
			return NULL;
	}
}

static bool
does_work(Node *node)
{
	switch (nodeTag(node))
	{
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
		case T_SelectStmt:
		case T_DoStmt:
		case T_CallStmt:
		case T_ExecuteStmt:
			return true;
		default:
			return false;
	}
}

/*
 * Does the statement use the object while it exists, to change something
 * else?  Indexes, extensions, roles and triggers are used without being named.
 */
static bool
uses(const Object *object, const EcStatement *statement)
{
	const RangeVar *table = written(statement->node);

	if (!does_work(statement->node) || statement->number <= object->created->number ||
		statement->number >= object->dropped->number)
		return false;
	switch (object->kind)
	{
		case KIND_INDEX:
		case KIND_EXTENSION:
		case KIND_ROLE:
			return true;
		case KIND_TRIGGER:
			return table == NULL || strcmp(table->relname, object->table) == 0;
		case KIND_RELATION:
			if (table != NULL && strcmp(table->relname, object->name) == 0)
				return false;
			break;
		default:
			break;
	}
	return ec_text_names(statement->text, object->name);
}

static bool
is_used(const EcScript *script, const Object *object)
{
	ListCell *cell;

	foreach (cell, script->statements)
	{
		if (uses(object, lfirst(cell)))
			return true;
	}
	return false;
}

void
ec_refuse_own_drops(const EcScript *script)
{
	Objects objects = {0};
	const Object *first;
	const char *command;
	ListCell *cell;

	foreach (cell, script->statements)
	{
		objects.statement = lfirst(cell);
		/*
		 * before note_created, because CREATE after DROP of the same name is a
		 * new object
		 */
		note_dropped(&objects, objects.statement->node);
		if (IsA(objects.statement->node, RenameStmt))
			note_renamed(&objects, (RenameStmt *) objects.statement->node);
		note_created(&objects, objects.statement->node);
	}
	if (objects.objects == NIL)
		return;
	foreach (cell, objects.objects)
	{
		if (((Object *) lfirst(cell))->dropped == NULL)
			return;
	}
	foreach (cell, objects.objects)
	{
		if (is_used(script, lfirst(cell)))
			return;
	}

	first = linitial(objects.objects);
	(void) ec_statement_kind(first->dropped, &command);
	ereport(ERROR, (errcode(EC_ERRCODE_UNSAFE),
					errmsg("%s would drop again what it creates", script->what),
					errdetail("%s: %s drops \"%s\", which statement %d creates.",
							  ec_statement_place(first->dropped), command,
							  first->name, first->created->number),
					errhint("If the script consists of an up script and a down script, put the latter after a line -- ec:down of a file, or pass it as \"down\". If all of it is to run, apply it with "
							"allow => '{drops_its_own}'.")));
}
