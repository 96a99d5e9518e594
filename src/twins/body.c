/*
 * body.c
 *		Functions and procedures with a parsed body (BEGIN ATOMIC) that reads the
 *		columns, or a view that is made again.
 *
 * The body knows columns by number, and its text names columns that have the
 * same names after the swap.  It is taken out first, so that views can be
 * dropped, and put in again when these are there.  The function itself stays,
 * with its privileges, its comment, and what uses it.
 */
#include "postgres.h"

#include "nodes/bitmapset.h"
#include "utils/builtins.h"

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

	ec_twin_arguments(retype, &args);
	ec_arg_oids(&args, ec_twin_views(retype));
	ec_catalog_begin(&scope);
	count =
		ec_query("WITH bodies AS MATERIALIZED ("
				 "   SELECT p.* FROM pg_proc p WHERE p.prosqlbody IS NOT NULL"
				 "      AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid"
				 "             AND d.refclassid = 'pg_class'::regclass"
				 "             AND (d.refobjid = $1 AND d.refobjsubid = ANY ($2) OR d.refobjid = ANY ($3))))"
				 /* arguments keep their names and defaults, which cannot be taken away */
				 " SELECT format('CREATE OR REPLACE %s %I.%I(%s)%s LANGUAGE sql AS ''''', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,"
				 "               n.nspname, p.proname, pg_get_function_arguments(p.oid), ' RETURNS ' || pg_get_function_result(p.oid)),"
				 "        pg_get_functiondef(p.oid),"
				 "        CASE WHEN p.proowner <> t.relowner"
				 "             THEN format('function %s, which has another owner (drop it before, and create it after)', p.oid::regprocedure)"
				 "             WHEN NOT has_schema_privilege(t.relowner, p.pronamespace, 'CREATE')"
				 "             THEN format('function %s, in whose schema its owner may not create (GRANT CREATE ON SCHEMA before)', p.oid::regprocedure)"
				 "             WHEN NOT has_language_privilege(t.relowner, p.prolang, 'USAGE')"
				 "             THEN format('function %s, in whose language its owner may not create (GRANT USAGE ON LANGUAGE before)', p.oid::regprocedure)"
				 "             WHEN EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass AND x.objid = p.oid AND x.deptype IN ('e', 'x'))"
				 "             THEN format('function %s, which an extension has (drop it before, and create it after)', p.oid::regprocedure)"
				 "             WHEN EXISTS (SELECT FROM pg_type y WHERE y.typrelid = $1 AND y.oid = p.prorettype)"
				 "             THEN format('function %s, whose parsed body returns the row type, which gets another column (drop it before, and create it after)', p.oid::regprocedure) END"
				 "   FROM bodies p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_class t ON t.oid = $1"
				 "  ORDER BY p.oid",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		char *empty = ec_get_text(row, 1);
		char *whole = ec_get_text(row, 2);
		char *refused = ec_get_text(row, 3);
		MemoryContext caller = MemoryContextSwitchTo(memory);

		if (refused != NULL)
			ec_twin_refuse(plan, refused);
		plan->swap[EC_SWAP_VIEWS_AWAY] =
			lcons(empty, plan->swap[EC_SWAP_VIEWS_AWAY]);
		ec_twin_swap(plan, EC_SWAP_VIEWS, whole);
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
}

const EcTwinKind ec_twin_body = {"body", look};
