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

/*
 * What a batch relies on, whatever the role's own settings are.  They are
 * session settings, so that user code run by the batch sees them as well.
 */
void
ec_worker_set_options(void)
{
	char lock_timeout[16];

	snprintf(lock_timeout, sizeof(lock_timeout), "%d", lock_wait_ms());
	set_option("lock_timeout", lock_timeout);
	set_option("default_transaction_isolation", "read committed");
	set_option("default_transaction_read_only", "off");
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
}

void
ec_worker_commit(void)
{
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
