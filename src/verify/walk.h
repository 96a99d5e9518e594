/*
 * walk.h
 *		Walking over tables in the order of a key, chunk by chunk.
 *
 * A chunk is a range of keys: (lower, upper].  Both tables of a comparison are
 * read in the same range, each through an index of its own, so a chunk holds
 * a row's two sides or neither.
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
	Oid *types;   /* of these */
	int32 *typmods;
	Oid *collations;
	Datum *lower; /* NULL: from the first key on; excluded */
	Datum *upper; /* NULL: to the last one; included */
} EcKeyRange;

/*
 * The conditions that expressions, one for each column of the key, are in the
 * range.  An expression may be of another type of the column's btree operator
 * family, so that the plain column of an index can be used.
 */
extern List *ec_range_quals(const EcKeyRange *range, List *expressions);

/*
 * What of a key column's expression is to be given to ec_range_quals: it
 * without casts that keep the order, so that an index on a plain column can be
 * used.
 */
extern Node *
ec_range_operand(const EcKeyRange *range, int column, Node *expression);

/* The key to walk by, without bounds: of the mapping, or the primary key. */
extern void ec_range_init(EcKeyRange *range, const EcSubject *subject);

/* Raises 55000 where a walk would read whole tables for each chunk. */
extern void ec_range_check(const EcSubject *subject, const EcKeyRange *range);

/*
 * Set the upper bound so that about so many rows of either side are in the
 * range; NULL when that is all that is left.
 */
extern void ec_range_end(const EcSubject *subject, EcKeyRange *range, int64 rows);

/* Bounds as text that no setting changes, and back. */
extern char **ec_bound_texts(const EcKeyRange *range, const Datum *values);
extern Datum *ec_bound_values(const EcKeyRange *range, char **texts);

#endif
