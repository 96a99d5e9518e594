/*
 * partitions.c
 *		What comes and goes with partitions of tables that have dual writes to
 *		another table.
 *
 * Triggers for each statement are not inherited: whoever adds a partition or a
 * child gets ours with it, in the same transaction.  Rows that come or go with
 * one are no writes, and nothing carries them over: they leave a gap, which
 * asks for a repair.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/event_trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/catalog.h"
#include "core/query.h"
#include "model/change.h"
#include "dualwrite/tables/table_target.h"
#include "expand_contract.h"

PG_FUNCTION_INFO_V1(ec_note_partitions);

static void
note_gap(const char *change, const char *reason)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_text(&args, change);
	ec_arg_text(&args, reason);
	(void) ec_query("INSERT INTO expand_contract.gaps (change, reason) VALUES ($1, $2)",
					&args);
	ec_catalog_end(&scope);
}

/* Names of the changes to other tables that have something to do, of char *. */
static List *
table_changes(void)
{
	MemoryContext memory = CurrentMemoryContext;
	List *names = NIL;
	EcCatalogScope scope;
	uint64 count;

	ec_catalog_begin(&scope);
	count =
		ec_query("SELECT name FROM expand_contract.changes WHERE target IS NOT NULL"
				 "   AND phase NOT IN ('contracted', 'reverted') ORDER BY name",
				 NULL);
	for (uint64 row = 0; row < count; row++)
	{
		MemoryContext caller = MemoryContextSwitchTo(memory);

		names = lappend(names, ec_get_text(row, 1));
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
	return names;
}

static void
refuse_foreign(Oid table, Oid root, const char *change)
{
	ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
					errmsg("foreign table \"%s\" cannot be a child of \"%s\"",
						   get_rel_name(table), get_rel_name(root)),
					errdetail("Change \"%s\" carries writes over to another table, which a foreign table has no triggers for.",
							  change),
					errhint("End the change first.")));
}

static bool
has_rows(Oid table)
{
	Relation relation = table_open(table, NoLock);
	bool result = RELKIND_HAS_STORAGE(relation->rd_rel->relkind) &&
				  RelationGetNumberOfBlocks(relation) > 0;

	table_close(relation, NoLock);
	return result;
}

/* Give the tables below this one what they lack. */
static void
follow(const char *change, Oid root)
{
	ListCell *cell;

	foreach (cell, find_all_inheritors(root, NoLock, NULL))
	{
		Oid table = lfirst_oid(cell);

		if (get_rel_relkind(table) == RELKIND_FOREIGN_TABLE)
			refuse_foreign(table, root, change);
		if (ec_create_table_triggers(table, root, change) && has_rows(table))
			note_gap(change, "attach partition");
	}
}

/* A table that belongs to the change no more loses its triggers. */
static void
let_go(const EcChange *change, Oid table)
{
	List *belongs = find_all_inheritors(change->relation, NoLock, NULL);
	bool dropped = false;
	ListCell *cell;

	if (get_rel_relkind(change->target) != '\0')
		belongs = list_concat(belongs,
							  find_all_inheritors(change->target, NoLock, NULL));
	foreach (cell, find_all_inheritors(table, NoLock, NULL))
	{
		if (!list_member_oid(belongs, lfirst_oid(cell)))
			dropped |= ec_drop_table_triggers(lfirst_oid(cell), change->name);
	}
	if (dropped)
		note_gap(change->name, "detach partition");
}

/* detached: the table that has left its parent, or InvalidOid */
static void
note_trees(Oid detached)
{
	ListCell *cell;

	foreach (cell, table_changes())
	{
		EcChange change;

		if (!ec_change_load(lfirst(cell), &change) ||
			get_rel_relkind(change.relation) == '\0' ||
			!ec_has_table_triggers(&change))
			continue; /* dropped with CASCADE, say */
		follow(change.name, change.relation);
		if (change.backward != NULL && get_rel_relkind(change.target) != '\0')
			follow(change.name, change.target);
		if (OidIsValid(detached))
			let_go(&change, detached);
	}
}

/*
 * By the names of triggers, which anybody may use; so only from somebody who
 * could write to the table of the change as well.
 */
static void
note_dropped(void)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_oid(&args, GetUserId());
	ec_catalog_begin(&scope);
	(void) ec_query("INSERT INTO expand_contract.gaps (change, reason)"
					" SELECT DISTINCT c.name, 'drop partition'"
					"   FROM pg_event_trigger_dropped_objects() d"
					"   JOIN expand_contract.changes c ON d.address_names[3] = '~ec_' || c.name || '_insert'"
					"   JOIN pg_class t ON t.oid = c.relation"
					"  WHERE d.object_type = 'trigger' AND c.target IS NOT NULL"
					"    AND c.phase NOT IN ('contracted', 'reverted')"
					"    AND EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.relation"
					"                   AND g.tgname = '~ec_' || c.name || '_insert')"
					"    AND pg_has_role($1, t.relowner, 'USAGE')",
					&args);
	ec_catalog_end(&scope);
}

/* Does the command put a table below another, or take it away? */
static bool
changes_tree(Node *command, Oid *detached)
{
	ListCell *cell;
	bool changes = false;

	*detached = InvalidOid;
	if (IsA(command, CreateForeignTableStmt))
		return ((CreateForeignTableStmt *) command)->base.inhRelations != NIL;
	if (IsA(command, CreateStmt))
		return ((CreateStmt *) command)->inhRelations != NIL;
	if (!IsA(command, AlterTableStmt))
		return false;
	foreach (cell, ((AlterTableStmt *) command)->cmds)
	{
		AlterTableCmd *one = lfirst_node(AlterTableCmd, cell);
		RangeVar *name = NULL;

		if (one->subtype == AT_DetachPartition)
			name = ((PartitionCmd *) one->def)->name;
		else if (one->subtype == AT_DropInherit)
			name = ((AlterTableStmt *) command)->relation;
		else if (one->subtype != AT_AttachPartition && one->subtype != AT_AddInherit)
			continue;
		changes = true;
		if (name != NULL)
			*detached = RangeVarGetRelid(name, NoLock, true);
	}
	return changes;
}

/*
 * expand_contract.note_partitions(), an event trigger
 */
Datum
ec_note_partitions(PG_FUNCTION_ARGS)
{
	EventTriggerData *data = (EventTriggerData *) fcinfo->context;
	Oid detached;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("note_partitions must be called as an event trigger"),
						errhint("The extension has created it.")));
	if (ec_runs_own_script())
		PG_RETURN_NULL();
	if (strcmp(data->event, "sql_drop") == 0)
		note_dropped();
	else if (changes_tree(data->parsetree, &detached))
		note_trees(detached);
	PG_RETURN_NULL();
}
