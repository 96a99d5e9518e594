/*
 * assignments.h
 *		The SET list of a backfill: parsed, and analysed in an UPDATE.
 */
#ifndef EC_BACKFILL_ASSIGNMENTS_H
#define EC_BACKFILL_ASSIGNMENTS_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "utils/rel.h"

/*
 * The UPDATE of the relation with this SET list and predicate (NULL: none), as
 * the caller.  Raises an error, with a position in the caller's text where
 * there is one, for what is not a SET list, whole and nothing else.
 */
extern Query *ec_analyse_assignments(Relation relation, const char *assignments,
									 const char *predicate, bool *uses_default);

#endif
