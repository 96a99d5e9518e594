/*
 * check_snapshot.c
 *		Detects old snapshots that make the table grow.
 *
 * An old snapshot existed LOOK_BACK_MS ago, or before the worker began, and
 * prevents the removal of rows that have died since.  It counts when four
 * fifths of the allowed growth, and at least a quarter of a megabyte, are used
 * up.  If the table grows beyond max_growth while we wait, the job fails; it
 * can be resumed when the snapshot is gone.  Growth without an old snapshot
 * neither pauses nor fails the job, because a table has to grow if the
 * assigned columns are indexed.
 */
#include "postgres.h"

#include "access/transam.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "core/hint.h"
#include "core/guc.h"
#include "core/query.h"
#include "worker/throttle/throttle_checks.h"
#include "worker/jobs/registry.h"
#include "worker/jobs/start.h"

#define LOOK_BACK_MS       2000
#define SNAPSHOT_SHARE     0.8 /* of max_growth, from where snapshots count */
#define LEAST_GROWTH_BYTES (32.0 * BLCKSZ)

void
ec_snapshot_signal_start(EcSnapshotSignal *signal, TimestampTz now)
{
	signal->started = now;
	signal->first_xid = ReadNextFullTransactionId();
	signal->mark_xid = signal->first_xid;
	signal->mark_at = now;
}

/*
 * The present size of the job's table, which other sessions may change, too.
 * If the job has several tables, only its kind can compute it, and measuring
 * all of them takes a while.  So that is done only at the start and while the
 * job waits; otherwise the size after the last batch is used.
 */
static double
table_bytes(const EcSnapshotSignal *signal, EcJob *job)
{
	const EcJobKind *kind = ec_find_job_kind(job->kind);
	Relation relation = RelationIdGetRelation(job->relation);
	double bytes = job->table_bytes;

	/* it may have been dropped before we got its lock */
	if (relation == NULL)
		return bytes;
	if (kind->table_bytes == NULL)
		bytes = 0;
	else if (RELKIND_HAS_STORAGE(relation->rd_rel->relkind) &&
			 !relation->rd_rel->relhassubclass)
		bytes = (double) RelationGetNumberOfBlocks(relation) * BLCKSZ;
	else if (signal->is_behind || bytes == 0)
		bytes = kind->table_bytes(job);
	RelationClose(relation);
	return bytes;
}

/*
 * The size as a multiple of that at the job's first batch; 0 if that is
 * unknown.
 */
static double
table_growth(EcSnapshotSignal *signal, EcJob *job)
{
	double bytes = table_bytes(signal, job);

	if (signal->bytes_at_start == 0)
		signal->bytes_at_start = ec_job_bytes_at_start(job);
	if (signal->bytes_at_start == 0)
		signal->bytes_at_start = bytes;
	return signal->bytes_at_start > 0 ? bytes / signal->bytes_at_start : 0;
}

/* From this growth on, an old snapshot counts. */
static double
growth_to_wait_at(const EcSnapshotSignal *signal)
{
	double growth = 1 + (ec_max_growth - 1) * SNAPSHOT_SHARE;

	/* the first new block may double a table of a few blocks */
	if (signal->bytes_at_start > 0)
		growth = Max(growth, 1 + LEAST_GROWTH_BYTES / signal->bytes_at_start);
	return growth;
}

static int32
age_of_xid(FullTransactionId xid)
{
	return (int32) (U64FromFullTransactionId(ReadNextFullTransactionId()) -
					U64FromFullTransactionId(xid));
}

/*
 * Finds the holder of the oldest snapshot, transaction or slot; NULL if none
 * is old.  In scope.
 */
static char *
find_old_snapshot(EcSnapshotSignal *signal)
{
	EcArgs args = {0};

	ec_arg_oid(&args, MyDatabaseId);
	ec_arg_int4(&args, age_of_xid(signal->first_xid));
	ec_arg_int4(&args, FullTransactionIdIsValid(signal->old_xid)
						   ? age_of_xid(signal->old_xid)
						   : PG_INT32_MAX);
	ec_arg_timestamptz(&args, signal->started);
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
			 ec_errhint("End that transaction, let VACUUM clean the table, and use SELECT ec_resume(" INT64_FORMAT
						").",
						job->id)));
}

const char *
ec_look_at_snapshots(EcSnapshotSignal *signal, EcJob *job, TimestampTz now)
{
	double growth = table_growth(signal, job);
	char *holder = NULL;

	if (ec_ms_between(signal->mark_at, now) >= LOOK_BACK_MS)
	{
		signal->old_xid = signal->mark_xid;
		signal->mark_xid = ReadNextFullTransactionId();
		signal->mark_at = now;
	}
	signal->was_growing = growth >= growth_to_wait_at(signal);
	if (signal->was_growing)
		holder = find_old_snapshot(signal);
	if (holder == NULL)
	{
		signal->is_behind = false;
		return NULL;
	}
	if (!signal->is_behind)
		signal->growth_at_wait = growth;
	signal->is_behind = true;
	if (growth >= ec_max_growth && signal->growth_at_wait < ec_max_growth)
		fail_for_growth(job, growth, holder);
	return psprintf("old snapshot of %s", holder);
}

bool
ec_has_grown(const EcSnapshotSignal *signal, const EcJob *job)
{
	return !signal->was_growing && signal->bytes_at_start > 0 &&
		   job->table_bytes >= signal->bytes_at_start * growth_to_wait_at(signal);
}
