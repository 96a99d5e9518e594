/*
 * throttle_checks.h
 *		The checks that throttle.c runs, one file for each.
 *
 * Each check runs in scope, in the transaction of a batch, with the job's
 * table locked.  It returns the reason to wait, or NULL.
 */
#ifndef EC_WORKER_THROTTLE_THROTTLE_CHECKS_H
#define EC_WORKER_THROTTLE_THROTTLE_CHECKS_H

#include "postgres.h"

#include "access/transam.h"
#include "access/xlogdefs.h"

#include "worker/jobs/job.h"

#define EC_LOOK_INTERVAL_MS 200

static inline int64
ec_ms_between(TimestampTz from, TimestampTz to)
{
	return (to - from) / 1000;
}

/*
 * check_standby.c: samples of the flushed position, to compute the age of WAL
 */
#define EC_LAG_SAMPLES 128

typedef struct EcStandbySignal
{
	bool is_lagging;
	int sample_count;
	int newest; /* index in the ring of samples */
	struct
	{
		TimestampTz at;
		XLogRecPtr flushed;
	} samples[EC_LAG_SAMPLES];
} EcStandbySignal;

extern const char *
ec_look_at_standbys(EcStandbySignal *signal, const EcJob *job, TimestampTz now);

/* check_snapshot.c */
typedef struct EcSnapshotSignal
{
	TimestampTz started;
	FullTransactionId first_xid; /* when the worker began */
	FullTransactionId old_xid;   /* LOOK_BACK_MS ago or earlier */
	FullTransactionId mark_xid;  /* at mark_at */
	TimestampTz mark_at;
	double bytes_at_start;
	bool was_growing; /* at the last look */
	bool is_behind;
	double growth_at_wait; /* growth when the job began to wait */
} EcSnapshotSignal;

extern void ec_snapshot_signal_start(EcSnapshotSignal *signal, TimestampTz now);
extern const char *
ec_look_at_snapshots(EcSnapshotSignal *signal, EcJob *job, TimestampTz now);

/* Has the last batch enlarged the table so much that a look is due? */
extern bool ec_has_grown(const EcSnapshotSignal *signal, const EcJob *job);

/* check_vacuum.c */
typedef struct EcVacuumSignal
{
	TimestampTz started;
	int64 waited_ms; /* for those that the job may have caused */
	int pid;
	TimestampTz began;
	TimestampTz since; /* when we began to wait for it */
	bool may_be_ours;
	bool is_ignored;
} EcVacuumSignal;

extern const char *
ec_look_at_vacuum(EcVacuumSignal *signal, const EcJob *job, TimestampTz now);

/* check_wal.c */
typedef struct EcWalMark
{
	TimestampTz at;
	XLogRecPtr inserted;
	int64 ours;
} EcWalMark;

typedef struct EcWalSignal
{
	uint64 own_at_start; /* WAL of this process at the start of the job */
	EcWalMark from;      /* start of the current measurement */
	EcWalMark mark;      /* start of the next one */
	double others;       /* their WAL, in bytes per millisecond */
	bool is_their_share; /* it exceeds the error of the measurement */
	bool is_busy;        /* others exceed the allowed rate */
	bool is_behind;      /* a checkpoint is late, and we wait for its end */
} EcWalSignal;

extern void ec_wal_signal_start(EcWalSignal *signal, TimestampTz now);
extern const char *
ec_look_at_wal(EcWalSignal *signal, const EcJob *job, TimestampTz now);

/*
 * The pause after a batch, in milliseconds, that limits the job to the others'
 * rate; 0 for none.
 */
extern int ec_wal_pause(const EcWalSignal *signal, const EcJob *job,
						uint64 wal_bytes, double seconds);

#endif
