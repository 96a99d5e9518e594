/*
 * check_vacuum.c
 *		Detects a VACUUM of the table.
 *
 * The job waits for a VACUUM of its table, so that it ends sooner and the job
 * can use the space that it frees.  The wait is limited, and dead rows of the
 * job itself must not cause it.  So the job waits for an autovacuum that began
 * after the worker for at most a quarter of the time that the worker has been
 * working, and for any other VACUUM for at most a minute.  VACUUMs by our own
 * workers do not count.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "core/query.h"
#include "worker/throttle/throttle_checks.h"
#include "worker/jobs/start.h"

#define VACUUM_PATIENCE_MS 60000
#define VACUUM_SHARE       4 /* 1/4, if the job may have caused it */

/* Have we waited long enough for the VACUUM that is running? */
static bool
is_out_of_patience(const EcVacuumSignal *signal, TimestampTz now)
{
	int64 waited = ec_ms_between(signal->since, now);
	int64 at_work;

	if (waited >= VACUUM_PATIENCE_MS)
		return true;
	if (!signal->may_be_ours)
		return false;
	at_work = ec_ms_between(signal->started, now) - signal->waited_ms;
	return signal->waited_ms + waited >= at_work / VACUUM_SHARE;
}

static void
end_vacuum_wait(EcVacuumSignal *signal, TimestampTz now)
{
	if (signal->may_be_ours && !signal->is_ignored)
		signal->waited_ms += ec_ms_between(signal->since, now);
	signal->may_be_ours = false;
}

const char *
ec_look_at_vacuum(EcVacuumSignal *signal, const EcJob *job, TimestampTz now)
{
	EcArgs args = {0};
	int pid = 0;
	TimestampTz began = 0;
	bool may_be_ours = false;

	ec_arg_oid(&args, MyDatabaseId);
	ec_arg_oid(&args, OidIsValid(job->table) ? job->table : job->relation);
	ec_arg_timestamptz(&args, signal->started);
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
	if (pid != signal->pid || began != signal->began)
	{
		end_vacuum_wait(signal, now);
		signal->pid = pid;
		signal->began = began;
		signal->since = now;
		signal->may_be_ours = may_be_ours;
		signal->is_ignored = false;
	}
	if (pid == 0)
		return NULL;
	if (!signal->is_ignored && is_out_of_patience(signal, now))
	{
		end_vacuum_wait(signal, now);
		signal->is_ignored = true;
	}
	return signal->is_ignored ? NULL : "autovacuum";
}
