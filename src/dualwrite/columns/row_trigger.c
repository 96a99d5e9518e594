/*
 * row_trigger.c
 *		Creates the row trigger of a change within one table.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"

#include "core/catalog.h"
#include "core/query.h"
#include "dualwrite/columns/row_trigger.h"
#include "dualwrite/mapping.h"
#include "dualwrite/user_triggers.h"
#include "dualwrite/writers.h"

/*
 * Runs as the table's owner.  The trigger is ENABLE ALWAYS, because rows
 * applied by logical replication come from a table that may not have the
 * change.
 */
bool
ec_set_row_trigger(Oid relation, const char *change)
{
	char *table = ec_relation_name(relation);
	char *trigger = ec_change_trigger_name(change);
	const char *name = quote_identifier(trigger);
	bool is_missing = !OidIsValid(get_trigger_oid(relation, trigger, true));

	if (is_missing)
		ec_run_ddl(psprintf("CREATE TRIGGER %s BEFORE INSERT OR UPDATE ON %s FOR EACH ROW "
							"EXECUTE FUNCTION expand_contract.dual_write(%s)",
							name, table, quote_literal_cstr(change)));
	ec_run_ddl(psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", table, name));
	return is_missing;
}

/*
 * Makes the trigger depend on the columns and on everything that the
 * expressions call.  Dropping those then fails, or, with CASCADE, drops the
 * trigger.
 */
static void
record_dependencies(Oid relation, const EcChange *change, List *entries)
{
	ObjectAddress trigger;
	ObjectAddress column;
	ListCell *cell;

	ObjectAddressSet(trigger, TriggerRelationId,
					 get_trigger_oid(relation,
									 ec_change_trigger_name(change->name), false));
	foreach (cell, change->columns)
	{
		EcChangeColumn *used = lfirst(cell);

		ObjectAddressSubSet(column, RelationRelationId, relation, used->attnum);
		recordDependencyOn(&trigger, &column, DEPENDENCY_NORMAL);
	}
	foreach (cell, entries)
	{
		EcMappedColumn *entry = lfirst(cell);

		recordDependencyOnSingleRelExpr(&trigger, entry->analysed, relation,
										DEPENDENCY_NORMAL, DEPENDENCY_NORMAL,
										false);
	}
}

bool
ec_trigger_is_complete(Oid trigger)
{
	Relation depend = table_open(DependRelationId, AccessShareLock);
	SysScanDesc scan;
	ScanKeyData key[2];
	HeapTuple tuple;
	bool found = false;

	ScanKeyInit(&key[0], Anum_pg_depend_classid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(TriggerRelationId));
	ScanKeyInit(&key[1], Anum_pg_depend_objid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(trigger));
	scan = systable_beginscan(depend, DependDependerIndexId, true, NULL, 2, key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
		found = ((Form_pg_depend) GETSTRUCT(tuple))->refobjsubid > 0;
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return found;
}

/*
 * Partitions inherit the trigger from their parent, inheritance children do
 * not; later children get it in partitions.c.  The table must not be open,
 * because ALTER TABLE requires that no one uses it.
 */
void
ec_start_column_writes(const EcChange *change, List *entries, bool with_dependencies)
{
	List *members = find_all_inheritors(change->relation, NoLock, NULL);
	ListCell *cell;

	foreach (cell, members)
	{
		(void) ec_set_row_trigger(lfirst_oid(cell), change->name);
	}
	CommandCounterIncrement();
	if (with_dependencies)
		record_dependencies(change->relation, change, entries);
	ec_warn_of_user_triggers(change, InvalidOid);
	ec_warn_of_writers(change, entries);
}
