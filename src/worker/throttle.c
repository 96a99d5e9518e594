/*
 * throttle.c
 *		What else goes on in the server, and whether a job should wait for it.
 *
 * The table's lock is tried before each batch, which costs next to nothing:
 * the batch would take it anyway.  The other signals are read every
 * LOOK_INTERVAL_MS at most, so that they cost well below a hundredth of the
 * job's time, and the table's size is compared after each batch.
 *
 * Replica lag is judged by LSN and age: from samples of what was flushed when,
 * a worker knows how old the WAL is that a standby has not replayed.  The
 * server's own replay_lag may be missing (after idle times, before the first
 * reply) or stand still; it only helps out for WAL that is older than our
 * samples.  A lag that neither tells is unknown, and unknown means wait.  So
 * does a standby that was there and is not there any more.
 *
 * A VACUUM is waited for so that it comes to its end sooner and its space is
 * there for the job.  That must not stop a job for ever, and must not be set
 * off by the dead rows that the job itself leaves: an autovacuum that began
 * after us gets a quarter of the time that we were at work, any other VACUUM a
 * minute.  Those that workers of ours run do not count.
 *
 * An old snapshot is one that was there LOOK_BACK_MS ago, or before we began,
 * and keeps what has died since from being pruned.  It counts once four fifths
 * of the allowed growth are used up, and a quarter of a megabyte at least.  If
 * the table goes on growing past max_growth while we wait, the job fails, to be
 * resumed when the snapshot is gone.  Growth alone does neither: where the
 * assigned columns have an index, a table has to grow.
 *
 * Left out on purpose: checkpoints and the WAL rate.  The job's own WAL is
 * most of what brings a checkpoint near, and there is no telling it from the
 * WAL of others that would come to more than max_lag and delay_ms do.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/timestamp.h"

#include "core/catalog.h"
#include "core/guc.h"
#include "core/query.h"
#include "worker/lag.h"
#include "worker/throttle.h"
#include "worker/worker.h"

#define LOOK_INTERVAL_MS   200
#define FIRST_PAUSE_MS     50
#define LONGEST_PAUSE_MS   1000
#define LOG_AFTER_MS       1000
#define LOOK_BACK_MS       2000
#define VACUUM_PATIENCE_MS 60000
#define VACUUM_SHARE       4 /* one part in so many, for what may be our doing */
#define SNAPSHOT_SHARE     0.8 /* of max_growth, from where snapshots count */
#define SAMPLES            128
#define LEAST_GROWTH_BYTES (32.0 * BLCKSZ)

typedef struct Sample
{
	TimestampTz at;
	XLogRecPtr flushed;
} Sample;

typedef struct SeenStandby
{
	char *name;
	char *address; /* NULL: local */
} SeenStandby;

struct EcThrottle
{
	TimestampTz started;
	TimestampTz last_look; /* at the signals that are not for free */
	bool is_throttled;     /* by one of those, when we looked last */
	char reason[160];      /* the present one, or empty */
	TimestampTz since;     /* when it began */
	bool is_shown;         /* in the table */
	int pause_ms;

	char logged[160]; /* the reason of the last line in the log, or empty */
	char pending[160];
	TimestampTz pending_since;
	TimestampTz logged_since;

	/* replica lag */
	bool is_lagging;
	Sample samples[SAMPLES]; /* a ring */
	int sample_count;
	int newest;
	List *seen; /* of SeenStandby */

	/* old snapshots */
	FullTransactionId first_xid; /* when we began */
	FullTransactionId old_xid;   /* LOOK_BACK_MS ago, or more */
	FullTransactionId mark_xid;  /* of the time mark_at */
	TimestampTz mark_at;
	double bytes_at_start;
	bool was_growing; /* when we looked last */
	bool is_behind_snapshot;
	double growth_at_wait; /* when that began */

	/* VACUUM */
	int64 waited_ms; /* for those that may be our doing */
	int vacuum_pid;
	TimestampTz vacuum_began;
	TimestampTz vacuum_since; /* when we began to wait for it */
	bool vacuum_may_be_ours;
	bool vacuum_ignored;
};

EcThrottle *
ec_throttle_create(void)
{
	EcThrottle *throttle =
		MemoryContextAllocZero(TopMemoryContext, sizeof(EcThrottle));

	throttle->started = GetCurrentTimestamp();
	throttle->first_xid = ReadNextFullTransactionId();
	throttle->mark_xid = throttle->first_xid;
	throttle->mark_at = throttle->started;
	return throttle;
}

static int64
ms_between(TimestampTz from, TimestampTz to)
{
	return (to - from) / 1000;
}

/*
 * The lock that the batch needs, if it is free.  It stays with the transaction
 * then; else we do not queue for it.
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

static void
take_sample(EcThrottle *throttle, TimestampTz now, XLogRecPtr flushed, int64 max_lag)
{
	Sample *newest = &throttle->samples[throttle->newest];
	int64 interval = Max(LOOK_INTERVAL_MS, max_lag * 4 / SAMPLES);

	if (throttle->sample_count > 0)
	{
		if (ms_between(newest->at, now) < interval)
			return;
		throttle->newest = (throttle->newest + 1) % SAMPLES;
	}
	newest = &throttle->samples[throttle->newest];
	newest->at = now;
	newest->flushed = flushed;
	throttle->sample_count = Min(throttle->sample_count + 1, SAMPLES);
}

/* How old the oldest WAL is that is behind lsn; -1 if it cannot be told. */
static int64
age_of_wal(const EcThrottle *throttle, XLogRecPtr lsn, int64 reported,
		   TimestampTz now)
{
	int oldest = (throttle->newest - throttle->sample_count + 1 + SAMPLES) % SAMPLES;
	const Sample *sample = &throttle->samples[oldest];

	if (sample->flushed > lsn)
	{
		/* older than all that we know */
		if (reported < 0)
			return -1;
		return Max(reported, ms_between(sample->at, now));
	}
	for (int i = 1; i < throttle->sample_count; i++)
	{
		sample = &throttle->samples[(oldest + i) % SAMPLES];
		if (sample->flushed > lsn)
			return ms_between(sample->at, now);
	}
	return 0; /* it came after the newest sample */
}

static bool
is_same_standby(const SeenStandby *seen, const EcStandby *standby)
{
	return strcmp(seen->name, standby->name) == 0 &&
		   strcmp(seen->address ? seen->address : "",
				  standby->address ? standby->address : "") == 0;
}

static void
remember_standby(EcThrottle *throttle, const EcStandby *standby)
{
	MemoryContext old_context;
	SeenStandby *seen;
	ListCell *cell;

	foreach (cell, throttle->seen)
		if (is_same_standby(lfirst(cell), standby))
			return;
	old_context = MemoryContextSwitchTo(TopMemoryContext);
	seen = palloc(sizeof(SeenStandby));
	seen->name = pstrdup(standby->name);
	seen->address = standby->address ? pstrdup(standby->address) : NULL;
	throttle->seen = lappend(throttle->seen, seen);
	MemoryContextSwitchTo(old_context);
}

static bool
has_vanished(const SeenStandby *seen, const EcStandby *standbys, int count)
{
	for (int i = 0; i < count; i++)
		if (is_same_standby(seen, &standbys[i]))
			return false;
	return !ec_is_ignored_standby(seen->name);
}

static const char *
look_at_standbys(EcThrottle *throttle, EcJob *job, TimestampTz now)
{
	int64 max_lag = job->max_lag_ms >= 0 ? job->max_lag_ms : ec_max_replication_lag;
	int64 limit = throttle->is_lagging ? max_lag / 2 : max_lag;
	EcStandby *standbys;
	XLogRecPtr flushed;
	ListCell *cell;
	bool is_lagging = false;
	int count = ec_read_standbys(&standbys, &flushed);

	take_sample(throttle, now, flushed, max_lag);
	for (int i = 0; i < count; i++)
	{
		const EcStandby *standby = &standbys[i];
		int64 lag =
			standby->lsn == InvalidXLogRecPtr ? -1
			: standby->lsn >= flushed
				? 0
				: age_of_wal(throttle, standby->lsn, standby->reported_lag, now);

		if (lag < 0 || lag > limit)
			is_lagging = true;
		if (standby->replays)
			remember_standby(throttle, standby);
	}
	foreach (cell, throttle->seen)
		if (has_vanished(lfirst(cell), standbys, count))
			is_lagging = true;
	throttle->is_lagging = is_lagging;
	return is_lagging ? "replica lag" : NULL;
}

/* Its size by that at the job's first batch; 0 if that is not known. */
static double
table_growth(EcThrottle *throttle, EcJob *job)
{
	double bytes = job->table_bytes;
	Relation relation;

	if (throttle->bytes_at_start == 0)
		throttle->bytes_at_start = ec_job_bytes_at_start(job);

	/* we have its lock; it may be gone all the same */
	relation = RelationIdGetRelation(job->relation);
	if (relation != NULL)
	{
		/* of several tables together only the job knows the size */
		if (RELKIND_HAS_STORAGE(relation->rd_rel->relkind) &&
			!relation->rd_rel->relhassubclass)
			bytes = (double) RelationGetNumberOfBlocks(relation) * BLCKSZ;
		RelationClose(relation);
	}
	if (throttle->bytes_at_start == 0)
		throttle->bytes_at_start = bytes;
	return throttle->bytes_at_start > 0 ? bytes / throttle->bytes_at_start : 0;
}

/* The growth from which on an old snapshot counts. */
static double
growth_to_wait_at(const EcThrottle *throttle)
{
	double growth = 1 + (ec_max_growth - 1) * SNAPSHOT_SHARE;

	/* a table of a few blocks doubles with the first row that moves */
	if (throttle->bytes_at_start > 0)
		growth = Max(growth, 1 + LEAST_GROWTH_BYTES / throttle->bytes_at_start);
	return growth;
}

static int32
age_of_xid(FullTransactionId xid)
{
	return (int32) (U64FromFullTransactionId(ReadNextFullTransactionId()) -
					U64FromFullTransactionId(xid));
}

/*
 * Who holds back the oldest row versions, and for how long already; NULL if
 * nobody does.  In scope.
 */
static char *
find_old_snapshot(EcThrottle *throttle)
{
	EcArgs args = {0};

	ec_arg_oid(&args, MyDatabaseId);
	ec_arg_int4(&args, age_of_xid(throttle->first_xid));
	ec_arg_int4(&args, FullTransactionIdIsValid(throttle->old_xid)
						   ? age_of_xid(throttle->old_xid)
						   : PG_INT32_MAX);
	ec_arg_timestamptz(&args, throttle->started);
	ec_arg_text(&args, EC_WORKER_TYPE);
	if (ec_query("SELECT who FROM ("
				 "SELECT format('pid %s', a.pid) AS who, "
				 "greatest(age(a.backend_xmin), age(a.backend_xid)) AS age, "
				 "a.xact_start < $4 AS was_first "
				 "FROM pg_stat_get_activity(NULL) a "
				 /* VACUUM does not hold back others */
				 "WHERE (a.datid = $1 AND a.backend_type NOT IN ($5, 'walsender') "
				 "AND NOT EXISTS (SELECT FROM pg_stat_get_progress_info('VACUUM') v "
				 "WHERE v.pid = a.pid)) "
				 /* a standby's queries, without a slot */
				 "OR (a.datid IS NULL AND a.backend_type = 'walsender') "
				 "UNION ALL "
				 "SELECT format('prepared transaction %L', p.gid), age(p.transaction), "
				 "p.prepared < $4 "
				 "FROM pg_prepared_xacts p WHERE p.database = current_database() "
				 "UNION ALL "
				 "SELECT format('slot %s', s.slot_name), age(s.xmin), false "
				 "FROM pg_replication_slots s) holders "
				 "WHERE age > $3 OR (was_first AND age >= $2 AND age > 0) "
				 "ORDER BY age DESC LIMIT 1",
				 &args) == 0)
		return NULL;
	return ec_get_text(0, 1);
}

static void
fail_for_growth(EcJob *job, double growth, const char *holder)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("table %s has grown beyond expand_contract.max_growth behind an old snapshot",
					job->relation_name),
			 errdetail("It has %.2f times its size at the start of job " INT64_FORMAT
					   ", and the limit is %.2f. The old snapshot of %s keeps dead row versions from being removed.",
					   growth, job->id, ec_max_growth, holder),
			 errhint("End that transaction, let VACUUM clean the table, and use SELECT ec_resume(" INT64_FORMAT
					 ").",
					 job->id)));
}

static const char *
look_at_snapshots(EcThrottle *throttle, EcJob *job, TimestampTz now)
{
	double growth = table_growth(throttle, job);
	char *holder = NULL;

	if (ms_between(throttle->mark_at, now) >= LOOK_BACK_MS)
	{
		throttle->old_xid = throttle->mark_xid;
		throttle->mark_xid = ReadNextFullTransactionId();
		throttle->mark_at = now;
	}
	throttle->was_growing = growth >= growth_to_wait_at(throttle);
	if (throttle->was_growing)
		holder = find_old_snapshot(throttle);
	if (holder == NULL)
	{
		throttle->is_behind_snapshot = false;
		return NULL;
	}
	if (!throttle->is_behind_snapshot)
		throttle->growth_at_wait = growth;
	throttle->is_behind_snapshot = true;
	if (growth >= ec_max_growth && throttle->growth_at_wait < ec_max_growth)
		fail_for_growth(job, growth, holder);
	return psprintf("old snapshot of %s", holder);
}

/* Have we waited for long enough for the VACUUM that is at work? */
static bool
is_out_of_patience(const EcThrottle *throttle, TimestampTz now)
{
	int64 waited = ms_between(throttle->vacuum_since, now);
	int64 at_work;

	if (waited >= VACUUM_PATIENCE_MS)
		return true;
	if (!throttle->vacuum_may_be_ours)
		return false;
	at_work = ms_between(throttle->started, now) - throttle->waited_ms;
	return throttle->waited_ms + waited >= at_work / VACUUM_SHARE;
}

static void
end_vacuum_wait(EcThrottle *throttle, TimestampTz now)
{
	if (throttle->vacuum_may_be_ours && !throttle->vacuum_ignored)
		throttle->waited_ms += ms_between(throttle->vacuum_since, now);
	throttle->vacuum_may_be_ours = false;
}

static const char *
look_at_vacuum(EcThrottle *throttle, EcJob *job, TimestampTz now)
{
	EcArgs args = {0};
	int pid = 0;
	TimestampTz began = 0;
	bool may_be_ours = false;

	ec_arg_oid(&args, MyDatabaseId);
	ec_arg_oid(&args, OidIsValid(job->table) ? job->table : job->relation);
	ec_arg_timestamptz(&args, throttle->started);
	ec_arg_text(&args, EC_WORKER_TYPE);
	if (ec_query("SELECT v.pid, coalesce(a.xact_start, a.backend_start), "
				 "a.backend_type = 'autovacuum worker' AND a.xact_start > $3 "
				 "AND a.query !~ 'to prevent wraparound' "
				 "FROM pg_stat_get_progress_info('VACUUM') v, "
				 "pg_stat_get_activity(v.pid) a "
				 "WHERE v.datid = $1 AND v.relid = $2 AND a.backend_type <> $4 "
				 "LIMIT 1",
				 &args) > 0)
	{
		pid = ec_get_int4(0, 1, 0);
		began = ec_get_timestamptz(0, 2, 0);
		may_be_ours = ec_get_bool(0, 3, false);
	}
	if (pid != throttle->vacuum_pid || began != throttle->vacuum_began)
	{
		end_vacuum_wait(throttle, now);
		throttle->vacuum_pid = pid;
		throttle->vacuum_began = began;
		throttle->vacuum_since = now;
		throttle->vacuum_may_be_ours = may_be_ours;
		throttle->vacuum_ignored = false;
	}
	if (pid == 0)
		return NULL;
	if (!throttle->vacuum_ignored && is_out_of_patience(throttle, now))
	{
		end_vacuum_wait(throttle, now);
		throttle->vacuum_ignored = true;
	}
	return throttle->vacuum_ignored ? NULL : "autovacuum";
}

/* The signals that cost something; the reason, or NULL. */
static const char *
look_around(EcThrottle *throttle, EcJob *job, TimestampTz now)
{
	EcCatalogScope scope;
	const char *reason;

	ec_catalog_begin(&scope);
	reason = look_at_standbys(throttle, job, now);
	if (reason == NULL)
		reason = look_at_snapshots(throttle, job, now);
	if (reason == NULL)
		reason = look_at_vacuum(throttle, job, now);
	strlcpy(throttle->reason, reason ? reason : "", sizeof(throttle->reason));
	ec_catalog_end(&scope);
	throttle->last_look = now;
	return throttle->reason[0] != '\0' ? throttle->reason : NULL;
}

static bool
is_look_due(const EcThrottle *throttle, const EcJob *job, TimestampTz now)
{
	if (throttle->is_throttled ||
		ms_between(throttle->last_look, now) >= LOOK_INTERVAL_MS)
		return true;

	/* the batch before may have come to the limit */
	return !throttle->was_growing && throttle->bytes_at_start > 0 &&
		   job->table_bytes >=
			   throttle->bytes_at_start * growth_to_wait_at(throttle);
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

	/* shown from the second look on: much passes within one short pause */
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

/*
 * A reason is worth a line when it has lasted: with a busy table, or a standby
 * at the limit, the log would be full of them otherwise.
 */
void
ec_throttle_log(EcThrottle *throttle, const EcJob *job, const char *reason)
{
	TimestampTz now = GetCurrentTimestamp();

	/* that is the pace that was asked for */
	if (reason == NULL || strcmp(reason, "delay") == 0)
		reason = "";
	if (strcmp(throttle->pending, reason) != 0)
	{
		strlcpy(throttle->pending, reason, sizeof(throttle->pending));
		throttle->pending_since = now;
	}
	if (strcmp(throttle->logged, reason) == 0 ||
		(reason[0] != '\0' && ms_between(throttle->pending_since, now) < LOG_AFTER_MS))
		return;
	if (reason[0] != '\0')
		ereport(LOG, (errmsg("expand_contract job " INT64_FORMAT " is throttled by %s",
							 job->id, reason)));
	else
		ereport(LOG, (errmsg("expand_contract job " INT64_FORMAT
							 " goes on after %.1f s, no longer throttled by %s",
							 job->id, ms_between(throttle->logged_since, now) / 1000.0,
							 throttle->logged)));
	if (throttle->logged[0] == '\0')
		throttle->logged_since = throttle->pending_since;
	strlcpy(throttle->logged, reason, sizeof(throttle->logged));
}
