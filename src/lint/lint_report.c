/*
 * lint_report.c
 *		ec_lint: returns the lint's findings as rows.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "storage/lock.h"
#include "utils/builtins.h"

#include "core/arguments.h"
#include "lint/lint.h"

#define COLUMNS 10

static const char *
severity_name(const EcFinding *finding, const char *phase)
{
	switch (finding->severity)
	{
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
	findings = ec_lint_script(ec_script_parse(text, "ec_lint"));
	InitMaterializedSRF(fcinfo, 0);
	foreach (cell, findings)
	{
		put_finding((ReturnSetInfo *) fcinfo->resultinfo, lfirst(cell), phase);
	}
	return (Datum) 0;
}
