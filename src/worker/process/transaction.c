/*
 * transaction.c
 *		The transactions of a worker, and the settings that they run under.
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

/* Whom the worker has to become, if it could not connect as the job's owner. */
static Oid assumed_owner = InvalidOid;

void
ec_worker_connected(Oid owner)
{
	/* ALTER ROLE ... SET role is for sessions that say whom they log in as */
	SetConfigOption("role", "none", PGC_SUSET, PGC_S_SESSION);
	if (GetSessionUserId() != owner)
		assumed_owner = owner;
	ec_worker_set_options();
}

/* In a transaction, as SET ROLE wants to look for the membership. */
void
ec_worker_assume_owner(void)
{
	if (OidIsValid(assumed_owner) && GetUserId() != assumed_owner)
		SetConfigOption("role", GetUserNameFromId(assumed_owner, false),
						PGC_USERSET, PGC_S_SESSION);
}

/*
 * The owner's code must not take the rights of the role that we came as, which
 * are not its own: as in a SECURITY DEFINER function, it cannot SET ROLE.
 */
static void
lock_role(bool is_locked)
{
	if (OidIsValid(assumed_owner))
		SetUserIdAndSecContext(assumed_owner,
							   is_locked ? SECURITY_LOCAL_USERID_CHANGE : 0);
}

/*
 * What a batch relies on, whatever the settings of the role or the database
 * are.  They are session settings, so that user code run by the batch sees them
 * as well.
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
