/*
 * mutable.h
 *		Checks what a mapping's expression depends on besides its row.
 *
 * Every session and every worker must compute the same result.  IMMUTABLE
 * functions guarantee that.  The server's STABLE functions do so if they
 * depend only on their arguments, on settings, which are pinned (pinned.h), or
 * on the labels of an enum.  A user's STABLE functions may look up data; their
 * author is responsible for the result.
 */
#ifndef EC_DUALWRITE_MUTABLE_H
#define EC_DUALWRITE_MUTABLE_H

#include "postgres.h"

#include "nodes/nodes.h"

/*
 * Raises 42P17 for VOLATILE functions, and for functions that read the clock,
 * the session, the transaction or the catalog.  column names the expression in
 * the error.
 */
extern void ec_refuse_mutable(Node *expression, const char *column);

/* True if it calls a user-defined STABLE function. */
extern bool ec_looks_up(Node *expression);

/*
 * True if it calls a user-defined function that does not set its own
 * search_path.
 */
extern bool ec_needs_path(Node *expression);

#endif
