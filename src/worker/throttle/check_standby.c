/*
 * check_standby.c
 *		Standbys that are too far behind, or gone.
 *
 * Replica lag is judged by LSN and age: from samples of what was flushed when,
 * a worker knows how old the WAL is that a standby has not replayed.  The
 * server's own replay_lag may be missing (after idle times, before the first
 * reply) or stand still; it only helps out for WAL that is older than our
 * samples.  A lag that neither tells is unknown, and unknown means wait.  So
 * does a standby that was there and is not there any more: job_standbys has
 * all that the job has seen, so that its next worker knows them too.  With a
 * promotion, and so a timeline, it begins anew: we are one of them then.
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

/* How old the oldest WAL is that is behind lsn; -1 if it cannot be told. */
static int64
age_of_wal(const EcStandbySignal *signal, XLogRecPtr lsn, int64 reported,
		   TimestampTz now)
{
	int oldest = (signal->newest - signal->sample_count + 1 + EC_LAG_SAMPLES) %
				 EC_LAG_SAMPLES;

	if (signal->samples[oldest].flushed > lsn)
	{
		/* older than all that we know */
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
	return 0; /* it came after the newest sample */
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

/* Remembers those that are new; true if one that was seen is not there. */
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
