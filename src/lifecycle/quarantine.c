/*
 * quarantine.c
 *		The old shape renamed away, and back.
 *
 * New writers need not know an old column, so while it is away it may be NULL,
 * where backward does not fill it.  To make it NOT NULL again at once would
 * mean to scan the table under ACCESS EXCLUSIVE; it gets a CHECK that is NOT
 * VALID instead, which binds what is written from now on, and its owner is
 * told how to make it NOT NULL without keeping anybody waiting.
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

/* A column (or, without relations, a table) that is away. */
typedef struct Quarantined
{
	char *name;
	char *quarantined_as;
	List *not_null_in; /* of Oid: tables where it was NOT NULL */
} Quarantined;

/* "~ec_legacy_email_not_null", cut to what fits */
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

/* "<name>__quarantined", cut by characters, and numbered where it is taken. */
static char *
free_name(const char *name, List *family)
{
	char *result = makeObjectName(name, NULL, "_quarantined");

	for (int i = 2; is_taken(result, family); i++)
		result = makeObjectName(name, NULL, psprintf("_quarantined%d", i));
	return result;
}

/*
 * Where the column is NOT NULL, by itself or by the CHECK of an earlier way
 * back.  A key needs its NOT NULL, and so does an identity column, which new
 * writers need not name.
 */
static void
remember(const EcChange *change, const char *name, const char *quarantined_as)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_text(&args, change->name);
	ec_arg_text(&args, name);
	ec_arg_text(&args, quarantined_as);
	ec_arg_oid(&args, ec_old_is_whole_table(change) ? InvalidOid : change->relation);
	ec_arg_text(&args, check_name(name));
	ec_catalog_begin(&scope);
	ec_query("INSERT INTO expand_contract.quarantined (change, name, quarantined_as, not_null_in)"
			 " SELECT $1, $2, $3, array("
			 "   SELECT a.attrelid::regclass"
			 "     FROM expand_contract.family_of($4) WITH ORDINALITY f (oid, number)"
			 "     JOIN pg_attribute a ON a.attrelid = f.oid AND a.attname = $2"
			 "    WHERE a.attidentity = ''"
			 "      AND (a.attnotnull OR EXISTS (SELECT FROM pg_constraint k"
			 "               WHERE k.conrelid = f.oid AND k.conname = $5 AND k.contype = 'c'))"
			 "      AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = f.oid"
			 "               AND (i.indisprimary OR i.indisreplident)"
			 "               AND a.attnum = ANY (i.indkey::int2[]))"
			 "    ORDER BY f.number)",
			 &args);
	ec_catalog_end(&scope);
}

static List *
load_quarantined(const EcChange *change)
{
	MemoryContext memory = CurrentMemoryContext;
	List *all = NIL;
	EcCatalogScope scope;
	EcArgs args = {0};
	uint64 count;

	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	count = ec_query("SELECT q.name, q.quarantined_as, r.relation::oid"
					 "  FROM expand_contract.quarantined q"
					 "  LEFT JOIN LATERAL unnest(q.not_null_in) WITH ORDINALITY r (relation, number)"
					 "    ON EXISTS (SELECT FROM pg_class c WHERE c.oid = r.relation)"
					 " WHERE q.change = $1 ORDER BY q.quarantined_as, r.number",
					 &args);
	for (uint64 row = 0; row < count; row++)
	{
		char *quarantined_as = ec_get_text(row, 2);
		Oid relation = ec_get_oid(row, 3);
		MemoryContext caller = MemoryContextSwitchTo(memory);
		Quarantined *last = all == NIL ? NULL : llast(all);

		if (last == NULL || strcmp(last->quarantined_as, quarantined_as) != 0)
		{
			last = palloc0_object(Quarantined);
			last->name = ec_get_text(row, 1);
			last->quarantined_as = quarantined_as;
			all = lappend(all, last);
		}
		if (OidIsValid(relation))
			last->not_null_in = lappend_oid(last->not_null_in, relation);
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
	return all;
}

static void
forget(const EcChange *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	ec_query("DELETE FROM expand_contract.quarantined WHERE change = $1", &args);
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

/* What is done to a table is done to those below it, too. */
static void
let_be_null(const Quarantined *column)
{
	char *check = check_name(column->name);
	ListCell *cell;

	foreach (cell, column->not_null_in)
	{
		Oid relation = lfirst_oid(cell);
		char *table = ec_relation_name(relation);

		if (is_not_null(relation, column->quarantined_as))
			ec_run_ddl(psprintf("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL",
								table, quote_identifier(column->quarantined_as)));
		if (OidIsValid(get_relation_constraint_oid(relation, check, true)))
			ec_run_ddl(psprintf("ALTER TABLE %s DROP CONSTRAINT %s", table,
								quote_identifier(check)));
	}
}

static void
begin_for_columns(const EcChange *change)
{
	List *family = find_all_inheritors(change->relation, NoLock, NULL);
	Bitmapset *columns = ec_old_columns(change);
	int attnum = -1;
	ListCell *cell;

	while ((attnum = bms_next_member(columns, attnum)) >= 0)
	{
		char *name = get_attname(change->relation, attnum, false);
		char *quarantined_as = free_name(name, family);

		remember(change, name, quarantined_as);
		rename_column(change, name, quarantined_as);
	}
	foreach (cell, load_quarantined(change))
	{
		let_be_null(lfirst(cell));
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

	remember(change, name, quarantined_as);
	rename_table(change, quarantined_as);
}

void
ec_quarantine_begin(const EcChange *change, int lock_wait_ms, void *arg)
{
	if (ec_old_is_whole_table(change))
	{
		LockRelationOid(change->relation, AccessExclusiveLock);
		begin_for_table(change);
		return;
	}
	ec_lock_whole_table(change->relation, AccessExclusiveLock, lock_wait_ms);
	begin_for_columns(change);
}

/* Is there a NULL?  In a scan that keeps nobody waiting. */
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
		ListCell *relation;

		foreach (relation, column->not_null_in)
		{
			if (!has_nulls(lfirst_oid(relation), column->quarantined_as))
				continue;
			ereport(NOTICE,
					(errmsg("column \"%s\" of table \"%s\" was NOT NULL, and is not any more",
							column->name, get_rel_name(lfirst_oid(relation))),
					 errdetail("It holds NULLs of rows that were written while it was renamed away."),
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

		/* it has come with that of the table above */
		if (OidIsValid(get_relation_constraint_oid(relation, check, true)))
			continue;
		ec_run_ddl(psprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL) NOT VALID",
							table, quote_identifier(check), name));
		ereport(NOTICE,
				(errmsg("column \"%s\" of table \"%s\" was NOT NULL, and has a constraint instead",
						column->name, get_rel_name(relation)),
				 errdetail("To look at all rows would have kept writers waiting."),
				 errhint("Use ALTER TABLE %s VALIDATE CONSTRAINT %s; then ALTER TABLE %s ALTER COLUMN %s SET NOT NULL, DROP CONSTRAINT %s.",
						 table, quote_identifier(check), table, name,
						 quote_identifier(check))));
	}
}

void
ec_quarantine_undo(const EcChange *change, int lock_wait_ms, void *arg)
{
	ListCell *cell;

	if (ec_old_is_whole_table(change))
		LockRelationOid(change->relation, AccessExclusiveLock);
	else
		ec_lock_whole_table(change->relation, AccessExclusiveLock, lock_wait_ms);
	foreach (cell, (List *) arg)
	{
		Quarantined *column = lfirst(cell);

		if (ec_old_is_whole_table(change))
			rename_table(change, column->name);
		else
		{
			rename_column(change, column->quarantined_as, column->name);
			make_not_null(column);
		}
	}
	forget(change);
}
