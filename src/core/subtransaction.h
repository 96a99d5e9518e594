/*
 * subtransaction.h
 *		Runs a function in a subtransaction and returns its error.
 *
 * The error is allocated in the caller's memory context, unless the caller
 * passes another one.  Afterwards the caller's memory context and resource
 * owner are current again.  All errors are caught.  The caller has to raise
 * one that it does not expect, such as a query cancel, again with
 * ReThrowError.
 */
#ifndef EC_CORE_SUBTRANSACTION_H
#define EC_CORE_SUBTRANSACTION_H

#include "postgres.h"

/* Commits the work and returns NULL; on an error rolls back and returns it. */
extern ErrorData *ec_subtransaction(void (*work)(void *arg), void *arg);

extern ErrorData *ec_subtransaction_with_error_in(void (*work)(void *arg),
												  void *arg, MemoryContext errors);

/* Rolls back in any case, which also releases the locks. */
extern ErrorData *ec_subtransaction_undone(void (*work)(void *arg), void *arg);

/*
 * May an error of user code be recorded instead of raised?  False for errors
 * whose cause is not the code but the session or the server: cancels,
 * shutdowns, lack of resources, serialization failures and deadlocks, corrupted
 * data.
 */
extern bool ec_may_swallow(const ErrorData *error);

#endif
