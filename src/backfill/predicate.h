/*
 * predicate.h
 *		The predicate of a backfill, which selects the rows still to be done.
 */
#ifndef EC_BACKFILL_PREDICATE_H
#define EC_BACKFILL_PREDICATE_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "utils/rel.h"

/*
 * Builds one for an UPDATE that has none: "a column differs from its
 * expression".  Raises 22023 if that cannot tell which rows are done.
 */
extern char *ec_automatic_predicate(Relation relation, Query *query);

/* Raises an error if the UPDATE cannot make its own predicate false. */
extern void
ec_check_predicate(Relation relation, Query *query, const char *predicate);

/*
 * The columns that an UPDATE assigns, with the offset of Relation's bitmaps.
 */
extern Bitmapset *ec_columns_assigned(Query *query);

/*
 * Does an expression read the clock, and so give another value in each batch?
 */
extern bool ec_reads_clock(Node *expression);

/* Is this node itself a function that reads the clock? */
extern bool ec_is_clock(Node *node);

/*
 * Does a sub-select of the expression read the table, or another one of its
 * inheritance tree?
 */
extern bool ec_reads_table(Node *expression, Relation table);

/* Raises an error for a predicate that has volatile functions. */
extern void ec_refuse_volatile(Node *condition, const char *predicate);

#endif
