/*
 * throttle.h
 *		What else goes on in the server, and whether a job should wait for it.
 *
 * A worker looks before each batch.  Each reason to wait has a name, which
 * ec_progress.throttled_by shows:
 *
 *		lock                    the table is locked
 *		lock waiters            somebody waits for a lock on it
 *		replica lag             a standby is too far behind, or nobody knows
 *		old snapshot of ...     dead rows cannot be pruned, and the table grows
 *		autovacuum              a VACUUM is at work on it
 *		checkpoint              one is late, by what others write
 *		WAL rate                others write more than the server is set up for
 */
#ifndef EC_WORKER_THROTTLE_THROTTLE_H
#define EC_WORKER_THROTTLE_THROTTLE_H

#include "postgres.h"

#include "worker/jobs/job.h"

typedef struct EcThrottle EcThrottle;

extern EcThrottle *ec_throttle_create(void);

/*
 * The reason to wait now, or NULL; sets job->throttled_by and job->pause_ms.
 * In the transaction of a batch, before its work; it must end at once when
 * there is a reason.  Raises an error when the job should rather fail.
 */
extern const char *ec_throttle_look(EcThrottle *throttle, EcJob *job);

/*
 * After a batch that has written so much WAL in so many seconds: lengthen the
 * pause, and say why, if it has to be longer.
 */
extern void ec_throttle_pause(EcThrottle *throttle, EcJob *job,
							  uint64 wal_bytes, double seconds);

/* The time that it took to look around, so far. */
extern double ec_throttle_seconds(const EcThrottle *throttle);

/*
 * What holds the job back now, NULL for nothing, as soon as it is known:
 * lines in the server log say so when it has lasted.
 */
extern void
ec_throttle_log(EcThrottle *throttle, const EcJob *job, const char *reason);

#endif
