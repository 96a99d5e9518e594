/*
 * check_wal.c
 *		WAL that others write, and checkpoints that cannot keep up with it.
 *
 * The measure is what the server is set up for.  max_wal_size allows so much
 * WAL from one checkpoint to the next, and checkpoint_timeout is the time that
 * should lie between them: more WAL than the one per the other brings on
 * checkpoints before their time, and full-page writes with each.
 *
 *		WAL rate	Others alone write more than that, until it is less than
 *					half.  Meanwhile the job writes no more than they do: after
 *					each batch it pauses until they have written as much.
 *		checkpoint	A checkpoint is at work and late: the WAL since its start
 *					has come to checkpoint_completion_target of what starts the
 *					next.  So it does not pause between its writes any more,
 *					and the application's reads wait behind them.  The job
 *					waits for its end.
 *
 * The job's own WAL, that of all its workers, is subtracted: neither is set off
 * by a job alone.  What is left over counts if it is more than an error of
 * measurement can be: an eighth of all WAL, because records are aligned and
 * pages have headers, and as much again for each other worker, whose present
 * batch is not in the table yet.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "executor/instrument.h"
#include "postmaster/bgwriter.h"
#include "utils/pg_lsn.h"

#include "core/query.h"
#include "worker/throttle/throttle_checks.h"

#define LEAST_WINDOW_MS  1000
#define WINDOW_MS        2000 /* to twice that */
#define SHARE_OF_ERROR   0.125
#define LONGEST_PAUSE_MS 5000

void
ec_wal_signal_start(EcWalSignal *signal, TimestampTz now)
{
	signal->own_at_start = pgWalUsage.wal_bytes;
	signal->from.at = 0; /* the first look sets it */
}

/* WAL from one checkpoint to the next, in bytes. */
static double
wal_of_a_cycle(void)
{
	return (double) CheckPointSegments * wal_segment_size;
}

/* What this job's workers have written, by what they have saved. */
static int64
wal_of_the_job(const EcWalSignal *signal, const EcJob *job)
{
	EcArgs args = {0};

	ec_arg_int8(&args, job->id);
	ec_arg_int4(&args, job->slot);
	ec_query("SELECT sum(wal_bytes)::bigint FROM expand_contract.job_slots "
			 "WHERE job = $1 AND slot <> $2",
			 &args);
	return ec_get_int8(0, 1, 0) +
		   (int64) (pgWalUsage.wal_bytes - signal->own_at_start);
}

static void
measure_others(EcWalSignal *signal, const EcJob *job, TimestampTz now)
{
	EcWalMark mark = {now, GetXLogInsertRecPtr(), wal_of_the_job(signal, job)};
	double error = Min(0.5, SHARE_OF_ERROR * job->workers);
	int64 ms;
	double all;
	double others;

	if (signal->from.at == 0)
		signal->from = signal->mark = mark;
	ms = ec_ms_between(signal->from.at, now);
	if (ms < LEAST_WINDOW_MS)
		return;
	all = mark.inserted - signal->from.inserted;
	others = all - (mark.ours - signal->from.ours);
	signal->is_their_share = others > all * error;
	signal->others = signal->is_their_share ? others / ms : 0;
	if (ec_ms_between(signal->mark.at, now) >= WINDOW_MS)
	{
		signal->from = signal->mark;
		signal->mark = mark;
	}
}

static bool
is_checkpoint_late(void)
{
	XLogRecPtr started = GetRedoRecPtr();
	bool isnull;

	ec_query("SELECT redo_lsn FROM pg_control_checkpoint()", NULL);
	/* that of the last one that has come to its end */
	if (DatumGetLSN(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
								  1, &isnull)) >= started)
		return false;
	return GetXLogInsertRecPtr() - started >=
		   wal_of_a_cycle() * CheckPointCompletionTarget;
}

const char *
ec_look_at_wal(EcWalSignal *signal, const EcJob *job, TimestampTz now)
{
	double allowed = wal_of_a_cycle() / (CheckPointTimeout * 1000.0);

	measure_others(signal, job, now);
	signal->is_busy = signal->others > (signal->is_busy ? allowed / 2 : allowed);
	signal->is_behind =
		(signal->is_behind || signal->is_their_share) && is_checkpoint_late();
	return signal->is_behind ? "checkpoint" : NULL;
}

int
ec_wal_pause(const EcWalSignal *signal, const EcJob *job, uint64 wal_bytes,
			 double seconds)
{
	double pause_ms;

	if (!signal->is_busy)
		return 0;
	pause_ms = wal_bytes * (double) job->workers / signal->others - seconds * 1000;
	return (int) Max(0, Min(pause_ms, LONGEST_PAUSE_MS));
}
