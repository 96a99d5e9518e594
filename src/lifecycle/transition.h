/*
 * transition.h
 *		Transitions of a change: serialized and atomic.
 *
 * Locking protocol: a transition first locks the change's row, so that
 * transitions of one change are serialized.  Then it checks its gates.  Only
 * then it takes locks on tables, in short attempts, and commits right after
 * that.
 */
#ifndef EC_LIFECYCLE_TRANSITION_H
#define EC_LIFECYCLE_TRANSITION_H

#include "postgres.h"

#include "storage/lockdefs.h"

#include "model/change.h"

/*
 * Calls ec_change_get, after a row lock that prevents transitions of the
 * change by other sessions until our commit.  Its tables are locked in ACCESS
 * SHARE mode, so that gates can look at them without waiting; raises 55P03, like
 * ec_transition_with_locks, if somebody holds them.
 */
extern void ec_change_lock(const char *name, EcChange *change);

/*
 * Does work that needs strong locks on the change's tables, within
 * expand_contract.lock_timeout.  Raises 55P03, naming the lock holders, if the
 * locks could not be obtained.  An attempt may be rolled back and repeated, so
 * work must change nothing but the database.  None of its lock requests may
 * make others wait for longer than lock_wait_ms.  A job makes a single
 * attempt, because its worker tries again later.
 */
typedef void (*EcTransitionWork)(const EcChange *change, int lock_wait_ms,
								 void *arg);
extern void ec_transition_with_locks(const EcChange *change,
									 EcTransitionWork work, void *arg);

/* Locks both tables of the change and all their descendants. */
extern void
ec_lock_tables_of_change(const EcChange *change, LOCKMODE mode, int lock_wait_ms);

#endif
