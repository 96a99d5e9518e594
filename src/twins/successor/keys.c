/*
 * keys.c
 *		Indexes of the successor of a table, with the constraints that are made
 *		of them.
 */
#include "postgres.h"

#include "catalog/pg_constraint.h"
#include "commands/defrem.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/catalog.h"
#include "core/query.h"
#include "twins/successor/part.h"

typedef struct SourceIndex
{
	char *name;
	char *definition; /* CREATE INDEX … */
	char contype;     /* '\0': of no constraint */
	char *what;       /* "PRIMARY KEY", "UNIQUE NULLS NOT DISTINCT" */
	char *columns;    /* of the constraint's key */
	char *others;     /* INCLUDE, WITH, DEFERRABLE, as in the constraint */
	char *exclusion;  /* the definition of the constraint */
	Oid tablespace;
	bool is_unique;
	bool is_valid;
	bool is_clustered;
	bool is_replica_identity;
	bool lacks_key; /* columns of the partition key */
	char *comment;
	char *constraint_comment;
	char *options; /* SET STATISTICS of its columns, for ALTER INDEX */
	char *storage; /* SET (…), likewise, of an exclusion constraint */
	char *refused;
} SourceIndex;

static Datum
key_numbers(const EcMaking *making)
{
	Datum *values = palloc(sizeof(Datum) * (list_length(making->key_columns) + 1));
	int count = 0;
	ListCell *cell;

	foreach (cell, making->key_columns)
		values[count++] = Int16GetDatum(lfirst_int(cell));
	return PointerGetDatum(
		construct_array(values, count, INT2OID, 2, true, TYPALIGN_SHORT));
}

static List *
find_indexes(EcMaking *making)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	List *indexes = NIL;
	uint64 count;

	ec_arg_oid(&args, making->source_oid);
	ec_arg(&args, INT2ARRAYOID, key_numbers(making), false);
	ec_catalog_begin(&scope);
	count =
		ec_query("SELECT c.relname::text, pg_get_indexdef(c.oid), k.contype::text,"
				 "       CASE k.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' || CASE WHEN i.indnullsnotdistinct THEN ' NULLS NOT DISTINCT' ELSE '' END END,"
				 "       x.columns || CASE WHEN to_jsonb(k) ->> 'conperiod' = 'true' THEN ' WITHOUT OVERLAPS' ELSE '' END,"
				 "       concat(' INCLUDE (' || x.included || ')', ' WITH (' || x.options || ')',"
				 "              CASE WHEN k.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED' WHEN k.condeferrable THEN ' DEFERRABLE' END),"
				 "       CASE WHEN k.contype = 'x' THEN pg_get_constraintdef(k.oid) END,"
				 "       c.reltablespace, i.indisunique, i.indisvalid, i.indisclustered, i.indisreplident,"
				 "       NOT $2 <@ (i.indkey::smallint[])[0:i.indnkeyatts - 1],"
				 "       obj_description(c.oid, 'pg_class'), obj_description(k.oid, 'pg_constraint'),"
				 "       (SELECT string_agg(format('ALTER COLUMN %s SET STATISTICS %s', a.attnum, a.attstattarget), ', ' ORDER BY a.attnum)"
				 "          FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND coalesce(a.attstattarget, -1) <> -1),"
				 "       CASE WHEN k.contype = 'x' THEN 'SET (' || x.options || ')' END,"
				 "       CASE WHEN concat(i.indexprs, i.indpred) LIKE '%:varattno 0 %'"
				 "            THEN format('index \"%s\" reads the whole row (drop it before, and create it after)', c.relname)"
				 "            WHEN EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'x')"
				 "            THEN format('index \"%s\" depends on an extension (ALTER INDEX … NO DEPENDS ON EXTENSION before)', c.relname)"
				 "            WHEN k.contype = 'p' AND x.may_be_null IS NOT NULL"
				 "            THEN format('column \"%s\" of the partition key may be NULL, and the primary key needs it (ALTER TABLE … SET NOT NULL before)', x.may_be_null)"
				 "            WHEN k.contype = 'p' AND to_jsonb(k) ->> 'conperiod' = 'true' AND NOT $2 <@ (i.indkey::smallint[])[0:i.indnkeyatts - 1]"
				 "            THEN format('primary key \"%s\", which is WITHOUT OVERLAPS and lacks the partition key (partition by columns of it)', c.relname) END"
				 "  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
				 "  LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')"
				 " CROSS JOIN LATERAL (SELECT"
				 "       (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY u.n) FROM unnest(k.conkey) WITH ORDINALITY u (a, n)"
				 "          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.a),"
				 "       (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY u.n)"
				 "          FROM unnest(i.indkey::smallint[]) WITH ORDINALITY u (a, n)"
				 "          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.a WHERE u.n > i.indnkeyatts),"
				 "       (SELECT string_agg(format('%I = %L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)), ', ') FROM unnest(c.reloptions) o),"
				 "       (SELECT min(a.attname) FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY ($2) AND NOT a.attnotnull)"
				 "     ) x (columns, included, options, may_be_null)"
				 " WHERE i.indrelid = $1"
				 /* the primary key first, and of the others each as old as it is */
				 " ORDER BY k.contype = 'p' DESC NULLS LAST, c.oid",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		SourceIndex index = {0};
		char *contype = ec_get_text(row, 3);
		MemoryContext caller;

		index.name = ec_get_text(row, 1);
		index.definition = ec_get_text(row, 2);
		index.contype = contype == NULL ? '\0' : contype[0];
		index.what = ec_get_text(row, 4);
		index.columns = ec_get_text(row, 5);
		index.others = ec_get_text(row, 6);
		index.exclusion = ec_get_text(row, 7);
		index.tablespace = ec_get_oid(row, 8);
		index.is_unique = ec_get_bool(row, 9, false);
		index.is_valid = ec_get_bool(row, 10, false);
		index.is_clustered = ec_get_bool(row, 11, false);
		index.is_replica_identity = ec_get_bool(row, 12, false);
		index.lacks_key = ec_get_bool(row, 13, false);
		index.comment = ec_get_text(row, 14);
		index.constraint_comment = ec_get_text(row, 15);
		index.options = ec_get_text(row, 16);
		index.storage = ec_get_text(row, 17);
		index.refused = ec_get_text(row, 18);
		caller = MemoryContextSwitchTo(memory);
		indexes = lappend(indexes,
						  memcpy(palloc(sizeof(index)), &index, sizeof(index)));
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
	return indexes;
}

/* "orders_pkey" of "orders" is "orders_by_month_pkey" of "orders_by_month". */
static char *
name_for(const EcMaking *making, const char *name, List **taken)
{
	int length = strlen(making->source_name);
	const char *rest = name;

	if (strncmp(name, making->source_name, length) == 0 && name[length] == '_')
		rest = name + length + 1;
	for (int pass = 0;; pass++)
	{
		const char *number = pass == 0 ? "" : psprintf("%d", pass);
		char *choice =
			rest == name
				? makeObjectName(making->name, name, pass == 0 ? NULL : number)
				: makeObjectName(making->name, NULL, psprintf("%s%s", rest, number));
		ListCell *cell;
		bool is_free = !OidIsValid(get_relname_relid(choice, making->space));

		foreach (cell, *taken)
			is_free = is_free && strcmp(lfirst(cell), choice) != 0;
		if (is_free)
		{
			*taken = lappend(*taken, choice);
			return choice;
		}
	}
}

/* The columns of the partition key that the index lacks, each after a comma. */
static char *
missing_columns(const EcMaking *making, const SourceIndex *index)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	char *columns;

	ec_arg_oid(&args, making->source_oid);
	ec_arg_oid(&args, get_relname_relid(index->name, making->space));
	ec_arg(&args, INT2ARRAYOID, key_numbers(making), false);
	ec_catalog_begin(&scope);
	(void) ec_query("SELECT coalesce(string_agg(', ' || quote_ident(a.attname), '' ORDER BY u.n), '')"
					"  FROM unnest($3) WITH ORDINALITY u (attnum, n)"
					"  JOIN pg_attribute a ON a.attrelid = $1 AND a.attnum = u.attnum"
					"  JOIN pg_index i ON i.indexrelid = $2"
					" WHERE u.attnum <> ALL ((i.indkey::smallint[])[0:i.indnkeyatts - 1])",
					&args);
	columns = MemoryContextStrdup(memory, ec_get_text(0, 1));
	ec_catalog_end(&scope);
	return columns;
}

static void
make_index(EcMaking *making, const SourceIndex *index, const char *name,
		   bool is_unique)
{
	ec_making_run(making,
				  psprintf("CREATE %sINDEX %s ON %s%s",
						   is_unique ? "UNIQUE " : "", name, making->table,
						   ec_making_tail(making, index->definition, NULL)),
				  index->tablespace);
}

static void
make_constraint(EcMaking *making, const SourceIndex *index, const char *name)
{
	const char *more = "";
	char *definition;

	if (index->lacks_key)
	{
		more = missing_columns(making, index);
		ec_making_leave_out(making,
							psprintf("primary key (%s), which is (%s%s) there",
									 index->columns, index->columns, more));
	}
	definition = index->exclusion != NULL
					 ? index->exclusion
					 : psprintf("%s (%s%s)%s", index->what, index->columns,
								more, index->others);
	ec_making_run(making,
				  psprintf("ALTER TABLE %s ADD CONSTRAINT %s %s", making->table,
						   name, definition),
				  index->tablespace);
	if (index->constraint_comment != NULL)
		ec_making_run(making,
					  psprintf("COMMENT ON CONSTRAINT %s ON %s IS %s", name,
							   making->table,
							   quote_literal_cstr(index->constraint_comment)),
					  InvalidOid);
}

static void
make_details(EcMaking *making, const SourceIndex *index, const char *name,
			 const char *qualified)
{
	if (index->storage != NULL)
		ec_making_run(making,
					  psprintf("ALTER INDEX %s %s", qualified, index->storage),
					  InvalidOid);
	if (index->options != NULL && !making->is_partitioned)
		ec_making_run(making,
					  psprintf("ALTER INDEX %s %s", qualified, index->options),
					  InvalidOid);
	if (index->comment != NULL)
		ec_making_run(making,
					  psprintf("COMMENT ON INDEX %s IS %s", qualified,
							   quote_literal_cstr(index->comment)),
					  InvalidOid);
	if (index->is_clustered && !making->is_partitioned)
		ec_making_run(making,
					  psprintf("ALTER TABLE %s CLUSTER ON %s", making->table, name),
					  InvalidOid);
	if (index->is_replica_identity)
		ec_making_run(making,
					  psprintf("ALTER TABLE %s REPLICA IDENTITY USING INDEX %s",
							   making->table, name),
					  InvalidOid);
}

/* False, and says why, if the successor cannot have a key of it. */
static bool
can_be_key(EcMaking *making, const SourceIndex *index)
{
	const char *what = index->contype == CONSTRAINT_PRIMARY ? "primary key"
					   : index->contype == CONSTRAINT_UNIQUE ? "unique constraint"
															 : "unique index";

	if (!making->is_partitioned || !index->is_unique)
		return index->is_unique;
	if (making->has_key_expression && index->contype == CONSTRAINT_PRIMARY)
	{
		ec_making_refuse(making,
						 pstrdup("the primary key cannot contain the partition key, which has an expression (partition by columns)"));
		return false;
	}
	if (!making->has_key_expression &&
		(!index->lacks_key || index->contype == CONSTRAINT_PRIMARY))
		return true;
	ec_making_leave_out(making,
						psprintf("%s \"%s\", which lacks the partition key and is an index there that is not unique%s",
								 what, index->name,
								 index->is_replica_identity
									 ? "; so the successor needs another REPLICA IDENTITY"
									 : ""));
	return false;
}

static void
make(EcMaking *making, SourceIndex *index, List **taken)
{
	char *bare;
	const char *name;
	const char *qualified;
	bool is_key;

	if (index->refused != NULL)
	{
		ec_making_refuse(making, index->refused);
		return;
	}
	if (!index->is_valid)
	{
		ec_making_leave_out(making, psprintf("index \"%s\", which is not valid",
											 index->name));
		return;
	}
	if (index->exclusion != NULL && making->is_partitioned)
	{
		ec_making_leave_out(making,
							psprintf("exclusion constraint \"%s\"", index->name));
		return;
	}
	is_key = can_be_key(making, index);
	if (index->is_replica_identity && !is_key)
		index->is_replica_identity = false;
	bare = name_for(making, index->name, taken);
	name = pstrdup(quote_identifier(bare));
	qualified = pstrdup(
		quote_qualified_identifier(get_namespace_name(making->space), bare));
	if (index->contype != '\0' && (is_key || index->exclusion != NULL))
		make_constraint(making, index, name);
	else
		make_index(making, index, name, is_key);
	make_details(making, index, name, qualified);
}

void
ec_make_keys(EcMaking *making)
{
	List *taken = NIL;
	ListCell *cell;

	foreach (cell, find_indexes(making))
		make(making, lfirst(cell), &taken);
}
