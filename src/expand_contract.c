/*
 * expand_contract.c
 *		The extension's entry: settings and kinds of jobs, then, when
 *		preloaded, the launcher and the watch on column usage.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "backfill/fill.h"
#include "change/backfill_change.h"
#include "change/contract.h"
#include "change/sightings.h"
#include "change/usage.h"
#include "change/verify_change.h"
#include "core/guc.h"
#include "dualwrite/owner.h"
#include "dualwrite/reconcile.h"
#include "expand_contract.h"
#include "migrate/background.h"
#include "worker/job.h"
#include "worker/launcher.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
	ec_define_settings();
	ec_register_job_kind(&ec_backfill_kind);
	ec_register_job_kind(&ec_copy_kind);
	ec_register_job_kind(&ec_statement_job_kind);
	ec_register_job_kind(&ec_verify_kind);
	ec_register_job_kind(&ec_reconcile_kind);
	ec_register_job_kind(&ec_contract_kind);
	ec_change_job_done = ec_note_change_job_done;
	ec_change_job_role = ec_role_of_change_job;

	/* pg_upgrade starts servers of its own: no work there */
	if (process_shared_preload_libraries_in_progress && !IsBinaryUpgrade)
	{
		ec_register_launcher();
		ec_register_usage();
		ec_register_sightings();
	}
}
