/*
 * mutable.h
 *		What a mapping's expression reads apart from its row.
 *
 * Every session and every worker has to compute the same.  IMMUTABLE functions
 * do.  The server's STABLE ones do where they read nothing but their arguments
 * and settings, which are pinned (pinned.h), or the names of an enum's values.
 * STABLE functions of the user's are his look-ups, and his word.
 */
#ifndef EC_DUALWRITE_MUTABLE_H
#define EC_DUALWRITE_MUTABLE_H

#include "postgres.h"

#include "nodes/nodes.h"

/*
 * 42P17 for volatile functions, and for what reads the clock, the session, the
 * transaction or the catalogue; column names the expression.
 */
extern void ec_refuse_mutable(Node *expression, const char *column);

/* Does it call a STABLE function of a user's? */
extern bool ec_looks_up(Node *expression);

/* Does it call a function of a user's that has no search_path of its own? */
extern bool ec_needs_path(Node *expression);

#endif
