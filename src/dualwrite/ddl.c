/*
 * ddl.c
 *		Reacts to DDL that affects a change.
 *
 * on_error => 'record' works only while nothing checks the new columns after
 * the trigger.  ec_expand refuses it otherwise.  Whoever adds such a check
 * later gets a warning at that moment.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/event_trigger.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "postmaster/bgworker.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "core/hint.h"
#include "core/catalog.h"
#include "core/own.h"
#include "core/query.h"
#include "dualwrite/concerned.h"
#include "dualwrite/user_triggers.h"
#include "model/change.h"
#include "expand_contract.h"

PG_FUNCTION_INFO_V1(ec_note_ddl);

/* what a statement has to do with changes */
typedef struct Concern
{
	List *relations; /* OIDs of the relations it acts on */
	List *changes;   /* names (char *) of the changes that concern these */
} Concern;

/* Adds the names and the relations as the first two arguments. */
static void
concern_args(EcArgs *args, const Concern *concern)
{
	ec_arg_texts(args, concern->changes);
	ec_arg_oids(args, concern->relations);
}

/*
 * Stores the current column names: in a restored database the attribute
 * numbers differ, and the names identify the columns.  The name of a dropped
 * column is cleared, because another column may get it.
 */
static void
note_names(const Concern *concern)
{
	EcArgs args = {0};

	concern_args(&args, concern);
	(void) ec_query("UPDATE expand_contract.change_columns o SET present_name = n.name"
					"  FROM unnest($2) d (relation)"
					"  JOIN expand_contract.changes c ON c.name = ANY ($1)"
					"   AND c.relation_oid = c.relation AND d.relation IN (c.relation, c.target)"
					"  JOIN pg_attribute a ON a.attrelid = d.relation,"
					"       LATERAL (SELECT CASE WHEN a.attisdropped THEN '' ELSE a.attname::text END) n (name)"
					" WHERE o.change = c.name"
					"   AND d.relation = coalesce(CASE o.side WHEN 'new' THEN c.target END, c.relation)"
					"   AND o.attnum = a.attnum AND o.present_name <> n.name",
					&args);
}

/*
 * In a restored table that ec_expand has not set up again, columns are known
 * by name only.  So a rename must be recorded here, and a dropped name too.
 */
static void
note_restored_name(const Concern *concern, const char *name, const char *new_name)
{
	EcArgs args = {0};

	concern_args(&args, concern);
	ec_arg_text(&args, name);
	ec_arg_text(&args, new_name);
	(void) ec_query("UPDATE expand_contract.change_columns o SET present_name = $4"
					"  FROM unnest($2) d (relation)"
					"  JOIN expand_contract.changes c ON c.name = ANY ($1)"
					"   AND c.relation_oid <> c.relation AND d.relation IN (c.relation, c.target)"
					" WHERE o.change = c.name AND o.present_name = $3"
					"   AND d.relation = coalesce(CASE o.side WHEN 'new' THEN c.target END, c.relation)",
					&args);
}

static void
note_names_of_restored(const Concern *concern, Node *command)
{
	ListCell *cell;

	if (IsA(command, RenameStmt))
	{
		RenameStmt *rename = (RenameStmt *) command;

		note_restored_name(concern, rename->subname, rename->newname);
		return;
	}
	foreach (cell, ((AlterTableStmt *) command)->cmds)
	{
		const AlterTableCmd *one = lfirst_node(AlterTableCmd, cell);

		if (one->subtype == AT_DropColumn)
			note_restored_name(concern, one->name, "");
	}
}

static bool
renames_column(Node *command)
{
	return IsA(command, RenameStmt) &&
		   ((RenameStmt *) command)->renameType == OBJECT_COLUMN;
}

/* True if an ALTER TABLE enables or disables triggers. */
static bool
switches_triggers(Node *command)
{
	ListCell *cell;

	if (!IsA(command, AlterTableStmt))
		return false;
	foreach (cell, ((AlterTableStmt *) command)->cmds)
	{
		switch (lfirst_node(AlterTableCmd, cell)->subtype)
		{
			case AT_EnableTrig:
			case AT_EnableAlwaysTrig:
			case AT_EnableReplicaTrig:
			case AT_DisableTrig:
			case AT_EnableTrigAll:
			case AT_DisableTrigAll:
			case AT_EnableTrigUser:
			case AT_DisableTrigUser:
				return true;
			default:
				break;
		}
	}
	return false;
}

/* Returns the partition that the command attaches, or InvalidOid. */
static Oid
attached_partition(Node *command)
{
	ListCell *cell;

	if (!IsA(command, AlterTableStmt))
		return InvalidOid;
	foreach (cell, ((AlterTableStmt *) command)->cmds)
	{
		const AlterTableCmd *one = lfirst_node(AlterTableCmd, cell);

		if (one->subtype == AT_AttachPartition)
			return RangeVarGetRelid(castNode(PartitionCmd, one->def)->name,
									NoLock, true);
	}
	return InvalidOid;
}

/*
 * The attached partition contains rows for which no dual write has been done.
 */
static void
note_attached_rows(const Concern *concern, Oid partition)
{
	EcArgs args = {0};

	ec_arg_texts(&args, concern->changes);
	ec_arg_oid(&args, partition);
	(void) ec_query("INSERT INTO expand_contract.gaps (change, reason)"
					" SELECT c.name, 'partition attached' FROM expand_contract.changes c"
					"  WHERE c.name = ANY ($1) AND c.relation = pg_partition_root($2)"
					"    AND c.target IS NULL AND c.phase NOT IN ('contracted', 'reverted')"
					"    AND EXISTS (SELECT FROM pg_partition_tree($2) p"
					"                 WHERE p.isleaf AND pg_relation_size(p.relid) > 0)",
					&args);
}

/*
 * DISABLE TRIGGER stops dual writes, and ENABLE TRIGGER without ALWAYS skips
 * rows applied by replication.  Writes during that time leave a gap.
 */
static void
note_stopped_triggers(const Concern *concern)
{
	EcArgs args = {0};
	uint64 count;

	concern_args(&args, concern);
	count =
		ec_query("WITH stopped AS ("
				 "   SELECT DISTINCT c.name AS change, g.tgname, g.tgrelid::regclass::text AS relation"
				 "     FROM unnest($2) d (relation)"
				 "     JOIN pg_trigger g ON g.tgrelid = d.relation"
				 "     JOIN expand_contract.changes c ON c.name = ANY ($1)"
				 "      AND coalesce(pg_partition_root(g.tgrelid), g.tgrelid) IN (c.relation, c.target)"
				 "      AND g.tgname IN ('~ec_' || c.name, '~ec_' || c.name || '_insert', '~ec_' || c.name || '_update',"
				 "                       '~ec_' || c.name || '_delete', '~ec_' || c.name || '_truncate',"
				 "                       '~ec_' || c.name || '_moves')"
				 "    WHERE g.tgenabled <> 'A' AND c.phase NOT IN ('contracted', 'reverted')),"
				 " noted AS ("
				 "   INSERT INTO expand_contract.gaps (change, reason)"
				 "   SELECT DISTINCT change, 'trigger disabled' FROM stopped)"
				 " SELECT change, tgname, relation FROM stopped ORDER BY 1, 2, 3",
				 &args);

	for (uint64 row = 0; row < count; row++)
	{
		ereport(WARNING,
				(errmsg("dual writes of change \"%s\" miss some writes to table %s",
						ec_get_text(row, 1), ec_get_text(row, 3)),
				 errdetail("Trigger \"%s\" is not enabled ALWAYS. Until it is, writes to the table leave a gap.",
						   ec_get_text(row, 2)),
				 ec_errhint("Repeat the call of ec_expand, then use ec_backfill_change(%s, 'repair').",
							quote_literal_cstr(ec_get_text(row, 1)))));
	}
}

/*
 * In a background worker the warning goes only to the server log.  So an event
 * is recorded as well, for listeners and for the history of the change.
 */
static void
note_ended(const List *changes, const List *checks)
{
	const ListCell *change;
	const ListCell *check;

	if (MyBgworkerEntry == NULL)
		return;
	forboth (change, changes, check, checks)
	{
		ec_change_announce(lfirst(change), "record ends", lfirst(check));
	}
}

/* Warns of checks that run after the trigger on the columns that it writes. */
static void
warn_of_checks(const Concern *concern)
{
	List *changes = NIL;
	List *checks = NIL;
	EcArgs args = {0};
	uint64 count;

	concern_args(&args, concern);
	count =
		ec_query("WITH concerned AS MATERIALIZED ("
				 "   SELECT DISTINCT coalesce(pg_partition_root(r.relation), r.relation) AS relation"
				 "     FROM unnest($2) r (relation)),"
				 " columns AS ("
				 "   SELECT c.name AS change, c.relation, o.attnum, o.name"
				 "     FROM concerned n"
				 "     JOIN expand_contract.changes c ON c.relation = n.relation AND c.name = ANY ($1)"
				 "     JOIN expand_contract.change_columns o ON o.change = c.name"
				 "    WHERE c.on_error = 'record' AND c.target IS NULL"
				 /* the keys of names that are kept come with the cutover */
				 "      AND to_jsonb(c) ->> 'kept_names' IS NULL"
				 "      AND c.phase NOT IN ('contracted', 'reverted')"
				 "      AND o.side = 'new' AND o.expression IS NOT NULL)"
				 " SELECT c.change, c.name, i.indexrelid::regclass::text"
				 "   FROM columns c JOIN pg_index i ON i.indrelid = c.relation"
				 "  WHERE (i.indisunique OR i.indisexclusion)"
				 "    AND (c.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])"
				 "         OR EXISTS (SELECT FROM pg_depend e"
				 "                     WHERE e.classid = 'pg_class'::regclass AND e.objid = i.indexrelid"
				 "                       AND e.refclassid = 'pg_class'::regclass AND e.refobjid = c.relation"
				 "                       AND e.refobjsubid = c.attnum AND i.indexprs IS NOT NULL))"
				 " UNION ALL"
				 " SELECT c.change, c.name, k.conname"
				 "   FROM columns c JOIN pg_constraint k ON k.conrelid = c.relation"
				 "  WHERE k.contype = 'f' AND c.attnum = ANY (k.conkey)"
				 " UNION ALL"
				 " SELECT c.change, c.name, 'NOT NULL'"
				 "   FROM columns c JOIN pg_attribute a ON a.attrelid = c.relation AND a.attnum = c.attnum"
				 "  WHERE a.attnotnull AND NOT a.atthasdef"
				 " ORDER BY 1, 2, 3",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		ereport(WARNING,
				(errmsg("on_error \"record\" of change \"%s\" does not cover violations of \"%s\"",
						ec_get_text(row, 1), ec_get_text(row, 3)),
				 errdetail("It is checked after the trigger of column \"%s\" has run, so a violation also fails the legacy write.",
						   ec_get_text(row, 2)),
				 errhint("Add it when the old columns are no longer written, or make sure that no legacy write can violate it.")));
		changes = lappend(changes, ec_get_text(row, 1));
		checks = lappend(checks, ec_get_text(row, 3));
	}
	note_ended(changes, checks);
}

/* Finds the changes that a command may concern; the table changes decides. */
static void
find_concern(Concern *concern)
{
	ListCell *cell;

	concern->relations = concern->changes = NIL;
	foreach (cell, ec_relations_of_command())
	{
		List *changes = ec_changes_about(lfirst_oid(cell));

		if (changes == NIL)
			continue;
		concern->relations = lappend_oid(concern->relations, lfirst_oid(cell));
		concern->changes = list_concat(concern->changes, changes);
	}
}

/* Returns the OIDs of the triggers on which the command has acted. */
static List *
triggers_of_command(void)
{
	MemoryContext memory = CurrentMemoryContext;
	List *triggers = NIL;
	EcCatalogScope scope;
	uint64 count;

	ec_catalog_begin(&scope);
	count =
		ec_query("SELECT DISTINCT d.objid FROM pg_event_trigger_ddl_commands() d"
				 " WHERE d.classid OPERATOR(pg_catalog.=) 'pg_trigger'::regclass",
				 NULL);
	for (uint64 row = 0; row < count; row++)
	{
		MemoryContext spi = MemoryContextSwitchTo(memory);

		triggers = lappend_oid(triggers, ec_get_oid(row, 1));
		MemoryContextSwitchTo(spi);
	}
	ec_catalog_end(&scope);
	return triggers;
}

static Oid
table_of_trigger(Oid trigger)
{
	Relation catalog = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key[1];
	SysScanDesc scan;
	HeapTuple tuple;
	Oid table = InvalidOid;

	ScanKeyInit(&key[0], Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(trigger));
	scan = systable_beginscan(catalog, TriggerOidIndexId, true, NULL, 1, key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		table = ((Form_pg_trigger) GETSTRUCT(tuple))->tgrelid;
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return table;
}

/* Warns whoever creates or renames a trigger of what it will not see. */
static void
note_trigger(Oid trigger)
{
	Oid table = table_of_trigger(trigger);
	ListCell *cell;

	if (!OidIsValid(table))
		return;
	foreach (cell, ec_changes_at(table))
	{
		EcChange change;

		if (!ec_change_load(lfirst(cell), &change) || OidIsValid(change.target) ||
			strcmp(change.phase, EC_PHASE_CONTRACTED) == 0 ||
			strcmp(change.phase, EC_PHASE_REVERTED) == 0 ||
			!list_member_oid(ec_with_ancestors(table), change.relation))
			continue;
		/* The command may have locked a child only, and not its parent. */
		LockRelationOid(change.relation, AccessShareLock);
		(void) find_all_inheritors(change.relation, AccessShareLock, NULL);
		ec_warn_of_user_triggers(&change, trigger);
	}
}

static bool
is_about_trigger(Node *command)
{
	return IsA(command, CreateTrigStmt) ||
		   (IsA(command, RenameStmt) &&
			((RenameStmt *) command)->renameType == OBJECT_TRIGGER);
}

/*
 * expand_contract.note_ddl(), an event trigger on ddl_command_end
 *
 * It is called for everybody's DDL.  A command that does not act on a table of
 * a change is ignored after a look at the system catalogs: no table of the
 * extension is accessed, so nothing there can fail or block the command.
 */
Datum
ec_note_ddl(PG_FUNCTION_ARGS)
{
	EventTriggerData *data = (EventTriggerData *) fcinfo->context;
	EcCatalogScope scope;
	Concern concern;
	Oid partition;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo) ||
		strcmp(data->event, "ddl_command_end") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("note_ddl must be called as an event trigger on ddl_command_end"),
				 errhint("The extension has created it.")));
	if (ec_own_swap || !ec_has_any_dual_writes())
		PG_RETURN_NULL();
	if (is_about_trigger(data->parsetree))
	{
		ListCell *cell;

		foreach (cell, triggers_of_command())
		{
			note_trigger(lfirst_oid(cell));
		}
		PG_RETURN_NULL();
	}
	find_concern(&concern);
	if (concern.changes == NIL)
		PG_RETURN_NULL();
	/*
	 * A name from the user's command, so it is resolved before the scope
	 * begins.
	 */
	partition = attached_partition(data->parsetree);
	ec_catalog_begin(&scope);
	if (!ec_own_ddl)
		warn_of_checks(&concern);
	if (renames_column(data->parsetree) || IsA(data->parsetree, AlterTableStmt))
	{
		note_names(&concern);
		note_names_of_restored(&concern, data->parsetree);
	}
	if (OidIsValid(partition))
		note_attached_rows(&concern, partition);
	if (switches_triggers(data->parsetree))
		note_stopped_triggers(&concern);
	ec_catalog_end(&scope);
	PG_RETURN_NULL();
}
