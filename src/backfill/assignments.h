/*
 * assignments.h
 *		Parses the SET list of a backfill, and analyses it in an UPDATE.
 */
#ifndef EC_BACKFILL_ASSIGNMENTS_H
#define EC_BACKFILL_ASSIGNMENTS_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "utils/rel.h"

/*
 * Analyses the UPDATE of the relation with this SET list and predicate (NULL:
 * none), as the caller.  Raises an error, if possible with a position in the
 * caller's text, if it is not exactly one SET list.
 */
extern Query *ec_analyse_assignments(Relation relation, const char *assignments,
									 const char *predicate, bool *uses_default);

#endif
