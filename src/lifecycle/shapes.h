/*
 * shapes.h
 *		Both shapes of a change side by side: which new columns take the place
 *		of which old ones.
 */
#ifndef EC_LIFECYCLE_SHAPES_H
#define EC_LIFECYCLE_SHAPES_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

#include "model/change.h"

/* A column of one shape, and its expression over the other shape. */
typedef struct EcMapped
{
	AttrNumber attnum;
	Node *expression;
	Bitmapset *reads; /* attribute numbers */
} EcMapped;

typedef struct EcShapes
{
	const EcChange *change;
	Relation old_table;
	Relation new_table; /* the same relation, if the change has no target */
	Bitmapset *going;   /* of the old table */
	List *forward;      /* of EcMapped, the columns of the new table */
	List *backward;     /* of the old one */
} EcShapes;

/*
 * Open the tables, with ACCESS SHARE until the end of the transaction, and read
 * the mappings.  False if a table or a column is gone.
 */
extern bool ec_shapes_open(const EcChange *change, EcShapes *shapes);
extern void ec_shapes_close(EcShapes *shapes);

/*
 * ec_successors returns the new columns that are computed from an old one; the
 * successor of a column that stays is the column itself.  ec_places_of returns
 * those that together hold its value: the backward mapping reads them to compute
 * it, or they are a plain cast of it.  ec_successor returns one of these, or 0.
 */
extern Bitmapset *ec_successors(const EcShapes *shapes, AttrNumber old_column);
extern Bitmapset *ec_places_of(const EcShapes *shapes, AttrNumber old_column);
extern AttrNumber ec_successor(const EcShapes *shapes, AttrNumber old_column);

/*
 * Rewrites an expression over the old table's columns as one over the new table's
 * columns; NULL if the mapping does not allow that.
 */
extern Node *ec_over_new_columns(const EcShapes *shapes, Node *expression);

/*
 * Returns the value that a column of the new table gets from an INSERT that sets
 * no old column: the forward mapping of their defaults.  For the number of an
 * identity column, the expression contains a parameter with this number.
 */
#define EC_DRAWN_NUMBER 987654
extern Node *ec_default_by_forward(const EcShapes *shapes, const EcMapped *mapped);

/* Returns the column if the expression is just a column, or a cast of one; else 0. */
extern AttrNumber ec_plain_column(Node *expression);

/* The attribute numbers that an expression over one table reads. */
extern Bitmapset *ec_columns_read(Node *expression);

#endif
