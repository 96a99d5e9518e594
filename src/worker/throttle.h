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
 */
#ifndef EC_THROTTLE_H
#define EC_THROTTLE_H

#include "postgres.h"

#include "worker/job.h"

typedef struct EcThrottle EcThrottle;

extern EcThrottle *ec_throttle_create(void);

/*
 * The reason to wait now, or NULL; sets job->throttled_by and job->pause_ms.
 * In the transaction of a batch, before its step; it must end at once when
 * there is a reason.  Raises an error when the job should rather fail.
 */
extern const char *ec_throttle_look(EcThrottle *throttle, EcJob *job);

/*
 * What holds the job back now, NULL for nothing, as soon as it is known:
 * lines in the server log say so when it has lasted.
 */
extern void
ec_throttle_log(EcThrottle *throttle, const EcJob *job, const char *reason);

#endif
