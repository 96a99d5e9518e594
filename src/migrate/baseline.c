/*
 * baseline.c
 *		ec_baseline: declares the state of an existing database.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "expand_contract.h"
#include "core/arguments.h"
#include "migrate/ledger.h"
#include "migrate/lock.h"
#include "migrate/run.h"
#include "migrate/scope.h"
#include "migrate/version.h"

static const char *
enter_baseline(const char *scope, const char *version, const char *description)
{
	const char *what = ec_migration_name(scope, version);
	EcMigration *known;
	char *newest;

	ec_run_check_nesting(what);
	PreventCommandIfReadOnly("ec_baseline");
	(void) ec_migration_lock();
	ec_ledger_require_fresh();
	known = ec_ledger_find(scope, version);
	if (known != NULL && known->checksum == NULL)
		return "unchanged";
	if (known != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("%s is in the ledger already", what),
				 errdetail("It is %s.", known->state),
				 errhint("A baseline records what was applied before there was a ledger.")));
	newest = ec_ledger_newest_after(scope, version);
	if (newest != NULL)
		ereport(ERROR, (errcode(EC_ERRCODE_OUT_OF_ORDER),
						errmsg("%s is older than the newest applied one", what),
						errdetail("The newest applied migration is \"%s\".", newest),
						errhint("Choose a version after that one.")));
	(void) ec_ledger_enter_baselined(EC_EVENT_BASELINE, scope, version, description,
									 GetUserNameFromId(GetUserId(), false),
									 GetCurrentTimestamp());
	return "baselined";
}

/*
 * ec_baseline(version text, description text, scope text) → text
 *
 * Records that the database has the state after the migrations up to this
 * version.  Returns 'baselined', or 'unchanged' if that is recorded already.
 *
 * Errors: 22004, 22023 (arguments), 42710 (a migration of this version has
 * been applied), EC_ERRCODE_OUT_OF_ORDER, 55P03 (the migration lock), 40001,
 * 55000, 25006, as ec_apply.
 */
PG_FUNCTION_INFO_V1(ec_baseline);
Datum
ec_baseline(PG_FUNCTION_ARGS)
{
	char *version = ec_text_argument(fcinfo, 0, "version");
	char *description = ec_text_or_null(fcinfo, 1);

	ec_check_version(version);
	PG_RETURN_TEXT_P(cstring_to_text(
		enter_baseline(ec_scope_argument(fcinfo, 2), version, description)));
}
