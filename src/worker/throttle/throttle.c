/*
 * throttle.c
 *		Checks whether a job should wait for other activity of the server.
 *
 * Before each batch the worker tries to lock the table.  This costs almost
 * nothing, because the batch needs the lock anyway.  The other checks
 * (throttle_checks.h) run at most every EC_LOOK_INTERVAL_MS, so that they take
 * well below a hundredth of the job's time.  In addition the table's size is
 * compared after each batch.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/catalog.h"
#include "worker/throttle/throttle_checks.h"
#include "worker/throttle/throttle.h"

#define FIRST_PAUSE_MS   50
#define LONGEST_PAUSE_MS 1000
#define LOG_AFTER_MS     1000

struct EcThrottle
{
	TimestampTz last_look; /* at the checks other than the lock */
	bool is_throttled;     /* by one of them, at the last look */
	char reason[160];      /* the current reason, or empty */
	bool is_shown;         /* it is stored in job_slots */
	int pause_ms;

	char logged[160]; /* the reason logged last, or empty */
	char pending[160];
	TimestampTz pending_since;
	TimestampTz logged_since;

	EcStandbySignal standbys;
	EcSnapshotSignal snapshots;
	EcVacuumSignal vacuum;
	EcWalSignal wal;

	instr_time looked; /* total time of the checks */
};

EcThrottle *
ec_throttle_create(void)
{
	EcThrottle *throttle =
		MemoryContextAllocZero(TopMemoryContext, sizeof(EcThrottle));
	TimestampTz now = GetCurrentTimestamp();

	ec_snapshot_signal_start(&throttle->snapshots, now);
	throttle->vacuum.started = now;
	ec_wal_signal_start(&throttle->wal, now);
	return throttle;
}

/*
 * Takes the lock that the batch needs, if it is free, for the whole
 * transaction.  Otherwise does not queue for it.
 */
static const char *
look_at_lock(Oid table)
{
	LockData *locks;

	if (ConditionalLockRelationOid(table, RowExclusiveLock))
		return NULL;
	locks = GetLockStatusData();
	for (int i = 0; i < locks->nelements; i++)
	{
		LockInstanceData *lock = &locks->locks[i];

		if (lock->locktag.locktag_type == LOCKTAG_RELATION &&
			lock->locktag.locktag_field1 == MyDatabaseId &&
			lock->locktag.locktag_field2 == table && lock->waitLockMode != NoLock)
			return "lock waiters";
	}
	return "lock";
}

/* Runs the checks other than the lock; returns the reason to wait, or NULL. */
static const char *
look_around(EcThrottle *throttle, EcJob *job, TimestampTz now)
{
	EcCatalogScope scope;
	const char *reason;
	instr_time started;
	instr_time ended;

	INSTR_TIME_SET_CURRENT(started);
	ec_catalog_begin(&scope);
	reason = ec_look_at_standbys(&throttle->standbys, job, now);
	if (reason == NULL)
		reason = ec_look_at_snapshots(&throttle->snapshots, job, now);
	if (reason == NULL)
		reason = ec_look_at_vacuum(&throttle->vacuum, job, now);
	if (reason == NULL)
		reason = ec_look_at_wal(&throttle->wal, job, now);
	strlcpy(throttle->reason, reason ? reason : "", sizeof(throttle->reason));
	ec_catalog_end(&scope);
	INSTR_TIME_SET_CURRENT(ended);
	INSTR_TIME_ACCUM_DIFF(throttle->looked, ended, started);
	throttle->last_look = now;
	return throttle->reason[0] != '\0' ? throttle->reason : NULL;
}

static bool
is_look_due(const EcThrottle *throttle, const EcJob *job, TimestampTz now)
{
	if (throttle->is_throttled ||
		ec_ms_between(throttle->last_look, now) >= EC_LOOK_INTERVAL_MS)
		return true;

	return ec_has_grown(&throttle->snapshots, job);
}

static void
show_reason(EcJob *job, const char *reason)
{
	EcCatalogScope scope;

	ec_catalog_begin(&scope);
	ec_job_set_throttle(job->id, job->slot, reason);
	ec_catalog_end(&scope);
}

const char *
ec_throttle_look(EcThrottle *throttle, EcJob *job)
{
	TimestampTz now = GetCurrentTimestamp();
	char before[160];
	const char *reason;

	strlcpy(before, throttle->reason, sizeof(before));
	reason = look_at_lock(job->relation);
	if (reason == NULL && OidIsValid(job->table))
		reason = look_at_lock(job->table);
	if (reason != NULL)
	{
		strlcpy(throttle->reason, reason, sizeof(throttle->reason));
		throttle->is_throttled = true;
	}
	else if (is_look_due(throttle, job, now))
	{
		reason = look_around(throttle, job, now);
		throttle->is_throttled = reason != NULL;
	}
	if (reason == NULL)
	{
		throttle->reason[0] = '\0';
		throttle->pause_ms = 0;
		return NULL;
	}

	/*
	 * show it from the second look on, because many reasons last for one short
	 * pause only
	 */
	if (strcmp(before, throttle->reason) != 0)
		throttle->is_shown = false;
	else if (!throttle->is_shown)
	{
		show_reason(job, throttle->reason);
		throttle->is_shown = true;
	}
	throttle->pause_ms = throttle->pause_ms == 0
							 ? FIRST_PAUSE_MS
							 : Min(throttle->pause_ms * 2, LONGEST_PAUSE_MS);
	job->throttled_by = throttle->reason;
	job->pause_ms = throttle->pause_ms;
	return throttle->reason;
}

double
ec_throttle_seconds(const EcThrottle *throttle)
{
	return INSTR_TIME_GET_DOUBLE(throttle->looked);
}

void
ec_throttle_pause(EcThrottle *throttle, EcJob *job, uint64 wal_bytes, double seconds)
{
	int pause_ms = ec_wal_pause(&throttle->wal, job, wal_bytes, seconds);

	if (pause_ms <= job->pause_ms)
		return;
	job->throttled_by = "WAL rate";
	job->pause_ms = pause_ms;
}

/*
 * A reason is logged only when it has lasted for a while.  Otherwise a busy
 * table, or a standby at the limit, would fill the log.
 */
void
ec_throttle_log(EcThrottle *throttle, const EcJob *job, const char *reason)
{
	TimestampTz now = GetCurrentTimestamp();

	/* "delay" is the pace that the user has asked for */
	if (reason == NULL || strcmp(reason, "delay") == 0)
		reason = "";
	if (strcmp(throttle->pending, reason) != 0)
	{
		strlcpy(throttle->pending, reason, sizeof(throttle->pending));
		throttle->pending_since = now;
	}
	if (strcmp(throttle->logged, reason) == 0 ||
		(reason[0] != '\0' &&
		 ec_ms_between(throttle->pending_since, now) < LOG_AFTER_MS))
		return;
	if (reason[0] != '\0')
		ereport(LOG, (errmsg("expand_contract job " INT64_FORMAT " is throttled by %s",
							 job->id, reason)));
	else
		ereport(LOG, (errmsg("expand_contract job " INT64_FORMAT
							 " goes on after %.1f s, no longer throttled by %s",
							 job->id, ec_ms_between(throttle->logged_since, now) / 1000.0,
							 throttle->logged)));
	if (throttle->logged[0] == '\0')
		throttle->logged_since = throttle->pending_since;
	strlcpy(throttle->logged, reason, sizeof(throttle->logged));
}
