/*
 * check_standby.c
 *		Detects standbys that lag too much or have disappeared.
 *
 * A standby's lag is the age of the oldest WAL that it has not replayed.  A
 * worker computes it from samples of the flushed position over time.  The
 * server's own replay_lag can be missing (after idle times, before the first
 * reply) or outdated, so it is used only for WAL that is older than our
 * samples.  If neither gives the lag, it is unknown, and the job waits.
 *
 * The job also waits if a standby that was there has disappeared.
 * job_standbys stores all standbys that the job has seen, so that later
 * workers know them.  After a promotion, and so on a new timeline, the list
 * starts empty, because this server was one of them.
 */
#include "postgres.h"

#include "access/xlog.h"

#include "core/guc.h"
#include "core/query.h"
#include "worker/throttle/lag.h"
#include "worker/throttle/throttle_checks.h"

static void
take_sample(EcStandbySignal *signal, TimestampTz now, XLogRecPtr flushed,
			int64 max_lag)
{
	int64 interval = Max(EC_LOOK_INTERVAL_MS, max_lag * 4 / EC_LAG_SAMPLES);

	if (signal->sample_count > 0)
	{
		if (ec_ms_between(signal->samples[signal->newest].at, now) < interval)
			return;
		signal->newest = (signal->newest + 1) % EC_LAG_SAMPLES;
	}
	signal->samples[signal->newest].at = now;
	signal->samples[signal->newest].flushed = flushed;
	signal->sample_count = Min(signal->sample_count + 1, EC_LAG_SAMPLES);
}

/*
 * The age of the oldest WAL after lsn, in milliseconds; -1 if it is unknown.
 */
static int64
age_of_wal(const EcStandbySignal *signal, XLogRecPtr lsn, int64 reported,
		   TimestampTz now)
{
	int oldest = (signal->newest - signal->sample_count + 1 + EC_LAG_SAMPLES) %
				 EC_LAG_SAMPLES;

	if (signal->samples[oldest].flushed > lsn)
	{
		/* older than our oldest sample */
		if (reported < 0)
			return -1;
		return Max(reported, ec_ms_between(signal->samples[oldest].at, now));
	}
	for (int i = 1; i < signal->sample_count; i++)
	{
		int sample = (oldest + i) % EC_LAG_SAMPLES;

		if (signal->samples[sample].flushed > lsn)
			return ec_ms_between(signal->samples[sample].at, now);
	}
	return 0; /* all of it is newer than the newest sample */
}

static bool
is_same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static void
remember_standby(const EcJob *job, const EcStandby *standby)
{
	EcArgs args = {0};

	ec_arg_int8(&args, job->id);
	ec_arg_text(&args, standby->name);
	ec_arg_text(&args, standby->address ? standby->address : "");
	ec_arg_int4(&args, (int32) GetWALInsertionTimeLine());
	ec_query("INSERT INTO expand_contract.job_standbys (job, name, address, timeline) "
			 "VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
			 &args);
}

/*
 * Stores standbys that are new.  Returns true if one that was stored is not
 * there.
 */
static bool
has_one_vanished(const EcJob *job, const EcStandby *standbys, int count)
{
	bool *is_known = palloc0(Max(count, 1) * sizeof(bool));
	bool has_vanished = false;
	EcArgs args = {0};
	uint64 seen;

	ec_arg_int8(&args, job->id);
	ec_arg_int4(&args, (int32) GetWALInsertionTimeLine());
	seen = ec_query("SELECT name, address FROM expand_contract.job_standbys "
					"WHERE job = $1 AND timeline = $2",
					&args);
	for (uint64 row = 0; row < seen; row++)
	{
		char *name = ec_get_text(row, 1);
		char *address = ec_get_text(row, 2);
		bool is_there = ec_is_ignored_standby(name);

		for (int i = 0; i < count; i++)
			if (is_same(standbys[i].name, name) &&
				is_same(standbys[i].address, address))
				is_there = is_known[i] = true;
		has_vanished |= !is_there;
	}
	for (int i = 0; i < count; i++)
		if (standbys[i].replays && !is_known[i])
			remember_standby(job, &standbys[i]);
	return has_vanished;
}

const char *
ec_look_at_standbys(EcStandbySignal *signal, const EcJob *job, TimestampTz now)
{
	int64 max_lag = job->max_lag_ms >= 0 ? job->max_lag_ms : ec_max_replication_lag;
	int64 limit = signal->is_lagging ? max_lag / 2 : max_lag;
	EcStandby *standbys;
	XLogRecPtr flushed;
	int count = ec_read_standbys(&standbys, &flushed);
	bool is_lagging = has_one_vanished(job, standbys, count);

	take_sample(signal, now, flushed, max_lag);
	for (int i = 0; i < count; i++)
	{
		const EcStandby *standby = &standbys[i];
		int64 lag =
			standby->lsn == InvalidXLogRecPtr ? -1
			: standby->lsn >= flushed
				? 0
				: age_of_wal(signal, standby->lsn, standby->reported_lag, now);

		if (lag < 0 || lag > limit)
			is_lagging = true;
	}
	signal->is_lagging = is_lagging;
	return is_lagging ? "replica lag" : NULL;
}
