/*
 * quarantine.h
 *		The old shape renamed away, and back.
 *
 * Old code fails at once, new code sees nothing; dual writes follow attribute
 * numbers and OIDs, so the old shape stays right, and the way back is another
 * rename.
 */
#ifndef EC_LIFECYCLE_QUARANTINE_H
#define EC_LIFECYCLE_QUARANTINE_H

#include "postgres.h"

#include "model/change.h"

/*
 * Works of a transition, see transition.h; the phase is the caller's business.
 */
extern void
ec_quarantine_begin(const EcChange *change, int lock_wait_ms, void *arg);

/* arg is what ec_quarantine_look gave. */
extern void
ec_quarantine_undo(const EcChange *change, int lock_wait_ms, void *arg);

/*
 * What can be restored of NOT NULL, looked for before any lock is taken: of
 * columns that hold NULLs by now it cannot, and a NOTICE says so.
 */
extern List *ec_quarantine_look(const EcChange *change);

#endif
