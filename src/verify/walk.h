/*
 * walk.h
 *		Reads tables in the order of a key, in chunks.
 *
 * A chunk is a range of keys: (lower, upper].  Both tables of a comparison are
 * read in the same range, each through its own index.  So a chunk contains
 * either both sides of a row or neither.
 */
#ifndef EC_VERIFY_WALK_H
#define EC_VERIFY_WALK_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "verify/subject.h"

typedef struct EcKeyRange
{
	int count;
	char **names; /* of the target's columns */
	Oid *types;   /* types of these columns */
	int32 *typmods;
	Oid *collations;
	Datum *lower; /* excluded; NULL: from the first key on */
	Datum *upper; /* included; NULL: up to the last key */
} EcKeyRange;

/*
 * The conditions that expressions, one for each column of the key, are in the
 * range.  An expression may be of another type in the same btree operator
 * family, so that an index on a plain column can be used.
 */
extern List *ec_range_quals(const EcKeyRange *range, List *expressions);

/*
 * Prepares a key column's expression for ec_range_quals: removes casts that
 * keep the order, so that an index on a plain column can be used.
 */
extern Node *
ec_range_operand(const EcKeyRange *range, int column, Node *expression);

/*
 * Sets the key by which to read, without bounds: that of the subject, or the
 * primary key.
 */
extern void ec_range_init(EcKeyRange *range, const EcSubject *subject);

/* Raises 55000 if each chunk would have to read a whole table. */
extern void ec_range_check(const EcSubject *subject, const EcKeyRange *range);

/*
 * Sets the upper bound so that the range has about this many rows of each
 * side; NULL if it has all the remaining rows.
 */
extern void ec_range_end(const EcSubject *subject, EcKeyRange *range, int64 rows);

/* Convert bounds to text that does not depend on settings, and back. */
extern char **ec_bound_texts(const EcKeyRange *range, const Datum *values);
extern Datum *ec_bound_values(const EcKeyRange *range, char **texts);

#endif
