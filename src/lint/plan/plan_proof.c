/*
 * plan_proof.c
 *		Adds a constraint without looking at the rows, and validates it under a
 *		lock that blocks neither reads nor writes.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "lint/plan/planner.h"

void
ec_plan_validation(EcDraft *draft, EcRelation *relation, const char *table,
				   const char *name)
{
	EcPlanStep *step =
		ec_plan_alter(draft, relation, table,
					  psprintf("VALIDATE CONSTRAINT %s", quote_identifier(name)));

	step->lock = ShareUpdateExclusiveLock;
	step->scans = true;
	step->undo = "";
	step->detail = "reads the table, while others read and write it";
}

static void
plan_not_valid(EcDraft *draft, EcRelation *relation, const char *table,
			   const char *name, const char *body)
{
	EcPlanStep *step = ec_plan_alter(draft, relation, table,
									 psprintf("ADD CONSTRAINT %s %s NOT VALID",
											  quote_identifier(name), body));

	step->undo = psprintf("ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", table,
						  quote_identifier(name));
	step->detail = "holds for new rows from now on";
}

void
ec_plan_proof(EcPlanner *planner, EcDraft *draft, EcRelation *relation,
			  bool inh, const char *name, const char *body)
{
	const char *table = ec_plan_table(relation, inh);

	plan_not_valid(draft, relation, table, name, body);
	ec_plan_validation(draft, relation, table, name);
}

/*
 * A composite value whose fields are NULL fails IS NOT NULL, and the server
 * does not take the CHECK for a proof.
 */
static bool
is_composite(const EcColumn *column)
{
	return column != NULL && OidIsValid(column->type) &&
		   type_is_rowtype(getBaseType(column->type));
}

void
ec_plan_not_null_constraint(EcPlanner *planner, EcDraft *draft,
							EcRelation *relation, bool inh, const char *column,
							const Constraint *constraint)
{
	const char *name = constraint ? constraint->conname : NULL;

	if (name == NULL)
		name = ec_plan_choose_name(planner, relation, column, "not_null", false,
								   true);
	ec_plan_proof(planner, draft, relation, inh, name,
				  psprintf("NOT NULL %s%s", quote_identifier(column),
						   constraint && constraint->is_no_inherit ? " NO INHERIT"
																   : ""));
}

/*
 * The server does not look at the rows if a valid CHECK proves that there is
 * no NULL.
 */
void
ec_plan_not_null(EcPlanner *planner, EcDraft *draft, EcRelation *relation,
				 bool inh, const char *column, const Constraint *constraint)
{
	const char *table = ec_plan_table(relation, inh);
	const char *quoted = quote_identifier(column);
	EcColumn *found = ec_find_column(planner->lint.world, relation, column);
	EcConstraint *present = found ? ec_not_null_of(relation, found) : NULL;
	EcPlanStep *step;
	char *name;
	char *command;

	if (present != NULL && constraint == NULL)
	{
		ec_plan_validation(draft, relation, table, present->name);
		return;
	}
	if (PG_VERSION_NUM >= 180000 &&
		(is_composite(found) || (constraint != NULL && constraint->is_no_inherit)))
	{
		ec_plan_not_null_constraint(planner, draft, relation, inh, column,
									constraint);
		return;
	}
	if (is_composite(found))
	{
		draft->reason =
			psprintf("no CHECK proves that %s, which is of a composite type, is not NULL",
					 quoted);
		return;
	}
	name = ec_plan_choose_name(planner, relation, column, "not_null_proof",
							   false, true);
	ec_plan_proof(planner, draft, relation, inh, name,
				  psprintf("CHECK (%s IS NOT NULL)%s", quoted,
						   inh ? "" : " NO INHERIT"));
	/* Since version 18 it is a constraint, which may have a name. */
	if (constraint != NULL && constraint->conname != NULL && PG_VERSION_NUM >= 180000)
		command = psprintf("ADD CONSTRAINT %s NOT NULL %s",
						   quote_identifier(constraint->conname), quoted);
	else
		command = psprintf("ALTER COLUMN %s SET NOT NULL", quoted);
	step = ec_plan_alter(draft, relation, table,
						 psprintf("%s;\nALTER TABLE %s DROP CONSTRAINT %s",
								  command, table, quote_identifier(name)));
	step->undo =
		psprintf("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL", table, quoted);
	step->detail = "reads no row, since the constraint proves it";
}
