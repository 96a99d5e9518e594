/*
 * guard.h
 *		Keeps a script from weakening the lock timeout of a try.
 *
 * A script, or a block or function in it, may set lock_timeout.  That may
 * shorten the whole wait for locks.  It must not lengthen a try, because the
 * application waits behind a statement that waits.  So lock_timeout is checked
 * before each command.
 */
#ifndef EC_MIGRATE_GUARD_H
#define EC_MIGRATE_GUARD_H

#include "postgres.h"

typedef struct EcScriptGuard
{
	int lock_wait_ms;         /* the longest wait of a try for one lock */
	int lock_timeout_wished;  /* the shortest that the script has set; 0:
							  * none */
	bool has_set_constraints; /* the script, or a function in it, has run
							   * SET CONSTRAINTS */
} EcScriptGuard;

/*
 * Call within a GUC nest level.  ec_guard_end must be called after an error,
 * too.
 */
extern void ec_guard_begin(EcScriptGuard *guard, int lock_wait_ms);
extern void ec_guard_end(void);

/*
 * The check itself; call it also before statements that are not utility
 * commands.
 */
extern void ec_guard_lock_waits(void);

/*
 * SET CONSTRAINTS in a script would remain in effect until the caller's
 * transaction ends.  Restores each constraint to its definition, which checks
 * what the script has deferred.
 */
extern void ec_restore_constraints(void);

#endif
