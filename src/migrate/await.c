/*
 * await.c
 *		ec_wait_migration: waits until a migration is applied.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

#include "expand_contract.h"
#include "migrate/arguments.h"
#include "migrate/await.h"
#include "migrate/ledger.h"
#include "migrate/version.h"
#include "worker/wait.h"

/* One look at the ledger; see EcWaitLook. */
static bool
look_at_migration(void *arg, char **notice)
{
	const char *version = arg;
	EcMigration *migration = ec_ledger_find(version);

	if (migration == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("migration \"%s\" is not in the ledger", version),
						errhint("Submit it with ec_apply, and commit.")));
	if (strcmp(migration->state, EC_STATE_APPLIED) == 0)
		return true;
	if (strcmp(migration->state, EC_STATE_FAILED) == 0)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("migration \"%s\" failed", version),
						migration->error ? errdetail("%s", migration->error) : 0,
						errhint("Apply it again once the cause is gone.")));
	*notice = psprintf("migration \"%s\" is %s", version, migration->state);
	return false;
}

void
ec_wait_for_migration(FunctionCallInfo fcinfo, char *version, Interval *timeout)
{
	ec_wait_until(fcinfo, psprintf("migration \"%s\"", version),
				  look_at_migration, version, timeout);
}

/*
 * ec_wait_migration(version text, timeout interval) - a procedure
 *
 * Returns when the migration is applied.  timeout NULL waits without end.
 *
 * Errors: 22004, 22023 (arguments), 25001 (inside a transaction block), 42704
 * (not in the ledger), 55000 (it failed), EC_ERRCODE_WAIT_TIMEOUT.
 */
PG_FUNCTION_INFO_V1(ec_wait_migration);
Datum
ec_wait_migration(PG_FUNCTION_ARGS)
{
	char *version = ec_text_argument(fcinfo, 0, "version");

	ec_check_version(version);
	ec_wait_for_migration(fcinfo, version,
						  PG_ARGISNULL(1) ? NULL : PG_GETARG_INTERVAL_P(1));
	PG_RETURN_VOID();
}
