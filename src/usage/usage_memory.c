/*
 * usage_memory.c
 *		The counters of tracked columns in shared memory.
 *
 * usage_memory.h explains the locking protocol.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "usage/usage_memory.h"

#define TRANCHE "expand_contract_usage"

/* Missed uses that are at most this far apart are recorded as one time. */
#define ONE_MISS_MS 60000

EcUsageShared *ec_usage = NULL;
LWLockPadded *ec_usage_locks = NULL;

static void (*begin_counting)(void) = NULL;
static shmem_request_hook_type previous_shmem_request_hook = NULL;
static shmem_startup_hook_type previous_shmem_startup_hook = NULL;

static void
request_memory(void)
{
	if (previous_shmem_request_hook)
		previous_shmem_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(EcUsageShared)));
	RequestNamedLWLockTranche(TRANCHE, 1 + EC_MAX_TRACKED);
}

static void
start_memory(void)
{
	bool found;

	if (previous_shmem_startup_hook)
		previous_shmem_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	ec_usage =
		ShmemInitStruct("expand_contract usage", sizeof(EcUsageShared), &found);
	if (!found)
	{
		memset(ec_usage, 0, sizeof(EcUsageShared));
		pg_atomic_init_u32(&ec_usage->generation, 1);
		ec_usage->began = GetCurrentTimestamp();
	}
	ec_usage_locks = GetNamedLWLockTranche(TRANCHE);
	LWLockRelease(AddinShmemInitLock);
	if (!IsUnderPostmaster)
		begin_counting();
}

void
ec_usage_request_memory(void (*begin)(void))
{
	begin_counting = begin;
	previous_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_memory;
	previous_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_memory;
}

void
ec_usage_announce(void)
{
	if (ec_usage != NULL && pg_atomic_add_fetch_u32(&ec_usage->generation, 1) == 0)
		pg_atomic_add_fetch_u32(&ec_usage->generation, 1);
}

/*
 * After a promotion or a restore from a backup, the server has not counted
 * what was done on its previous timeline.  A standby's slots contain only uses
 * on the standby itself.
 */
void
ec_usage_check_timeline(void)
{
	TimeLineID timeline = RecoveryInProgress() ? 0 : GetWALInsertionTimeLine();

	LWLockAcquire(EC_USAGE_KEYS, LW_EXCLUSIVE);
	if (ec_usage->timeline != timeline)
	{
		/*
		 * the counts of a promoted standby stay valid; others are out of date
		 */
		if (ec_usage->timeline != 0)
			for (int i = 0; i < ec_usage->used; i++)
				ec_usage_free(i);
		ec_usage->timeline = timeline;
		ec_usage->began = GetCurrentTimestamp();
	}
	LWLockRelease(EC_USAGE_KEYS);
}

int
ec_usage_find(const EcTracked *column)
{
	for (int i = 0; i < ec_usage->used; i++)
	{
		EcUsageKey *key = &ec_usage->keys[i];

		if (key->serial != 0 && key->relation == column->relation &&
			key->attnum == column->attnum && key->database == MyDatabaseId &&
			key->tracked_since == column->tracked_since)
			return i;
	}
	return -1;
}

int
ec_usage_allocate(const EcTracked *column)
{
	EcUsageKey *key;
	EcUsageSlot *slot;
	TimestampTz now = GetCurrentTimestamp();
	int i;

	for (i = 0; i < ec_usage->used; i++)
		if (ec_usage->keys[i].serial == 0)
			break;
	if (i == EC_MAX_TRACKED)
		return -1;
	ec_usage->used = Max(ec_usage->used, i + 1);
	if (++ec_usage->last_serial == 0)
		++ec_usage->last_serial;

	key = &ec_usage->keys[i];
	key->serial = ec_usage->last_serial;
	key->database = MyDatabaseId;
	key->relation = column->relation;
	key->attnum = column->attnum;
	key->tracked_since = column->tracked_since;
	slot = &ec_usage->slots[i];
	LWLockAcquire(ec_usage_lock(slot), LW_EXCLUSIVE);
	slot->serial = key->serial;
	slot->since = now;
	slot->merged = false;
	slot->changes = slot->flushed = 0;
	memset(&slot->reads, 0, sizeof(slot->reads));
	memset(&slot->writes, 0, sizeof(slot->writes));
	memset(&slot->unknown, 0, sizeof(slot->unknown));
	slot->unwritten_since = 0;
	LWLockRelease(ec_usage_lock(slot));
	return i;
}

void
ec_usage_free(int slot)
{
	EcUsageSlot *freed = &ec_usage->slots[slot];

	ec_usage->keys[slot].serial = 0;
	LWLockAcquire(ec_usage_lock(freed), LW_EXCLUSIVE);
	freed->serial = 0;
	LWLockRelease(ec_usage_lock(freed));
}

static bool
is_same_user(const EcUser *a, const EcUser *b)
{
	/* both names are padded with zeroes */
	return memcmp(a, b, offsetof(EcUser, at)) == 0;
}

/*
 * Adds a user of a column, or updates its time.  If there is no room, replaces
 * the user whose last use is the oldest.
 */
void
ec_usage_add_user(EcAccess *access, const EcUser *who)
{
	int at = access->latest;

	if (access->user_count == 0 || !is_same_user(&access->users[at], who))
	{
		int oldest = 0;

		for (at = 0; at < access->user_count; at++)
		{
			if (is_same_user(&access->users[at], who))
				break;
			if (access->users[at].at < access->users[oldest].at)
				oldest = at;
		}
		if (at == EC_RECENT_USERS)
		{
			if (who->at < access->users[oldest].at)
				return;
			access->users[oldest] = *who;
			at = oldest;
		}
		else if (at == access->user_count)
			access->users[access->user_count++] = *who;
	}
	/* times are taken before the lock, so they may arrive out of order */
	access->users[at].at = Max(access->users[at].at, who->at);
	if (access->users[at].at >= access->users[access->latest].at)
		access->latest = at;
}

bool
ec_usage_count(int number, uint32 serial, bool is_write, const EcUser *who)
{
	EcUsageSlot *slot = &ec_usage->slots[number];
	EcAccess *access = is_write ? &slot->writes : &slot->reads;
	bool is_ours;

	LWLockAcquire(ec_usage_lock(slot), LW_EXCLUSIVE);
	is_ours = slot->serial == serial;
	if (is_ours)
	{
		access->count++;
		ec_usage_add_user(access, who);
		slot->changes++;
	}
	LWLockRelease(ec_usage_lock(slot));
	return is_ours;
}

void
ec_usage_note_miss(TimestampTz since)
{
	TimestampTz now = GetCurrentTimestamp();

	LWLockAcquire(EC_USAGE_KEYS, LW_SHARED);
	for (int i = 0; i < ec_usage->used; i++)
	{
		EcUsageSlot *slot = &ec_usage->slots[i];

		if (ec_usage->keys[i].serial == 0 ||
			ec_usage->keys[i].database != MyDatabaseId || slot->since < since)
			continue;
		LWLockAcquire(ec_usage_lock(slot), LW_EXCLUSIVE);
		if (slot->unknown.until <= slot->since ||
			slot->unknown.until < now - ONE_MISS_MS * INT64CONST(1000))
			slot->unknown.since = now;
		slot->unknown.until = now;
		slot->changes++;
		LWLockRelease(ec_usage_lock(slot));
	}
	LWLockRelease(EC_USAGE_KEYS);
}

void
ec_usage_note_flush(bool has_failed)
{
	TimestampTz now = GetCurrentTimestamp();

	LWLockAcquire(EC_USAGE_KEYS, LW_SHARED);
	for (int i = 0; i < ec_usage->used; i++)
	{
		EcUsageSlot *slot = &ec_usage->slots[i];

		if (ec_usage->keys[i].serial == 0 ||
			ec_usage->keys[i].database != MyDatabaseId)
			continue;
		LWLockAcquire(ec_usage_lock(slot), LW_EXCLUSIVE);
		if (!has_failed)
			slot->unwritten_since = 0;
		else if (slot->unwritten_since == 0)
			slot->unwritten_since = now;
		LWLockRelease(ec_usage_lock(slot));
	}
	LWLockRelease(EC_USAGE_KEYS);
}
