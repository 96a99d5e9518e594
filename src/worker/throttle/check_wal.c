/*
 * check_wal.c
 *		Detects a high WAL rate of other sessions, and late checkpoints.
 *
 * The limit follows from the server's settings.  max_wal_size is the WAL
 * between two checkpoints, and checkpoint_timeout the time between them.  A
 * rate of more than max_wal_size per checkpoint_timeout causes checkpoints
 * ahead of time, and each of these causes full-page writes.
 *
 *		WAL rate	Other sessions alone exceed that rate; this lasts until they
 *					write less than half of it.  Meanwhile the job writes no
 *					more than they do: after each batch it pauses until they
 *					have written as much.
 *		checkpoint	A checkpoint is running and late: the WAL since its start
 *					has reached checkpoint_completion_target of the amount that
 *					starts the next one.  Then it does not pause between its
 *					writes any more, and the application's reads wait behind
 *					them.  The job waits until it is complete.
 *
 * The WAL of all workers of the job is subtracted, so a job alone causes
 * neither.  The rest counts only if it exceeds the error of the measurement.
 * That is an eighth of all WAL, for alignment and page headers, and another
 * eighth for each other worker, whose current batch has not been saved in the
 * table yet.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "executor/instrument.h"
#include "postmaster/bgwriter.h"
#include "utils/pg_lsn.h"

#include "core/query.h"
#include "worker/throttle/throttle_checks.h"

#define LEAST_WINDOW_MS  1000
#define WINDOW_MS        2000 /* up to twice this */
#define SHARE_OF_ERROR   0.125
#define LONGEST_PAUSE_MS 5000

void
ec_wal_signal_start(EcWalSignal *signal, TimestampTz now)
{
	signal->own_at_start = pgWalUsage.wal_bytes;
	signal->from.at = 0; /* set by the first look */
}

/* The WAL between two checkpoints, in bytes. */
static double
wal_of_a_cycle(void)
{
	return (double) CheckPointSegments * wal_segment_size;
}

/*
 * The WAL of this job's workers; for the other workers, what they have saved.
 */
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
	/* redo_lsn is that of the last completed checkpoint */
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
