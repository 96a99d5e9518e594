/*
 * foreign.c
 *		Foreign keys of the columns, and to them.
 *
 * The twin is added NOT VALID and validated, when the index that it needs is
 * there.  Both keys are checked until the swap, which drops the one of the
 * column that loses its name: that column is NULL where its type cannot hold a
 * value, and a key to it would fail an application's write.
 *
 * Locks: the other tables, too, SHARE ROW EXCLUSIVE for a step and ACCESS
 * EXCLUSIVE in the swap.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/catalog.h"
#include "core/query.h"
#include "twins/foreign.h"
#include "twins/twin_kind.h"

typedef struct ForeignKey
{
	char *name;
	char *child;      /* its table as SQL */
	char *definition; /* of the twin */
	char *refused;    /* why it cannot have one; NULL: it can */
	char *comment;
	bool is_valid;
	Oid twin; /* InvalidOid: there is none yet */
	char *twin_name;
	bool twin_is_valid;
} ForeignKey;

static Datum
numbers(const EcRetype *retype, bool to)
{
	Datum *values = palloc(sizeof(Datum) * list_length(retype->pairs));
	int count = 0;
	ListCell *cell;

	foreach (cell, retype->pairs)
	{
		const EcTwinPair *pair = lfirst(cell);

		values[count++] = Int16GetDatum(to ? pair->to : pair->from);
	}
	return PointerGetDatum(
		construct_array(values, count, INT2OID, 2, true, TYPALIGN_SHORT));
}

/* In scope: the rows of the last query, in memory. */
static List *
read_keys(uint64 count, MemoryContext memory)
{
	List *keys = NIL;

	for (uint64 row = 0; row < count; row++)
	{
		ForeignKey key = {0};
		MemoryContext caller;

		key.name = ec_get_text(row, 1);
		key.child = ec_get_text(row, 2);
		key.definition = ec_get_text(row, 3);
		key.refused = ec_get_text(row, 4);
		key.comment = ec_get_text(row, 5);
		key.is_valid = ec_get_bool(row, 6, false);
		key.twin = ec_get_oid(row, 7);
		key.twin_name = ec_get_text(row, 8);
		key.twin_is_valid = ec_get_bool(row, 9, false);
		caller = MemoryContextSwitchTo(memory);
		keys = lappend(keys, memcpy(palloc(sizeof(key)), &key, sizeof(key)));
		MemoryContextSwitchTo(caller);
	}
	return keys;
}

static List *
find_keys(const EcRetype *retype)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	List *keys;
	uint64 count;

	ec_arg_oid(&args, retype->relation);
	ec_arg(&args, INT2ARRAYOID, numbers(retype, false), false);
	ec_arg(&args, INT2ARRAYOID, numbers(retype, true), false);
	ec_catalog_begin(&scope);
	count =
		ec_query("WITH keys AS MATERIALIZED ("
				 "   SELECT k.*, mapped.conkey AS twin_conkey, mapped.confkey AS twin_confkey, mapped.delcols"
				 "     FROM pg_constraint k"
				 "    CROSS JOIN LATERAL (SELECT"
				 "          ARRAY(SELECT CASE WHEN k.conrelid = $1 THEN coalesce($3[array_position($2, a)], a) ELSE a END"
				 "                  FROM unnest(k.conkey) WITH ORDINALITY u (a, n) ORDER BY n),"
				 "          ARRAY(SELECT CASE WHEN k.confrelid = $1 THEN coalesce($3[array_position($2, a)], a) ELSE a END"
				 "                  FROM unnest(k.confkey) WITH ORDINALITY u (a, n) ORDER BY n),"
				 "          ARRAY(SELECT CASE WHEN k.conrelid = $1 THEN coalesce($3[array_position($2, a)], a) ELSE a END"
				 "                  FROM unnest(k.confdelsetcols) WITH ORDINALITY u (a, n) ORDER BY n)) mapped (conkey, confkey, delcols)"
				 "    WHERE k.contype = 'f' AND k.conparentid = 0"
				 "      AND (k.conrelid = $1 AND k.conkey && $2 OR k.confrelid = $1 AND k.confkey && $2))"
				 " SELECT k.conname::text, format('%I.%I', n.nspname, c.relname),"
				 "        format('FOREIGN KEY (%s) REFERENCES %I.%I (%s)%s%s%s%s%s',"
				 "          (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY u.n) FROM unnest(k.twin_conkey) WITH ORDINALITY u (a, n)"
				 "             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.a),"
				 "          fn.nspname, f.relname,"
				 "          (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY u.n) FROM unnest(k.twin_confkey) WITH ORDINALITY u (a, n)"
				 "             JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.a),"
				 "          CASE k.confmatchtype WHEN 'f' THEN ' MATCH FULL' ELSE '' END,"
				 "          ' ON UPDATE ' || CASE k.confupdtype WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'"
				 "                                              WHEN 'd' THEN 'SET DEFAULT' ELSE 'NO ACTION' END,"
				 "          ' ON DELETE ' || CASE k.confdeltype WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL'"
				 "                                              WHEN 'd' THEN 'SET DEFAULT' ELSE 'NO ACTION' END,"
				 "          (SELECT ' (' || string_agg(quote_ident(a.attname), ', ' ORDER BY u.n) || ')' FROM unnest(k.delcols) WITH ORDINALITY u (a, n)"
				 "             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.a),"
				 "          CASE WHEN k.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED' WHEN k.condeferrable THEN ' DEFERRABLE' ELSE '' END),"
				 "        CASE WHEN c.relkind <> 'r' OR c.relispartition OR f.relkind <> 'r' THEN 'a table of it is partitioned'"
				 "             WHEN c.relowner <> (SELECT t.relowner FROM pg_class t WHERE t.oid = $1)"
				 "               OR f.relowner <> (SELECT t.relowner FROM pg_class t WHERE t.oid = $1) THEN 'the tables have different owners'"
				 "             WHEN to_jsonb(k) ->> 'conenforced' = 'false' THEN 'it is NOT ENFORCED'"
				 "             WHEN to_jsonb(k) ->> 'conperiod' = 'true' THEN 'it has a period'"
				 "             WHEN EXISTS (SELECT FROM unnest(k.twin_conkey, k.twin_confkey) u (child, parent)"
				 "                    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.child"
				 "                    JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = u.parent"
				 "                   WHERE a.atttypid <> b.atttypid"
				 "                     AND NOT (a.atttypid = ANY ('{int2,int4,int8}'::regtype[]::oid[]) AND b.atttypid = ANY ('{int2,int4,int8}'::regtype[]::oid[]))"
				 "                     AND NOT (a.atttypid = ANY ('{int2,int4,int8}'::regtype[]::oid[]) AND b.atttypid = 'numeric'::regtype)"
				 "                     AND NOT (a.atttypid = ANY ('{text,varchar}'::regtype[]::oid[]) AND b.atttypid = ANY ('{text,varchar}'::regtype[]::oid[])))"
				 "             THEN 'the new type does not compare with that of the other table' END,"
				 "        obj_description(k.oid, 'pg_constraint'), k.convalidated, w.oid, w.conname::text, w.convalidated"
				 "   FROM keys k"
				 "   JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
				 "   JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace"
				 "   LEFT JOIN LATERAL (SELECT w.* FROM pg_constraint w"
				 "         WHERE w.contype = 'f' AND w.conrelid = k.conrelid AND w.confrelid = k.confrelid"
				 "           AND w.conkey = k.twin_conkey AND w.confkey = k.twin_confkey AND w.confmatchtype = k.confmatchtype"
				 "           AND w.confupdtype = k.confupdtype AND w.confdeltype = k.confdeltype"
				 "           AND coalesce(w.confdelsetcols, '{}') = k.delcols"
				 "           AND w.condeferrable = k.condeferrable AND w.condeferred = k.condeferred"
				 /* of several alike each has its own */
				 "         ORDER BY w.oid OFFSET (SELECT count(*) FROM keys o"
				 "               WHERE o.oid < k.oid AND o.conrelid = k.conrelid AND o.confrelid = k.confrelid AND o.conkey = k.conkey"
				 "                 AND o.confkey = k.confkey AND o.confmatchtype = k.confmatchtype AND o.confupdtype = k.confupdtype"
				 "                 AND o.confdeltype = k.confdeltype AND o.condeferrable = k.condeferrable"
				 "                 AND o.condeferred = k.condeferred) LIMIT 1) w ON true"
				 "  ORDER BY k.oid",
				 &args);
	keys = read_keys(count, memory);
	ec_catalog_end(&scope);
	return keys;
}

static void
look_at_key(const EcRetype *retype, EcTwinPlan *plan, const ForeignKey *key)
{
	char *what = psprintf("foreign key \"%s\" of table %s", key->name, key->child);
	char *name = pstrdup(quote_identifier(key->name));

	if (key->refused != NULL)
		ec_twin_refuse(plan, psprintf("%s: %s (drop it before, and add it NOT VALID, then validate it, after)",
									  what, key->refused));
	else if (!OidIsValid(key->twin))
		ec_twin_step(plan, what,
					 psprintf("ALTER TABLE %s ADD CONSTRAINT %s %s NOT VALID",
							  key->child,
							  quote_identifier(ec_twin_free_name(retype, plan, key->name,
																 retype->label)),
							  key->definition));
	else if (key->is_valid && !key->twin_is_valid)
		ec_twin_step(plan, what,
					 psprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s",
							  key->child, quote_identifier(key->twin_name)));
	else
	{
		ec_twin_swap(plan, EC_SWAP_UNTIE,
					 psprintf("ALTER TABLE %s DROP CONSTRAINT %s", key->child, name));
		ec_twin_swap(plan, EC_SWAP_NAMES,
					 psprintf("ALTER TABLE %s RENAME CONSTRAINT %s TO %s",
							  key->child, quote_identifier(key->twin_name), name));
		if (key->comment != NULL)
			ec_twin_swap(plan, EC_SWAP_GIVE,
						 psprintf("COMMENT ON CONSTRAINT %s ON %s IS %s", name,
								  key->child, quote_literal_cstr(key->comment)));
	}
}

static void
look(const EcRetype *retype, EcTwinPlan *plan)
{
	ListCell *cell;

	foreach (cell, find_keys(retype))
		look_at_key(retype, plan, lfirst(cell));
}

const EcTwinKind ec_twin_foreign = {"foreign key", look};

List *
ec_twin_tables(const EcRetype *retype)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	List *tables = NIL;
	uint64 count;

	ec_arg_oid(&args, retype->relation);
	ec_arg(&args, INT2ARRAYOID, numbers(retype, false), false);
	ec_catalog_begin(&scope);
	count = ec_query("SELECT DISTINCT t.oid FROM pg_constraint k,"
					 "       LATERAL (VALUES (k.conrelid, 1), (k.confrelid, 2)) t (oid, n)"
					 " WHERE k.contype = 'f' AND t.oid <> $1"
					 "   AND (k.conrelid = $1 AND k.conkey && $2 OR k.confrelid = $1 AND k.confkey && $2)"
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

void
ec_twin_drop_keys(Oid relation, Bitmapset *columns)
{
	MemoryContext memory = CurrentMemoryContext;
	Datum *values = palloc(sizeof(Datum) * Max(1, bms_num_members(columns)));
	EcCatalogScope scope;
	EcArgs args = {0};
	List *commands = NIL;
	uint64 found;
	int count = 0;
	int member = -1;
	ListCell *cell;

	while ((member = bms_next_member(columns, member)) >= 0)
		values[count++] = Int16GetDatum(member);
	ec_arg_oid(&args, relation);
	ec_arg(&args, INT2ARRAYOID,
		   PointerGetDatum(construct_array(values, count, INT2OID, 2, true,
										   TYPALIGN_SHORT)),
		   false);
	ec_catalog_begin(&scope);
	found = ec_query("SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', k.conrelid::regclass, k.conname)"
					 "  FROM pg_constraint k"
					 " WHERE k.contype = 'f' AND k.conparentid = 0"
					 "   AND (k.conrelid = $1 AND k.conkey && $2 OR k.confrelid = $1 AND k.confkey && $2)"
					 " ORDER BY k.conrelid, k.conname",
					 &args);
	for (uint64 row = 0; row < found; row++)
	{
		char *sql = ec_get_text(row, 1);
		MemoryContext caller = MemoryContextSwitchTo(memory);

		commands = lappend(commands, sql);
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
	foreach (cell, commands)
		ec_run_ddl(lfirst(cell));
}
