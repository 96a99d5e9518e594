/*
 * quarantine.h
 *		Renames the old shape into quarantine, and back.
 *
 * Old code fails at once, and new code notices nothing.  Dual writes use
 * attribute numbers and OIDs, so the old shape stays up to date, and undoing
 * the quarantine is just another rename.
 */
#ifndef EC_LIFECYCLE_QUARANTINE_H
#define EC_LIFECYCLE_QUARANTINE_H

#include "postgres.h"

#include "model/change.h"

/*
 * These run as the work of a transition, see transition.h.  The caller sets
 * the phase.
 */
extern void
ec_quarantine_begin(const EcChange *change, int lock_wait_ms, void *arg);

/* arg is the result of ec_quarantine_look */
extern void
ec_quarantine_undo(const EcChange *change, int lock_wait_ms, void *arg);

/*
 * Finds out, before any lock is taken, for which columns NOT NULL can be
 * restored.  For a column that contains NULLs it cannot; a NOTICE says so.
 */
extern List *ec_quarantine_look(const EcChange *change);

#endif
