/*
 * transition.h
 *		A change's transitions: one after the other, each in one piece.
 *
 * Locking protocol.  A transition locks the change's row first, which makes
 * transitions wait for one another, then looks at its gates, and only then
 * takes locks on tables, in short tries; it commits right after that.
 */
#ifndef EC_LIFECYCLE_TRANSITION_H
#define EC_LIFECYCLE_TRANSITION_H

#include "postgres.h"

#include "storage/lockdefs.h"

#include "model/change.h"

/*
 * ec_change_get, and no other session takes a transition of it until our
 * commit.
 */
extern void ec_change_lock(const char *name, EcChange *change);

/*
 * Do work that needs strong locks on the change's tables, within
 * expand_contract.lock_timeout; raises 55P03, with who holds them, if they
 * were not to be had.  A try may be rolled back and made again, so work
 * changes nothing but the database; none of its locks may keep others waiting
 * for longer than lock_wait_ms.  A job has one try: its worker comes back.
 */
typedef void (*EcTransitionWork)(const EcChange *change, int lock_wait_ms,
								 void *arg);
extern void ec_transition_with_locks(const EcChange *change,
									 EcTransitionWork work, void *arg);

/* Both tables of the change, and all below them. */
extern void
ec_lock_tables_of_change(const EcChange *change, LOCKMODE mode, int lock_wait_ms);

#endif
