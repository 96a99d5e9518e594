/*
 * guard.c
 *		Keeps a script from weakening the lock timeout of a try.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/proc.h"
#include "tcop/utility.h"
#include "utils/guc.h"

#include "core/catalog.h"
#include "core/compat.h"
#include "core/lock_retry.h"
#include "core/query.h"
#include "migrate/guard.h"

static EcScriptGuard *guard = NULL;
static ProcessUtility_hook_type previous_hook = NULL;
static bool is_hooked = false;

void
ec_guard_lock_waits(void)
{
	if (LockTimeout > 0 && LockTimeout != guard->lock_wait_ms &&
		(guard->lock_timeout_wished == 0 || LockTimeout < guard->lock_timeout_wished))
		guard->lock_timeout_wished = LockTimeout;
	ec_limit_lock_waits(guard->lock_wait_ms);
}

static void
guard_utility(PlannedStmt *statement, const char *query, bool read_only,
			  ProcessUtilityContext context, ParamListInfo params,
			  QueryEnvironment *environment, DestReceiver *destination,
			  QueryCompletion *completion)
{
	if (guard != NULL)
	{
		ec_guard_lock_waits();
		if (IsA(statement->utilityStmt, ConstraintsSetStmt))
			guard->has_set_constraints = true;
	}
	if (previous_hook != NULL)
		previous_hook(statement, query, read_only, context, params, environment,
					  destination, completion);
	else
		standard_ProcessUtility(statement, query, read_only, context, params,
								environment, destination, completion);
}

void
ec_guard_begin(EcScriptGuard *begun, int lock_wait_ms)
{
	memset(begun, 0, sizeof(*begun));
	begun->lock_wait_ms = lock_wait_ms;
	/*
	 * set it before the script begins, so that only the script's own setting
	 * counts
	 */
	ec_limit_lock_waits(lock_wait_ms);
	if (LockTimeout > 0)
		begun->lock_wait_ms = Min(lock_wait_ms, LockTimeout);
	guard = begun;

	/*
	 * The hook stays.  The script may load a library that sets the hook, too;
	 * whoever restored it at the end would remove that library's.
	 */
	if (is_hooked)
		return;
	previous_hook = ProcessUtility_hook;
	ProcessUtility_hook = guard_utility;
	is_hooked = true;
}

void
ec_guard_end(void)
{
	guard = NULL;
}

static void
set_constraints(const char *command)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute(command, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not set constraints");
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}

/*
 * Defers the constraints that are deferred from the start, in whatever schema:
 * this checks no constraint and runs no code.  SET CONSTRAINTS looks a name up
 * in a schema only with USAGE on it, which neither the caller nor the
 * extension's owner may have, so it is done as the bootstrap superuser.
 */
static void
defer_constraints(void)
{
	EcCatalogScope scope;
	Oid userid;
	int security_context;

	ec_catalog_begin(&scope);
	GetUserIdAndSecContext(&userid, &security_context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID,
						   security_context | SECURITY_RESTRICTED_OPERATION |
							   SECURITY_LOCAL_USERID_CHANGE);
	(void) ec_query("SELECT string_agg(format('%I.%I', n.nspname, c.conname), ', ')"
					"  FROM (SELECT DISTINCT connamespace, conname FROM pg_constraint"
					"         WHERE condeferrable AND condeferred) c"
					"  JOIN pg_namespace n ON n.oid = c.connamespace"
					" WHERE has_schema_privilege(n.oid, 'USAGE')",
					NULL);
	if (!ec_is_null(0, 1))
		set_constraints(psprintf("SET CONSTRAINTS %s DEFERRED", ec_get_text(0, 1)));
	SetUserIdAndSecContext(userid, security_context);
	ec_catalog_end(&scope);
}

void
ec_restore_constraints(void)
{
	/* as the caller, because triggers fire */
	set_constraints("SET CONSTRAINTS ALL IMMEDIATE");
	defer_constraints();
}
