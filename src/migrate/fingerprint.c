/*
 * fingerprint.c
 *		Lists the definitions of all objects of the database, for comparison.
 *
 * An object is identified by the name that the server gives it, and described
 * by the output of the server's own functions.  So OIDs and the positions of
 * dropped columns do not matter.  The extension's own tables are left out.
 */
#include "postgres.h"

#include "core/catalog.h"
#include "core/query.h"
#include "migrate/fingerprint.h"

/* returns identity and definition of each object */
static const char *const sql =
	"WITH schemas AS ("
	"  SELECT oid, nspname, nspowner, nspacl FROM pg_namespace"
	"   WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'expand_contract')"
	"), relations AS ("
	"  SELECT c.* FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace"
	"), objects (class, object, part, definition) AS ("
	"  SELECT 'pg_namespace'::regclass, oid, 0,"
	"         jsonb_build_array(nspowner::regrole, nspacl) FROM schemas"
	"  UNION ALL"
	"  SELECT 'pg_class'::regclass, c.oid, 0,"
	"         jsonb_build_array(c.relkind, c.relpersistence, c.relowner::regrole, c.relacl,"
	"           c.reloptions, a.amname, t.spcname, c.relreplident, c.relrowsecurity,"
	"           c.relforcerowsecurity, c.reloftype::regtype, pg_get_expr(c.relpartbound, c.oid),"
	"           pg_get_partkeydef(c.oid),"
	"           CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,"
	"           CASE WHEN c.relkind IN ('i', 'I') THEN pg_get_indexdef(c.oid) END,"
	"           i.indisvalid, i.indisclustered, i.indisreplident,"
	"           (SELECT jsonb_agg(h.inhparent::regclass ORDER BY h.inhseqno)"
	"              FROM pg_inherits h WHERE h.inhrelid = c.oid),"
	"           jsonb_build_array(q.seqtypid::regtype, q.seqstart, q.seqincrement, q.seqmax,"
	"             q.seqmin, q.seqcache, q.seqcycle))"
	"    FROM relations c"
	"    LEFT JOIN pg_am a ON a.oid = c.relam"
	"    LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace"
	"    LEFT JOIN pg_index i ON i.indexrelid = c.oid"
	"    LEFT JOIN pg_sequence q ON q.seqrelid = c.oid"
	"  UNION ALL"
	"  SELECT 'pg_class'::regclass, c.oid, a.attnum::integer,"
	"         jsonb_build_array(row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum),"
	"           format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,"
	"           a.attgenerated, pg_get_expr(d.adbin, d.adrelid), a.attcollation::regcollation,"
	"           a.attstorage, a.attcompression, nullif(a.attstattarget, -1), a.attacl,"
	/* only options that users can set, because the server may store others */
	"           ARRAY(SELECT o FROM unnest(a.attoptions) o WHERE o LIKE 'n\\_distinct%'),"
	"           a.attfdwoptions, a.attislocal, a.attinhcount)"
	"    FROM relations c JOIN pg_attribute a ON a.attrelid = c.oid"
	"    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum"
	"   WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind NOT IN ('i', 'I')"
	"  UNION ALL"
	"  SELECT 'pg_constraint'::regclass, o.oid, 0,"
	"         jsonb_build_array(pg_get_constraintdef(o.oid), o.convalidated, o.conislocal,"
	"           o.coninhcount)"
	"    FROM pg_constraint o JOIN schemas s ON s.oid = o.connamespace"
	"  UNION ALL"
	"  SELECT 'pg_trigger'::regclass, g.oid, 0,"
	"         jsonb_build_array(pg_get_triggerdef(g.oid), g.tgenabled)"
	"    FROM pg_trigger g JOIN relations c ON c.oid = g.tgrelid WHERE NOT g.tgisinternal"
	"  UNION ALL"
	"  SELECT 'pg_rewrite'::regclass, r.oid, 0,"
	"         jsonb_build_array(pg_get_ruledef(r.oid), r.ev_enabled)"
	"    FROM pg_rewrite r JOIN relations c ON c.oid = r.ev_class"
	"  UNION ALL"
	"  SELECT 'pg_policy'::regclass, p.oid, 0,"
	"         jsonb_build_array(p.polcmd, p.polpermissive, p.polroles::regrole[],"
	"           pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))"
	"    FROM pg_policy p JOIN relations c ON c.oid = p.polrelid"
	"  UNION ALL"
	"  SELECT 'pg_statistic_ext'::regclass, x.oid, 0,"
	"         jsonb_build_array(pg_get_statisticsobjdef(x.oid), x.stxowner::regrole)"
	"    FROM pg_statistic_ext x JOIN schemas s ON s.oid = x.stxnamespace"
	"  UNION ALL"
	"  SELECT 'pg_proc'::regclass, f.oid, 0,"
	"         jsonb_build_array(CASE WHEN f.prokind <> 'a' THEN pg_get_functiondef(f.oid) END,"
	"           f.proowner::regrole, f.proacl, to_jsonb(g) - 'aggfnoid')"
	"    FROM pg_proc f JOIN schemas s ON s.oid = f.pronamespace"
	"    LEFT JOIN pg_aggregate g ON g.aggfnoid = f.oid"
	"  UNION ALL"
	"  SELECT 'pg_type'::regclass, y.oid, 0,"
	"         jsonb_build_array(y.typtype, y.typowner::regrole, y.typacl,"
	"           format_type(nullif(y.typbasetype, 0), y.typtypmod), y.typnotnull, y.typdefault,"
	"           y.typcollation::regcollation,"
	"           (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder)"
	"              FROM pg_enum e WHERE e.enumtypid = y.oid),"
	"           (SELECT jsonb_build_array(r.rngsubtype::regtype, r.rngcollation::regcollation,"
	"                     r.rngcanonical::regproc, r.rngsubdiff::regproc)"
	"              FROM pg_range r WHERE r.rngtypid = y.oid))"
	"    FROM pg_type y JOIN schemas s ON s.oid = y.typnamespace"
	"  UNION ALL"
	"  SELECT 'pg_operator'::regclass, o.oid, 0, to_jsonb(o) - 'oid'"
	"    FROM pg_operator o JOIN schemas s ON s.oid = o.oprnamespace"
	"  UNION ALL"
	"  SELECT 'pg_collation'::regclass, o.oid, 0, to_jsonb(o) - 'oid'"
	"    FROM pg_collation o JOIN schemas s ON s.oid = o.collnamespace"
	"  UNION ALL"
	"  SELECT 'pg_cast'::regclass, oid, 0, to_jsonb(k) - 'oid' FROM pg_cast k WHERE oid >= 16384"
	"  UNION ALL"
	"  SELECT 'pg_extension'::regclass, oid, 0, jsonb_build_array(extversion, extowner::regrole)"
	"    FROM pg_extension"
	"  UNION ALL"
	"  SELECT 'pg_event_trigger'::regclass, oid, 0,"
	"         jsonb_build_array(evtevent, evtfoid::regprocedure, evtenabled, evttags)"
	"    FROM pg_event_trigger"
	"  UNION ALL"
	"  SELECT 'pg_publication'::regclass, p.oid, 0,"
	"         to_jsonb(p) - 'oid' || jsonb_build_object('tables',"
	"           (SELECT jsonb_agg(jsonb_build_array(r.prrelid::regclass, r.prattrs::text,"
	"                     pg_get_expr(r.prqual, r.prrelid)) ORDER BY r.prrelid::regclass::text)"
	"              FROM pg_publication_rel r WHERE r.prpubid = p.oid), 'schemas',"
	"           (SELECT jsonb_agg(n.pnnspid::regnamespace ORDER BY n.pnnspid::regnamespace::text)"
	"              FROM pg_publication_namespace n WHERE n.pnpubid = p.oid))"
	"    FROM pg_publication p"
	"  UNION ALL"
	"  SELECT 'pg_default_acl'::regclass, oid, 0, to_jsonb(l) - 'oid' FROM pg_default_acl l"
	") "
	"SELECT concat(i.type, ' ', i.identity) COLLATE \"C\","
	"       concat(o.definition::text, ' ' || d.description)"
	"  FROM objects o"
	"  CROSS JOIN LATERAL pg_identify_object(o.class, o.object, o.part) AS i"
	"  LEFT JOIN pg_description d ON d.classoid = o.class AND d.objoid = o.object"
	"   AND d.objsubid = o.part"
	" ORDER BY 1, 2";

EcFingerprint *
ec_fingerprint(void)
{
	EcFingerprint *fingerprint = palloc(sizeof(EcFingerprint));
	EcCatalogScope scope;

	ec_catalog_begin(&scope);
	fingerprint->count = ec_query(sql, NULL);
	fingerprint->definitions =
		SPI_palloc(Max(1, fingerprint->count) * sizeof(EcDefinition));
	for (int i = 0; i < fingerprint->count; i++)
	{
		fingerprint->definitions[i].identity = ec_get_text(i, 1);
		fingerprint->definitions[i].definition = ec_get_text(i, 2);
	}
	ec_catalog_end(&scope);
	return fingerprint;
}

void
ec_fingerprint_compare(const EcFingerprint *before, const EcFingerprint *after,
					   EcDifference difference, void *arg)
{
	int i = 0;
	int j = 0;

	while (i < before->count || j < after->count)
	{
		const EcDefinition *old = i < before->count ? &before->definitions[i] : NULL;
		const EcDefinition *new = j < after->count ? &after->definitions[j] : NULL;
		int order = old == NULL   ? 1
					: new == NULL ? -1
								  : strcmp(old->identity, new->identity);

		if (order < 0)
			difference(arg, old->identity, old->definition, NULL);
		else if (order > 0)
			difference(arg, new->identity, NULL, new->definition);
		else if (strcmp(old->definition, new->definition) != 0)
			difference(arg, old->identity, old->definition, new->definition);
		i += order <= 0;
		j += order >= 0;
	}
}
