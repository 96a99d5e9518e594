/*
 * end_change.c
 *		Ends a change: removes its triggers, its jobs and its records.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "utils/builtins.h"

#include "lifecycle/end_change.h"
#include "lifecycle/old_shape.h"
#include "usage/usage.h"
#include "core/catalog.h"
#include "core/query.h"
#include "worker/jobs/control.h"

typedef struct OurTrigger
{
	Oid relation;
	char *name;
} OurTrigger;

static List *
triggers_of(const EcChange *change)
{
	MemoryContext memory = CurrentMemoryContext;
	List *triggers = NIL;
	EcCatalogScope scope;
	EcArgs args = {0};
	uint64 count;

	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	count = ec_query("SELECT t.relation, t.name::text"
					 "  FROM expand_contract.triggers_of($1) t WHERE NOT t.is_clone"
					 " ORDER BY t.relation, t.name",
					 &args);
	for (uint64 row = 0; row < count; row++)
	{
		Oid relation = ec_get_oid(row, 1);
		char *name = ec_get_text(row, 2);
		MemoryContext caller = MemoryContextSwitchTo(memory);
		OurTrigger *trigger = palloc(sizeof(OurTrigger));

		trigger->relation = relation;
		trigger->name = name;
		triggers = lappend(triggers, trigger);
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
	return triggers;
}

/*
 * A trigger may be gone already: a partition's trigger is dropped together
 * with that of its parent.
 */
void
ec_drop_triggers_of_change(const EcChange *change)
{
	ListCell *cell;

	foreach (cell, triggers_of(change))
	{
		OurTrigger *trigger = lfirst(cell);

		if (OidIsValid(get_trigger_oid(trigger->relation, trigger->name, true)))
			ec_run_ddl(psprintf("DROP TRIGGER %s ON %s",
								quote_identifier(trigger->name),
								ec_relation_name(trigger->relation)));
	}
}

void
ec_unwatch_old_columns(const EcChange *change)
{
	ArrayType *columns = ec_old_column_names(change);

	if (ARR_NDIM(columns) > 0)
		(void) DirectFunctionCall2(ec_untrack, ObjectIdGetDatum(change->relation),
								   PointerGetDatum(columns));
}

/* Removes the records that are useless without dual writes. */
static void
clear_notes(const EcChange *change, const char *phase)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	ec_cancel_jobs_of_change(change->name, NULL);
	ec_query("DELETE FROM expand_contract.discrepancies WHERE change = $1", &args);
	ec_query("DELETE FROM expand_contract.gaps WHERE change = $1", &args);
	ec_query("DELETE FROM expand_contract.required_versions WHERE change = $1",
			 &args);
	/* Of a contracted change the new columns stay, see migrate/used.h. */
	ec_query(strcmp(phase, EC_PHASE_CONTRACTED) == 0
				 ? "DELETE FROM expand_contract.change_columns"
				   " WHERE change = $1 AND side <> 'new'"
				 : "DELETE FROM expand_contract.change_columns WHERE change = $1",
			 &args);
	ec_query("UPDATE expand_contract.changes"
			 "   SET dual_write = false, quarantine_until = NULL, auto_drop = false,"
			 "       quarantined_from = NULL"
			 " WHERE name = $1",
			 &args);
	ec_catalog_end(&scope);
}

void
ec_change_end(const EcChange *change, const char *phase)
{
	ec_drop_triggers_of_change(change);
	clear_notes(change, phase);
	ec_change_set_phase(change->name, phase);
}
