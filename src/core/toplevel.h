/*
 * toplevel.h
 *		Runs statements that cannot run inside a transaction block, in a
 *		worker.
 */
#ifndef EC_CORE_TOPLEVEL_H
#define EC_CORE_TOPLEVEL_H

#include "postgres.h"

/*
 * Runs exactly one statement as a client would send it: outside of a
 * transaction block, so that it can commit by itself.  Call outside of a
 * transaction.  Parse tree and plan are allocated in the current memory
 * context, which has to outlive the statement's transactions.  After an error
 * the transaction is still to be aborted by the caller.
 */
extern void ec_run_toplevel(const char *sql);

/*
 * Makes this process give way while give_way is set.  The server then cancels
 * it, as it cancels autovacuum, when another session has waited for one of its
 * locks for deadlock_timeout; ec_pause and other control functions cancel it
 * at once.  Returns the previous value.
 */
extern bool ec_give_way(bool give_way);

/*
 * Did this process give way until a moment ago?  A session that cancels us
 * checks the flag first and sends the signal afterwards, so the signal can
 * arrive when we already do something else.
 */
extern bool ec_gave_way_lately(void);

/* Does this process give way? */
extern bool ec_gives_way(int pid);

/* Runs a VACUUM that gives way.  False if it did not complete. */
extern bool ec_vacuum(const char *sql);

#endif
