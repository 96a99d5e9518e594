/*
 * by_catalog.c
 *		Finds statements whose way to run depends on the catalog.
 *
 * REINDEX and CLUSTER of a partitioned table commit after each partition.
 * They also cannot run on a mapped catalog in a script, because a
 * subtransaction must not change the relation map, and scripts run in
 * subtransactions.
 *
 * Names are looked up as the script would find them: in the search_path that
 * it has SET, and among the relations that it creates itself.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "nodes/value.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "script/script.h"

typedef struct Look
{
	List *partitioned; /* RangeVars of partitioned tables and indexes that
					    * the script creates */
	List *search_path; /* of char *; NIL: that of the session */
} Look;

static Oid
find_relation(const Look *look, const RangeVar *name)
{
	ListCell *cell;

	if (name->schemaname != NULL)
	{
		Oid schema = LookupNamespaceNoError(name->schemaname);

		return OidIsValid(schema) ? get_relname_relid(name->relname, schema)
								  : InvalidOid;
	}
	foreach (cell, look->search_path)
	{
		Oid schema = LookupNamespaceNoError(lfirst(cell));
		Oid found = OidIsValid(schema) ? get_relname_relid(name->relname, schema)
									   : InvalidOid;

		if (OidIsValid(found))
			return found;
	}
	return look->search_path == NIL ? RelnameGetRelid(name->relname) : InvalidOid;
}

static bool
is_same(const RangeVar *a, const RangeVar *b)
{
	return strcmp(a->relname, b->relname) == 0 &&
		   (a->schemaname == NULL || b->schemaname == NULL ||
			strcmp(a->schemaname, b->schemaname) == 0);
}

static bool
is_own_partitioned(const Look *look, const RangeVar *name)
{
	ListCell *cell;

	foreach (cell, look->partitioned)
	{
		if (is_same(lfirst(cell), name))
			return true;
	}
	return false;
}

static bool
is_partitioned(const Look *look, const RangeVar *name)
{
	Oid relation = find_relation(look, name);
	char kind = OidIsValid(relation) ? get_rel_relkind(relation) : '\0';

	return kind == RELKIND_PARTITIONED_TABLE ||
		   kind == RELKIND_PARTITIONED_INDEX || is_own_partitioned(look, name);
}

static bool
is_mapped(Oid relation)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	bool mapped = false;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		mapped = RELKIND_HAS_STORAGE(form->relkind) && form->relfilenode == 0;
		ReleaseSysCache(tuple);
	}
	return mapped;
}

static void
note_partitioned(Look *look, RangeVar *table, char *name)
{
	look->partitioned =
		lappend(look->partitioned,
				name == NULL ? table : makeRangeVar(table->schemaname, name, -1));
}

/* Records what the statement changes for the lookups of later statements. */
static void
follow(Look *look, Node *node)
{
	ListCell *cell;

	if (IsA(node, CreateStmt) && ((CreateStmt *) node)->partspec != NULL)
		note_partitioned(look, ((CreateStmt *) node)->relation, NULL);
	else if (IsA(node, IndexStmt) && ((IndexStmt *) node)->idxname != NULL &&
			 is_partitioned(look, ((IndexStmt *) node)->relation))
		note_partitioned(look, ((IndexStmt *) node)->relation,
						 ((IndexStmt *) node)->idxname);
	else if (IsA(node, VariableSetStmt) && ((VariableSetStmt *) node)->name != NULL &&
			 strcmp(((VariableSetStmt *) node)->name, "search_path") == 0)
	{
		look->search_path = NIL;
		if (((VariableSetStmt *) node)->kind != VAR_SET_VALUE)
			return;
		foreach (cell, ((VariableSetStmt *) node)->args)
		{
			A_Const *value = lfirst(cell);

			if (IsA(value, A_Const) && IsA(&value->val, String))
				look->search_path =
					lappend(look->search_path, strVal(&value->val));
		}
		if (look->search_path != NIL)
			look->search_path = lcons("pg_catalog", look->search_path);
	}
}

static bool
needs_top_level(const Look *look, Node *node)
{
	RangeVar *name = NULL;

	if (IsA(node, ClusterStmt))
		name = ((ClusterStmt *) node)->relation;
	else if (IsA(node, ReindexStmt) &&
			 (((ReindexStmt *) node)->kind == REINDEX_OBJECT_TABLE ||
			  ((ReindexStmt *) node)->kind == REINDEX_OBJECT_INDEX))
		name = ((ReindexStmt *) node)->relation;
	return name != NULL &&
		   (is_partitioned(look, name) || is_mapped(find_relation(look, name)));
}

void
ec_look_at_catalog(EcScript *script)
{
	Look look = {0};
	ListCell *cell;

	foreach (cell, script->statements)
	{
		EcStatement *statement = lfirst(cell);

		statement->needs_top_level = needs_top_level(&look, statement->node);
		follow(&look, statement->node);
	}
}
