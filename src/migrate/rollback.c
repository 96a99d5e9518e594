/*
 * rollback.c
 *		ec_rollback: rolls a migration back.
 *
 * A migration can be rolled back if it is the newest applied one, or if no
 * applied migration requires it.  Migrations declare with `requires` on which
 * ones they depend; if none does, the caller decides.  A baseline can be
 * rolled back while no entry has been added after it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "expand_contract.h"
#include "core/hint.h"
#include "core/arguments.h"
#include "core/catalog.h"
#include "core/guc.h"
#include "migrate/author.h"
#include "migrate/background.h"
#include "migrate/job_step.h"
#include "migrate/ledger.h"
#include "migrate/lock.h"
#include "migrate/created_indexes.h"
#include "migrate/run.h"
#include "migrate/scope.h"
#include "migrate/undo.h"
#include "script/script.h"
#include "migrate/steps.h"
#include "migrate/used.h"
#include "migrate/version.h"

typedef struct RollbackRecord
{
	const EcMigration *migration;
	const char *executed_by;
	TimestampTz executed_at;
} RollbackRecord;

static EcMigration *
require_known(const char *scope, const char *version, const char *what)
{
	EcMigration *migration = ec_ledger_find(scope, version);

	if (migration == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("%s is not applied", what),
						ec_errhint("The view ec_migrations shows those that "
								   "are.")));
	return migration;
}

/*
 * Returns the answer if a worker runs it.  NULL if the down script is to be
 * run or, with *resume, to be resumed.
 */
static const char *
known_answer(const EcMigration *migration, const char *what, bool *resume)
{
	EcJobStatus job;
	EcMigrationState state = ec_migration_state(migration, &job);
	const char *answer;

	*resume = false;
	if (state == EC_MIGRATION_IS_APPLIED)
		return NULL;
	answer = ec_answer_of_unfinished(what, state, &job, resume);
	if (strcmp(migration->direction, EC_DOWN) == 0)
		return answer;
	if (answer != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s is %s", what, ec_migration_state_name(state)),
				 errdetail("%d of %d steps are done.", migration->steps_done,
						   migration->steps),
				 ec_errhint("Wait for it with CALL ec_wait_migration, or stop it with SELECT ec_cancel(" INT64_FORMAT
							").",
							job.id)));
	/* it was stopped while it was applied; "down" has to undo what it has done */
	*resume = false;
	return NULL;
}

static void
check_not_required(const char *scope, const char *version, const char *what)
{
	char *dependents;

	if (ec_ledger_newest_after(scope, version) == NULL)
		return;
	dependents = ec_ledger_required_by(scope, version);
	if (dependents != NULL)
		ereport(ERROR, (errcode(EC_ERRCODE_REQUIRES),
						errmsg("%s is required by others", what),
						errdetail("Required by: %s.", dependents),
						errhint("Roll these back first.")));
}

/*
 * A first step that was stopped half-way is not done, but may have had
 * effects.  Without its row in the ledger no one would know where these come
 * from.
 */
static void
check_left_nothing(const EcMigration *migration, const char *what)
{
	char *names = ec_left_by_first_step(migration->scope, migration->version);

	if (names != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s was stopped in the middle of its first statement", what),
				 errdetail("Its first statement left behind: %s.", names),
				 errhint("Apply it again, and roll it back when that has ended, failed or been cancelled.")));
}

/*
 * The down script of a migration without one: what takes its steps back.  Its
 * author is the current user from now on.
 */
static EcScript *
derive_down(EcMigration *migration, const char *what, bool is_applied)
{
	char *missing;
	char *undo = ec_undo_script(migration, &missing);
	EcScript *script;

	if (undo == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s has no down script", what),
				 missing != NULL
					 ? errdetail("There is no \"down\" script, and nobody knows what takes %s back.",
								 missing)
				 : is_applied
					 ? errdetail("It was applied without a \"down\" script.")
					 : errdetail("It was submitted without a \"down\" script, and %d of its %d steps are done.",
								 migration->steps_done, migration->steps),
				 is_applied
					 ? errhint("Undo it by a new migration.")
					 : errhint("Remove the cause of its failure and apply it again; or apply it again with a \"down\" that undoes what is done, then roll it back.")));
	ec_require_planner(migration, EC_UP, what);
	migration->down = undo;
	script = ec_script_parse(undo, psprintf("the down script of %s", what));
	script->author = GetUserId();
	return script;
}

/* Returns NULL if there is nothing to undo. */
static EcScript *
parse_down(EcMigration *migration, const char *what)
{
	bool is_applied = strcmp(migration->state, EC_MIGRATION_APPLIED) == 0;
	EcScript *script;
	Oid author;

	if (!is_applied && migration->steps_done == 0 &&
		strcmp(migration->direction, EC_UP) == 0 &&
		!ec_has_begun_job(migration->scope, migration->version))
	{
		check_left_nothing(migration, what);
		return NULL;
	}
	if (migration->down == NULL && is_applied && migration->steps == 0)
		return NULL;
	if (migration->down == NULL)
		return derive_down(migration, what, is_applied);
	author = ec_require_author(migration, what);
	script =
		ec_script_parse(migration->down, psprintf("the down script of %s", what));
	script->author = author;
	return script;
}

/*
 * Removes a baseline, which has nothing to undo, because its schema existed
 * before the ledger.
 */
static const char *
take_back_baseline(const EcMigration *migration, const char *what, bool dry_run)
{
	char *later = ec_ledger_entered_after(migration->scope, migration->version);

	if (later != NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("%s is a baseline, and later migrations have been applied",
							   what),
						errdetail("After it: %s.", later),
						errhint("Roll these back first.")));
	check_not_required(migration->scope, migration->version, what);
	if (dry_run)
		return "planned";
	ec_ledger_remove(migration, GetUserNameFromId(GetUserId(), false),
					 GetCurrentTimestamp());
	return "rolled back";
}

static void
record_rolled_back(void *arg)
{
	RollbackRecord *record = (RollbackRecord *) arg;

	ec_ledger_remove(record->migration, record->executed_by, record->executed_at);
}

static const char *
submit_down(EcMigration *migration, const EcScript *script, const EcPlan *plan)
{
	if (plan != NULL && migration->down_by == NULL)
		ec_ledger_set_down(migration->scope, migration->version, migration->down);
	if (plan != NULL)
		ec_steps_enter(migration->scope, migration->version, EC_DOWN, script, plan);
	else
		ec_require_planner(migration, EC_DOWN, script->what);
	ec_ledger_set_queued(migration, EC_DOWN,
						 plan ? list_length(plan->steps) : migration->steps,
						 plan ? 0 : migration->steps_done);
	ec_submit_migration(migration->scope, migration->version, EC_DOWN);
	return "queued";
}

/* What a step has submitted must not go on writing. */
static void
cancel_parts(const EcMigration *migration)
{
	EcCatalogScope scope;

	ec_catalog_begin(&scope);
	ec_cancel_parts(ec_migration_job(migration->scope, migration->version, EC_UP));
	ec_catalog_end(&scope);
}

/* A down script takes the same way as one up; what has no online way runs as it is. */
static EcPlan *
plan_down(const EcScript *script)
{
	return ec_online ? ec_plan_script(script) : ec_plan_as_written(script);
}

static const char *
roll_back(const char *scope, const char *version, bool dry_run)
{
	const char *what = ec_migration_name(scope, version);
	RollbackRecord record;
	EcMigration *migration;
	EcScript *script;
	EcPlan *plan;
	const char *answer;
	bool resume;
	int lock_timeout_ms = 0;

	ec_run_check_nesting(what);
	if (!dry_run)
	{
		PreventCommandIfReadOnly("ec_rollback");
		lock_timeout_ms = ec_migration_lock();
		ec_ledger_require_fresh();
	}
	migration = require_known(scope, version, what);
	answer = known_answer(migration, what, &resume);
	if (answer != NULL)
		return answer;
	if (migration->checksum == NULL && ec_ledger_is_baseline(scope, version))
		return take_back_baseline(migration, what, dry_run);
	script = parse_down(migration, what);
	check_not_required(scope, version, what);
	if (dry_run)
	{
		if (script != NULL)
		{
			ec_check_names_nothing_used(script);
			ec_show_steps(script, plan_down(script), EC_DOWN);
		}
		return "planned";
	}
	ec_check_no_other_unfinished(scope, version, what);
	cancel_parts(migration);

	record.migration = migration;
	record.executed_by = GetUserNameFromId(GetUserId(), false);
	record.executed_at = GetCurrentTimestamp();
	if (script == NULL)
	{
		record_rolled_back(&record);
		return "rolled back";
	}
	/* the plan of one that goes on is stored */
	if (resume)
		return submit_down(migration, script, NULL);
	plan = plan_down(script);
	if (plan->is_online || ec_script_is_mixed(script))
		return submit_down(migration, script, plan);
	script->scope = scope;
	ec_run_script(script, lock_timeout_ms, record_rolled_back, &record);
	return "rolled back";
}

/*
 * ec_rollback(version text, dry_run boolean, scope text) → text
 *
 * Runs the migration's down script as the caller, in the caller's transaction,
 * and removes the migration from the ledger.  Returns 'rolled back', or
 * 'planned' for a dry run; 'queued' or 'running' if a worker has to run the
 * script.  A migration that was stopped while it was applied can be rolled back, too.
 *
 * Errors: 22004, 22023 (arguments), 42704 (not applied), 55000 (no down
 * script, called from a script, it or another one is unfinished, or it would
 * drop what a change uses), 55006 (being cancelled), 42501 (the script's
 * author is another role, or unknown), EC_ERRCODE_REQUIRES (another one
 * requires it), and those errors of ec_apply that come from running a script.
 */
PG_FUNCTION_INFO_V1(ec_rollback);
Datum
ec_rollback(PG_FUNCTION_ARGS)
{
	char *version = ec_text_argument(fcinfo, 0, "version");
	bool dry_run = ec_bool_argument(fcinfo, 1, "dry_run");

	ec_check_version(version);
	PG_RETURN_TEXT_P(cstring_to_text(
		roll_back(ec_scope_argument(fcinfo, 2), version, dry_run)));
}
