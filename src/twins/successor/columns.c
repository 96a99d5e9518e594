/*
 * columns.c
 *		What LIKE does not take over of a table and its columns.
 */
#include "postgres.h"

#include "core/catalog.h"
#include "core/query.h"
#include "twins/successor/part.h"

/* In SQL: the options of an array "name=value", as (name = 'value', …). */
#define OPTIONS(array, prefix)                                                       \
	"(SELECT string_agg(" prefix                                                     \
	"format('%I = %L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ')" \
	"   FROM unnest(" array ") o WHERE o NOT LIKE 'pg\\_%')"

/* $1 the source, $2 the successor as SQL, $3 whether it is partitioned */
static void
take_columns(EcMaking *making, MemoryContext memory, EcArgs *args)
{
	/* some builds of the server note a version in the options of columns */
	ec_making_take(making,
				   ec_query("SELECT format('ALTER TABLE %s ALTER COLUMN %I %s', $2, a.attname, x.sql), NULL, NULL"
							"  FROM pg_attribute a"
							" CROSS JOIN LATERAL (VALUES"
							"       (1, CASE WHEN coalesce(a.attstattarget, -1) <> -1 THEN format('SET STATISTICS %s', a.attstattarget) END),"
							"       (2, 'SET (' || " OPTIONS("a.attoptions",
															 "") " || ')')) x (n, sql)"
																 " WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND x.sql IS NOT NULL AND $3 IS NOT NULL"
																 " ORDER BY a.attnum, x.n",
							args),
				   memory);
	/* a row may be NULL where a constraint is still to be validated */
	ec_making_take(making,
				   ec_query("SELECT format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', $2, a.attname),"
							"       format('NOT NULL of column \"%s\", which is NOT VALID (add it so, when the rows are there)', a.attname), NULL"
							"  FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]"
							" WHERE k.conrelid = $1 AND k.contype = 'n' AND NOT k.convalidated AND $3 IS NOT NULL"
							" ORDER BY a.attnum",
							args),
				   memory);
}

static void
take_table(EcMaking *making, MemoryContext memory, EcArgs *args)
{
	ec_making_take(making,
				   ec_query("WITH options AS ("
							"  SELECT concat_ws(', ', " OPTIONS("c.reloptions",
																"") ","
																	"                   " OPTIONS("t.reloptions",
																								  "'toast.' || ") ") AS list"
																												  "    FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid WHERE c.oid = $1)"
																												  " SELECT x.sql, x.left_out, NULL FROM pg_class c CROSS JOIN options o"
																												  " CROSS JOIN LATERAL (VALUES"
																												  "   (1, CASE WHEN o.list <> '' AND NOT $3 THEN format('ALTER TABLE %s SET (%s)', $2, o.list) END,"
																												  "       CASE WHEN o.list <> '' AND $3 THEN format('options %s, which partitions have, and no partitioned table', o.list) END),"
																												  "   (2, CASE WHEN c.relreplident IN ('f', 'n') THEN format('ALTER TABLE %s REPLICA IDENTITY %s', $2,"
																												  "                 CASE c.relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END) END, NULL),"
																												  "   (3, CASE WHEN c.relrowsecurity THEN format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', $2) END, NULL),"
																												  "   (4, CASE WHEN c.relforcerowsecurity THEN format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', $2) END, NULL),"
																												  "   (5, 'COMMENT ON TABLE ' || $2 || ' IS ' || quote_literal(obj_description(c.oid, 'pg_class')), NULL),"
																												  "   (6, NULL, CASE WHEN $3 AND c.relkind = 'r' AND c.relam <> (SELECT oid FROM pg_am WHERE amname = 'heap') THEN"
																												  "                  format('access method %I, which partitions have', (SELECT amname FROM pg_am WHERE oid = c.relam)) END)"
																												  " ) x (n, sql, left_out)"
																												  " WHERE c.oid = $1 AND (x.sql IS NOT NULL OR x.left_out IS NOT NULL)"
																												  " ORDER BY x.n",
							args),
				   memory);
	ec_making_take(making,
				   ec_query("SELECT NULL, NULL, x.what FROM ("
							"  SELECT 1, format('rule \"%s\" (drop it before, and write a trigger instead)', r.rulename)"
							"    FROM pg_rewrite r WHERE r.ev_class = $1"
							"  UNION ALL SELECT 2, format('it inherits from table %s (ALTER TABLE … NO INHERIT before)', i.inhparent::regclass)"
							"    FROM pg_inherits i WHERE i.inhrelid = $1"
							"  UNION ALL SELECT 3, format('table %s inherits from it (ALTER TABLE … NO INHERIT before)', i.inhrelid::regclass)"
							"    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
							"   WHERE i.inhparent = $1 AND NOT c.relispartition"
							"  UNION ALL SELECT 4, format('it is a table of type %s (ALTER TABLE … NOT OF before)', format_type(c.reloftype, NULL))"
							"    FROM pg_class c WHERE c.oid = $1 AND c.reloftype <> 0"
							"  UNION ALL SELECT 5, format('it belongs to extension \"%s\" (ALTER EXTENSION … DROP TABLE before)', e.extname)"
							"    FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid"
							"   WHERE d.classid = 'pg_class'::regclass AND d.objid = $1 AND d.deptype = 'e'"
							" ) x (n, what) WHERE $2 IS NOT NULL AND $3 IS NOT NULL ORDER BY x.n, x.what",
							args),
				   memory);
	ec_making_take(making,
				   ec_query("SELECT NULL, x.what, NULL FROM ("
							"  SELECT 1, format('publication \"%s\"', p.pubname) FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid"
							"   WHERE r.prrelid = $1"
							"  UNION ALL SELECT 2, format('security label of provider \"%s\"', l.provider) FROM pg_seclabel l"
							"   WHERE l.classoid = 'pg_class'::regclass AND l.objoid = $1"
							"   GROUP BY l.provider"
							" ) x (n, what) WHERE $2 IS NOT NULL AND $3 IS NOT NULL ORDER BY x.n, x.what",
							args),
				   memory);
}

/* LIKE has made those of the successor in the order in which it has read them. */
static void
take_statistics(EcMaking *making, MemoryContext memory)
{
	EcArgs args = {0};

	ec_arg_oid(&args, making->source_oid);
	ec_arg_oid(&args, making->oid);
	ec_making_take(making,
				   ec_query("SELECT format('ALTER STATISTICS %I.%I SET STATISTICS %s', n.nspname, t.stxname, s.stxstattarget), NULL, NULL"
							"  FROM (SELECT row_number() OVER (ORDER BY oid) AS place, stxstattarget FROM pg_statistic_ext WHERE stxrelid = $1) s"
							"  JOIN (SELECT row_number() OVER (ORDER BY oid) AS place, * FROM pg_statistic_ext WHERE stxrelid = $2) t USING (place)"
							"  JOIN pg_namespace n ON n.oid = t.stxnamespace"
							" WHERE coalesce(s.stxstattarget, -1) <> -1"
							" ORDER BY place",
							&args),
				   memory);
}

void
ec_make_columns(EcMaking *making)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_oid(&args, making->source_oid);
	ec_arg_text(&args, making->table);
	ec_arg_bool(&args, making->is_partitioned);
	ec_catalog_begin(&scope);
	take_columns(making, memory, &args);
	take_table(making, memory, &args);
	take_statistics(making, memory);
	ec_catalog_end(&scope);
}
