/*
 * function.c
 *		Functions whose bodies are text, and their plans in other sessions.
 *
 * A session keeps plans of a PL/pgSQL function for the types that it has seen,
 * and variables that were declared by %TYPE.  Another version of the function's
 * row in the catalog makes every session compile it again; so each function
 * that may use the table, or one of its views, is altered to what it is.
 */
#include "postgres.h"

#include "core/catalog.h"
#include "core/query.h"
#include "twins/twin_kind.h"
#include "twins/view.h"

static void
look(const EcRetype *retype, EcTwinPlan *plan)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	uint64 count;

	if (!plan->for_swap)
		return;
	ec_arg_oid(&args, retype->relation);
	ec_arg_oids(&args, lappend_oid(ec_twin_views(retype), retype->relation));
	ec_catalog_begin(&scope);
	count =
		ec_query("SELECT format('ALTER ROUTINE %s %s', p.oid::regprocedure,"
				 "              CASE WHEN p.prosecdef THEN 'SECURITY DEFINER' ELSE 'SECURITY INVOKER' END)"
				 "  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang"
				 " WHERE l.lanname NOT IN ('c', 'internal', 'sql') AND p.prokind IN ('f', 'p')"
				 "   AND pg_has_role(p.proowner, 'USAGE')"
				 "   AND (EXISTS (SELECT FROM pg_class c WHERE c.oid = ANY ($2) AND $1 IS NOT NULL"
				 "                    AND strpos(lower(p.prosrc), lower(replace(c.relname, '\"', '\"\"'))) > 0)"
				 "        OR p.oid IN (SELECT t.tgfoid FROM pg_trigger t WHERE t.tgrelid = ANY ($2)))"
				 "   AND NOT pg_is_other_temp_schema(p.pronamespace)"
				 " ORDER BY p.oid",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		char *sql = ec_get_text(row, 1);
		MemoryContext caller = MemoryContextSwitchTo(memory);

		ec_twin_swap(plan, EC_SWAP_FUNCTIONS, sql);
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
}

const EcTwinKind ec_twin_function = {"function", look};
