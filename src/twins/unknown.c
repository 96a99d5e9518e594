/*
 * unknown.c
 *		What hangs on the columns and is of no kind that has twins.
 *
 * Whatever depends on a column is found in pg_depend; what is not of a known
 * kind there is refused by name, so that nothing is left behind silently.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "core/catalog.h"
#include "core/query.h"
#include "twins/twin_kind.h"

/* The objects that the query finds, as reasons. */
static void
refuse_found(const char *sql, EcArgs *args, EcTwinPlan *plan)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	uint64 count;

	ec_catalog_begin(&scope);
	count = ec_query(sql, args);
	for (uint64 row = 0; row < count; row++)
	{
		char *why = ec_get_text(row, 1);
		MemoryContext caller = MemoryContextSwitchTo(memory);

		ec_twin_refuse(plan, why);
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
}

static Datum
numbers(const Bitmapset *columns)
{
	Datum *values = palloc(sizeof(Datum) * Max(1, bms_num_members(columns)));
	int count = 0;
	int member = -1;

	while ((member = bms_next_member(columns, member)) >= 0)
		values[count++] = Int16GetDatum(member);
	return PointerGetDatum(
		construct_array(values, count, INT2OID, 2, true, TYPALIGN_SHORT));
}

static void
look(const EcRetype *retype, EcTwinPlan *plan)
{
	EcArgs args = {0};

	ec_arg_oid(&args, retype->relation);
	ec_arg(&args, INT2ARRAYOID, numbers(retype->from), false);
	ec_arg_text(&args, retype->change);
	/* a rule that is a materialized view's query is known by that */
	refuse_found("SELECT DISTINCT coalesce('materialized view ' || v.ev_class::regclass, 'change \"' || o.change || '\"',"
				 "                         pg_describe_object(d.classid, d.objid, d.objsubid))"
				 "       || CASE WHEN o.change IS NOT NULL THEN ' (end it before)' ELSE"
				 "          CASE d.classid WHEN 'pg_constraint'::regclass THEN ' (drop it before, and add it NOT VALID, then validate it, after)'"
				 "                         WHEN 'pg_attrdef'::regclass THEN ' (drop that column before)'"
				 "                         ELSE ' (drop it before, and create it after)' END END"
				 "  FROM pg_depend d"
				 "  LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid AND d.objsubid = 0"
				 "  LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid"
				 "  LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid"
				 "  LEFT JOIN pg_attribute a ON (a.attrelid, a.attnum) = (f.adrelid, f.adnum)"
				 "  LEFT JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid"
				 "  LEFT JOIN LATERAL (SELECT convert_from(rtrim(t.tgargs, '\\x00'::bytea), getdatabaseencoding())"
				 "                      WHERE t.tgfoid IN ('expand_contract.dual_write()'::regprocedure,"
				 "                                         'expand_contract.dual_write_table()'::regprocedure)) o (change) ON true"
				 "  LEFT JOIN pg_rewrite v ON d.classid = 'pg_rewrite'::regclass AND v.oid = d.objid"
				 "                         AND v.ev_class IN (SELECT m.oid FROM pg_class m WHERE m.relkind = 'm')"
				 " WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 AND d.refobjsubid = ANY ($2)"
				 "   AND NOT coalesce(c.relkind IN ('S', 'i'), false)"
				 "   AND NOT coalesce(k.conrelid = $1 AND k.contype IN ('p', 'u', 'c', 'n'), false)"
				 "   AND NOT coalesce(k.contype = 'f' AND k.conparentid = 0, false)"
				 /* their definitions are text, with the names that stay */
				 "   AND NOT coalesce(t.tgrelid = $1 AND o.change IS NULL, false)"
				 "   AND d.classid NOT IN ('pg_policy'::regclass, 'pg_statistic_ext'::regclass, 'pg_publication_rel'::regclass)"
				 "   AND NOT (d.classid = 'pg_proc'::regclass AND EXISTS (SELECT FROM pg_proc p WHERE p.oid = d.objid AND p.prosqlbody IS NOT NULL))"
				 "   AND (d.classid <> 'pg_rewrite'::regclass OR v.oid IS NOT NULL)"
				 "   AND NOT coalesce(f.adnum = ANY ($2) AND a.attgenerated = '', false)"
				 "   AND NOT coalesce(t.tgname = '~ec_' || $3"
				 "                    AND t.tgfoid = 'expand_contract.dual_write()'::regprocedure, false)"
				 " ORDER BY 1",
				 &args, plan);
	/* an index or a constraint cannot be renamed away from under these */
	refuse_found("SELECT DISTINCT format('%s, which depends on %s (drop it before, and create it after)',"
				 "       pg_describe_object(d.classid, d.objid, d.objsubid), pg_describe_object(d.refclassid, d.refobjid, 0))"
				 "  FROM (SELECT 'pg_class'::regclass::oid, i.indexrelid FROM pg_index i"
				 "         WHERE i.indrelid = $1 AND EXISTS (SELECT FROM pg_depend c WHERE c.refclassid = 'pg_class'::regclass"
				 "               AND c.refobjid = $1 AND c.refobjsubid = ANY ($2) AND c.objid IN (i.indexrelid,"
				 "                   (SELECT x.oid FROM pg_constraint x WHERE x.conindid = i.indexrelid AND x.contype IN ('p', 'u') LIMIT 1)))"
				 "        UNION ALL"
				 "        SELECT 'pg_constraint'::regclass::oid, k.oid FROM pg_constraint k"
				 "         WHERE k.conrelid = $1 AND k.conkey && $2) o (classid, oid)"
				 "  JOIN pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.oid AND d.deptype <> 'i'"
				 " WHERE NOT EXISTS (SELECT FROM pg_depend c WHERE c.classid = d.classid AND c.objid = d.objid"
				 "                      AND c.refclassid = 'pg_class'::regclass AND c.refobjid = $1 AND c.refobjsubid = ANY ($2))"
				 "UNION ALL "
				 "SELECT format('%s depends on extension %s (ALTER INDEX … NO DEPENDS ON EXTENSION before)',"
				 "       pg_describe_object(d.classid, d.objid, 0), e.extname)"
				 "  FROM pg_depend d JOIN pg_index i ON i.indexrelid = d.objid AND i.indrelid = $1"
				 "  JOIN pg_extension e ON e.oid = d.refobjid"
				 " WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'x' AND d.refclassid = 'pg_extension'::regclass"
				 "   AND i.indkey::int2[] && $2 AND $3 IS NOT NULL"
				 " ORDER BY 1",
				 &args, plan);
	/* values of the row type that are stored elsewhere have the columns by number */
	refuse_found("SELECT DISTINCT pg_describe_object(d.classid, d.objid, d.objsubid) || ', which stores the row type (there is no way with the name kept)'"
				 "  FROM pg_type r JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (r.oid, r.typarray)"
				 " WHERE r.typrelid = $1 AND $2 IS NOT NULL AND $3 IS NOT NULL AND d.deptype <> 'i'"
				 "   AND (d.classid = 'pg_class'::regclass AND d.objsubid > 0 OR d.classid = 'pg_type'::regclass)"
				 "UNION ALL "
				 "SELECT format('the security label of column \"%s\" (remove it before, and set it after)', a.attname)"
				 "  FROM pg_seclabel s JOIN pg_attribute a ON a.attrelid = s.objoid AND a.attnum = s.objsubid"
				 " WHERE s.classoid = 'pg_class'::regclass AND s.objoid = $1 AND s.objsubid = ANY ($2)"
				 "UNION ALL "
				 "SELECT format('column \"%s\" is generated (drop it before)', a.attname) FROM pg_attribute a"
				 " WHERE a.attrelid = $1 AND a.attnum = ANY ($2) AND a.attgenerated <> ''"
				 "UNION ALL "
				 "SELECT CASE WHEN c.relkind = 'p' THEN 'it is partitioned (ec_copy brings its rows to a new table)'"
				 "            WHEN c.relispartition OR EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent))"
				 "            THEN 'it has parents or children (ALTER TABLE … NO INHERIT before)'"
				 "            ELSE 'it is a typed table (ALTER TABLE … NOT OF before)' END"
				 "  FROM pg_class c WHERE c.oid = $1"
				 "   AND (c.relkind = 'p' OR c.relispartition OR c.reloftype <> 0"
				 "        OR EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhrelid, i.inhparent)))"
				 " ORDER BY 1",
				 &args, plan);
}

const EcTwinKind ec_twin_unknown = {"unknown", look};
