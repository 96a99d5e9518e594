/*
 * function.c
 *		Functions whose bodies are text, and their plans in other sessions.
 *
 * A session keeps plans of a PL/pgSQL function for the types that it has seen,
 * and variables that were declared by %TYPE.  Another version of the function's
 * row in the catalog makes every session compile it again; so each function
 * that may use the table, or one of its views, gets one.
 *
 * Anybody can have functions that name the table.  So they are known by OID and
 * not by name, and stay as they are in every respect; a row that another
 * transaction is about to change is not waited for, since that makes a new
 * version of it; and of the functions of roles that have no right on the table,
 * only so many are looked at.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_proc.h"
#include "storage/bufmgr.h"
#include "utils/fmgroids.h"

#include "core/catalog.h"
#include "core/query.h"
#include "twins/function.h"
#include "twins/twin_kind.h"
#include "twins/view.h"

static void
look(const EcRetype *retype, EcTwinPlan *plan)
{
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	uint64 count;

	if (!plan->for_swap)
		return;
	ec_arg_oid(&args, retype->relation);
	ec_arg_oids(&args, lappend_oid(ec_twin_views(retype), retype->relation));
	ec_catalog_begin(&scope);
	count =
		ec_query("SELECT f.oid FROM ("
				 " SELECT p.oid, r.has_rights, row_number() OVER (PARTITION BY r.has_rights ORDER BY p.oid) AS number"
				 "   FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang,"
				 "LATERAL (SELECT has_table_privilege(p.proowner, $1, 'INSERT, DELETE, TRUNCATE, TRIGGER')"
				 "             OR has_any_column_privilege(p.proowner, $1, 'SELECT, INSERT, UPDATE, REFERENCES')) r (has_rights)"
				 "  WHERE l.lanname NOT IN ('c', 'internal', 'sql') AND p.prokind IN ('f', 'p')"
				 "    AND NOT pg_is_other_temp_schema(p.pronamespace)"
				 "    AND CASE WHEN p.oid IN (SELECT t.tgfoid FROM pg_trigger t WHERE t.tgrelid = ANY ($2)) THEN true"
				 "             WHEN octet_length(p.prosrc) > CASE WHEN r.has_rights THEN 900000 ELSE 10000 END THEN false"
				 "             ELSE EXISTS (SELECT FROM pg_class c WHERE c.oid = ANY ($2)"
				 "                                AND strpos(lower(p.prosrc), lower(replace(c.relname, '\"', '\"\"'))) > 0) END) f"
				 " WHERE f.has_rights OR f.number <= 1000"
				 " ORDER BY f.oid",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		Oid function = ec_get_oid(row, 1);
		MemoryContext caller = MemoryContextSwitchTo(memory);

		plan->functions = lappend_oid(plan->functions, function);
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
}

/* False if another transaction has changed or locked the row. */
static bool
lock_row(Relation catalog, HeapTuple tuple)
{
	TM_FailureData failure;
	Buffer buffer;
	TM_Result result = heap_lock_tuple(catalog, tuple, GetCurrentCommandId(true),
									   LockTupleNoKeyExclusive, LockWaitSkip,
									   false, &buffer, &failure);

	ReleaseBuffer(buffer);
	return result == TM_Ok;
}

static void
renew(Relation catalog, Oid function)
{
	ScanKeyData key[1];
	SysScanDesc scan;
	HeapTuple tuple;
	HeapTuple same = NULL;

	ScanKeyInit(&key[0], Anum_pg_proc_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(function));
	scan = systable_beginscan(catalog, ProcedureOidIndexId, true, NULL, 1, key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		same = heap_copytuple(tuple);
	systable_endscan(scan);
	if (same != NULL)
	{
		HeapTupleData there = {.t_self = same->t_self};

		if (lock_row(catalog, &there))
			CatalogTupleUpdate(catalog, &same->t_self, same);
	}
}

void
ec_twin_renew_functions(const EcTwinPlan *plan)
{
	Relation catalog = table_open(ProcedureRelationId, RowExclusiveLock);
	ListCell *cell;

	foreach (cell, plan->functions)
		renew(catalog, lfirst_oid(cell));
	table_close(catalog, RowExclusiveLock);
	CommandCounterIncrement();
}

const EcTwinKind ec_twin_function = {"function", look};
