/*
 * retention.c
 *		Deletes the records of jobs that ended long ago.
 *
 * The launcher's database worker checks for them each time it runs, which is
 * at the start of the server and when there are jobs.  Jobs that may still be
 * needed are kept: those of changes that have not ended, because gates look at
 * them, and those of failed migrations, which can be applied again.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "utils/snapmgr.h"

#include "core/catalog.h"
#include "core/guc.h"
#include "core/query.h"
#include "lifecycle/retention.h"
#include "worker/process/launcher.h"

static void
remove_old_jobs(void)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_int4(&args, ec_job_retention);
	ec_catalog_begin(&scope);
	(void) ec_query("DELETE FROM expand_contract.jobs j"
					" WHERE j.state IN ('done', 'failed', 'cancelled')"
					"   AND j.finished_at < clock_timestamp() - make_interval(secs => $1)"
					"   AND NOT (j.kind = 'statement' AND j.state = 'failed')"
					"   AND NOT EXISTS (SELECT FROM expand_contract.changes c WHERE c.name = j.change"
					"                      AND c.phase NOT IN ('contracted', 'reverted'))",
					&args);
	ec_catalog_end(&scope);
}

static void
visit(void)
{
	EcExtension extension;

	if (RecoveryInProgress() || ec_job_retention == 0)
		return;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (ec_extension_is_ready(&extension))
		remove_old_jobs();
	PopActiveSnapshot();
	CommitTransactionCommand();
}

void
ec_register_retention(void)
{
	ec_register_visitor(visit);
}
