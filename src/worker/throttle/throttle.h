/*
 * throttle.h
 *		Checks whether a job should wait for other activity of the server.
 *
 * A worker checks before each batch.  Each reason to wait has a name, which
 * ec_progress.throttled_by shows:
 *
 *		lock                    the table is locked
 *		lock waiters            a session waits for a lock on it
 *		replica lag             a standby's lag is too large or unknown
 *		old snapshot of ...     dead rows cannot be pruned, and the table grows
 *		autovacuum              a VACUUM of the table is running
 *		checkpoint              one is late because of other sessions' WAL
 *		WAL rate                other sessions write more than the settings allow
 */
#ifndef EC_WORKER_THROTTLE_THROTTLE_H
#define EC_WORKER_THROTTLE_THROTTLE_H

#include "postgres.h"

#include "worker/jobs/job.h"

typedef struct EcThrottle EcThrottle;

extern EcThrottle *ec_throttle_create(void);

/*
 * Returns the reason to wait now, or NULL; sets job->throttled_by and
 * job->pause_ms.  Call in the transaction of a batch, before its work.  If
 * there is a reason, the transaction must end at once.  Raises an error if the
 * job should fail instead.
 */
extern const char *ec_throttle_look(EcThrottle *throttle, EcJob *job);

/*
 * Call after a batch that has written this amount of WAL in this time.  If the
 * pause has to be longer, lengthens it and sets the reason.
 */
extern void ec_throttle_pause(EcThrottle *throttle, EcJob *job,
							  uint64 wal_bytes, double seconds);

/* The total time that the checks have taken. */
extern double ec_throttle_seconds(const EcThrottle *throttle);

/*
 * Call with the current reason, NULL for none, whenever it is known.  Logs a
 * reason that has lasted for a while, and its end.
 */
extern void
ec_throttle_log(EcThrottle *throttle, const EcJob *job, const char *reason);

#endif
