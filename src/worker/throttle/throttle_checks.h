/*
 * throttle_checks.h
 *		What throttle.c looks at, one file a signal.
 *
 * Each look is in scope, in the transaction of a batch, with the job's table
 * locked, and tells the reason to wait or NULL.
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

/* check_standby.c: what was flushed when, so that we know how old WAL is */
#define EC_LAG_SAMPLES 128

typedef struct EcStandbySignal
{
	bool is_lagging;
	int sample_count;
	int newest; /* of a ring */
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
	FullTransactionId first_xid; /* when we began */
	FullTransactionId old_xid;   /* some time ago */
	FullTransactionId mark_xid;  /* of the time mark_at */
	TimestampTz mark_at;
	double bytes_at_start;
	bool was_growing; /* when we looked last */
	bool is_behind;
	double growth_at_wait; /* when that began */
} EcSnapshotSignal;

extern void ec_snapshot_signal_start(EcSnapshotSignal *signal, TimestampTz now);
extern const char *
ec_look_at_snapshots(EcSnapshotSignal *signal, EcJob *job, TimestampTz now);

/* Has the last batch grown the table so far that a look is due? */
extern bool ec_has_grown(const EcSnapshotSignal *signal, const EcJob *job);

/* check_vacuum.c */
typedef struct EcVacuumSignal
{
	TimestampTz started;
	int64 waited_ms; /* for those that may be our doing */
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
	uint64 own_at_start; /* of this process */
	EcWalMark from;      /* what others write is measured from here */
	EcWalMark mark;      /* and soon from here */
	double others;       /* bytes a ms */
	bool is_their_share; /* of all WAL enough to be more than an error */
	bool is_busy;        /* others write more than the server is set up for */
	bool is_behind;      /* a checkpoint is, and we wait for its end */
} EcWalSignal;

extern void ec_wal_signal_start(EcWalSignal *signal, TimestampTz now);
extern const char *
ec_look_at_wal(EcWalSignal *signal, const EcJob *job, TimestampTz now);

/* The pause after a batch, in ms, that leaves the others their half; or 0. */
extern int ec_wal_pause(const EcWalSignal *signal, const EcJob *job,
						uint64 wal_bytes, double seconds);

#endif
