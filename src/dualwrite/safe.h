/*
 * safe.h
 *		Tells which expressions can fail, and which errors may be recorded
 *		instead of raised.
 */
#ifndef EC_DUALWRITE_SAFE_H
#define EC_DUALWRITE_SAFE_H

#include "postgres.h"

#include "nodes/nodes.h"

/*
 * False if it is known that the expression cannot fail for any value of its
 * columns, so that it needs no subtransaction.
 */
extern bool ec_can_fail(Node *expression);

/*
 * False for errors that are not caused by the dual write but by the session or
 * the server: cancels, shutdowns, lack of resources, serialization failures
 * and deadlocks, corrupted data.
 */
extern bool ec_may_swallow(const ErrorData *error);

/*
 * Runs work in a subtransaction.  Returns NULL if it succeeds.  If it fails
 * with an error that may be recorded, undoes the subtransaction and returns
 * the error. Other errors are raised.
 */
extern ErrorData *ec_try(void (*work)(void *arg), void *arg);

#endif
