/*
 * view.c
 *		Views that read the columns, those that read these views, and rules.
 *
 * They know columns by number, and the columns of a view have types that cannot
 * be changed.  So the whole chain is dropped in the swap and created again, by
 * its text, which names columns that have the same names after the swap.  What
 * hangs on a view comes back with it: options, privileges, comments, defaults,
 * triggers, rules.
 *
 * Locks: the views, those that read others first, as applications do; and the
 * tables of rules.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/catalog.h"
#include "core/query.h"
#include "twins/grants.h"
#include "twins/twin_kind.h"
#include "twins/view.h"

/* Rules can make a circle of views, which nobody can read. */
#define CHAIN                                                                                                              \
	"WITH RECURSIVE chain (oid, depth) AS ("                                                                               \
	"   SELECT c.oid, 1"                                                                                                   \
	"     FROM pg_depend d"                                                                                                \
	"     JOIN pg_rewrite v ON v.oid = d.objid AND v.rulename = '_RETURN'"                                                 \
	"     JOIN pg_class c ON c.oid = v.ev_class AND c.relkind = 'v'"                                                       \
	"    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass"                                 \
	"      AND d.refobjid = $1 AND d.refobjsubid = ANY ($2)"                                                               \
	"   UNION"                                                                                                             \
	"   SELECT c.oid, h.depth + 1"                                                                                         \
	"     FROM chain h"                                                                                                    \
	"     JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = h.oid"                                  \
	"      AND d.classid = 'pg_rewrite'::regclass"                                                                         \
	"     JOIN pg_rewrite v ON v.oid = d.objid AND v.rulename = '_RETURN'"                                                 \
	"     JOIN pg_class c ON c.oid = v.ev_class AND c.relkind = 'v' AND c.oid <> h.oid"                                    \
	"    WHERE h.depth < 200),"                                                                                            \
	" views (oid, depth) AS (SELECT oid, max(depth) FROM chain GROUP BY oid),"                                             \
	" rules (oid, relation) AS ("                                                                                          \
	"   SELECT DISTINCT r.oid, r.ev_class"                                                                                 \
	"     FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class"                                                         \
	"    WHERE r.rulename <> '_RETURN'"                                                                                    \
	"      AND (r.ev_class IN (SELECT oid FROM views)"                                                                     \
	"           OR EXISTS (SELECT FROM pg_depend d"                                                                        \
	"                WHERE d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass" \
	"                  AND (d.refobjid = $1 AND d.refobjsubid = ANY ($2)"                                                  \
	"                       OR d.refobjid IN (SELECT oid FROM views)))))"

static Datum
numbers(const EcRetype *retype)
{
	Datum *values = palloc(sizeof(Datum) * list_length(retype->pairs));
	int count = 0;
	ListCell *cell;

	foreach (cell, retype->pairs)
		values[count++] = Int16GetDatum(((EcTwinPair *) lfirst(cell))->from);
	return PointerGetDatum(
		construct_array(values, count, INT2OID, 2, true, TYPALIGN_SHORT));
}

static void
arguments(const EcRetype *retype, EcArgs *args)
{
	ec_arg_oid(args, retype->relation);
	ec_arg(args, INT2ARRAYOID, numbers(retype), false);
}

/*
 * Adds the columns of the last result, each to its part; NULL adds nothing.
 * What is dropped goes before what was added earlier: rules before views, views
 * before what they read.
 */
static void
add_row(EcTwinPlan *plan, MemoryContext memory, uint64 row, int first_given, int count)
{
	char *refused = ec_get_text(row, 1);
	MemoryContext caller;

	for (int column = 2; column <= count; column++)
	{
		char *sql = ec_get_text(row, column);

		caller = MemoryContextSwitchTo(memory);
		if (sql != NULL && column < first_given)
			plan->swap[EC_SWAP_VIEWS_AWAY] =
				lcons(sql, plan->swap[EC_SWAP_VIEWS_AWAY]);
		else if (sql != NULL)
			ec_twin_swap(plan, EC_SWAP_VIEWS, sql);
		MemoryContextSwitchTo(caller);
	}
	caller = MemoryContextSwitchTo(memory);
	if (refused != NULL)
		ec_twin_refuse(plan, refused);
	MemoryContextSwitchTo(caller);
}

/* In scope. */
static void
drop_views(EcTwinPlan *plan, EcArgs *args, MemoryContext memory)
{
	uint64 count =
		ec_query(CHAIN
				 " SELECT CASE WHEN c.relowner <> t.relowner THEN format('view %s, which has another owner (drop it before, and create it after)', c.oid::regclass)"
				 "             WHEN v.depth = 200 THEN format('view %s, which reads itself (drop it before)', c.oid::regclass)"
				 "             WHEN c.relpersistence = 't' THEN format('view %s, which is temporary (drop it before)', c.oid::regclass)"
				 "             WHEN NOT has_schema_privilege(t.relowner, c.relnamespace, 'CREATE')"
				 "             THEN format('view %s, in whose schema its owner may not create (GRANT CREATE ON SCHEMA before)', c.oid::regclass)"
				 "             WHEN EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_class'::regclass AND x.objid = c.oid AND x.deptype IN ('e', 'x'))"
				 "             THEN format('view %s, which an extension has (ALTER EXTENSION … DROP VIEW before, and ADD after)', c.oid::regclass)"
				 "             WHEN EXISTS (SELECT FROM pg_seclabel s WHERE s.classoid = 'pg_class'::regclass AND s.objoid = c.oid)"
				 "             THEN format('the security label of view %s (remove it before, and set it after)', c.oid::regclass) END,"
				 "        format('DROP VIEW %I.%I', n.nspname, c.relname)"
				 "   FROM views v JOIN pg_class c ON c.oid = v.oid JOIN pg_namespace n ON n.oid = c.relnamespace"
				 "   JOIN pg_class t ON t.oid = $1"
				 "  ORDER BY v.depth, v.oid",
				 args);

	for (uint64 row = 0; row < count; row++)
		add_row(plan, memory, row, 3, 2);
}

static void
keep_privileges(EcTwinPlan *plan, Oid view, MemoryContext memory)
{
	MemoryContext caller = MemoryContextSwitchTo(memory);

	plan->privileges = lappend(plan->privileges, ec_twin_privileges(view));
	MemoryContextSwitchTo(caller);
}

/* In scope. */
static void
create_views(EcTwinPlan *plan, EcArgs *args, MemoryContext memory)
{
	uint64 count =
		ec_query(CHAIN
				 " SELECT NULL,"
				 "        format('CREATE VIEW %s%s AS %s', s.name,"
				 "               ' WITH (' || (SELECT string_agg(format('%I = %L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ')"
				 "                               FROM unnest(c.reloptions) o) || ')',"
				 "               pg_get_viewdef(c.oid)),"
				 "        format('COMMENT ON VIEW %s IS %L', s.name, obj_description(c.oid, 'pg_class')),"
				 "        (SELECT string_agg(format('COMMENT ON COLUMN %s.%I IS %L', s.name, a.attname, col_description(c.oid, a.attnum)), ';' ORDER BY a.attnum)"
				 "           FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND col_description(c.oid, a.attnum) IS NOT NULL),"
				 "        (SELECT string_agg(format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s', s.name, a.attname, pg_get_expr(f.adbin, f.adrelid)), ';' ORDER BY a.attnum)"
				 "           FROM pg_attrdef f JOIN pg_attribute a ON (a.attrelid, a.attnum) = (f.adrelid, f.adnum) WHERE f.adrelid = c.oid),"
				 "        c.oid"
				 "   FROM views v JOIN pg_class c ON c.oid = v.oid JOIN pg_namespace n ON n.oid = c.relnamespace"
				 "   CROSS JOIN LATERAL format('%I.%I', n.nspname, c.relname) s (name)"
				 "  ORDER BY v.depth, v.oid",
				 args);

	for (uint64 row = 0; row < count; row++)
	{
		add_row(plan, memory, row, 2, 5);
		keep_privileges(plan, ec_get_oid(row, 6), memory);
	}
}

/* In scope.  Rules and triggers come after all views, which they may name. */
static void
create_rules(EcTwinPlan *plan, EcArgs *args, MemoryContext memory)
{
	uint64 count =
		ec_query(CHAIN
				 " SELECT CASE WHEN c.relowner <> t.relowner"
				 "             THEN format('rule \"%s\" of %s, which has another owner (drop it before, and create it after)', r.rulename, c.oid::regclass) END,"
				 "        CASE WHEN c.oid NOT IN (SELECT oid FROM views) THEN format('DROP RULE %I ON %s', r.rulename, s.name) END,"
				 "        pg_get_ruledef(r.oid),"
				 "        CASE WHEN r.ev_enabled <> 'O' THEN format('ALTER TABLE %s %s RULE %I', s.name,"
				 "             CASE r.ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END, r.rulename) END,"
				 "        format('COMMENT ON RULE %I ON %s IS %L', r.rulename, s.name, obj_description(r.oid, 'pg_rewrite'))"
				 "   FROM rules u JOIN pg_rewrite r ON r.oid = u.oid JOIN pg_class c ON c.oid = u.relation"
				 "   JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_class t ON t.oid = $1"
				 "   CROSS JOIN LATERAL format('%I.%I', n.nspname, c.relname) s (name)"
				 "  ORDER BY r.oid",
				 args);

	for (uint64 row = 0; row < count; row++)
		add_row(plan, memory, row, 3, 5);
	count =
		ec_query(CHAIN
				 " SELECT CASE WHEN NOT has_function_privilege(c.relowner, t.tgfoid, 'EXECUTE')"
				 "             THEN format('trigger \"%s\" of view %s, whose function the view''s owner may not execute (GRANT EXECUTE before)', t.tgname, c.oid::regclass)"
				 "             WHEN EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_trigger'::regclass AND x.objid = t.oid AND x.deptype = 'x')"
				 "             THEN format('trigger \"%s\" of view %s depends on an extension (ALTER TRIGGER … NO DEPENDS ON EXTENSION before)', t.tgname, c.oid::regclass) END,"
				 "        pg_get_triggerdef(t.oid),"
				 "        CASE WHEN t.tgenabled <> 'O' THEN format('ALTER TABLE %s %s TRIGGER %I', s.name,"
				 "             CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'A' THEN 'ENABLE ALWAYS' ELSE 'ENABLE REPLICA' END, t.tgname) END,"
				 "        format('COMMENT ON TRIGGER %I ON %s IS %L', t.tgname, s.name, obj_description(t.oid, 'pg_trigger'))"
				 "   FROM views v JOIN pg_class c ON c.oid = v.oid JOIN pg_namespace n ON n.oid = c.relnamespace"
				 "   JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal"
				 "   CROSS JOIN LATERAL format('%I.%I', n.nspname, c.relname) s (name)"
				 "  ORDER BY t.oid",
				 args);
	for (uint64 row = 0; row < count; row++)
		add_row(plan, memory, row, 2, 4);
}

/* In scope.  A view cannot be dropped from under these. */
static void
refuse_others(EcTwinPlan *plan, EcArgs *args, MemoryContext memory)
{
	uint64 count =
		ec_query(CHAIN
				 " SELECT DISTINCT format('%s, which depends on view %s (drop it before, and create it after)',"
				 "        coalesce('materialized view ' || m.oid::regclass, pg_describe_object(d.classid, d.objid, d.objsubid)), v.oid::regclass)"
				 "   FROM views v JOIN pg_class c ON c.oid = v.oid JOIN pg_type y ON y.oid = c.reltype"
				 "   JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = v.oid"
				 "                    OR d.refclassid = 'pg_type'::regclass AND d.refobjid IN (y.oid, y.typarray)"
				 "   LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid"
				 "   LEFT JOIN pg_class m ON m.oid = r.ev_class AND m.relkind = 'm'"
				 "   LEFT JOIN pg_trigger t ON d.classid = 'pg_trigger'::regclass AND t.oid = d.objid"
				 "   LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid"
				 "   LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid AND d.refclassid = 'pg_class'::regclass"
				 "  WHERE d.deptype <> 'i' AND (r.oid IS NULL OR m.oid IS NOT NULL) AND p.prosqlbody IS NULL"
				 "    AND (t.tgrelid = v.oid) IS NOT TRUE AND (f.adrelid = v.oid) IS NOT TRUE"
				 "  ORDER BY 1",
				 args);

	for (uint64 row = 0; row < count; row++)
		add_row(plan, memory, row, 2, 1);
}

static void
look(const EcRetype *retype, EcTwinPlan *plan)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};

	arguments(retype, &args);
	ec_catalog_begin(&scope);
	drop_views(plan, &args, memory);
	create_views(plan, &args, memory);
	create_rules(plan, &args, memory);
	refuse_others(plan, &args, memory);
	ec_catalog_end(&scope);
}

const EcTwinKind ec_twin_view = {"view", look};

List *
ec_twin_views(const EcRetype *retype)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	List *views = NIL;
	uint64 count;

	arguments(retype, &args);
	ec_catalog_begin(&scope);
	count =
		ec_query(CHAIN " SELECT oid FROM views ORDER BY depth DESC, oid", &args);
	for (uint64 row = 0; row < count; row++)
	{
		Oid view = ec_get_oid(row, 1);
		MemoryContext caller = MemoryContextSwitchTo(memory);

		views = lappend_oid(views, view);
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
	return views;
}

List *
ec_twin_tables_of_rules(const EcRetype *retype)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	List *tables = NIL;
	uint64 count;

	arguments(retype, &args);
	ec_catalog_begin(&scope);
	count =
		ec_query(CHAIN
				 " SELECT relation FROM rules WHERE relation <> $1 AND relation NOT IN (SELECT oid FROM views)"
				 " UNION"
				 " SELECT p.polrelid FROM pg_policy p"
				 "   JOIN pg_depend d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid"
				 "  WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1 AND d.refobjsubid = ANY ($2)"
				 "    AND p.polrelid <> $1"
				 " ORDER BY 1",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		Oid table = ec_get_oid(row, 1);
		MemoryContext caller = MemoryContextSwitchTo(memory);

		tables = lappend_oid(tables, table);
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
	return tables;
}
