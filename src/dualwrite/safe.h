/*
 * safe.h
 *		What can go wrong when an expression is computed, and what of it may
 *		be recorded instead of raised.
 */
#ifndef EC_DUALWRITE_SAFE_H
#define EC_DUALWRITE_SAFE_H

#include "postgres.h"

#include "nodes/nodes.h"

/*
 * False for expressions of which it is known that no value of their columns
 * makes them fail: they need no subtransaction.
 */
extern bool ec_can_fail(Node *expression);

/*
 * False for what is no failure of the modern write but the session's or the
 * server's: cancels, shutdowns, lack of resources, serialization failures and
 * deadlocks, damaged data.
 */
extern bool ec_may_swallow(const ErrorData *error);

/*
 * Work in a subtransaction.  NULL if all went well; the error, with everything
 * undone, if it may be swallowed.  Others are raised.
 */
extern ErrorData *ec_try(void (*work)(void *arg), void *arg);

#endif
