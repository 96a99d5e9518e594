/*
 * concerned.c
 *		Finds the changes that a statement concerns, using the system catalogs
 *		only.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/catalog.h"
#include "core/query.h"
#include "dualwrite/concerned.h"

#define ROW_FUNCTION   "dual_write"
#define TABLE_FUNCTION "dual_write_table"

/*
 * Returns the OID of one of the extension's trigger functions, or InvalidOid.
 */
static Oid
trigger_function(const char *name)
{
	Oid schema = get_namespace_oid("expand_contract", true);

	if (!OidIsValid(schema))
		return InvalidOid;
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
						   PointerGetDatum(buildoidvector(NULL, 0)),
						   ObjectIdGetDatum(schema));
}

static List *
add_name(List *names, const char *name)
{
	ListCell *cell;

	foreach (cell, names)
		if (strcmp(lfirst(cell), name) == 0)
			return names;
	return lappend(names, pstrdup(name));
}

/* Adds the changes named by the triggers that an index scan finds. */
static List *
add_changes(List *changes, Oid index, AttrNumber attribute, Oid value)
{
	Oid row_function = trigger_function(ROW_FUNCTION);
	Oid table_function = trigger_function(TABLE_FUNCTION);
	Relation catalog = table_open(TriggerRelationId, AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key[1];
	HeapTuple tuple;

	ScanKeyInit(&key[0], attribute, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(value));
	scan = systable_beginscan(catalog, index, true, NULL, 1, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tuple);
		Datum arguments;
		bool isnull;

		if (trigger->tgnargs != 1 || (trigger->tgfoid != row_function &&
									  trigger->tgfoid != table_function))
			continue;
		arguments = heap_getattr(tuple, Anum_pg_trigger_tgargs,
								 RelationGetDescr(catalog), &isnull);
		/* Each argument ends with a zero byte. */
		if (!isnull)
			changes = add_name(changes, VARDATA_ANY(DatumGetByteaPP(arguments)));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return changes;
}

/*
 * Returns the OIDs of the triggers that depend on an object; only one if one
 * is set.
 */
static List *
triggers_on(Oid class, Oid object, bool one)
{
	Relation catalog = table_open(DependRelationId, AccessShareLock);
	List *triggers = NIL;
	SysScanDesc scan;
	ScanKeyData key[2];
	HeapTuple tuple;

	ScanKeyInit(&key[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(class));
	ScanKeyInit(&key[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(object));
	scan = systable_beginscan(catalog, DependReferenceIndexId, true, NULL, 2, key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)) &&
		   !(one && triggers != NIL))
	{
		Form_pg_depend depend = (Form_pg_depend) GETSTRUCT(tuple);

		if (depend->classid == TriggerRelationId)
			triggers = list_append_unique_oid(triggers, depend->objid);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return triggers;
}

bool
ec_has_any_dual_writes(void)
{
	EcExtension extension;
	Oid row_function;
	Oid table_function;

	if (!ec_extension_is_ready(&extension))
		return false;
	row_function = trigger_function(ROW_FUNCTION);
	table_function = trigger_function(TABLE_FUNCTION);
	return (OidIsValid(row_function) &&
			triggers_on(ProcedureRelationId, row_function, true) != NIL) ||
		   (OidIsValid(table_function) &&
			triggers_on(ProcedureRelationId, table_function, true) != NIL);
}

List *
ec_changes_about(Oid relation)
{
	List *changes = add_changes(NIL, TriggerRelidNameIndexId,
								Anum_pg_trigger_tgrelid, relation);
	ListCell *cell;

	foreach (cell, triggers_on(RelationRelationId, relation, false))
		changes = add_changes(changes, TriggerOidIndexId, Anum_pg_trigger_oid,
							  lfirst_oid(cell));
	return changes;
}

List *
ec_changes_at(Oid relation)
{
	return add_changes(NIL, TriggerRelidNameIndexId, Anum_pg_trigger_tgrelid,
					   relation);
}

/* Appends the parents of a partition or inheritance child. */
static List *
append_parents(List *relations, Oid relation)
{
	Relation catalog = table_open(InheritsRelationId, AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key[1];
	HeapTuple tuple;

	ScanKeyInit(&key[0], Anum_pg_inherits_inhrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relation));
	scan = systable_beginscan(catalog, InheritsRelidSeqnoIndexId, true, NULL, 1,
							  key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
		relations =
			list_append_unique_oid(relations,
								   ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return relations;
}

List *
ec_with_ancestors(Oid relation)
{
	List *relations = list_make1_oid(relation);

	/* The list grows during the loop. */
	for (int i = 0; i < list_length(relations); i++)
		relations = append_parents(relations, list_nth_oid(relations, i));
	return relations;
}

List *
ec_relations_of_command(void)
{
	MemoryContext memory = CurrentMemoryContext;
	List *relations = NIL;
	EcCatalogScope scope;
	uint64 count;

	ec_catalog_begin(&scope);
	count =
		ec_query("SELECT DISTINCT d.objid FROM pg_event_trigger_ddl_commands() d"
				 " WHERE d.classid OPERATOR(pg_catalog.=) 'pg_class'::regclass",
				 NULL);
	for (uint64 row = 0; row < count; row++)
	{
		MemoryContext spi = MemoryContextSwitchTo(memory);
		Oid relation = ec_get_oid(row, 1);
		char kind = get_rel_relkind(relation);

		if (kind == RELKIND_INDEX || kind == RELKIND_PARTITIONED_INDEX)
			relation = IndexGetRelation(relation, true);
		if (OidIsValid(relation))
			relations = list_append_unique_oid(relations, relation);
		MemoryContextSwitchTo(spi);
	}
	ec_catalog_end(&scope);
	return relations;
}
