/*
 * quarantine.c
 *		Renames the old shape into quarantine, and back.
 *
 * New writers need not know an old column, so during the quarantine the column
 * may be NULL where the backward mapping does not fill it.  Setting it NOT
 * NULL again at once would scan the table under ACCESS EXCLUSIVE.  Instead it
 * gets a CHECK constraint that is NOT VALID, which applies to all new rows,
 * and a NOTICE tells the owner how to make it NOT NULL without blocking
 * anybody.
 */
#include "postgres.h"

#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "lifecycle/old_shape.h"
#include "lifecycle/quarantine.h"
#include "lifecycle/transition.h"
#include "core/catalog.h"
#include "core/query.h"
#include "core/rights.h"
#include "core/lock_retry.h"

/* a quarantined column; attnum 0: the quarantined table */
typedef struct Quarantined
{
	AttrNumber attnum;
	char *name;        /* the name before the quarantine */
	List *not_null_in; /* OIDs of the tables where it was NOT NULL */
} Quarantined;

/* Returns for example "~ec_legacy_email_not_null", truncated to fit. */
static char *
check_name(const char *column)
{
	return makeObjectName("~ec", column, "not_null");
}

static bool
is_taken(const char *name, List *family)
{
	ListCell *cell;

	foreach (cell, family)
		if (get_attnum(lfirst_oid(cell), name) != InvalidAttrNumber)
			return true;
	return false;
}

/*
 * Returns "<name>__quarantined", truncated by characters, and with a number if
 * that name exists.
 */
static char *
free_name(const char *name, List *family)
{
	char *result = makeObjectName(name, NULL, "_quarantined");

	for (int i = 2; is_taken(result, family); i++)
		result = makeObjectName(name, NULL, psprintf("_quarantined%d", i));
	return result;
}

/*
 * Records the tables where the column is NOT NULL, whether by attribute or by
 * the CHECK constraint of an earlier revert.  Columns of a key and identity
 * columns are left out: they need their NOT NULL, and new writers need not
 * name an identity column.
 */
static void
remember_column(const EcChange *change, const EcChangeColumn *column,
				const char *name, const char *quarantined_as)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_text(&args, change->name);
	ec_arg_text(&args, name);
	ec_arg_text(&args, quarantined_as);
	ec_arg_oid(&args, change->relation);
	ec_arg_text(&args, check_name(name));
	ec_arg_text(&args, ec_side_name(column->side));
	ec_arg_int4(&args, column->number);
	ec_catalog_begin(&scope);
	ec_query("UPDATE expand_contract.change_columns"
			 "   SET quarantined_from = $2, present_name = $3, not_null_in = array("
			 "   SELECT a.attrelid::regclass"
			 "     FROM expand_contract.family_of($4) WITH ORDINALITY f (oid, number)"
			 "     JOIN pg_attribute a ON a.attrelid = f.oid AND a.attname = $2"
			 "    WHERE a.attidentity = ''"
			 "      AND (a.attnotnull OR EXISTS (SELECT FROM pg_constraint k"
			 "               WHERE k.conrelid = f.oid AND k.conname = $5 AND k.contype = 'c'))"
			 "      AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = f.oid"
			 "               AND (i.indisprimary OR i.indisreplident)"
			 "               AND a.attnum = ANY (i.indkey::int2[]))"
			 "    ORDER BY f.number)"
			 " WHERE change = $1 AND side = $6 AND attnum = $7",
			 &args);
	ec_catalog_end(&scope);
}

/* name NULL: the table is not in quarantine (any more) */
static void
remember_table(const EcChange *change, const char *name)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_text(&args, change->name);
	ec_arg_text(&args, name);
	ec_catalog_begin(&scope);
	ec_query("UPDATE expand_contract.changes SET quarantined_from = $2 WHERE name = $1",
			 &args);
	ec_catalog_end(&scope);
}

/*
 * Reads the result of a query for one column or table: the name, and in each
 * row a table where the column was NOT NULL.
 */
static Quarantined *
read_quarantined(AttrNumber attnum, uint64 count, MemoryContext memory)
{
	MemoryContext caller;
	Quarantined *result;

	if (count == 0)
		return NULL;
	caller = MemoryContextSwitchTo(memory);
	result = palloc0_object(Quarantined);
	result->attnum = attnum;
	result->name = ec_get_text(0, 1);
	for (uint64 row = 0; row < count; row++)
	{
		Oid relation = ec_get_oid(row, 2);

		if (OidIsValid(relation))
			result->not_null_in = lappend_oid(result->not_null_in, relation);
	}
	MemoryContextSwitchTo(caller);
	return result;
}

/* Returns NULL if the column is not in quarantine. */
static Quarantined *
load_column(const EcChange *change, const EcChangeColumn *column)
{
	MemoryContext memory = CurrentMemoryContext;
	Quarantined *result;
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_text(&args, change->name);
	ec_arg_text(&args, ec_side_name(column->side));
	ec_arg_int4(&args, column->number);
	ec_catalog_begin(&scope);
	result =
		read_quarantined(column->attnum,
						 ec_query("SELECT q.quarantined_from, r.relation::oid"
								  "  FROM expand_contract.change_columns q"
								  "  LEFT JOIN LATERAL unnest(q.not_null_in) WITH ORDINALITY r (relation, number)"
								  "    ON EXISTS (SELECT FROM pg_class c WHERE c.oid = r.relation)"
								  " WHERE q.change = $1 AND q.side = $2 AND q.attnum = $3"
								  "   AND q.quarantined_from IS NOT NULL ORDER BY r.number",
								  &args),
						 memory);
	ec_catalog_end(&scope);
	return result;
}

static Quarantined *
load_table(const EcChange *change)
{
	MemoryContext memory = CurrentMemoryContext;
	Quarantined *result;
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	result =
		read_quarantined(InvalidAttrNumber,
						 ec_query("SELECT quarantined_from, NULL::oid FROM expand_contract.changes"
								  " WHERE name = $1 AND quarantined_from IS NOT NULL",
								  &args),
						 memory);
	ec_catalog_end(&scope);
	return result;
}

static List *
load_quarantined(const EcChange *change)
{
	List *all = NIL;
	Quarantined *one;
	ListCell *cell;

	if (change->whole_table)
	{
		one = load_table(change);
		return one == NULL ? NIL : list_make1(one);
	}
	foreach (cell, ec_columns_to_remove(change))
	{
		one = load_column(change, lfirst(cell));
		if (one != NULL)
			all = lappend(all, one);
	}
	return all;
}

static void
forget_columns(const EcChange *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	ec_query("UPDATE expand_contract.change_columns"
			 "   SET quarantined_from = NULL, not_null_in = '{}' WHERE change = $1",
			 &args);
	ec_catalog_end(&scope);
}

static void
rename_column(const EcChange *change, const char *from, const char *to)
{
	ec_run_ddl(psprintf("ALTER TABLE %s RENAME COLUMN %s TO %s",
						ec_relation_name(change->relation),
						quote_identifier(from), quote_identifier(to)));
}

static bool
is_not_null(Oid relation, const char *column)
{
	HeapTuple tuple = SearchSysCacheAttName(relation, column);
	bool result = HeapTupleIsValid(tuple) &&
				  ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return result;
}

/* ALTER TABLE applies to descendants as well, so some may be done already. */
static void
let_be_null(const EcChange *change, const Quarantined *column)
{
	char *check = check_name(column->name);
	char *name = get_attname(change->relation, column->attnum, false);
	ListCell *cell;

	foreach (cell, column->not_null_in)
	{
		Oid relation = lfirst_oid(cell);
		char *table = ec_relation_name(relation);

		if (is_not_null(relation, name))
			ec_run_ddl(psprintf("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL",
								table, quote_identifier(name)));
		if (OidIsValid(get_relation_constraint_oid(relation, check, true)))
			ec_run_ddl(psprintf("ALTER TABLE %s DROP CONSTRAINT %s", table,
								quote_identifier(check)));
	}
}

static void
begin_for_columns(const EcChange *change)
{
	List *family = find_all_inheritors(change->relation, NoLock, NULL);
	ListCell *cell;

	foreach (cell, ec_columns_to_remove(change))
	{
		EcChangeColumn *column = lfirst(cell);
		char *name = get_attname(change->relation, column->attnum, false);
		char *quarantined_as = free_name(name, family);

		remember_column(change, column, name, quarantined_as);
		rename_column(change, name, quarantined_as);
	}
	foreach (cell, load_quarantined(change))
	{
		let_be_null(change, lfirst(cell));
	}
}

static void
rename_table(const EcChange *change, const char *to)
{
	ec_run_ddl(psprintf("ALTER TABLE %s RENAME TO %s",
						ec_relation_name(change->relation), quote_identifier(to)));
}

static void
begin_for_table(const EcChange *change)
{
	char *name = get_rel_name(change->relation);
	char *quarantined_as =
		ChooseRelationName(name, NULL, "_quarantined",
						   get_rel_namespace(change->relation), false);

	remember_table(change, name);
	rename_table(change, quarantined_as);
}

void
ec_quarantine_begin(const EcChange *change, int lock_wait_ms, void *arg)
{
	if (change->whole_table)
	{
		LockRelationOid(change->relation, AccessExclusiveLock);
		begin_for_table(change);
		return;
	}
	ec_lock_whole_table(change->relation, AccessExclusiveLock, lock_wait_ms);
	begin_for_columns(change);
}

/* Looks for a NULL with a plain SELECT, which blocks no writer. */
static bool
has_nulls(Oid relation, const char *column)
{
	return ec_count_rows(psprintf("SELECT FROM %s WHERE %s IS NULL LIMIT 1",
								  ec_relation_name(relation),
								  quote_identifier(column)),
						 ec_relation_owner(relation)) > 0;
}

List *
ec_quarantine_look(const EcChange *change)
{
	List *all = load_quarantined(change);
	ListCell *cell;

	foreach (cell, all)
	{
		Quarantined *column = lfirst(cell);
		char *name = get_attname(change->relation, column->attnum, true);
		ListCell *relation;

		foreach (relation, column->not_null_in)
		{
			if (name == NULL || !has_nulls(lfirst_oid(relation), name))
				continue;
			ereport(NOTICE,
					(errmsg("NOT NULL could not be restored for column \"%s\" of table \"%s\"",
							column->name, get_rel_name(lfirst_oid(relation))),
					 errdetail("It contains NULLs in rows that were written during the quarantine."),
					 errhint("Fill them in, then use ALTER TABLE … SET NOT NULL.")));
			column->not_null_in =
				foreach_delete_current(column->not_null_in, relation);
		}
	}
	return all;
}

static void
make_not_null(const Quarantined *column)
{
	char *check = check_name(column->name);
	ListCell *cell;

	foreach (cell, column->not_null_in)
	{
		Oid relation = lfirst_oid(cell);
		char *table = ec_relation_name(relation);
		const char *name = quote_identifier(column->name);

		/* It was inherited from the parent's constraint. */
		if (OidIsValid(get_relation_constraint_oid(relation, check, true)))
			continue;
		ec_run_ddl(psprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID",
							table, quote_identifier(check), name));
		ereport(NOTICE,
				(errmsg("column \"%s\" of table \"%s\" has a NOT VALID constraint instead of NOT NULL",
						column->name, get_rel_name(relation)),
				 errdetail("Checking all rows would have blocked writers."),
				 errhint("Use ALTER TABLE %s VALIDATE CONSTRAINT %s; then ALTER TABLE %s ALTER COLUMN %s SET NOT NULL, DROP CONSTRAINT %s.",
						 table, quote_identifier(check), table, name,
						 quote_identifier(check))));
	}
}

/* The owner may have renamed the column back already. */
static void
give_column_back(const EcChange *change, const Quarantined *column)
{
	char *name = get_attname(change->relation, column->attnum, false);

	if (strcmp(name, column->name) == 0)
		return;
	if (is_taken(column->name, find_all_inheritors(change->relation, NoLock, NULL)))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_COLUMN),
				 errmsg("column \"%s\" cannot be renamed back to \"%s\"", name,
						column->name),
				 errdetail("Another column of table \"%s\", or of one of its partitions or children, has that name now.",
						   get_rel_name(change->relation)),
				 errhint("Rename the other column first: ALTER TABLE %s RENAME COLUMN %s TO ...",
						 ec_relation_name(change->relation),
						 quote_identifier(column->name))));
	rename_column(change, name, column->name);
}

static void
give_table_back(const EcChange *change, const Quarantined *table)
{
	char *name = get_rel_name(change->relation);
	Oid schema = get_rel_namespace(change->relation);

	if (strcmp(name, table->name) == 0)
		return;
	if (OidIsValid(get_relname_relid(table->name, schema)))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("table \"%s\" cannot be renamed back to \"%s\"", name,
						table->name),
				 errdetail("Another relation of schema \"%s\" has that name now.",
						   get_namespace_name(schema)),
				 errhint("Rename the other one first: ALTER TABLE %s RENAME TO ...",
						 quote_qualified_identifier(get_namespace_name(schema),
													table->name))));
	rename_table(change, table->name);
}

void
ec_quarantine_undo(const EcChange *change, int lock_wait_ms, void *arg)
{
	ListCell *cell;

	if (change->whole_table)
		LockRelationOid(change->relation, AccessExclusiveLock);
	else
		ec_lock_whole_table(change->relation, AccessExclusiveLock, lock_wait_ms);
	foreach (cell, (List *) arg)
	{
		Quarantined *one = lfirst(cell);

		if (change->whole_table)
			give_table_back(change, one);
		else
		{
			give_column_back(change, one);
			make_not_null(one);
		}
	}
	if (change->whole_table)
		remember_table(change, NULL);
	else
		forget_columns(change);
}
