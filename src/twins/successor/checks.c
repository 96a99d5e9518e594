/*
 * checks.c
 *		CHECK constraints and foreign keys of the successor of a table.
 *
 * A constraint that is NOT VALID is checked for new rows nevertheless, so the
 * successor could not take the rows that violate it.  A foreign key to the table
 * itself would refuse a row that is copied before the one that it refers to.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/catalog.h"
#include "core/query.h"
#include "twins/successor/part.h"

typedef struct Check
{
	char *name;
	char *stored;
	char *options;
	bool reads_row; /* as a whole */
} Check;

static List *
find_checks(EcMaking *making)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	List *checks = NIL;
	uint64 count;

	ec_arg_oid(&args, making->source_oid);
	ec_arg_bool(&args, making->is_partitioned);
	ec_catalog_begin(&scope);
	count =
		ec_query("SELECT k.conname::text, k.conbin::text,"
				 "       CASE WHEN k.connoinherit AND NOT $2 THEN ' NO INHERIT' ELSE '' END"
				 "       || CASE WHEN to_jsonb(k) ->> 'conenforced' = 'false' THEN ' NOT ENFORCED' ELSE '' END,"
				 "       k.conbin::text LIKE '%:varattno 0 %'"
				 "  FROM pg_constraint k WHERE k.conrelid = $1 AND k.contype = 'c'"
				 "   AND (k.convalidated OR to_jsonb(k) ->> 'conenforced' = 'false')"
				 " ORDER BY k.conname",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		Check check = {ec_get_text(row, 1), ec_get_text(row, 2),
					   ec_get_text(row, 3), ec_get_bool(row, 4, false)};
		MemoryContext caller = MemoryContextSwitchTo(memory);

		checks =
			lappend(checks, memcpy(palloc(sizeof(check)), &check, sizeof(check)));
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
	return checks;
}

static void
take_keys(EcMaking *making)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_oid(&args, making->source_oid);
	ec_arg_text(&args, making->table);
	ec_catalog_begin(&scope);
	ec_making_take(making,
				   ec_query("SELECT CASE WHEN k.confrelid <> k.conrelid AND (k.convalidated OR x.not_enforced) THEN"
							"            format('ALTER TABLE %s ADD CONSTRAINT %I %s', $2, k.conname, pg_get_constraintdef(k.oid)) END,"
							"       CASE WHEN k.confrelid = k.conrelid THEN"
							"            format('foreign key \"%s\" to the table itself (add it when the rows are there)', k.conname)"
							"            WHEN NOT k.convalidated AND NOT x.not_enforced THEN"
							"            format('foreign key \"%s\", which is NOT VALID (add it so, when the rows are there)', k.conname) END,"
							"       CASE WHEN k.confrelid <> k.conrelid AND NOT has_table_privilege(c.relowner, k.confrelid, 'REFERENCES')"
							"             AND EXISTS (SELECT FROM unnest(k.confkey) u (a)"
							"                          WHERE NOT has_column_privilege(c.relowner, k.confrelid, u.a, 'REFERENCES')) THEN"
							"            format('foreign key \"%s\" to table %s, where the owner lacks the privilege (GRANT REFERENCES before)',"
							"                   k.conname, k.confrelid::regclass) END"
							"  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
							" CROSS JOIN LATERAL (SELECT coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'false') x (not_enforced)"
							" WHERE k.conrelid = $1 AND k.contype = 'f' AND k.conparentid = 0"
							" ORDER BY k.confrelid, k.conname",
							&args),
				   memory);
	ec_making_take(making,
				   ec_query("SELECT NULL, format('CHECK constraint \"%s\", which is NOT VALID (add it so, when the rows are there)', k.conname), NULL"
							"  FROM pg_constraint k"
							" WHERE k.conrelid = $1 AND k.contype = 'c' AND $2 IS NOT NULL"
							"   AND NOT k.convalidated AND to_jsonb(k) ->> 'conenforced' IS DISTINCT FROM 'false'"
							" ORDER BY k.conname",
							&args),
				   memory);
	ec_making_take(making,
				   ec_query("SELECT NULL, format('foreign key \"%s\" of table %s to it', k.conname, k.conrelid::regclass), NULL"
							"  FROM pg_constraint k"
							" WHERE k.confrelid = $1 AND k.conrelid <> $1 AND k.contype = 'f' AND k.conparentid = 0 AND $2 IS NOT NULL"
							" ORDER BY k.conrelid::regclass::text, k.conname",
							&args),
				   memory);
	/* those that the successor has under the same name */
	ec_making_take(making,
				   ec_query("SELECT format('COMMENT ON CONSTRAINT %I ON %s IS %L', k.conname, $2, obj_description(k.oid, 'pg_constraint')), NULL, NULL"
							"  FROM pg_constraint k"
							" CROSS JOIN LATERAL (SELECT coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'false') x (not_enforced)"
							" WHERE k.conrelid = $1 AND k.contype IN ('c', 'f') AND k.conparentid = 0 AND k.confrelid <> k.conrelid"
							"   AND (k.convalidated OR x.not_enforced) AND obj_description(k.oid, 'pg_constraint') IS NOT NULL"
							" ORDER BY k.conname",
							&args),
				   memory);
	ec_catalog_end(&scope);
}

void
ec_make_checks(EcMaking *making)
{
	ListCell *cell;

	foreach (cell, find_checks(making))
	{
		const Check *check = lfirst(cell);

		/* it would be one of another row type there */
		if (check->reads_row && making->is_partitioned)
			ec_making_refuse(making,
							 psprintf("CHECK constraint \"%s\" reads the whole row, which those of partitions cannot (name the columns)",
									  check->name));
		ec_making_run(making,
					  psprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s)%s",
							   making->table, quote_identifier(check->name),
							   ec_making_write(making, check->stored),
							   check->options),
					  InvalidOid);
	}
	take_keys(making);
}
