/*
 * lock_retry.h
 *		Runs work that needs strong locks, in short tries.
 *
 * While a statement waits for a strong lock, all later lock requests of the
 * application queue behind it.  So a try waits for a short time only.  Then
 * the work is rolled back, which releases its locks, and after a pause it
 * starts again with a longer wait.
 */
#ifndef EC_CORE_LOCK_RETRY_H
#define EC_CORE_LOCK_RETRY_H

#include "postgres.h"

#include "storage/lockdefs.h"

/*
 * One try, in a subtransaction of its own, in which each wait for a lock ends
 * after lock_wait_ms; so does the try itself when its waits for locks on tables
 * have together taken that long.  Returns NULL on success.  If it did not get a lock,
 * everything is rolled back and the error is returned.  Other errors are
 * raised.
 */
typedef ErrorData *(*EcTry)(void *arg, int lock_wait_ms);

/*
 * deadlock_timeout inside a try, in milliseconds.  The deadlock check is what
 * cancels an autovacuum that blocks us.  If there is a deadlock, the short
 * timeout makes us the victim instead of the application.
 */
#define EC_TRY_DEADLOCK_MS 10

/* Is this an error after which the try is repeated? */
extern bool ec_is_lock_error(const ErrorData *error);

/*
 * Repeats the try until it succeeds or timeout_ms is over; then returns the
 * last try's error.  If the caller's transaction holds strong locks already,
 * the pauses between tries would not release these, so there is only one try.
 */
extern ErrorData *ec_try_for_locks(EcTry one_try, void *arg, int timeout_ms);

/* The same, but a try may reduce *timeout_ms. */
extern ErrorData *
ec_try_for_locks_within(EcTry one_try, void *arg, const int *timeout_ms);

/*
 * Sets lock_timeout and deadlock_timeout; the caller has begun a GUC nest
 * level.
 */
extern void ec_limit_lock_waits(int lock_wait_ms);

/*
 * Locks a table and all tables that inherit from it, within lock_wait_ms
 * altogether.  Later lock waits of the caller end after what is left of that
 * time.  Call in an EcTry.
 */
extern void ec_lock_whole_table(Oid table, LOCKMODE mode, int lock_wait_ms);

/* The body of an EcTry for work that needs only the subtransaction. */
extern ErrorData *
ec_try_work(void (*work)(void *arg), void *arg, int lock_wait_ms);

/*
 * For those who only look, and who may have no right on the tables: runs work
 * that writes nothing, with waits for locks that end soon, and releases its
 * locks.  Returns the error if it did not get a lock; raises others.
 */
extern ErrorData *ec_look(void (*work)(void *arg), void *arg);

/*
 * Adds to an error without a DETAIL one that names the sessions holding locks
 * on the relation.  Does nothing if relation is InvalidOid or nobody holds
 * one.
 */
extern void ec_tell_holders(ErrorData *error, Oid relation);

/*
 * Raises the last try's error, with the holders of locks on the relation as
 * detail; hint says what has happened to the work.
 */
extern void
ec_raise_lock_timeout(ErrorData *error, Oid relation, const char *hint);

#endif
