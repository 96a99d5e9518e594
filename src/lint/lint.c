/*
 * lint.c
 *		Finds statements that break running code, lose data, or make other
 *		sessions wait.
 *
 * While a schema is expanded, code that knows only its old form is still
 * running.  So an object that such code may name must not be removed or
 * renamed, and must accept what it accepted before.  No session may have to
 * wait for long meanwhile.  A table that the script itself creates is not used
 * by other code yet.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "expand_contract.h"
#include "core/guc.h"
#include "lint/lint.h"
#include "lint/lint_advice.h"
#include "lint/lint_online.h"
#include "lint/lint_rules.h"

void
ec_lint_check_phase(const char *phase)
{
	if (strcmp(phase, EC_DEPLOY_EXPAND) != 0 &&
		strcmp(phase, EC_DEPLOY_CONTRACT) != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("unknown phase \"%s\" of a migration", phase),
						errhint("The phases are \"%s\" and \"%s\".",
								EC_DEPLOY_EXPAND, EC_DEPLOY_CONTRACT)));
}

/* true if each statement runs in its own transaction */
static bool
is_mixed(const EcScript *script)
{
	ListCell *cell;

	foreach (cell, script->statements)
	{
		const char *command;
		EcStatementKind kind = ec_statement_kind(lfirst(cell), &command);

		if (kind == EC_STATEMENT_ALONE || kind == EC_STATEMENT_TOP_LEVEL)
			return true;
	}
	return false;
}

static void
lint_all(EcLint *lint, const EcScript *script)
{
	const EcStatement *previous = NULL;
	ListCell *cell;

	lint->script = script;
	lint->is_mixed = is_mixed(script);
	lint->made_later = ec_lint_made_later(script);
	lint->world = ec_world_begin();
	foreach (cell, script->statements)
	{
		CHECK_FOR_INTERRUPTS();
		lint->statement = lfirst(cell);
		if (ec_advice)
			ec_lint_advise(lint, previous);
		ec_lint_statement(lint);
		ec_lint_close_statement(lint);
		previous = lint->statement;
	}
	ec_world_end(lint->world);
}

List *
ec_lint_script(const EcScript *script, bool online)
{
	EcLint lint = {0};

	lint_all(&lint, script);
	ec_lint_settle(script, lint.findings, online);
	return lint.findings;
}

List *
ec_lint_script_effects(const EcScript *script)
{
	EcLint lint = {0};

	lint_all(&lint, script);
	return lint.effects;
}

static bool
is_allowed(const char *rule, List *allow)
{
	ListCell *cell;

	foreach (cell, allow)
	{
		if (strcmp(lfirst(cell), rule) == 0)
			return true;
	}
	return false;
}

static void
refuse(const EcScript *script, const char *phase, const EcFinding *finding)
{
	ereport(ERROR, (errcode(EC_ERRCODE_UNSAFE),
					errmsg("%s is not safe in phase \"%s\": %s", script->what,
						   phase, finding->rule),
					errdetail("%s: %s.", ec_statement_place(finding->statement),
							  finding->detail),
					finding->is_removal || finding->recipe == NULL
						? errhint("Apply it with phase => '%s' once no code needs it, or with "
								  "allow => '{%s}' if nothing does.",
								  EC_DEPLOY_CONTRACT, finding->rule)
						: errhint("Do it safely:\n%s\nOr apply it as it is with allow "
								  "=> '{%s}'.",
								  finding->recipe, finding->rule)));
}

void
ec_lint_require_safe(const EcScript *script, const char *phase, List *allow,
					 bool online)
{
	ListCell *cell;

	if (strcmp(phase, EC_DEPLOY_CONTRACT) == 0)
		return;
	foreach (cell, ec_lint_script(script, online))
	{
		const EcFinding *finding = lfirst(cell);

		if (finding->severity < EC_SEVERITY_ERROR ||
			is_allowed(finding->rule, allow))
			continue;
		/* ec_lint_require_possible raises it, if the plan has no way */
		if (online && finding->is_about_time && OidIsValid(finding->relation))
			continue;
		refuse(script, phase, finding);
	}
}

void
ec_lint_require_possible(const EcScript *script, const char *phase, List *allow,
						 List *refused)
{
	ListCell *cell;

	if (strcmp(phase, EC_DEPLOY_CONTRACT) == 0)
		return;
	foreach (cell, refused)
	{
		const EcFinding *finding = lfirst(cell);

		if (is_allowed(finding->rule, allow))
			continue;
		ereport(ERROR,
				(errcode(EC_ERRCODE_UNSAFE),
				 errmsg("%s has no online way: %s", script->what, finding->rule),
				 errdetail("%s: %s.", ec_statement_place(finding->statement),
						   finding->detail),
				 finding->recipe != NULL
					 ? errhint("Do it safely:\n%s\nOr apply it as it is with allow "
							   "=> '{%s}'.",
							   finding->recipe, finding->rule)
					 : errhint("Apply it as it is, while nobody needs the table, with allow "
							   "=> '{%s}'.",
							   finding->rule)));
	}
}
