/*
 * guard.h
 *		What a script cannot take off while it runs.
 *
 * A script, or a block or function in it, may set lock_timeout.  That may shorten
 * the whole wait for locks, but not make a try longer: the application waits
 * behind a statement that waits.  So each command is preceded by a look at it.
 */
#ifndef EC_MIGRATE_GUARD_H
#define EC_MIGRATE_GUARD_H

#include "postgres.h"

typedef struct EcScriptGuard
{
	int lock_wait_ms;        /* what a try may wait for one lock */
	int lock_timeout_wished; /* the shortest that the script has set; 0: none */
	bool has_set_constraints; /* it, or a function in it, has SET CONSTRAINTS */
} EcScriptGuard;

/* In a GUC nest level of the caller's; ends with ec_guard_end, errors too. */
extern void ec_guard_begin(EcScriptGuard *guard, int lock_wait_ms);
extern void ec_guard_end(void);

/* The look itself: also before statements that are no commands. */
extern void ec_guard_lock_waits(void);

/*
 * What a script has SET CONSTRAINTS would hold until the caller's transaction
 * ends: have each constraint be as its definition says.  Checks what the script
 * has deferred.
 */
extern void ec_restore_constraints(void);

#endif
