/*
 * safe.h
 *		Tells which expressions can fail, and runs what may fail.
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
 * Runs work in a subtransaction.  Returns NULL if it succeeds.  If it fails
 * with an error that may be recorded, undoes the subtransaction and returns
 * the error. Other errors are raised; see ec_may_swallow.
 */
extern ErrorData *ec_try(void (*work)(void *arg), void *arg);

#endif
