/*
 * publication.c
 *		Publications with a list of columns that has them, or a filter that reads
 *		them.
 *
 * They know columns by number, and their definition names columns that have the
 * same names after the swap.  So the table leaves the publication in the swap,
 * and is in it again at the swap's end: in one transaction, so that no change
 * of a row is missed.
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
		ec_query("SELECT format('ALTER PUBLICATION %I DROP TABLE ONLY %s', p.pubname, r.prrelid::regclass),"
				 "       format('ALTER PUBLICATION %I ADD TABLE ONLY %s%s%s', p.pubname, r.prrelid::regclass,"
				 "              (SELECT ' (' || string_agg(quote_ident(a.attname), ', ' ORDER BY u.n) || ')'"
				 "                 FROM unnest(r.prattrs::int2[]) WITH ORDINALITY u (number, n)"
				 "                 JOIN pg_attribute a ON a.attrelid = r.prrelid AND a.attnum = u.number),"
				 "              ' WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')'),"
				 "       CASE WHEN NOT pg_has_role(c.relowner, p.pubowner, 'USAGE')"
				 "            THEN format('publication \"%s\", which has another owner (ALTER PUBLICATION %I DROP TABLE %s before, and ADD TABLE after)',"
				 "                        p.pubname, p.pubname, r.prrelid::regclass) END"
				 "  FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid"
				 "  JOIN pg_class c ON c.oid = r.prrelid"
				 " WHERE r.prrelid = $1"
				 "   AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_publication_rel'::regclass AND d.objid = r.oid"
				 "                  AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 AND d.refobjsubid = ANY ($2))"
				 " ORDER BY p.pubname",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		char *drop = ec_get_text(row, 1);
		char *add = ec_get_text(row, 2);
		char *refused = ec_get_text(row, 3);
		MemoryContext caller = MemoryContextSwitchTo(memory);

		if (refused != NULL)
			ec_twin_refuse(plan, refused);
		ec_twin_swap(plan, EC_SWAP_UNTIE, drop);
		ec_twin_swap(plan, EC_SWAP_GIVE, add);
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
}

const EcTwinKind ec_twin_publication = {"publication", look};
