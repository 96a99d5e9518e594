/*
 * expand_contract.c
 *		The library's entry point.  It defines the settings and registers the
 *		kinds of jobs; if the library is preloaded, also the launcher and the
 *		hooks that record column usage.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "backfill/copy/copy_kind.h"
#include "backfill/delete_kind.h"
#include "backfill/update_kind.h"
#include "lifecycle/advance.h"
#include "lifecycle/backfill_change.h"
#include "lifecycle/contract.h"
#include "lifecycle/prepare.h"
#include "usage/app_versions.h"
#include "usage/usage.h"
#include "lifecycle/retention.h"
#include "lifecycle/verify_change.h"
#include "core/guc.h"
#include "model/owner.h"
#include "dualwrite/queue/left_out.h"
#include "dualwrite/queue/reconcile.h"
#include "expand_contract.h"
#include "migrate/background.h"
#include "worker/process/launcher.h"
#include "worker/jobs/registry.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
	ec_define_settings();
	ec_register_job_kind(&ec_backfill_kind);
	ec_register_job_kind(&ec_copy_kind);
	ec_register_job_kind(&ec_delete_kind);
	ec_register_job_kind(&ec_statement_job_kind);
	ec_register_job_kind(&ec_verify_kind);
	ec_register_job_kind(&ec_reconcile_kind);
	ec_register_job_kind(&ec_contract_kind);
	ec_register_job_kind(&ec_prepare_kind);
	ec_register_job_kind(&ec_advance_kind);
	ec_change_job_done = ec_note_change_job_done;
	ec_change_batch_done = ec_check_change_batch;
	ec_change_job_role = ec_role_of_change_job;
	ec_change_row_left_out = ec_queue_row_left_out;

	/* the servers that pg_upgrade starts must run no jobs */
	if (process_shared_preload_libraries_in_progress && !IsBinaryUpgrade)
	{
		ec_register_launcher();
		ec_register_usage();
		ec_register_sightings();
		ec_register_retention();
	}
}
