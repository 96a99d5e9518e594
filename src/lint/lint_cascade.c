/*
 * lint_cascade.c
 *		The relations that DROP ... CASCADE of an object locks, and what it takes
 *		from them.
 *
 * An object is dropped with all that depends on it.  A table is locked where a
 * column, constraint, default, trigger, rule or policy of it is dropped.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "core/catalog.h"
#include "core/query.h"
#include "lint/lint_rules.h"

/*
 * Something that goes: a column, a constraint, the whole relation, or, with
 * neither, something else that hangs on it.
 */
typedef struct Loss
{
	Oid relation;
	int column;     /* 0: none */
	Oid constraint; /* InvalidOid: none */
	bool is_whole;
} Loss;

static List *
read_losses(uint64 rows, MemoryContext caller)
{
	List *losses = NIL;

	for (uint64 row = 0; row < rows; row++)
	{
		MemoryContext old = MemoryContextSwitchTo(caller);
		Loss *loss = palloc0(sizeof(Loss));

		loss->relation = ec_get_oid(row, 1);
		loss->column = ec_get_int4(row, 2, 0);
		loss->constraint = ec_get_oid(row, 3);
		loss->is_whole = ec_get_bool(row, 4, false);
		losses = lappend(losses, loss);
		MemoryContextSwitchTo(old);
	}
	return losses;
}

/*
 * Like the server, goes from an object to those that depend on it, and from a
 * part to the whole that it cannot be dropped without, such as from a view's
 * rule to the view.
 */
static List *
losses_with(Oid catalog, Oid object)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	MemoryContext caller = CurrentMemoryContext;
	List *losses;

	ec_catalog_begin(&scope);
	ec_arg_oid(&args, catalog);
	ec_arg_oid(&args, object);
	losses =
		read_losses(ec_query("WITH RECURSIVE gone (class, id, part) AS ("
							 "  SELECT $1, $2, 0 UNION"
							 "  SELECT d.class, d.id, d.part FROM gone g CROSS JOIN LATERAL ("
							 "    SELECT classid, objid, objsubid FROM pg_depend"
							 "     WHERE refclassid = g.class AND refobjid = g.id AND g.part IN (0, refobjsubid)"
							 "    UNION ALL"
							 "    SELECT refclassid, refobjid, refobjsubid FROM pg_depend"
							 "     WHERE classid = g.class AND objid = g.id AND deptype = 'i'"
							 "       AND g.class NOT IN ('pg_class'::regclass, 'pg_type'::regclass)) d (class, id, part)),"
							 " losses (relation, part, key, whole) AS ("
							 "  SELECT coalesce(i.indrelid, g.id), g.part, NULL::oid, g.part = 0 AND i.indexrelid IS NULL"
							 "    FROM gone g LEFT JOIN pg_index i ON i.indexrelid = g.id WHERE g.class = 'pg_class'::regclass"
							 "  UNION SELECT r.id, 0, c.oid, false FROM gone g JOIN pg_constraint c ON c.oid = g.id"
							 "    CROSS JOIN LATERAL (VALUES (c.conrelid), (c.confrelid)) r (id) WHERE g.class = 'pg_constraint'::regclass"
							 "  UNION SELECT t.tgrelid, 0, NULL, false FROM gone g JOIN pg_trigger t ON t.oid = g.id WHERE g.class = 'pg_trigger'::regclass"
							 "  UNION SELECT a.adrelid, 0, NULL, false FROM gone g JOIN pg_attrdef a ON a.oid = g.id WHERE g.class = 'pg_attrdef'::regclass"
							 "  UNION SELECT p.polrelid, 0, NULL, false FROM gone g JOIN pg_policy p ON p.oid = g.id WHERE g.class = 'pg_policy'::regclass"
							 "  UNION SELECT r.ev_class, 0, NULL, false FROM gone g JOIN pg_rewrite r ON r.oid = g.id WHERE g.class = 'pg_rewrite'::regclass)"
							 " SELECT c.oid, l.part, l.key, l.whole FROM losses l JOIN pg_class c ON c.oid = l.relation"
							 "  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') ORDER BY c.oid, l.part",
							 &args),
					caller);
	ec_catalog_end(&scope);
	return losses;
}

static void
take(EcLint *lint, const Loss *loss)
{
	EcRelation *relation = ec_world_relation(lint->world, loss->relation);
	ListCell *cell;

	if (relation == NULL || relation->is_dropped)
		return;
	ec_lint_effect(lint, relation, AccessExclusiveLock, false, false);
	if (loss->is_whole)
	{
		ec_world_drop(lint->world, relation);
		return;
	}
	ec_load_facts(lint->world, relation);
	foreach (cell, relation->constraints)
	{
		EcConstraint *constraint = lfirst(cell);

		if (OidIsValid(loss->constraint) && constraint->oid == loss->constraint)
			relation->constraints =
				foreach_delete_current(relation->constraints, cell);
	}
	foreach (cell, relation->columns)
	{
		if (loss->column > 0 && ((EcColumn *) lfirst(cell))->number == loss->column)
			relation->columns = foreach_delete_current(relation->columns, cell);
	}
}

void
ec_lint_cascade(EcLint *lint, Oid catalog, Oid object)
{
	ListCell *cell;

	if (!OidIsValid(object))
		return;
	foreach (cell, losses_with(catalog, object))
	{
		take(lint, lfirst(cell));
	}
}

typedef struct Owned
{
	Oid catalog;
	Oid object;
} Owned;

List *
ec_lint_roles(List *roles)
{
	List *oids = NIL;
	ListCell *cell;

	foreach (cell, roles)
	{
		const RoleSpec *role = lfirst_node(RoleSpec, cell);
		Oid oid = role->roletype == ROLESPEC_CSTRING
					  ? get_role_oid(role->rolename, true)
				  : role->roletype == ROLESPEC_SESSION_USER ? GetSessionUserId()
				  : role->roletype == ROLESPEC_PUBLIC       ? InvalidOid
															: GetUserId();

		if (OidIsValid(oid))
			oids = lappend_oid(oids, oid);
	}
	return oids;
}

/* Returns what the roles own in this database (Owned). */
static List *
owned_by(List *roles)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	MemoryContext caller = CurrentMemoryContext;
	List *oids = ec_lint_roles(roles);
	List *owned = NIL;
	uint64 rows;

	if (oids == NIL)
		return NIL;
	ec_catalog_begin(&scope);
	ec_arg_oids(&args, oids);
	rows = ec_query("SELECT classid, objid FROM pg_shdepend"
					" WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
					"   AND refclassid = 'pg_authid'::regclass AND refobjid = ANY ($1) AND deptype = 'o'",
					&args);
	for (uint64 row = 0; row < rows; row++)
	{
		MemoryContext old = MemoryContextSwitchTo(caller);
		Owned *object = palloc0(sizeof(Owned));

		object->catalog = ec_get_oid(row, 1);
		object->object = ec_get_oid(row, 2);
		owned = lappend(owned, object);
		MemoryContextSwitchTo(old);
	}
	ec_catalog_end(&scope);
	return owned;
}

/* Without CASCADE it fails if others depend on what is dropped. */
void
ec_lint_drop_owned(EcLint *lint, DropOwnedStmt *stmt)
{
	ListCell *cell;

	(void) ec_lint_add(lint, "drop_owned", NULL);
	foreach (cell, owned_by(stmt->roles))
	{
		const Owned *object = lfirst(cell);

		ec_lint_cascade(lint, object->catalog, object->object);
	}
}

void
ec_lint_reassign_owned(EcLint *lint, ReassignOwnedStmt *stmt)
{
	ListCell *cell;

	foreach (cell, owned_by(stmt->roles))
	{
		const Owned *object = lfirst(cell);

		if (object->catalog == RelationRelationId)
			ec_lint_effect(lint, ec_world_relation(lint->world, object->object),
						   AccessExclusiveLock, false, false);
	}
}
