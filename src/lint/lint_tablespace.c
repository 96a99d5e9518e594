/*
 * lint_tablespace.c
 *		Moves of tables and indexes to another tablespace.
 *
 * The server copies the files of what it moves under an ACCESS EXCLUSIVE lock.
 * The lock of an index stops all queries on its table, since to plan one takes a
 * lock on each index of the table.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "commands/tablespace.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/syscache.h"

#include "core/catalog.h"
#include "core/query.h"
#include "lint/lint_rules.h"

/* Returns InvalidOid for the tablespace of the database, as pg_class does. */
static Oid
stored_tablespace(Oid tablespace)
{
	return tablespace == MyDatabaseTableSpace ? InvalidOid : tablespace;
}

bool
ec_lint_is_moved(const EcRelation *relation, const char *name)
{
	Oid tablespace = stored_tablespace(get_tablespace_oid(name, true));
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation->oid));
	bool result = false;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_class) GETSTRUCT(tuple))->reltablespace != tablespace;
		ReleaseSysCache(tuple);
	}
	return result;
}

void
ec_lint_move(EcLint *lint, EcRelation *relation, const char *tablespace)
{
	EcFinding *finding;

	if (ec_is_new(relation) || !ec_lint_is_moved(relation, tablespace))
		return;
	if (relation->kind != RELKIND_INDEX)
	{
		(void) ec_lint_stop(lint, "rewrite_table", list_make1(relation),
							AccessExclusiveLock, true, true);
		return;
	}
	ec_lint_effect(lint, relation, AccessExclusiveLock, false, false);
	finding = ec_lint_add(lint, "move_index", relation);
	finding->lock = AccessExclusiveLock;
	finding->rewrites = true;
	if (ec_lint_is_small(list_make1(relation)))
		finding->severity = EC_SEVERITY_NOTICE;
}

/*
 * Returns the relations of one kind in a tablespace (EcRelation), of all owners or
 * of some.  The server leaves out those that it leaves out here.
 */
static List *
relations_in(EcWorld *world, const AlterTableMoveAllStmt *stmt)
{
	MemoryContext caller = CurrentMemoryContext;
	List *relations = NIL;
	List *owners = ec_lint_roles(stmt->roles);
	EcCatalogScope scope;
	EcArgs args = {0};
	uint64 rows;

	ec_catalog_begin(&scope);
	ec_arg_oid(&args, stored_tablespace(
						  get_tablespace_oid(stmt->orig_tablespacename, true)));
	ec_arg_text(&args, stmt->objtype == OBJECT_INDEX     ? "i"
					   : stmt->objtype == OBJECT_MATVIEW ? "m"
														 : "r");
	ec_arg_oids(&args, owners);
	ec_arg_bool(&args, stmt->roles != NIL);
	rows = ec_query("SELECT oid FROM pg_class"
					" WHERE reltablespace = coalesce($1, 0::oid) AND relkind = $2::\"char\" AND NOT relisshared"
					"   AND relnamespace <> 'pg_catalog'::regnamespace"
					"   AND relnamespace <> 'pg_toast'::regnamespace"
					"   AND relpersistence <> 't' AND (NOT $4 OR relowner = ANY ($3))"
					" ORDER BY relpages DESC, oid",
					&args);
	for (uint64 row = 0; row < rows; row++)
	{
		Oid oid = ec_get_oid(row, 1);
		MemoryContext old = MemoryContextSwitchTo(caller);

		relations = lappend(relations, ec_world_relation(world, oid));
		MemoryContextSwitchTo(old);
	}
	ec_catalog_end(&scope);
	return relations;
}

List *
ec_lint_moved(EcWorld *world, const AlterTableMoveAllStmt *stmt)
{
	List *moved = NIL;
	ListCell *cell;

	foreach (cell, relations_in(world, stmt))
	{
		EcRelation *relation = lfirst(cell);

		if (relation != NULL && !relation->is_dropped &&
			ec_lint_is_moved(relation, stmt->new_tablespacename))
			moved = lappend(moved, relation);
	}
	return moved;
}

void
ec_lint_move_all(EcLint *lint, const AlterTableMoveAllStmt *stmt)
{
	ListCell *cell;

	foreach (cell, ec_lint_moved(lint->world, stmt))
	{
		ec_lint_move(lint, lfirst(cell), stmt->new_tablespacename);
	}
}
