/*
 * world.c
 *		Names of relations, and settings, as changed by the script so far.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "core/catalog.h"
#include "core/query.h"
#include "lint/world.h"

#define TEMPORARY "pg_temp"

typedef struct WorldKey
{
	char kind;
	char schema[NAMEDATALEN];
	char name[NAMEDATALEN];
} WorldKey;

typedef struct WorldName
{
	WorldKey key;
	EcRelation *relation; /* NULL: the name is free */
	EcObject *object;     /* of the other table */
} WorldName;

typedef struct WorldOid
{
	Oid oid;
	EcRelation *relation;
} WorldOid;

static HTAB *
make_table(const char *name, Size key, Size entry)
{
	HASHCTL control = {0};

	control.keysize = key;
	control.entrysize = entry;
	control.hcxt = CurrentMemoryContext;
	return hash_create(name, 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

EcWorld *
ec_world_begin(void)
{
	EcWorld *world = palloc0(sizeof(EcWorld));

	world->names = make_table("expand_contract lint names", sizeof(WorldKey),
							  sizeof(WorldName));
	world->oids =
		make_table("expand_contract lint oids", sizeof(Oid), sizeof(WorldOid));
	world->objects = make_table("expand_contract lint objects",
								sizeof(WorldKey), sizeof(WorldName));
	world->guc_level = NewGUCNestLevel();
	return world;
}

void
ec_world_end(EcWorld *world)
{
	/* undoes SET ROLE too */
	AtEOXact_GUC(false, world->guc_level);
}

static void
fill_key(WorldKey *key, char kind, const char *schema, const char *name)
{
	memset(key, 0, sizeof(WorldKey));
	key->kind = kind;
	strlcpy(key->schema, schema, NAMEDATALEN);
	strlcpy(key->name, name, NAMEDATALEN);
}

static WorldName *
look_up(HTAB *table, char kind, const char *schema, const char *name,
		HASHACTION action)
{
	WorldKey key;
	WorldName *entry;
	bool found;

	fill_key(&key, kind, schema, name);
	entry = hash_search(table, &key, action, &found);
	if (action == HASH_ENTER && !found)
	{
		entry->relation = NULL;
		entry->object = NULL;
	}
	return entry;
}

static bool
is_followed(const char *name)
{
	static const char *const names[] = {"search_path",
										"role",
										"session_authorization",
										"timezone",
										"default_tablespace",
										"default_table_access_method"};

	for (int i = 0; i < lengthof(names); i++)
	{
		if (pg_strcasecmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/*
 * The server would reject an invalid value, and the script would fail there.
 */
static void
set(const char *name, const char *value)
{
	(void) set_config_option(name, value, superuser() ? PGC_SUSET : PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, DEBUG5, false);
}

static void
reset(const char *name)
{
	const char *value = GetConfigOptionResetString(name);

	if (value != NULL)
		set(name, value);
}

void
ec_world_set(EcWorld *world, VariableSetStmt *stmt)
{
	char *value;

	if (stmt->kind == VAR_RESET_ALL)
	{
		reset("search_path");
		reset("timezone");
		return;
	}
	if (stmt->name == NULL || !is_followed(stmt->name))
		return;
	if (stmt->kind == VAR_SET_DEFAULT || stmt->kind == VAR_RESET)
	{
		if (strcmp(stmt->name, "role") == 0)
			set("role", "none");
		else
			reset(stmt->name);
		return;
	}
	value = stmt->kind == VAR_SET_VALUE ? ExtractSetVariableArgs(stmt) : NULL;
	if (value != NULL)
		set(stmt->name, value);
}

static const char *
constant_text(Node *node)
{
	if (node != NULL && IsA(node, TypeCast))
		node = castNode(TypeCast, node)->arg;
	if (node == NULL || !IsA(node, A_Const) || castNode(A_Const, node)->isnull ||
		nodeTag(&castNode(A_Const, node)->val) != T_String)
		return NULL;
	return castNode(A_Const, node)->val.sval.sval;
}

/* SELECT set_config('search_path', '', false), as in the output of pg_dump */
void
ec_world_set_config(EcWorld *world, Node *statement)
{
	ListCell *cell;

	if (!IsA(statement, SelectStmt))
		return;
	foreach (cell, castNode(SelectStmt, statement)->targetList)
	{
		Node *value = lfirst_node(ResTarget, cell)->val;
		FuncCall *call;
		const char *name;
		const char *setting;

		if (value == NULL || !IsA(value, FuncCall))
			continue;
		call = castNode(FuncCall, value);
		if (strcmp(strVal(llast(call->funcname)), "set_config") != 0 ||
			list_length(call->args) != 3)
			continue;
		name = constant_text(linitial(call->args));
		setting = constant_text(lsecond(call->args));
		if (name != NULL && setting != NULL && is_followed(name))
			set(name, setting);
	}
}

/* Returns the names in search_path, whether the schemas exist or not. */
static List *
schemas_in_path(void)
{
	List *names = NIL;
	List *result = NIL;
	ListCell *cell;
	bool has_temporary = false;
	bool has_catalog = false;

	if (!SplitIdentifierString(pstrdup(namespace_search_path), ',', &names))
		names = NIL;
	foreach (cell, names)
	{
		char *name = lfirst(cell);

		if (strcmp(name, "$user") == 0)
			name = GetUserNameFromId(GetUserId(), true);
		if (name == NULL)
			continue;
		has_temporary |= strcmp(name, TEMPORARY) == 0;
		has_catalog |= strcmp(name, "pg_catalog") == 0;
		result = lappend(result, name);
	}
	if (!has_catalog)
		result = lcons("pg_catalog", result);
	if (!has_temporary)
		result = lcons(TEMPORARY, result);
	return result;
}

/* Raises no error if the schema does not exist or may not be used. */
static Oid
schema_oid(const char *name)
{
	return strcmp(name, TEMPORARY) == 0 ? LookupNamespaceNoError(name)
										: get_namespace_oid(name, true);
}

static char *
schema_name_of(Oid schema)
{
	return isTempNamespace(schema) ? pstrdup(TEMPORARY)
								   : get_namespace_name(schema);
}

EcRelation *
ec_world_relation(EcWorld *world, Oid oid)
{
	WorldOid *entry;
	EcRelation *relation;
	HeapTuple tuple;
	Form_pg_class form;
	bool found;

	if (!OidIsValid(oid))
		return NULL;
	entry = hash_search(world->oids, &oid, HASH_ENTER, &found);
	if (found)
		return entry->relation;
	entry->relation = NULL;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(oid));
	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_class) GETSTRUCT(tuple);
	relation = palloc0(sizeof(EcRelation));
	relation->oid = oid;
	relation->name = pstrdup(NameStr(form->relname));
	relation->schema = schema_name_of(form->relnamespace);
	relation->kind = form->relkind;
	relation->persistence = form->relpersistence;
	ReleaseSysCache(tuple);
	if (relation->schema == NULL)
		return NULL;
	entry->relation = relation;
	return relation;
}

/*
 * Looks in one schema.  *is_free: the script has dropped or renamed it there.
 */
static EcRelation *
find_in(EcWorld *world, const char *schema, const char *name)
{
	WorldName *entry = look_up(world->names, 'r', schema, name, HASH_FIND);
	Oid oid;

	if (entry != NULL)
		return entry->relation;
	oid = schema_oid(schema);
	if (!OidIsValid(oid))
		return NULL;
	oid = get_relname_relid(name, oid);
	return ec_world_relation(world, oid);
}

EcRelation *
ec_world_find(EcWorld *world, const RangeVar *name)
{
	ListCell *cell;

	if (name == NULL)
		return NULL;
	if (name->schemaname != NULL)
		return find_in(world, name->schemaname, name->relname);
	foreach (cell, schemas_in_path())
	{
		const char *schema = lfirst(cell);
		EcRelation *relation = find_in(world, schema, name->relname);

		if (relation != NULL)
			return relation;
	}
	return NULL;
}

/*
 * Returns the schema for new objects: the first existing one in the search
 * path.
 */
static const char *
creation_schema(EcWorld *world, const RangeVar *name)
{
	ListCell *cell;

	if (name->schemaname != NULL)
		return name->schemaname;
	if (name->relpersistence == RELPERSISTENCE_TEMP)
		return TEMPORARY;
	foreach (cell, schemas_in_path())
	{
		const char *schema = lfirst(cell);

		if (strcmp(schema, TEMPORARY) == 0 || strcmp(schema, "pg_catalog") == 0)
			continue;
		if (ec_world_find_object(world, 's', NULL, schema) != NULL ||
			OidIsValid(schema_oid(schema)))
			return schema;
	}
	return "public";
}

static void
enter(EcWorld *world, EcRelation *relation)
{
	look_up(world->names, 'r', relation->schema, relation->name, HASH_ENTER)->relation =
		relation;
}

EcRelation *
ec_world_create(EcWorld *world, const RangeVar *name, char kind)
{
	EcRelation *relation = palloc0(sizeof(EcRelation));

	relation->schema = pstrdup(creation_schema(world, name));
	relation->name = pstrdup(name->relname);
	relation->kind = kind;
	relation->is_loaded = true;
	relation->persistence = name->relpersistence;
	enter(world, relation);
	return relation;
}

void
ec_world_drop(EcWorld *world, EcRelation *relation)
{
	look_up(world->names, 'r', relation->schema, relation->name, HASH_ENTER)->relation =
		NULL;
	relation->is_dropped = true;
}

void
ec_world_rename(EcWorld *world, EcRelation *relation, const char *schema,
				const char *name)
{
	ec_world_drop(world, relation);
	relation->is_dropped = false;
	if (schema != NULL)
		relation->schema = pstrdup(schema);
	if (name != NULL)
		relation->name = pstrdup(name);
	enter(world, relation);
}

EcObject *
ec_world_create_object(EcWorld *world, char kind, const char *schema,
					   const char *name)
{
	EcObject *object = palloc0(sizeof(EcObject));

	look_up(world->objects, kind, "", name, HASH_ENTER)->object = object;
	if (schema != NULL)
		look_up(world->objects, kind, schema, name, HASH_ENTER)->object = object;
	return object;
}

EcObject *
ec_world_find_object(EcWorld *world, char kind, const char *schema, const char *name)
{
	WorldName *entry =
		look_up(world->objects, kind, schema ? schema : "", name, HASH_FIND);

	return entry != NULL ? entry->object : NULL;
}

bool
ec_world_is_new_object(EcWorld *world, char kind, const char *schema,
					   const char *name)
{
	const EcObject *object = ec_world_find_object(world, kind, schema, name);

	return object != NULL && !OidIsValid(object->oid);
}

/* Returns the OIDs of all relations in a schema. */
static List *
relations_in(Oid schema)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	List *oids = NIL;
	MemoryContext caller = CurrentMemoryContext;
	uint64 rows;

	ec_catalog_begin(&scope);
	ec_arg_oid(&args, schema);
	rows = ec_query("SELECT oid FROM pg_class WHERE relnamespace = $1", &args);
	for (uint64 row = 0; row < rows; row++)
	{
		MemoryContext old = MemoryContextSwitchTo(caller);

		oids = lappend_oid(oids, ec_get_oid(row, 1));
		MemoryContextSwitchTo(old);
	}
	ec_catalog_end(&scope);
	return oids;
}

void
ec_world_rename_schema(EcWorld *world, const char *from, const char *to)
{
	Oid schema = schema_oid(from);
	List *moved = NIL;
	HASH_SEQ_STATUS scan;
	WorldName *entry;
	ListCell *cell;

	ec_world_create_object(world, 's', NULL, to)->oid = schema;
	if (OidIsValid(schema))
	{
		foreach (cell, relations_in(schema))
		{
			EcRelation *relation = ec_world_relation(world, lfirst_oid(cell));

			if (relation != NULL && !relation->is_dropped &&
				strcmp(relation->schema, from) == 0)
				moved = lappend(moved, relation);
		}
	}
	hash_seq_init(&scan, world->names);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		if (entry->relation != NULL && strcmp(entry->key.schema, from) == 0)
			moved = list_append_unique_ptr(moved, entry->relation);
	}
	foreach (cell, moved)
	{
		ec_world_rename(world, lfirst(cell), to, NULL);
	}
}

List *
ec_world_relations_with(EcWorld *world, const EcObject *type)
{
	List *relations = NIL;
	HASH_SEQ_STATUS scan;
	WorldOid *entry;

	hash_seq_init(&scan, world->oids);
	while ((entry = hash_seq_search(&scan)) != NULL)
	{
		EcRelation *relation = entry->relation;
		ListCell *cell;

		if (relation == NULL || relation->is_dropped)
			continue;
		foreach (cell, relation->columns)
		{
			if (((EcColumn *) lfirst(cell))->own_type == type)
				relations = list_append_unique_ptr(relations, relation);
		}
	}
	return relations;
}

List *
ec_world_children(EcWorld *world, EcRelation *relation)
{
	List *children = NIL;
	ListCell *cell;

	if (OidIsValid(relation->oid) && has_subclass(relation->oid))
	{
		foreach (cell, find_inheritance_children(relation->oid, NoLock))
		{
			EcRelation *child = ec_world_relation(world, lfirst_oid(cell));

			if (child != NULL && !child->is_dropped &&
				!list_member_ptr(relation->old_children, child))
				children = lappend(children, child);
		}
	}
	return list_concat(children, list_copy(relation->new_children));
}

List *
ec_world_family(EcWorld *world, EcRelation *relation)
{
	List *family = list_make1(relation);
	ListCell *cell;

	/* The list grows during the loop. */
	foreach (cell, family)
	{
		family = list_concat_unique_ptr(family,
										ec_world_children(world, lfirst(cell)));
	}
	return family;
}

List *
ec_world_partitions(EcWorld *world, EcRelation *relation)
{
	return relation->kind == RELKIND_PARTITIONED_TABLE
			   ? ec_world_family(world, relation)
			   : list_make1(relation);
}

List *
ec_world_parents(EcWorld *world, EcRelation *relation)
{
	List *parents = NIL;

	if (OidIsValid(relation->oid) && get_rel_relispartition(relation->oid))
	{
		EcRelation *parent =
			ec_world_relation(world, get_partition_parent(relation->oid, true));

		if (parent != NULL)
			parents = lappend(parents, parent);
	}
	return parents;
}
