/*
 * writers.c
 *		Finds roles that can write to a table but lack rights that a change's
 *		expressions require.
 *
 * An expression of a change within one table is analysed and evaluated as the
 * writer.  The writer needs EXECUTE on its functions, including those behind
 * its operators and in CHECK constraints of its domains, and USAGE on the
 * schemas of all objects that it names, except built-in ones.  The objects are
 * found through the dependencies of the trigger, and built-in functions in the
 * expressions.
 */
#include "postgres.h"

#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/catalog.h"
#include "core/query.h"
#include "dualwrite/mapping.h"
#include "dualwrite/writers.h"

#define MOST_SHOWN 10

static bool
add_function(Oid function, void *context)
{
	List **functions = context;

	*functions = list_append_unique_oid(*functions, function);
	return false;
}

static bool
find_functions(Node *node, void *context)
{
	if (node == NULL)
		return false;
	(void) check_functions_in_node(node, add_function, context);
	return expression_tree_walker(node, find_functions, context);
}

/* result rows: role, missing privilege, and the statement that grants it */
#define LACKING                                                                                                                        \
	"WITH RECURSIVE written (oid) AS ("                                                                                                \
	"   SELECT unnest($1)"                                                                                                             \
	"   UNION"                                                                                                                         \
	"   SELECT r.ev_class FROM written w"                                                                                              \
	"     JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = w.oid"                                              \
	"      AND d.classid = 'pg_rewrite'::regclass"                                                                                     \
	"     JOIN pg_rewrite r ON r.oid = d.objid"                                                                                        \
	"     JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v'),"                                                                 \
	" writer AS ("                                                                                                                     \
	"   SELECT a.oid, a.rolname FROM pg_roles a"                                                                                       \
	"    WHERE NOT a.rolsuper AND NOT starts_with(a.rolname, 'pg_')"                                                                   \
	"      AND EXISTS (SELECT FROM written w JOIN pg_class c ON c.oid = w.oid"                                                         \
	"                   WHERE has_schema_privilege(a.oid, c.relnamespace, 'USAGE')"                                                    \
	"                     AND has_any_column_privilege(a.oid, c.oid, 'INSERT, UPDATE'))),"                                             \
	" used AS ("                                                                                                                       \
	"   SELECT d.refclassid, d.refobjid FROM pg_depend d"                                                                              \
	"    WHERE d.classid = 'pg_trigger'::regclass AND d.objid = $2),"                                                                  \
	" domain AS ("                                                                                                                     \
	"   SELECT t.oid, t.typnamespace, t.typbasetype FROM used u"                                                                       \
	"     JOIN pg_type t ON u.refclassid = 'pg_type'::regclass AND t.oid = u.refobjid"                                                 \
	"   UNION"                                                                                                                         \
	"   SELECT t.oid, t.typnamespace, t.typbasetype FROM domain d JOIN pg_type t ON t.oid = d.typbasetype),"                           \
	" function (oid) AS ("                                                                                                             \
	"   SELECT unnest($3)"                                                                                                             \
	"   UNION SELECT u.refobjid FROM used u WHERE u.refclassid = 'pg_proc'::regclass"                                                  \
	"   UNION SELECT d.refobjid FROM domain t"                                                                                         \
	"           JOIN pg_constraint k ON k.contypid = t.oid"                                                                            \
	"           JOIN pg_depend d ON d.classid = 'pg_constraint'::regclass AND d.objid = k.oid"                                         \
	"            AND d.refclassid = 'pg_proc'::regclass),"                                                                             \
	" schema (oid) AS ("                                                                                                               \
	"   SELECT p.pronamespace FROM used u JOIN pg_proc p ON u.refclassid = 'pg_proc'::regclass AND p.oid = u.refobjid"                 \
	"   UNION SELECT o.oprnamespace FROM used u JOIN pg_operator o"                                                                    \
	"             ON u.refclassid = 'pg_operator'::regclass AND o.oid = u.refobjid"                                                    \
	"   UNION SELECT c.collnamespace FROM used u JOIN pg_collation c"                                                                  \
	"             ON u.refclassid = 'pg_collation'::regclass AND c.oid = u.refobjid"                                                   \
	"   UNION SELECT t.typnamespace FROM domain t),"                                                                                   \
	" needed AS ("                                                                                                                     \
	"   SELECT 'EXECUTE' AS privilege, format('FUNCTION %s', f.oid::regprocedure) AS what, f.oid FROM function f"                      \
	"    WHERE EXISTS (SELECT FROM pg_proc p WHERE p.oid = f.oid)"                                                                     \
	"   UNION ALL"                                                                                                                     \
	"   SELECT 'USAGE', format('SCHEMA %I', n.nspname), n.oid FROM schema s JOIN pg_namespace n ON n.oid = s.oid)"                     \
	" SELECT w.rolname::text, format('%s ON %s', n.privilege, n.what), format('GRANT %s ON %s TO %I', n.privilege, n.what, w.rolname)" \
	"   FROM writer w CROSS JOIN needed n"                                                                                             \
	"  WHERE NOT CASE n.privilege WHEN 'EXECUTE' THEN has_function_privilege(w.oid, n.oid, 'EXECUTE')"                                 \
	"            ELSE has_schema_privilege(w.oid, n.oid, 'USAGE') END"                                                                 \
	"  ORDER BY w.rolname COLLATE \"C\", n.privilege, n.what COLLATE \"C\""

void
ec_warn_of_writers(const EcChange *change, List *entries)
{
	List *functions = NIL;
	StringInfoData lacking;
	StringInfoData grants;
	EcCatalogScope scope;
	EcArgs args = {0};
	uint64 count;
	ListCell *cell;

	foreach (cell, entries)
		(void) find_functions(((EcMappedColumn *) lfirst(cell))->analysed,
							  &functions);
	initStringInfo(&lacking);
	initStringInfo(&grants);
	ec_arg_oids(&args, find_all_inheritors(change->relation, NoLock, NULL));
	ec_arg_oid(&args, get_trigger_oid(change->relation,
									  ec_change_trigger_name(change->name), false));
	ec_arg_oids(&args, functions);
	ec_catalog_begin(&scope);
	count = ec_query(LACKING, &args);
	for (uint64 row = 0; row < Min(count, MOST_SHOWN); row++)
	{
		appendStringInfo(&lacking, "%sRole \"%s\" lacks %s.", row > 0 ? "\n" : "",
						 ec_get_text(row, 1), ec_get_text(row, 2));
		appendStringInfo(&grants, "%s%s;", row > 0 ? " " : "", ec_get_text(row, 3));
	}
	ec_catalog_end(&scope);
	if (count == 0)
		return;
	if (count > MOST_SHOWN)
		appendStringInfo(&lacking, "\nFurther ones: " UINT64_FORMAT ".",
						 count - MOST_SHOWN);
	ereport(WARNING,
			(errmsg("roles that can write to table \"%s\" lack privileges for the expressions of change \"%s\"",
					get_rel_name(change->relation), change->name),
			 errdetail("%s", lacking.data),
			 errhint("Expressions run with the privileges of the writer; without them, %s. Use: %s",
					 change->records ? "each write is queued" : "each write fails",
					 grants.data)));
}
