/*
 * partitions.c
 *		Handles partitions and inheritance children that are added to or removed
 *		from tables with dual writes.
 *
 * Statement triggers are not inherited, and row triggers are cloned to
 * partitions only.  So a table that becomes a partition or a child gets our
 * triggers in the same transaction.  Rows that are added or removed with a
 * partition are not written by a statement, and no trigger carries them over.
 * They leave a gap, which requires a repair.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/event_trigger.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/bufmgr.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/catalog.h"
#include "core/own.h"
#include "core/query.h"
#include "dualwrite/concerned.h"
#include "dualwrite/columns/row_trigger.h"
#include "dualwrite/tables/table_target.h"
#include "model/change.h"
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

static void
refuse_foreign(Oid table, Oid root, const char *change)
{
	ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
					errmsg("foreign table \"%s\" cannot be a child of \"%s\"",
						   get_rel_name(table), get_rel_name(root)),
					errdetail("Change \"%s\" writes to another table, and foreign tables do not support the triggers for that.",
							  change),
					errhint("End the change first.")));
}

static bool
is_table(Oid relation)
{
	char kind = get_rel_relkind(relation);

	return kind == RELKIND_RELATION || kind == RELKIND_PARTITIONED_TABLE ||
		   kind == RELKIND_FOREIGN_TABLE;
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

static Oid
owner_of(Oid table)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", table)));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * Creates the triggers of the change on a table that was added below another,
 * and on all its descendants.  Those tables may have another owner than the
 * role of the statement, which then could not create triggers on them.  A
 * table that is attached becomes part of the change, which belongs to the
 * owner of the root.  So each trigger is created as the owner of its table.
 */
static void
follow(const EcChange *change, Oid root, Oid came)
{
	ListCell *cell;

	foreach (cell, find_all_inheritors(came, AccessShareLock, NULL))
	{
		Oid table = lfirst_oid(cell);
		Oid user;
		int security_context;
		bool created;

		if (OidIsValid(change->target) &&
			get_rel_relkind(table) == RELKIND_FOREIGN_TABLE)
			refuse_foreign(table, root, change->name);
		GetUserIdAndSecContext(&user, &security_context);
		SetUserIdAndSecContext(owner_of(table),
							   security_context | SECURITY_LOCAL_USERID_CHANGE);
		created = OidIsValid(change->target)
					  ? ec_create_table_triggers(table, root, change)
					  : ec_set_row_trigger(table, change->name);
		SetUserIdAndSecContext(user, security_context);
		if (created && has_rows(table))
			note_gap(change->name, "attach partition");
	}
}

/*
 * Returns the change of that name if the table is one of its two tables and
 * has all of its triggers.  If somebody has dropped a trigger, dual writes
 * have ended there and must not be restarted as a side effect.
 */
static bool
find_change(const char *name, Oid table, EcChange *change)
{
	if (!ec_change_load(name, change) ||
		strcmp(change->phase, EC_PHASE_CONTRACTED) == 0 ||
		strcmp(change->phase, EC_PHASE_REVERTED) == 0)
		return false;
	if (!OidIsValid(change->target))
		return table == change->relation &&
			   OidIsValid(get_trigger_oid(table, ec_change_trigger_name(name), true));
	return (table == change->relation ||
			(table == change->target && change->backward != NULL)) &&
		   ec_has_all_table_triggers(table, name);
}

static void
note_came(Oid came)
{
	ListCell *ancestor;

	foreach (ancestor, ec_with_ancestors(came))
	{
		Oid root = lfirst_oid(ancestor);
		ListCell *name;

		if (root == came)
			continue;
		foreach (name, ec_changes_at(root))
		{
			EcChange change;

			if (find_change(lfirst(name), root, &change))
				follow(&change, root, came);
		}
	}
}

/* Rows of a table that has been detached need no repair. */
static void
drop_row_trigger(Oid table, const char *change)
{
	ObjectAddress trigger;

	ObjectAddressSet(trigger, TriggerRelationId,
					 get_trigger_oid(table, ec_change_trigger_name(change), true));
	if (!OidIsValid(trigger.objectId))
		return;
	performDeletion(&trigger, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
	CommandCounterIncrement();
}

/*
 * Drops the triggers from a table that does not belong to the change any more,
 * and from its descendants.
 */
static void
let_go(const EcChange *change, Oid left)
{
	bool dropped = false;
	ListCell *cell;

	foreach (cell, find_all_inheritors(left, NoLock, NULL))
	{
		List *above = ec_with_ancestors(lfirst_oid(cell));

		if (list_member_oid(above, change->relation) ||
			list_member_oid(above, change->target))
			continue;
		if (OidIsValid(change->target))
			dropped |= ec_drop_table_triggers(lfirst_oid(cell), change->name);
		else
			drop_row_trigger(lfirst_oid(cell), change->name);
	}
	if (dropped)
		note_gap(change->name, "detach partition");
}

/*
 * Handles a table that has been detached; its parent may be far below the
 * change's table.
 */
static void
note_left(Oid left, Oid parent)
{
	List *above = OidIsValid(parent) ? ec_with_ancestors(parent) : NIL;
	ListCell *name;

	foreach (name, ec_changes_at(left))
	{
		EcChange change;

		if (ec_change_load(lfirst(name), &change) &&
			(list_member_oid(above, change.relation) ||
			 list_member_oid(above, change.target)))
			let_go(&change, left);
	}
}

/*
 * Dropped triggers are recognized by name, and anybody can create a trigger of
 * that name.  So this counts only if the caller has the right to write to the
 * change's table.
 */
static void
note_dropped(void)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	List *changes = NIL;
	Oid caller = GetUserId();
	MemoryContext memory = CurrentMemoryContext;
	uint64 count;

	ec_catalog_begin(&scope);
	count = ec_query("SELECT DISTINCT substr(d.address_names[3], 5, length(d.address_names[3]) - 11)"
					 "  FROM pg_event_trigger_dropped_objects() d"
					 " WHERE d.object_type = 'trigger' AND starts_with(d.address_names[3], '~ec_')"
					 "   AND right(d.address_names[3], 7) = '_insert'",
					 NULL);
	for (uint64 row = 0; row < count; row++)
	{
		MemoryContext spi = MemoryContextSwitchTo(memory);

		changes = lappend(changes, ec_get_text(row, 1));
		MemoryContextSwitchTo(spi);
	}
	if (changes != NIL)
	{
		ec_arg_oid(&args, caller);
		ec_arg_texts(&args, changes);
		(void) ec_query("INSERT INTO expand_contract.gaps (change, reason)"
						" SELECT c.name, 'drop partition'"
						"   FROM expand_contract.changes c"
						"   JOIN pg_class t ON t.oid = c.relation"
						"  WHERE c.name = ANY ($2) AND c.target IS NOT NULL"
						"    AND c.phase NOT IN ('contracted', 'reverted')"
						"    AND EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.relation"
						"                   AND g.tgname = '~ec_' || c.name || '_insert')"
						"    AND pg_has_role($1, t.relowner, 'USAGE')",
						&args);
	}
	ec_catalog_end(&scope);
}

/* Handles ALTER TABLE that attaches or detaches a partition or a child. */
static void
note_alter(const AlterTableStmt *statement)
{
	ListCell *cell;

	foreach (cell, statement->cmds)
	{
		const AlterTableCmd *one = lfirst_node(AlterTableCmd, cell);
		const RangeVar *child = statement->relation;
		const RangeVar *parent = statement->relation;
		bool comes =
			one->subtype == AT_AttachPartition || one->subtype == AT_AddInherit;
		Oid table;

		switch (one->subtype)
		{
			case AT_AttachPartition:
			case AT_DetachPartition:
			case AT_DetachPartitionFinalize:
				child = castNode(PartitionCmd, one->def)->name;
				break;
			case AT_AddInherit:
			case AT_DropInherit:
				parent = castNode(RangeVar, one->def);
				break;
			default:
				continue;
		}
		table = RangeVarGetRelid(child, NoLock, true);
		/* for example an index */
		if (!OidIsValid(table) || !is_table(table))
			continue;
		if (comes)
			note_came(table);
		else
			note_left(table, RangeVarGetRelid(parent, NoLock, true));
	}
}

static void
note_created(const CreateStmt *statement)
{
	ListCell *cell;

	if (statement->inhRelations == NIL)
		return;
	/* CREATE TABLE reports sequences and indexes too, which have no parent. */
	foreach (cell, ec_relations_of_command())
		if (is_table(lfirst_oid(cell)))
			note_came(lfirst_oid(cell));
}

/*
 * expand_contract.note_partitions(), an event trigger on ddl_command_end and
 * sql_drop
 *
 * It acts only on the table that the statement attaches to another table or
 * detaches from it.  A table whose triggers were dropped is left as it is.
 */
Datum
ec_note_partitions(PG_FUNCTION_ARGS)
{
	EventTriggerData *data = (EventTriggerData *) fcinfo->context;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo) ||
		(strcmp(data->event, "sql_drop") != 0 &&
		 strcmp(data->event, "ddl_command_end") != 0))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("note_partitions must be called as an event trigger on ddl_command_end or sql_drop"),
				 errhint("The extension has created it.")));
	if (ec_own_swap || !ec_has_any_dual_writes())
		PG_RETURN_NULL();
	if (strcmp(data->event, "sql_drop") == 0)
		note_dropped();
	else if (IsA(data->parsetree, CreateForeignTableStmt))
		note_created(&((CreateForeignTableStmt *) data->parsetree)->base);
	else if (IsA(data->parsetree, CreateStmt))
		note_created((CreateStmt *) data->parsetree);
	else if (IsA(data->parsetree, AlterTableStmt))
		note_alter((AlterTableStmt *) data->parsetree);
	PG_RETURN_NULL();
}
