/*
 * trigger.c
 *		Triggers with a list of columns, or with WHEN.
 *
 * They know columns by number, and their definition names columns that have the
 * same names after the swap.  So they are dropped in the swap, and created again
 * from that text.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/catalog.h"
#include "core/query.h"
#include "twins/twin_kind.h"

static void
look(const EcRetype *retype, EcTwinPlan *plan)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	uint64 count;

	ec_twin_arguments(retype, &args);
	ec_catalog_begin(&scope);
	/* a constraint trigger's constraint has the trigger's comment, too */
	count =
		ec_query("SELECT format('DROP TRIGGER %I ON %s', t.tgname, t.tgrelid::regclass),"
				 "       pg_get_triggerdef(t.oid),"
				 "       CASE WHEN t.tgenabled <> 'O' THEN format('ALTER TABLE %s %s TRIGGER %I', t.tgrelid::regclass,"
				 "            CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END, t.tgname) END,"
				 "       format('COMMENT ON TRIGGER %I ON %s IS %L', t.tgname, t.tgrelid::regclass, obj_description(t.oid, 'pg_trigger')),"
				 "       CASE WHEN NOT has_function_privilege(c.relowner, t.tgfoid, 'EXECUTE')"
				 "            THEN format('trigger \"%s\", whose function the table''s owner may not execute (GRANT EXECUTE before)', t.tgname)"
				 "            WHEN EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_trigger'::regclass AND x.objid = t.oid AND x.deptype = 'x')"
				 "            THEN format('trigger \"%s\" depends on an extension (ALTER TRIGGER … NO DEPENDS ON EXTENSION before)', t.tgname) END"
				 "  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
				 " WHERE t.tgrelid = $1 AND NOT t.tgisinternal"
				 "   AND t.tgfoid NOT IN ('expand_contract.dual_write()'::regprocedure,"
				 "                        'expand_contract.dual_write_table()'::regprocedure)"
				 "   AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid"
				 "                  AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 AND d.refobjsubid = ANY ($2))"
				 " ORDER BY t.tgname",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		char *drop = ec_get_text(row, 1);
		char *create = ec_get_text(row, 2);
		char *enable = ec_get_text(row, 3);
		char *comment = ec_get_text(row, 4);
		char *refused = ec_get_text(row, 5);
		MemoryContext caller = MemoryContextSwitchTo(memory);

		if (refused != NULL)
			ec_twin_refuse(plan, refused);
		ec_twin_swap(plan, EC_SWAP_UNTIE, drop);
		ec_twin_swap(plan, EC_SWAP_GIVE, create);
		if (enable != NULL)
			ec_twin_swap(plan, EC_SWAP_GIVE, enable);
		ec_twin_swap(plan, EC_SWAP_GIVE, comment);
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
}

const EcTwinKind ec_twin_trigger = {"trigger", look};
