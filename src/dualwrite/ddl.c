/*
 * ddl.c
 *		What DDL ends of what a change has promised.
 *
 * on_error => 'record' is kept while nothing checks the new columns after the
 * trigger.  ec_expand refuses it otherwise; whoever adds such a check later is
 * told so, at that moment.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "commands/event_trigger.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"

#include "core/catalog.h"
#include "core/query.h"
#include "expand_contract.h"

PG_FUNCTION_INFO_V1(ec_note_ddl);

/* Once restored, the table has other column numbers, and these names. */
static void
note_renamed_columns(void)
{
	(void) ec_query("UPDATE expand_contract.change_columns o SET present_name = a.attname"
					"  FROM pg_event_trigger_ddl_commands() d"
					"  JOIN expand_contract.changes c ON c.relation_oid = c.relation AND d.objid IN (c.relation, c.target)"
					"  JOIN pg_attribute a ON a.attrelid = d.objid"
					" WHERE d.classid = 'pg_class'::regclass AND o.change = c.name"
					"   AND d.objid = coalesce(CASE o.side WHEN 'new' THEN c.target END, c.relation)"
					"   AND o.attnum = a.attnum AND o.present_name <> a.attname AND NOT a.attisdropped",
					NULL);
}

/* The partition that the command attaches, or InvalidOid. */
static Oid
attached_partition(const EventTriggerData *data)
{
	const AlterTableStmt *statement = (const AlterTableStmt *) data->parsetree;
	ListCell *cell;

	if (!IsA(statement, AlterTableStmt))
		return InvalidOid;
	foreach (cell, statement->cmds)
	{
		const AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		if (command->subtype == AT_AttachPartition)
			return RangeVarGetRelid(castNode(PartitionCmd, command->def)->name,
									NoLock, true);
	}
	return InvalidOid;
}

/* It comes with rows that no dual write has seen. */
static void
note_attached_rows(Oid partition)
{
	EcArgs args = {0};

	ec_arg_oid(&args, partition);
	(void) ec_query("INSERT INTO expand_contract.gaps (change, reason)"
					" SELECT c.name, 'partition attached' FROM expand_contract.changes c"
					"  WHERE c.relation = pg_partition_root($1)"
					"    AND c.target IS NULL AND c.phase NOT IN ('contracted', 'reverted')"
					"    AND EXISTS (SELECT FROM pg_partition_tree($1) p"
					"                 WHERE p.isleaf AND pg_relation_size(p.relid) > 0)",
					&args);
}

/*
 * DISABLE TRIGGER stops dual writes behind our back, and ENABLE TRIGGER alone
 * spares rows that replication applies: what is written is a gap.
 */
static void
note_stopped_triggers(void)
{
	uint64 count =
		ec_query("WITH stopped AS ("
				 "   SELECT DISTINCT c.name AS change, g.tgname, g.tgrelid::regclass::text AS relation"
				 "     FROM pg_event_trigger_ddl_commands() d"
				 "     JOIN pg_trigger g ON g.tgrelid = d.objid"
				 "     JOIN expand_contract.changes c"
				 "       ON coalesce(pg_partition_root(g.tgrelid), g.tgrelid) IN (c.relation, c.target)"
				 "      AND g.tgname IN ('~ec_' || c.name, '~ec_' || c.name || '_insert', '~ec_' || c.name || '_update',"
				 "                       '~ec_' || c.name || '_delete', '~ec_' || c.name || '_truncate')"
				 "    WHERE d.classid = 'pg_class'::regclass AND g.tgenabled <> 'A'"
				 "      AND c.phase NOT IN ('contracted', 'reverted')),"
				 " noted AS ("
				 "   INSERT INTO expand_contract.gaps (change, reason)"
				 "   SELECT DISTINCT change, 'trigger disabled' FROM stopped)"
				 " SELECT change, tgname, relation FROM stopped ORDER BY 1, 2, 3",
				 NULL);

	for (uint64 row = 0; row < count; row++)
	{
		ereport(WARNING,
				(errmsg("dual writes of change \"%s\" do not see every write to table %s",
						ec_get_text(row, 1), ec_get_text(row, 3)),
				 errdetail("Trigger \"%s\" is not enabled ALWAYS. Until it is, what is written there is a gap.",
						   ec_get_text(row, 2)),
				 errhint("Call ec_expand again as before, then ec_backfill_change(%s, 'repair').",
						 quote_literal_cstr(ec_get_text(row, 1)))));
	}
}

/*
 * expand_contract.note_ddl(), an event trigger
 */
Datum
ec_note_ddl(PG_FUNCTION_ARGS)
{
	EcCatalogScope scope;
	Oid partition;
	uint64 count;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("note_ddl must be called as an event trigger"),
						errhint("The extension has created it.")));
	if (ec_runs_own_script())
		PG_RETURN_NULL();
	/* a name of the user's, so before the scope */
	partition = attached_partition((EventTriggerData *) fcinfo->context);
	ec_catalog_begin(&scope);
	count =
		ec_query("WITH concerned AS MATERIALIZED ("
				 "   SELECT DISTINCT coalesce(pg_partition_root(t.oid), t.oid) AS relation"
				 "     FROM pg_event_trigger_ddl_commands() d"
				 "     LEFT JOIN pg_index i ON i.indexrelid = d.objid"
				 "     JOIN pg_class t ON t.oid = coalesce(i.indrelid, d.objid)"
				 "    WHERE d.classid = 'pg_class'::regclass),"
				 " columns AS ("
				 "   SELECT c.name AS change, c.relation, o.attnum, o.name"
				 "     FROM concerned n"
				 "     JOIN expand_contract.changes c ON c.relation = n.relation"
				 "     JOIN expand_contract.change_columns o ON o.change = c.name"
				 "    WHERE c.on_error = 'record' AND c.target IS NULL"
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
				 NULL);
	for (uint64 row = 0; row < count; row++)
	{
		ereport(WARNING,
				(errmsg("on_error \"record\" of change \"%s\" ends where \"%s\" is violated",
						ec_get_text(row, 1), ec_get_text(row, 3)),
				 errdetail("It is checked when the trigger of column \"%s\" is done: what violates it fails the legacy write, too.",
						   ec_get_text(row, 2)),
				 errhint("Add it when the old columns are no longer written, or be sure that no legacy write can violate it.")));
	}
	note_renamed_columns();
	if (OidIsValid(partition))
		note_attached_rows(partition);
	note_stopped_triggers();
	ec_catalog_end(&scope);
	PG_RETURN_NULL();
}
