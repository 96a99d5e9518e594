/*
 * lint_report.c
 *		ec_lint and ec_effects: return findings and effects as rows.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "storage/lock.h"
#include "utils/builtins.h"

#include "core/arguments.h"
#include "core/guc.h"
#include "lint/lint.h"
#include "lint/world.h"

#define COLUMNS        10
#define EFFECT_COLUMNS 6

static const char *
severity_name(const EcFinding *finding, const char *phase)
{
	switch (finding->severity)
	{
		case EC_SEVERITY_ADVICE:
			return "advice";
		case EC_SEVERITY_NOTICE:
			return "notice";
		case EC_SEVERITY_ERROR:
			return strcmp(phase, EC_DEPLOY_EXPAND) == 0 ? "error" : "warning";
		default:
			return "warning";
	}
}

static void
put_finding(ReturnSetInfo *result, const EcFinding *finding, const char *phase)
{
	Datum values[COLUMNS] = {0};
	bool nulls[COLUMNS] = {0};

	values[0] = Int32GetDatum(finding->statement->number);
	values[1] = CStringGetTextDatum(finding->command);
	values[2] = CStringGetTextDatum(finding->rule);
	values[3] = CStringGetTextDatum(severity_name(finding, phase));
	values[4] = ObjectIdGetDatum(finding->relation);
	nulls[4] = !OidIsValid(finding->relation);
	if (finding->lock == NoLock)
		nulls[5] = true;
	else
		values[5] = CStringGetTextDatum(
			GetLockmodeName(DEFAULT_LOCKMETHOD, finding->lock));
	values[6] = BoolGetDatum(finding->rewrites);
	values[7] = BoolGetDatum(finding->scans);
	values[8] = CStringGetTextDatum(finding->detail);
	if (finding->recipe == NULL)
		nulls[9] = true;
	else
		values[9] = CStringGetTextDatum(finding->recipe);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * ec_lint(script text, phase text) → SETOF (statement, command, rule,
 *			severity, relation, lock_mode, rewrites, scans, detail, recipe)
 *
 * Returns what ec_apply would reject in this phase (severity error), and what
 * makes other sessions wait (warning, or notice if the table is small).  Runs
 * nothing.
 *
 * Errors: 22004, 22023 (arguments), 42601 (syntax).
 */
PG_FUNCTION_INFO_V1(ec_lint);
Datum
ec_lint(PG_FUNCTION_ARGS)
{
	char *text = ec_text_argument(fcinfo, 0, "script");
	char *phase = ec_text_argument(fcinfo, 1, "phase");
	List *findings;
	ListCell *cell;

	ec_lint_check_phase(phase);
	findings = ec_lint_script(ec_script_parse(text, "ec_lint"), ec_online);
	InitMaterializedSRF(fcinfo, 0);
	foreach (cell, findings)
	{
		put_finding((ReturnSetInfo *) fcinfo->resultinfo, lfirst(cell), phase);
	}
	return (Datum) 0;
}

static void
put_effect(ReturnSetInfo *result, const EcEffect *effect)
{
	Datum values[EFFECT_COLUMNS] = {0};
	bool nulls[EFFECT_COLUMNS] = {0};
	const char *command;

	(void) ec_statement_kind(effect->statement, &command);
	values[0] = Int32GetDatum(effect->statement->number);
	values[1] = CStringGetTextDatum(command);
	values[2] = ObjectIdGetDatum(effect->relation->oid);
	nulls[3] = effect->lock == NoLock;
	if (!nulls[3])
		values[3] =
			CStringGetTextDatum(GetLockmodeName(DEFAULT_LOCKMETHOD, effect->lock));
	values[4] = BoolGetDatum(effect->rewrites);
	values[5] = BoolGetDatum(effect->scans);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * ec_effects(script text) → SETOF (statement, command, relation, lock_mode,
 *		rewrites, scans)
 *
 * Returns which existing relations each statement will lock, rewrite and scan.
 * Runs nothing.
 *
 * Errors: 22004 (argument), 42601 (syntax), 22023 (no statement).
 */
PG_FUNCTION_INFO_V1(ec_effects);
Datum
ec_effects(PG_FUNCTION_ARGS)
{
	char *text = ec_text_argument(fcinfo, 0, "script");
	List *effects = ec_lint_script_effects(ec_script_parse(text, "ec_effects"));
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach (cell, effects)
	{
		put_effect((ReturnSetInfo *) fcinfo->resultinfo, lfirst(cell));
	}
	return (Datum) 0;
}
