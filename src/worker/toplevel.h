/*
 * toplevel.h
 *		Statements that cannot run inside a transaction, in a worker.
 */
#ifndef EC_TOPLEVEL_H
#define EC_TOPLEVEL_H

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
 * VACUUM a table, and give way at once: to sessions that have it locked (it
 * is skipped), to those who wait for us (the server cancels us as it cancels
 * autovacuum), to ec_pause and its like.  False if it did not come to its end.
 */
extern bool ec_vacuum(const char *sql);

/* Does this process run an ec_vacuum that may be cancelled? */
extern bool ec_is_vacuuming(int pid);

#endif
