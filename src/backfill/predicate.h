/*
 * predicate.h
 *		The predicate of a backfill: which rows are still to be done.
 */
#ifndef EC_BACKFILL_PREDICATE_H
#define EC_BACKFILL_PREDICATE_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "utils/rel.h"

/*
 * One for an UPDATE that has none: "a column differs from its expression".
 * Raises 22023 where that cannot tell which rows are done.
 */
extern char *ec_automatic_predicate(Relation relation, Query *query);

/* Raises an error if the UPDATE cannot make its own predicate false. */
extern void
ec_check_predicate(Relation relation, Query *query, const char *predicate);

/* The columns that an UPDATE assigns, offset as in Relation's bitmaps. */
extern Bitmapset *ec_columns_assigned(Query *query);

/* Does an expression give another value in each batch, though called stable? */
extern bool ec_reads_clock(Node *expression);

#endif
