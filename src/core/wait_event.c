/*
 * wait_event.c
 *		The names in pg_stat_activity.wait_event while we wait.
 */
#include "postgres.h"

#include "utils/wait_event.h"

#include "core/compat.h"
#include "core/wait_event.h"

static const char *const names[EC_WAIT_EVENTS] = {
	[EC_WAIT_LAUNCHER] = "ExpandContractLauncher",
	[EC_WAIT_JOB_SLOT] = "ExpandContractJobSlot",
	[EC_WAIT_JOB_PAUSE] = "ExpandContractJobPause",
	[EC_WAIT_FOLLOW] = "ExpandContractFollow",
	[EC_WAIT_LOCK_RETRY] = "ExpandContractLockRetry",
	[EC_WAIT_MIGRATION_LOCK] = "ExpandContractMigrationLock",
};

uint32
ec_wait_event(EcWaitEvent event)
{
	static uint32 known[EC_WAIT_EVENTS];

	if (known[event] == 0)
		known[event] = ec_new_wait_event(names[event]);
	return known[event];
}
