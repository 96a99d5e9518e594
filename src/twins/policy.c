/*
 * policy.c
 *		Policies that read the columns, of this table or of others.
 *
 * They know columns by number, and their text names columns that have the same
 * names after the swap.  So each is altered to what it was, by that text.
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
	count =
		ec_query("SELECT format('ALTER POLICY %I ON %s%s%s', p.polname, p.polrelid::regclass,"
				 "              ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',"
				 "              ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'),"
				 "       CASE WHEN c.relowner <> (SELECT t.relowner FROM pg_class t WHERE t.oid = $1)"
				 "            THEN format('policy \"%s\" of table %s, which has another owner (drop it before, and create it after)',"
				 "                        p.polname, p.polrelid::regclass) END"
				 "  FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid"
				 " WHERE EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid"
				 "                  AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 AND d.refobjsubid = ANY ($2))"
				 " ORDER BY p.oid",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		char *sql = ec_get_text(row, 1);
		char *refused = ec_get_text(row, 2);
		MemoryContext caller = MemoryContextSwitchTo(memory);

		if (refused != NULL)
			ec_twin_refuse(plan, refused);
		else
			ec_twin_swap(plan, EC_SWAP_GIVE, sql);
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
}

const EcTwinKind ec_twin_policy = {"policy", look};
