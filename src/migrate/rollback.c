/*
 * rollback.c
 *		ec_rollback: takes a migration back.
 *
 * Which one may be: the newest applied, or one that no applied migration
 * requires.  Migrations say with `requires` what they build on; where none
 * says so, the caller decides.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "expand_contract.h"
#include "migrate/arguments.h"
#include "migrate/ledger.h"
#include "migrate/lock.h"
#include "migrate/run.h"
#include "migrate/script.h"
#include "migrate/version.h"

typedef struct RollbackRecord
{
	const EcMigration *migration;
	const char *executed_by;
	TimestampTz executed_at;
} RollbackRecord;

static EcMigration *
require_applied(const char *version, const char *what)
{
	EcMigration *migration = ec_ledger_find(version);

	if (migration == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("%s is not applied", what),
						errhint("The view ec_migrations shows those that "
								"are.")));
	if (strcmp(migration->state, EC_STATE_APPLIED) != 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("%s is %s", what, migration->state),
						errhint("Wait for it with CALL ec_wait_migration.")));
	return migration;
}

static void
check_not_required(const char *version, const char *what)
{
	char *dependents;

	if (ec_ledger_newest_after(version) == NULL)
		return;
	dependents = ec_ledger_required_by(version);
	if (dependents != NULL)
		ereport(ERROR, (errcode(EC_ERRCODE_REQUIRES),
						errmsg("%s is required by others", what),
						errdetail("Required by: %s.", dependents),
						errhint("Roll these back first.")));
}

static EcScript *
parse_down(const EcMigration *migration, const char *what)
{
	EcScript *script;

	if (migration->down == NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("%s has no way down", what),
						errdetail("It was applied without a \"down\" script."),
						errhint("Undo it by a new migration.")));
	script =
		ec_script_parse(migration->down, psprintf("the way down of %s", what));
	ec_script_require_transactional(script);
	return script;
}

static void
record_rolled_back(void *arg)
{
	RollbackRecord *record = (RollbackRecord *) arg;

	ec_ledger_remove(record->migration, record->executed_by, record->executed_at);
}

static const char *
roll_back(const char *version, bool dry_run)
{
	const char *what = psprintf("migration \"%s\"", version);
	RollbackRecord record;
	EcMigration *migration;
	EcScript *script;
	int lock_timeout_ms = 0;

	ec_run_check_nesting(what);
	if (!dry_run)
	{
		PreventCommandIfReadOnly("ec_rollback");
		lock_timeout_ms = ec_migration_lock();
		ec_ledger_require_fresh();
	}
	migration = require_applied(version, what);
	script = parse_down(migration, what);
	check_not_required(version, what);
	if (dry_run)
		return "planned";

	record.migration = migration;
	record.executed_by = GetUserNameFromId(GetUserId(), false);
	record.executed_at = GetCurrentTimestamp();
	ec_run_script(script, lock_timeout_ms, record_rolled_back, &record);
	return "rolled back";
}

/*
 * ec_rollback(version text, dry_run boolean) → text
 *
 * Runs the migration's down script as the caller, in the caller's transaction,
 * and takes the migration out of the ledger.  Returns 'rolled back', or
 * 'planned' for a dry run.
 *
 * Errors: 22004, 22023 (arguments), 42704 (not applied), 55000 (no down
 * script, or called from a script), EC_ERRCODE_REQUIRES (another one requires
 * it), and those of ec_apply that come with running a script.
 */
PG_FUNCTION_INFO_V1(ec_rollback);
Datum
ec_rollback(PG_FUNCTION_ARGS)
{
	char *version = ec_text_argument(fcinfo, 0, "version");
	bool dry_run = ec_bool_argument(fcinfo, 1, "dry_run");

	ec_check_version(version);
	PG_RETURN_TEXT_P(cstring_to_text(roll_back(version, dry_run)));
}
