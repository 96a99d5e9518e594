/*
 * twin_kind.c
 *		What all kinds of twins use.
 */
#include "postgres.h"

#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "twins/twin_kind.h"

const EcTwinPair *
ec_twin_pair(const EcRetype *retype, AttrNumber from)
{
	ListCell *cell;

	foreach (cell, retype->pairs)
	{
		EcTwinPair *pair = lfirst(cell);

		if (pair->from == from)
			return pair;
	}
	return NULL;
}

void
ec_twin_top_level_step(EcTwinPlan *plan, char *what, char *sql, char *blocking)
{
	EcTwinStep *step = palloc(sizeof(EcTwinStep));

	step->what = what;
	step->sql = sql;
	step->is_top_level = sql != blocking;
	step->blocking = blocking;
	plan->steps = lappend(plan->steps, step);
}

void
ec_twin_step(EcTwinPlan *plan, char *what, char *sql)
{
	ec_twin_top_level_step(plan, what, sql, sql);
}

void
ec_twin_swap(EcTwinPlan *plan, EcSwapPart part, char *sql)
{
	plan->swap[part] = lappend(plan->swap[part], sql);
}

void
ec_twin_arguments(const EcRetype *retype, EcArgs *args)
{
	Datum *values = palloc(sizeof(Datum) * list_length(retype->pairs));
	int number = 0;
	ListCell *cell;

	foreach (cell, retype->pairs)
		values[number++] = Int16GetDatum(((EcTwinPair *) lfirst(cell))->from);
	ec_arg_oid(args, retype->relation);
	ec_arg(args, INT2ARRAYOID,
		   PointerGetDatum(construct_array(values, number, INT2OID, 2, true,
										   TYPALIGN_SHORT)),
		   false);
}

void
ec_twin_refuse(EcTwinPlan *plan, char *why)
{
	plan->refused = lappend(plan->refused, why);
}

static bool
is_given_away(const EcTwinPlan *plan, const char *name)
{
	ListCell *cell;

	foreach (cell, plan->names)
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	return false;
}

char *
ec_twin_free_name(const EcRetype *retype, EcTwinPlan *plan, const char *name,
				  const char *label)
{
	for (int pass = 0;; pass++)
	{
		char *choice =
			makeObjectName(name, NULL,
						   pass == 0 ? label : psprintf("%s%d", label, pass));

		if (!OidIsValid(get_relname_relid(choice, retype->space)) &&
			!ConstraintNameExists(choice, retype->space) &&
			get_attnum(retype->relation, choice) == InvalidAttrNumber &&
			!is_given_away(plan, choice))
		{
			plan->names = lappend(plan->names, choice);
			return choice;
		}
		pfree(choice);
	}
}
