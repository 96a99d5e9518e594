/*
 * toplevel.h
 *		Statements that cannot run inside a transaction, in a worker.
 */
#ifndef EC_CORE_TOPLEVEL_H
#define EC_CORE_TOPLEVEL_H

#include "postgres.h"

/*
 * Run exactly one statement as a client would send it: outside of a
 * transaction block, free to commit on its way.  Call without a transaction;
 * what it needs is allocated in the current memory context, which has to
 * outlive the statement's transactions.  An error leaves an aborted
 * transaction to the caller.
 */
extern void ec_run_toplevel(const char *sql);

/*
 * Say that what we do now is not worth waiting for: the server cancels it, as
 * it cancels autovacuum, when somebody has waited for one of our locks during
 * deadlock_timeout, and ec_pause and its like cancel it at once.  Returns what
 * held before.
 */
extern bool ec_give_way(bool give_way);

/*
 * Did we give way a moment ago?  Whoever cancels us looks at the flag and then
 * sends a signal, which can come when we have gone on to something else.
 */
extern bool ec_gave_way_lately(void);

/* Does this process give way? */
extern bool ec_gives_way(int pid);

/* VACUUM, giving way.  False if it did not come to its end. */
extern bool ec_vacuum(const char *sql);

#endif
