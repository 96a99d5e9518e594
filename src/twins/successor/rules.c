/*
 * rules.c
 *		Triggers and policies of the successor of a table.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/catalog.h"
#include "core/query.h"
#include "twins/successor/part.h"

typedef struct Row
{
	char *text[5];
} Row;

/* In scope: the rows of the last query, in memory. */
static List *
rows_of(uint64 count, int columns, MemoryContext memory)
{
	List *rows = NIL;

	for (uint64 number = 0; number < count; number++)
	{
		Row row = {{NULL}};
		MemoryContext caller;

		for (int column = 0; column < columns; column++)
			row.text[column] = ec_get_text(number, column + 1);
		caller = MemoryContextSwitchTo(memory);
		rows = lappend(rows, memcpy(palloc(sizeof(row)), &row, sizeof(row)));
		MemoryContextSwitchTo(caller);
	}
	return rows;
}

/*
 * Disabled: the application fires those of the table that it writes.  A row that
 * is copied fires none.
 */
static void
make_triggers(EcMaking *making)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	List *rows;
	ListCell *cell;

	ec_arg_oid(&args, making->source_oid);
	ec_arg_bool(&args, making->is_partitioned);
	ec_catalog_begin(&scope);
	rows =
		rows_of(ec_query("SELECT t.tgname::text, pg_get_triggerdef(t.oid), obj_description(t.oid, 'pg_trigger'),"
						 "       CASE WHEN NOT has_function_privilege(c.relowner, t.tgfoid, 'EXECUTE')"
						 "            THEN format('trigger \"%s\", whose function the table''s owner may not execute (GRANT EXECUTE before)', t.tgname)"
						 "            WHEN EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_trigger'::regclass AND x.objid = t.oid AND x.deptype = 'x')"
						 "            THEN format('trigger \"%s\" depends on an extension (ALTER TRIGGER … NO DEPENDS ON EXTENSION before)', t.tgname) END,"
						 "       CASE WHEN $2 AND t.tgtype & 1 = 1 AND (t.tgoldtable IS NOT NULL OR t.tgnewtable IS NOT NULL)"
						 "            THEN format('trigger \"%s\", which is FOR EACH ROW with a transition table', t.tgname) END"
						 "  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
						 " WHERE t.tgrelid = $1 AND NOT t.tgisinternal"
						 "   AND t.tgfoid NOT IN ('expand_contract.dual_write()'::regprocedure,"
						 "                        'expand_contract.dual_write_table()'::regprocedure)"
						 " ORDER BY t.tgname",
						 &args),
				5, memory);
	ec_catalog_end(&scope);
	foreach (cell, rows)
	{
		const Row *row = lfirst(cell);
		const char *name = pstrdup(quote_identifier(row->text[0]));
		char *before;
		char *tail;

		if (row->text[3] != NULL)
			ec_making_refuse(making, row->text[3]);
		else if (row->text[4] != NULL)
			ec_making_leave_out(making, row->text[4]);
		if (row->text[3] != NULL || row->text[4] != NULL)
			continue;
		tail = ec_making_tail(making, row->text[1], &before);
		ec_making_run(making, psprintf("%s%s%s", before, making->table, tail),
					  InvalidOid);
		ec_making_run(making,
					  psprintf("ALTER TABLE %s DISABLE TRIGGER %s",
							   making->table, name),
					  InvalidOid);
		if (row->text[2] != NULL)
			ec_making_run(making,
						  psprintf("COMMENT ON TRIGGER %s ON %s IS %s", name,
								   making->table, quote_literal_cstr(row->text[2])),
						  InvalidOid);
	}
}

static char *
condition(const EcMaking *making, const char *word, const char *stored)
{
	return stored == NULL
			   ? ""
			   : psprintf(" %s (%s)", word, ec_making_write(making, stored));
}

static void
make_policies(EcMaking *making)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	List *rows;
	ListCell *cell;

	ec_arg_oid(&args, making->source_oid);
	ec_catalog_begin(&scope);
	rows =
		rows_of(ec_query("SELECT p.polname::text,"
						 "       format(' AS %s FOR %s TO %s', CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,"
						 "              CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,"
						 "              (SELECT string_agg(CASE WHEN r = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', ')"
						 "                 FROM unnest(p.polroles) r)),"
						 "       p.polqual::text, p.polwithcheck::text, obj_description(p.oid, 'pg_policy')"
						 "  FROM pg_policy p WHERE p.polrelid = $1 ORDER BY p.polname",
						 &args),
				5, memory);
	/* in a subquery it would go on to read the other table */
	ec_making_take(making,
				   ec_query("SELECT NULL, NULL, format('policy \"%s\" reads the table itself (drop it before, and create it after)', p.polname)"
							"  FROM pg_policy p"
							" WHERE p.polrelid = $1"
							"   AND concat(p.polqual, p.polwithcheck) LIKE format('%%:relid %s :%%', $1)"
							" ORDER BY p.polname",
							&args),
				   memory);
	ec_catalog_end(&scope);
	foreach (cell, rows)
	{
		const Row *row = lfirst(cell);
		const char *name = pstrdup(quote_identifier(row->text[0]));

		ec_making_run(making,
					  psprintf("CREATE POLICY %s ON %s%s%s%s", name,
							   making->table, row->text[1],
							   condition(making, "USING", row->text[2]),
							   condition(making, "WITH CHECK", row->text[3])),
					  InvalidOid);
		if (row->text[4] != NULL)
			ec_making_run(making,
						  psprintf("COMMENT ON POLICY %s ON %s IS %s", name,
								   making->table, quote_literal_cstr(row->text[4])),
						  InvalidOid);
	}
}

void
ec_make_rules(EcMaking *making)
{
	make_triggers(making);
	make_policies(making);
}
