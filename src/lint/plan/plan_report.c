/*
 * plan_report.c
 *		ec_plan: returns a plan as rows.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "storage/lock.h"
#include "utils/builtins.h"

#include "core/arguments.h"
#include "lint/lint.h"
#include "lint/plan/plan.h"

#define COLUMNS 9

static const char *
kind_name(const EcPlanStep *step)
{
	switch (step->kind)
	{
		case EC_PLAN_TOP_LEVEL:
			return "top level";
		case EC_PLAN_JOB:
			return "job";
		default:
			return "transaction";
	}
}

static void
put_step(ReturnSetInfo *result, const EcPlanStep *step)
{
	Datum values[COLUMNS] = {0};
	bool nulls[COLUMNS] = {0};

	values[0] = Int32GetDatum(step->number);
	values[1] = Int32GetDatum(step->first);
	values[2] = CStringGetTextDatum(kind_name(step));
	values[3] = CStringGetTextDatum(step->sql);
	nulls[4] = step->lock == NoLock;
	if (!nulls[4])
		values[4] =
			CStringGetTextDatum(GetLockmodeName(DEFAULT_LOCKMETHOD, step->lock));
	values[5] = ObjectIdGetDatum(step->relation);
	nulls[5] = !OidIsValid(step->relation);
	values[6] = BoolGetDatum(step->rewrites);
	values[7] = BoolGetDatum(step->scans);
	nulls[8] = step->detail == NULL;
	if (!nulls[8])
		values[8] = CStringGetTextDatum(step->detail);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * ec_plan(script text, phase text) → SETOF (step, statement, kind, command,
 *		lock_mode, relation, rewrites, scans, detail)
 *
 * Returns the steps of an online apply.  Runs nothing.
 *
 * Errors: 22004, 22023 (arguments), 42601 (syntax), 0A000, 2D000 (statements
 * that are not allowed in a script).
 */
PG_FUNCTION_INFO_V1(ec_plan);
Datum
ec_plan(PG_FUNCTION_ARGS)
{
	char *text = ec_text_argument(fcinfo, 0, "script");
	char *phase = ec_text_argument(fcinfo, 1, "phase");
	EcScript *script;
	ListCell *cell;

	ec_lint_check_phase(phase);
	script = ec_script_parse(text, "ec_plan");
	(void) ec_script_is_mixed(script);
	InitMaterializedSRF(fcinfo, 0);
	foreach (cell, ec_plan_script(script)->steps)
	{
		put_step((ReturnSetInfo *) fcinfo->resultinfo, lfirst(cell));
	}
	return (Datum) 0;
}
