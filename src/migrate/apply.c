/*
 * apply.c
 *		ec_apply: runs a migration once.
 *
 * It first checks arguments and syntax, what the ledger says, the kinds of
 * statements, and whether they are safe.  Only then it takes the migration
 * lock, reads the ledger again, and runs the script.  So a deployment that
 * applies all its migrations at each start does not wait for other sessions.
 * A script that was valid when it was applied remains `unchanged` when rules
 * are added.  Migrations run one at a time: none starts before an unfinished
 * one is finished.
 *
 * Locks: the migration lock, then those of the script.  All are kept until the
 * caller's transaction ends.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "expand_contract.h"
#include "core/hint.h"
#include "core/arguments.h"
#include "core/guc.h"
#include "lint/plan/plan.h"
#include "migrate/apply.h"
#include "migrate/author.h"
#include "migrate/background.h"
#include "migrate/drift.h"
#include "migrate/ledger.h"
#include "lint/lint.h"
#include "lint/lint_rules.h"
#include "migrate/lock.h"
#include "migrate/run.h"
#include "migrate/scope.h"
#include "script/foreign.h"
#include "script/own_drops.h"
#include "script/script.h"
#include "script/tokens.h"
#include "migrate/steps.h"
#include "migrate/version.h"
#include "worker/jobs/wait.h"

typedef struct ApplyRequest
{
	const char *scope;
	const char *version;
	const char *up;
	const char *down; /* NULL: none, or it has no statements */
	const char *description;
	Datum requires; /* text[] */
	bool requires_any;
	const char *phase;
	Datum allow;   /* text[] */
	List *allowed; /* the elements of allow, char * */
	bool dry_run;
	bool online;
	bool has_sections;

	const char *what; /* names the migration in messages */
	EcScript *script;
	EcScript *down_script; /* NULL: none */
	EcPlan *plan;          /* of a script that is to be run */
	bool is_mixed;
} ApplyRequest;

static void
check_requires(const ApplyRequest *request, List *requires)
{
	ListCell *cell;

	foreach (cell, requires)
	{
		const char *required = lfirst(cell);
		ListCell *before;

		ec_check_version(required);
		if (strcmp(required, request->version) == 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("%s requires itself", request->what),
							errhint("Take \"%s\" out of \"requires\".", required)));
		foreach (before, requires)
		{
			if (before == cell)
				break;
			if (strcmp(required, lfirst(before)) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("%s requires \"%s\" twice", request->what, required),
						 errhint("Name each version in \"requires\" once.")));
		}
	}
}

static bool
is_ours(const char *word)
{
	return strcmp(word, EC_ALLOW_OUT_OF_ORDER) == 0 ||
		   strcmp(word, EC_ALLOW_DROPS_ITS_OWN) == 0;
}

/* Checks that each word of allow is one of ours or a rule of the lint. */
static void
check_allowed(List *allowed)
{
	List *rules = NIL;
	ListCell *cell;

	foreach (cell, allowed)
	{
		if (!is_ours(lfirst(cell)))
			rules = lappend(rules, lfirst(cell));
	}
	ec_lint_check_rules(rules);
}

static Datum
text_array(List *words)
{
	Datum *values = palloc(Max(1, list_length(words)) * sizeof(Datum));

	for (int i = 0; i < list_length(words); i++)
		values[i] = CStringGetTextDatum(list_nth(words, i));
	return PointerGetDatum(construct_array(values, list_length(words), TEXTOID,
										   -1, false, TYPALIGN_INT));
}

static void
check_arguments(const EcApplyArguments *arguments, ApplyRequest *request)
{
	request->version = arguments->version;
	ec_check_version(request->version);
	request->scope = arguments->scope;
	request->what = ec_migration_name(request->scope, request->version);
	request->up = arguments->up;
	request->down = arguments->down;
	request->has_sections = arguments->has_sections;
	request->description = arguments->description;
	check_requires(request, arguments->requires);
	request->requires = text_array(arguments->requires);
	request->requires_any = arguments->requires != NIL;
	request->phase = arguments->phase;
	ec_lint_check_phase(request->phase);
	request->allowed = arguments->allow;
	check_allowed(request->allowed);
	request->allow = text_array(request->allowed);
	request->dry_run = arguments->dry_run;
	request->online = arguments->online;
}

static bool
is_allowed(const ApplyRequest *request, const char *word)
{
	ListCell *cell;

	foreach (cell, request->allowed)
	{
		if (strcmp(lfirst(cell), word) == 0)
			return true;
	}
	return false;
}

/*
 * Checks the down script now, so that a script that cannot run is not
 * discovered only when it is needed.  One without statements counts as none.
 */
static void
check_down(ApplyRequest *request)
{
	const char *what = psprintf("the down script of %s", request->what);

	if (request->down == NULL)
		return;
	request->down_script = ec_script_parse(request->down, what);
	ec_refuse_foreign(request->down_script->text, what, EC_FOREIGN_NO_SECTIONS);
	(void) ec_script_is_mixed(request->down_script);
	if (request->down_script->statements == NIL)
	{
		request->down_script = NULL;
		request->down = NULL;
	}
}

static void
check_drift(const ApplyRequest *request, const EcMigration *known)
{
	bool is_applied = strcmp(known->state, EC_MIGRATION_APPLIED) == 0;

	/* NULL: baselined, so its script is unknown */
	if (known->checksum == NULL ||
		strcmp(known->checksum, request->script->checksum) == 0)
		return;
	ereport(ERROR,
			(errcode(EC_ERRCODE_DRIFT),
			 errmsg("script of %s differs from the one that was %s",
					request->what, is_applied ? "applied" : "submitted"),
			 errdetail("%s: %s. Given: %s.%s", is_applied ? "Applied" : "Submitted",
					   known->checksum, request->script->checksum,
					   ec_drift_lines(known->up, request->up)),
			 is_applied
				 ? errhint("Restore the script as it was, and put the change in "
						   "a new migration.")
				 : ec_errhint(
					   "To continue, apply it as it was submitted; or roll it back with ec_rollback, then apply the changed one.")));
}

/*
 * Returns ec_apply's answer if the ledger has this migration; NULL if it is to
 * be run or, with *resume, to be resumed.
 */
static const char *
known_answer(const ApplyRequest *request, bool *resume)
{
	EcMigration *known = ec_ledger_find(request->scope, request->version);
	EcJobStatus job;
	EcMigrationState state;

	*resume = false;
	if (known == NULL)
		return NULL;
	check_drift(request, known);
	state = ec_migration_state(known, &job);
	if (state == EC_MIGRATION_IS_APPLIED)
		return "unchanged";
	if (strcmp(known->direction, EC_UP) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s is being rolled back", request->what),
				 errdetail("The state of its down script is \"%s\", %d of %d steps are done.",
						   ec_migration_state_name(state), known->steps_done,
						   known->steps),
				 ec_errhint(
					 "Finish the rollback with ec_rollback and CALL ec_wait_migration, then apply the migration.")));
	return ec_answer_of_unfinished(request->what, state, &job, resume);
}

static void
check_order(const ApplyRequest *request)
{
	char *newest = is_allowed(request, EC_ALLOW_OUT_OF_ORDER)
					   ? NULL
					   : ec_ledger_newest_after(request->scope, request->version);

	if (newest != NULL)
		ereport(ERROR,
				(errcode(EC_ERRCODE_OUT_OF_ORDER),
				 errmsg("%s is older than the newest applied one", request->what),
				 errdetail("The newest applied migration is \"%s\".", newest),
				 errhint("Give the migration a version after that one; or, where it "
						 "depends on none of those between them, apply it with allow => '{" EC_ALLOW_OUT_OF_ORDER
						 "}'.")));
}

static void
check_required(const ApplyRequest *request)
{
	char *missing = request->requires_any
						? ec_ledger_not_applied(request->scope, request->requires)
						: NULL;

	if (missing != NULL)
		ereport(ERROR, (errcode(EC_ERRCODE_REQUIRES),
						errmsg("%s requires migrations that are not applied",
							   request->what),
						errdetail("Not applied: %s.", missing),
						errhint("Apply these first.")));
}

static void
enter(void *arg)
{
	ec_ledger_enter((EcLedgerEntry *) arg);
}

/* Decides how the script is run. */
static void
make_plan(ApplyRequest *request)
{
	request->plan = request->online ? ec_plan_script(request->script)
									: ec_plan_as_written(request->script);
}

/* Does a worker run the script? */
static bool
is_for_worker(const ApplyRequest *request)
{
	return request->is_mixed || request->plan->is_online;
}

/* Runs the script now, or submits a job for it. */
static const char *
run_or_submit(const ApplyRequest *request, int lock_timeout_ms)
{
	EcLedgerEntry entry = {0};

	entry.scope = request->scope;
	entry.version = request->version;
	entry.state =
		is_for_worker(request) ? EC_MIGRATION_QUEUED : EC_MIGRATION_APPLIED;
	entry.description = request->description;
	entry.phase = request->phase;
	entry.checksum = request->script->checksum;
	entry.up = request->up;
	entry.down = request->down;
	entry.requires = request->requires;
	entry.allow = request->allow;
	entry.steps = is_for_worker(request)
					  ? list_length(request->plan->steps)
					  : list_length(request->script->statements);
	entry.executed_by = GetUserNameFromId(GetUserId(), false);
	entry.executed_at = GetCurrentTimestamp();
	if (!is_for_worker(request))
	{
		request->script->scope = request->scope;
		ec_run_script(request->script, lock_timeout_ms, enter, &entry);
		return "applied";
	}
	enter(&entry);
	ec_steps_enter(request->scope, request->version, EC_UP, request->script,
				   request->plan);
	ec_submit_migration(request->scope, request->version, EC_UP);
	return "queued";
}

static bool
gives_same_down(const ApplyRequest *request, const EcMigration *known)
{
	return request->down != NULL && known->down != NULL &&
		   strcmp(known->down, request->down) == 0;
}

/*
 * A role that rolls the migration back runs its down script.  So the down
 * script may be replaced only by the role that gave the present one or, if
 * there is none, that submitted the migration, or by a member of that role.
 * If that role is unknown, nobody can run the down script; see author.h.
 */
static void
check_may_replace_down(const ApplyRequest *request, const EcMigration *known)
{
	bool has_down = known->down != NULL;
	const char *name = has_down ? known->down_by : known->executed_by;
	Oid author = has_down ? ec_author_of_down(known) : get_role_oid(name, true);

	if (request->down == NULL || gives_same_down(request, known) ||
		(OidIsValid(author) ? has_privs_of_role(GetUserId(), author)
							: has_down || superuser()))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to replace the down script of %s",
					request->what),
			 errdetail(OidIsValid(author)
						   ? "Role \"%s\" submitted the migration or provided its down script."
						   : "Role \"%s\", which submitted the migration or provided its down script, does not exist any more.",
					   name),
			 errhint("To continue the migration, apply it without \"down\", or as that role or a superuser.")));
}

static const char *
resume_migration(const ApplyRequest *request)
{
	EcMigration *known = ec_ledger_find(request->scope, request->version);
	bool keeps_down =
		gives_same_down(request, known) && OidIsValid(ec_author_of_down(known));

	check_may_replace_down(request, known);
	ec_require_planner(known, EC_UP, request->what);
	/*
	 * the tokens are the same, but the caller's own text is to run with the
	 * caller's rights
	 */
	ec_ledger_set_scripts(request->scope, request->version, request->up,
						  keeps_down ? NULL : request->down);
	known = ec_ledger_find(request->scope, request->version);
	ec_ledger_set_queued(known, EC_UP, known->steps, known->steps_done);
	ec_submit_migration(request->scope, request->version, EC_UP);
	return "queued";
}

/*
 * If the author of the down script is unknown, nobody can run it.  A role that
 * gives the migration again, with a down script that it trusts, becomes its
 * author.
 */
static bool
is_down_nobodys(const ApplyRequest *request)
{
	EcMigration *known = ec_ledger_find(request->scope, request->version);

	return known != NULL && known->down != NULL &&
		   !OidIsValid(ec_author_of_down(known));
}

static void
take_over_down(ApplyRequest *request)
{
	if (request->down == NULL || request->dry_run || XactReadOnly ||
		!is_down_nobodys(request))
		return;
	check_down(request);
	(void) ec_migration_lock();
	ec_ledger_require_fresh();
	if (request->down == NULL || !is_down_nobodys(request))
		return;
	ec_ledger_set_down(request->scope, request->version, request->down);
	ereport(NOTICE,
			(errmsg("the author of the down script of %s is now role \"%s\"",
					request->what, GetUserNameFromId(GetUserId(), false)),
			 errdetail("The author of the previous down script is unknown.")));
}

static const char *
show_plan(ApplyRequest *request)
{
	check_order(request);
	check_required(request);
	ec_check_steps(request->script, request->plan);
	ec_show_steps(request->script, request->plan, EC_UP);
	/* the catalog that its own plan will depend on is not there yet */
	if (request->down_script != NULL)
		ec_show_steps(request->down_script,
					  ec_plan_as_written(request->down_script), EC_DOWN);
	return "planned";
}

static const char *
apply(ApplyRequest *request)
{
	const char *answer;
	int lock_timeout_ms;
	bool resume;

	ec_run_check_nesting(request->what);
	request->script = ec_script_parse(request->up, request->what);
	if (request->down != NULL && !ec_has_tokens(request->down, request->what))
		request->down = NULL;
	answer = known_answer(request, &resume);
	if (answer != NULL && strcmp(answer, "unchanged") == 0)
		take_over_down(request);
	if (answer != NULL)
		return answer;
	ec_refuse_foreign(request->script->text, request->what,
					  request->has_sections ? EC_FOREIGN_MARKED_SECTIONS
											: EC_FOREIGN_ANY_SECTIONS);
	request->is_mixed = ec_script_is_mixed(request->script);
	check_down(request);
	if (!is_allowed(request, EC_ALLOW_DROPS_ITS_OWN))
		ec_refuse_own_drops(request->script);
	if (!resume)
		ec_lint_require_safe(request->script, request->phase, request->allowed,
							 request->online);
	make_plan(request);
	if (!resume)
		ec_lint_require_possible(request->script, request->phase,
								 request->allowed, request->plan->refused);
	if (request->dry_run)
		return show_plan(request);

	PreventCommandIfReadOnly("ec_apply");
	lock_timeout_ms = ec_migration_lock();
	ec_ledger_require_fresh();
	answer = known_answer(request, &resume);
	if (answer != NULL)
		return answer;
	ec_check_no_other_unfinished(request->scope, request->version, request->what);
	if (resume)
		return resume_migration(request);
	check_order(request);
	check_required(request);
	/* a plan depends on the catalog, which others have changed until now */
	if (request->plan->is_online)
		make_plan(request);
	return run_or_submit(request, lock_timeout_ms);
}

const char *
ec_apply_migration(const EcApplyArguments *arguments)
{
	ApplyRequest request = {0};

	check_arguments(arguments, &request);
	return apply(&request);
}

EcOnline
ec_online_argument(FunctionCallInfo fcinfo, int n)
{
	if (PG_NARGS() <= n || PG_ARGISNULL(n))
		return EC_ONLINE_UNSAID;
	return PG_GETARG_BOOL(n) ? EC_ONLINE_ON : EC_ONLINE_OFF;
}

bool
ec_is_online(EcOnline argument, EcOnline file)
{
	if (argument == EC_ONLINE_UNSAID)
		argument = file;
	return argument == EC_ONLINE_UNSAID ? ec_online : argument == EC_ONLINE_ON;
}

static void
read_arguments(FunctionCallInfo fcinfo, EcApplyArguments *arguments)
{
	memset(arguments, 0, sizeof(*arguments));
	arguments->version = ec_text_argument(fcinfo, 0, "version");
	arguments->up = ec_text_argument(fcinfo, 1, "up");
	arguments->down = ec_text_or_null(fcinfo, 2);
	arguments->description = ec_text_or_null(fcinfo, 3);
	arguments->requires = ec_text_list_argument(fcinfo, 4, "requires");
	arguments->phase = ec_text_argument(fcinfo, 5, "phase");
	arguments->allow = ec_text_list_argument(fcinfo, 6, "allow");
	arguments->dry_run = ec_bool_argument(fcinfo, 7, "dry_run");
	arguments->scope = ec_scope_argument(fcinfo, 8);
	arguments->online =
		ec_is_online(ec_online_argument(fcinfo, 9), EC_ONLINE_UNSAID);
}

/*
 * ec_apply(version text, up text, down text, description text,
 *		requires text[], phase text, allow text[], dry_run boolean, scope text,
 *		online boolean) → text
 *
 * Runs the script up as the caller, in the caller's transaction, and enters it
 * into the ledger.  Returns 'applied'; 'unchanged' if the same script has been
 * applied under this version; 'planned' for a dry run, which makes the same
 * checks and runs nothing.  If the script has statements that cannot run in a
 * transaction block, or, with online, statements that would block others for
 * long, a worker runs it as the caller after the commit, step by step; then
 * the result is 'queued', or 'running' once it has started.  A migration that
 * was stopped is resumed.
 *
 * Errors: 22004, 22023 (arguments), 42601 (syntax), 0A000, 2D000 (statements
 * not allowed in a script), EC_ERRCODE_UNSAFE, EC_ERRCODE_DRIFT,
 * EC_ERRCODE_OUT_OF_ORDER, EC_ERRCODE_REQUIRES, 55P03 (a lock), 57014 (a
 * timeout), 40001 (the ledger changed under REPEATABLE READ), 55000 (called
 * from a script; another migration is unfinished; it is being rolled back),
 * 28000 (a worker cannot connect as the caller), 42501 (replaces another
 * role's down script), 25006 (read-only), and the errors of the script's
 * statements.
 */
PG_FUNCTION_INFO_V1(ec_apply);
Datum
ec_apply(PG_FUNCTION_ARGS)
{
	EcApplyArguments arguments;

	read_arguments(fcinfo, &arguments);
	PG_RETURN_TEXT_P(cstring_to_text(ec_apply_migration(&arguments)));
}

/*
 * ec_migrate(the arguments of ec_apply) - a procedure
 *
 * Does what ec_apply does, commits, and waits until a worker that runs it has
 * finished.
 *
 * Errors: those of ec_apply and of ec_wait_migration; 25001 (inside a
 * transaction block).
 */
PG_FUNCTION_INFO_V1(ec_migrate);
Datum
ec_migrate(PG_FUNCTION_ARGS)
{
	EcApplyArguments arguments;
	const char *answer;

	ec_require_nonatomic(fcinfo, "a migration");
	read_arguments(fcinfo, &arguments);
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	answer = ec_apply_migration(&arguments);
	SPI_commit();
	SPI_finish();
	if (strcmp(answer, "queued") == 0 || strcmp(answer, "running") == 0)
		ec_await_migration(fcinfo, arguments.scope, arguments.version, NULL);
	PG_RETURN_VOID();
}
