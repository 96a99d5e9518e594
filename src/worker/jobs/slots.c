/*
 * slots.c
 *		The workers of jobs, identified by their heavyweight locks.
 *
 * A lock is released when its holder ends, however it ends.  A pid stored in a
 * table would remain.  The locks are advisory locks with tags that no SQL
 * function can produce.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/tuplestore.h"

#include "core/catalog.h"
#include "core/guc.h"
#include "core/query.h"
#include "expand_contract.h"
#include "worker/jobs/slots.h"

static void
set_slot_tag(LOCKTAG *tag, int64 job, int slot)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, (uint32) (job >> 32), (uint32) job,
						 EC_LOCK_JOB_SLOT + slot);
}

static bool
lock_for_session(LOCKTAG *tag)
{
	return LockAcquire(tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

/* Returns true if we are now the only worker of this job slot. */
bool
ec_lock_job_slot(int64 job, int slot)
{
	LOCKTAG tag;

	Assert(slot >= 0 && slot < EC_MAX_JOB_WORKERS);
	set_slot_tag(&tag, job, slot);
	return lock_for_session(&tag);
}

/*
 * The same until the end of the transaction, to take over what a worker that
 * has ended has left.
 */
bool
ec_lock_job_slot_for_transaction(int64 job, int slot)
{
	LOCKTAG tag;

	set_slot_tag(&tag, job, slot);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * Returns true if we are still the only worker.  User code that runs in a
 * batch may have called pg_advisory_unlock_all(), which releases our locks,
 * too.
 */
bool
ec_keep_job_slot(int64 job, int slot)
{
	LOCKTAG tag;

	set_slot_tag(&tag, job, slot);
	return ec_lock_held_by_me(&tag, ExclusiveLock) || lock_for_session(&tag);
}

void
ec_unlock_all(void)
{
	/* a worker has no other session-level advisory locks */
	LockReleaseSession(USER_LOCKMETHOD);
}

List *
ec_live_slots(void)
{
	LockData *locks = GetLockStatusData();
	List *live = NIL;

	for (int i = 0; i < locks->nelements; i++)
	{
		LockInstanceData *lock = &locks->locks[i];
		LOCKTAG *tag = &lock->locktag;

		if (tag->locktag_type == LOCKTAG_ADVISORY && lock->holdMask != 0 &&
			tag->locktag_field1 == MyDatabaseId &&
			tag->locktag_field4 >= EC_LOCK_JOB_SLOT &&
			tag->locktag_field4 < EC_LOCK_JOB_SLOT + EC_MAX_JOB_WORKERS)
		{
			EcLiveSlot *slot = palloc(sizeof(EcLiveSlot));

			slot->job = ((int64) tag->locktag_field2 << 32) | tag->locktag_field3;
			slot->slot = tag->locktag_field4 - EC_LOCK_JOB_SLOT;
			slot->pid = lock->pid;
			live = lappend(live, slot);
		}
	}
	return live;
}

bool
ec_job_is_live(int64 job)
{
	ListCell *cell;

	foreach (cell, ec_live_slots())
		if (((EcLiveSlot *) lfirst(cell))->job == job)
			return true;
	return false;
}

PG_FUNCTION_INFO_V1(ec_sql_live_slots);

bool
ec_job_is_mine(int64 job)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	Oid owner = InvalidOid;

	ec_arg_int8(&args, job);
	ec_catalog_begin(&scope);
	if (ec_query("SELECT owner FROM expand_contract.jobs WHERE id = $1", &args) > 0)
		owner = ec_get_oid(0, 1);
	ec_catalog_end(&scope);
	return OidIsValid(owner) && has_privs_of_role(GetUserId(), owner);
}

/*
 * expand_contract.live_slots() → SETOF (job, slot, pid)
 *
 * Returns the slots of the caller's jobs; all slots if the caller may monitor.
 */
Datum
ec_sql_live_slots(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool sees_all = ec_may_monitor();
	ListCell *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach (cell, ec_live_slots())
	{
		EcLiveSlot *slot = lfirst(cell);
		Datum values[3];
		bool nulls[3] = {false};

		if (!sees_all && !ec_job_is_mine(slot->job))
			continue;
		values[0] = Int64GetDatum(slot->job);
		values[1] = Int32GetDatum(slot->slot);
		values[2] = Int32GetDatum(slot->pid);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

bool
ec_has_live_slot(List *live, int64 job)
{
	ListCell *cell;

	foreach (cell, live)
		if (((EcLiveSlot *) lfirst(cell))->job == job)
			return true;
	return false;
}

bool
ec_is_live(List *live, int64 job, int slot)
{
	ListCell *cell;

	foreach (cell, live)
	{
		EcLiveSlot *candidate = lfirst(cell);

		if (candidate->job == job && candidate->slot == slot)
			return true;
	}
	return false;
}
