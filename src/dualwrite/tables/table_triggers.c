/*
 * table_triggers.c
 *		Creates and drops the triggers of a change to another table.
 *
 * Statement triggers fire only for the table that the statement names, and are
 * not inherited.  So every partition and child has its own.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/catalog.h"
#include "core/query.h"
#include "dualwrite/mapping.h"
#include "dualwrite/table.h"
#include "dualwrite/tables/table_target.h"
#include "expand_contract.h"

/* the statement triggers */
static const struct
{
	const char *suffix;
	const char *event;
} triggers[] = {
	{"_insert", "AFTER INSERT ON %s REFERENCING NEW TABLE AS ec_new"},
	{"_update",
	 "AFTER UPDATE ON %s REFERENCING OLD TABLE AS ec_old NEW TABLE AS ec_new"},
	{"_delete", "AFTER DELETE ON %s REFERENCING OLD TABLE AS ec_old"},
	{"_truncate", "BEFORE TRUNCATE ON %s"},
};

static char *
trigger_name(const char *change, int i)
{
	return psprintf("%s%s", ec_change_trigger_name(change), triggers[i].suffix);
}

static ObjectAddress
address_of_trigger(Oid table, const char *change, int i)
{
	ObjectAddress address;

	ObjectAddressSet(address, TriggerRelationId,
					 get_trigger_oid(table, trigger_name(change, i), false));
	return address;
}

Oid
ec_table_trigger(Oid table, const char *change)
{
	return get_trigger_oid(table, trigger_name(change, 0), true);
}

/*
 * the row trigger of a partition, which fires if the identity changes; see
 * moves.h
 */
static char *
moves_name(const char *change)
{
	return psprintf("%s_moves", ec_change_trigger_name(change));
}

static bool
needs_moves_trigger(Oid table)
{
	return get_rel_relkind(table) == RELKIND_RELATION &&
		   get_rel_relispartition(table);
}

/* True if every column of the target's key is just a column of the source. */
static bool
has_plain_key(const EcChange *change, EcSide side)
{
	ListCell *cell;

	foreach (cell, change->columns)
	{
		EcChangeColumn *written = lfirst(cell);
		bool is_plain = false;
		ListCell *other;

		if (written->side == side || written->key_position == 0)
			continue;
		foreach (other, change->columns)
		{
			EcChangeColumn *read = lfirst(other);

			is_plain |=
				read->side == side && read->key_position > 0 &&
				written->expression != NULL &&
				strcmp(written->expression, quote_identifier(read->name)) == 0;
		}
		if (!is_plain)
			return false;
	}
	return true;
}

/*
 * Returns the WHEN condition.  If the target's key consists of plain columns,
 * it is that the source's key changes, which includes all columns of the
 * partition key.  Otherwise it is that any column changes that the key's
 * expressions may read.
 */
static char *
moves_condition(const EcChange *change, Oid root)
{
	EcSide side = root == change->relation ? EC_SIDE_OLD : EC_SIDE_NEW;
	bool is_plain = has_plain_key(change, side);
	StringInfoData differs;
	ListCell *cell;

	initStringInfo(&differs);
	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);
		const char *name;

		if (column->side != side || (is_plain && column->key_position == 0))
			continue;
		name = quote_identifier(get_attname(root, column->attnum, false));
		appendStringInfo(&differs, "%sexpand_contract.differs(old.%s, new.%s)",
						 differs.len > 0 ? " OR " : "", name, name);
	}
	return differs.data;
}

/*
 * The trigger depends on the root's trigger for UPDATE, and is dropped with
 * it.
 */
static bool
create_moves_trigger(Oid leaf, Oid root, const EcChange *change)
{
	char *trigger = moves_name(change->name);
	char *name = ec_relation_name(leaf);
	const char *quoted = quote_identifier(trigger);
	ObjectAddress mine;
	ObjectAddress roots = address_of_trigger(root, change->name, 1);

	if (OidIsValid(get_trigger_oid(leaf, trigger, true)))
		return false;
	ec_run_ddl(psprintf("CREATE TRIGGER %s BEFORE UPDATE ON %s FOR EACH ROW WHEN (%s) "
						"EXECUTE FUNCTION expand_contract.dual_write_table(%s)",
						quoted, name, moves_condition(change, root),
						quote_literal_cstr(change->name)));
	ec_run_ddl(psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", name, quoted));
	CommandCounterIncrement();
	ObjectAddressSet(mine, TriggerRelationId, get_trigger_oid(leaf, trigger, false));
	recordDependencyOn(&mine, &roots, DEPENDENCY_AUTO);
	return true;
}

bool
ec_create_table_triggers(Oid table, Oid root, const EcChange *change)
{
	char *name = ec_relation_name(table);
	bool created = false;

	for (int i = 0; i < lengthof(triggers); i++)
	{
		char *trigger = trigger_name(change->name, i);
		const char *quoted = quote_identifier(trigger);

		if (OidIsValid(get_trigger_oid(table, trigger, true)))
			continue;
		ec_run_ddl(psprintf("CREATE TRIGGER %s %s FOR EACH STATEMENT "
							"EXECUTE FUNCTION expand_contract.dual_write_table(%s)",
							quoted, psprintf(triggers[i].event, name),
							quote_literal_cstr(change->name)));
		ec_run_ddl(psprintf("ALTER TABLE %s ENABLE ALWAYS TRIGGER %s", name, quoted));
		CommandCounterIncrement();
		created = true;
		if (table != root)
		{
			ObjectAddress mine = address_of_trigger(table, change->name, i);
			ObjectAddress roots = address_of_trigger(root, change->name, i);

			recordDependencyOn(&mine, &roots, DEPENDENCY_AUTO);
		}
	}
	if (needs_moves_trigger(table))
		created |= create_moves_trigger(table, root, change);
	return created;
}

bool
ec_has_all_table_triggers(Oid table, const char *change)
{
	for (int i = 0; i < lengthof(triggers); i++)
		if (!OidIsValid(get_trigger_oid(table, trigger_name(change, i), true)))
			return false;
	return true;
}

static bool
are_at_work(Oid table, const char *change)
{
	ListCell *cell;

	for (int i = 0; i < lengthof(triggers); i++)
		if (!ec_has_dual_writes(table, trigger_name(change, i)))
			return false;
	foreach (cell, find_all_inheritors(table, AccessShareLock, NULL))
		if (needs_moves_trigger(lfirst_oid(cell)) &&
			!ec_has_dual_writes(lfirst_oid(cell), moves_name(change)))
			return false;
	return true;
}

bool
ec_table_triggers_at_work(const EcChange *change)
{
	return are_at_work(change->relation, change->name) &&
		   (change->backward == NULL || are_at_work(change->target, change->name));
}

bool
ec_drop_table_triggers(Oid table, const char *change)
{
	bool dropped = false;
	ObjectAddress moves;

	for (int i = 0; i < lengthof(triggers); i++)
	{
		ObjectAddress trigger;

		if (!OidIsValid(get_trigger_oid(table, trigger_name(change, i), true)))
			continue;
		trigger = address_of_trigger(table, change, i);
		performDeletion(&trigger, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
		CommandCounterIncrement();
		dropped = true;
	}
	ObjectAddressSet(moves, TriggerRelationId,
					 get_trigger_oid(table, moves_name(change), true));
	if (OidIsValid(moves.objectId))
	{
		performDeletion(&moves, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
		CommandCounterIncrement();
		dropped = true;
	}
	return dropped;
}

/*
 * Makes the triggers depend on the columns of both tables and on everything
 * that the expressions call.  Dropping those then fails, or, with CASCADE,
 * drops the triggers.
 */
static void
record_dependencies(const EcChange *change, Oid source, List *entries)
{
	for (int i = 0; i < lengthof(triggers); i++)
	{
		ObjectAddress trigger = address_of_trigger(source, change->name, i);
		ListCell *cell;

		foreach (cell, change->columns)
		{
			EcChangeColumn *used = lfirst(cell);
			ObjectAddress column;

			ObjectAddressSubSet(column, RelationRelationId,
								used->side == EC_SIDE_NEW ? change->target
														  : change->relation,
								used->attnum);
			recordDependencyOn(&trigger, &column, DEPENDENCY_NORMAL);
		}
		foreach (cell, entries)
		{
			recordDependencyOnSingleRelExpr(&trigger,
											((EcMappedColumn *) lfirst(cell))->analysed,
											source, DEPENDENCY_NORMAL,
											DEPENDENCY_NORMAL, false);
		}
	}
}

/*
 * The triggers of a restored table lack these dependencies, so all are created
 * again.
 */
static void
start_side(const EcChange *change, Oid source, List *entries)
{
	List *tables = find_all_inheritors(source, NoLock, NULL);
	ListCell *cell;

	foreach (cell, tables)
	{
		(void) ec_drop_table_triggers(lfirst_oid(cell), change->name);
	}
	/* The first table is the source itself. */
	foreach (cell, tables)
	{
		(void) ec_create_table_triggers(lfirst_oid(cell), source, change);
	}
	record_dependencies(change, source, entries);
}

void
ec_start_table_writes(const EcChange *change, const EcTableMappings *mappings)
{
	start_side(change, change->relation, mappings->forward);
	if (mappings->backward != NIL)
		start_side(change, change->target, mappings->backward);
}
