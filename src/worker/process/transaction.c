/*
 * transaction.c
 *		A worker's transactions and their settings.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

#include "core/catalog.h"
#include "worker/process/process.h"
#include "worker/process/worker.h"

#define MAX_LOCK_WAIT_MS 100

static void
set_option(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_SESSION);
}

static int
lock_wait_ms(void)
{
	return Max(1, Min(MAX_LOCK_WAIT_MS, DeadlockTimeout / 10));
}

/* The job's owner, if the worker could not connect as that role. */
static Oid assumed_owner = InvalidOid;

void
ec_worker_connected(Oid owner)
{
	/* ALTER ROLE ... SET role must not affect a worker */
	SetConfigOption("role", "none", PGC_SUSET, PGC_S_SESSION);
	if (GetSessionUserId() != owner)
		assumed_owner = owner;
	ec_worker_set_options();
}

/* Needs a transaction, because SET ROLE looks up the membership. */
void
ec_worker_assume_owner(void)
{
	if (OidIsValid(assumed_owner) && GetUserId() != assumed_owner)
		SetConfigOption("role", GetUserNameFromId(assumed_owner, false),
						PGC_USERSET, PGC_S_SESSION);
}

/*
 * The owner's code must not get the rights of the role as which the worker has
 * connected.  So SET ROLE is forbidden, as in a SECURITY DEFINER function.
 */
static void
lock_role(bool is_locked)
{
	if (OidIsValid(assumed_owner))
		SetUserIdAndSecContext(assumed_owner,
							   is_locked ? SECURITY_LOCAL_USERID_CHANGE : 0);
}

/*
 * Settings that batches depend on, regardless of the settings of the role or
 * the database.  They are set for the session, so user code in a batch sees
 * them, too.
 */
void
ec_worker_set_options(void)
{
	char lock_timeout[16];

	snprintf(lock_timeout, sizeof(lock_timeout), "%d", lock_wait_ms());
	set_option("lock_timeout", lock_timeout);
	set_option("default_transaction_isolation", "read committed");
	set_option("default_transaction_read_only", "off");
	set_option("default_transaction_deferrable", "off");
	set_option("session_replication_role", "origin");
	set_option("statement_timeout", "0");
	set_option("idle_in_transaction_session_timeout", "0");
	set_option("synchronous_commit", "off");
	set_option("enable_tidscan", "on");
#if PG_VERSION_NUM >= 170000
	set_option("transaction_timeout", "0");
#endif
}

void
ec_worker_be_patient(void)
{
	set_option("lock_timeout", "0");
}

int
ec_worker_deadline_ms(void)
{
	return Max(1, DeadlockTimeout / 2);
}

void
ec_worker_begin(void)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	ec_worker_assume_owner();
	lock_role(true);
}

void
ec_worker_commit(void)
{
	lock_role(false);
	PopActiveSnapshot();
	CommitTransactionCommand();
	pgstat_report_stat(false);
}

void
ec_worker_reload_options(void)
{
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
		ec_worker_set_options();
	}
}

bool
ec_worker_has_extension(EcWorker *worker)
{
	EcExtension extension;

	if (!ec_extension_lookup(&extension))
		return false;
	if (!OidIsValid(worker->extension))
		worker->extension = extension.oid;
	return worker->extension == extension.oid;
}
