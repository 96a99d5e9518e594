/*
 * ddl.c
 *		What DDL ends of what a change has promised.
 *
 * on_error => 'record' is kept while nothing checks the new columns after the
 * trigger.  ec_expand refuses it otherwise; whoever adds such a check later is
 * told so, at that moment.
 */
#include "postgres.h"

#include "commands/event_trigger.h"
#include "fmgr.h"

#include "core/catalog.h"
#include "core/query.h"
#include "expand_contract.h"

PG_FUNCTION_INFO_V1(ec_note_ddl);

/*
 * expand_contract.note_ddl(), an event trigger
 */
Datum
ec_note_ddl(PG_FUNCTION_ARGS)
{
	EcCatalogScope scope;
	uint64 count;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("note_ddl must be called as an event trigger"),
						errhint("The extension has created it.")));
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
	ec_catalog_end(&scope);
	PG_RETURN_NULL();
}
