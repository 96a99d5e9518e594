/*
 * lock_retry.h
 *		Work that needs strong locks, in short tries.
 *
 * A statement that waits for a strong lock has the whole application queue up
 * behind it.  So it waits for a moment only; then the work is rolled back,
 * nothing of it is held for a while, and it starts again with a little more
 * patience.
 */
#ifndef EC_CORE_LOCK_RETRY_H
#define EC_CORE_LOCK_RETRY_H

#include "postgres.h"

#include "storage/lockdefs.h"

/*
 * One try, in a subtransaction of its own; lock waits must end after
 * lock_wait_ms.  NULL if all went well; the error, with everything rolled
 * back, if a lock was not to be had.  Other errors are raised.
 */
typedef ErrorData *(*EcTry)(void *arg, int lock_wait_ms);

/*
 * Inside a try, a session looks for a deadlock after this many milliseconds.
 * That look is what makes an autovacuum give way; and where there is a deadlock,
 * we are its victim, not the application.
 */
#define EC_TRY_DEADLOCK_MS 10

/* Is this the error of a try that is to be made again? */
extern bool ec_is_lock_error(const ErrorData *error);

/*
 * Try until it has worked or the time is used up; then the last try's error
 * is returned.  A caller whose transaction holds strong locks already would
 * keep these from try to try, so it gets one.
 */
extern ErrorData *ec_try_for_locks(EcTry one_try, void *arg, int timeout_ms);

/* The same; a try may make *timeout_ms shorter. */
extern ErrorData *
ec_try_for_locks_within(EcTry one_try, void *arg, const int *timeout_ms);

/* Have lock waits end after so long, in a GUC nest level of the caller's. */
extern void ec_limit_lock_waits(int lock_wait_ms);

/*
 * Lock a table and all below it, within so long altogether; what the caller
 * locks after that waits no longer than what is left.  In an EcTry.
 */
extern void ec_lock_whole_table(Oid table, LOCKMODE mode, int lock_wait_ms);

/* The body of an EcTry for work that needs nothing but the subtransaction. */
extern ErrorData *
ec_try_work(void (*work)(void *arg), void *arg, int lock_wait_ms);

/*
 * Raise the last try's error, with who holds locks on the relation; hint says
 * what has become of the work.
 */
extern void
ec_raise_lock_timeout(ErrorData *error, Oid relation, const char *hint);

#endif
