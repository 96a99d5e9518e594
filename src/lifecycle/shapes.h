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

/* A column of one shape, and what it is of the other. */
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
	Relation new_table; /* the same one, where the change has no target */
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

/* Does a column of the new table stay that is the same in the old one? */
extern bool ec_stays(const EcShapes *shapes, AttrNumber old_column);

/*
 * The new columns that are computed from an old one; a column that stays is its
 * own.  ec_places_of: those of them that hold what it held, together; backward
 * tells, or else a mere cast does.  ec_successor: one of these, or 0.
 */
extern Bitmapset *ec_successors(const EcShapes *shapes, AttrNumber old_column);
extern Bitmapset *ec_places_of(const EcShapes *shapes, AttrNumber old_column);
extern AttrNumber ec_successor(const EcShapes *shapes, AttrNumber old_column);

/*
 * An expression over the old table's columns, over the new one's; NULL if that
 * cannot be told.
 */
extern Node *ec_over_new_columns(const EcShapes *shapes, Node *expression);

/*
 * What a column of the new table gets from an INSERT that names no old one: what
 * forward gives of their defaults.  Where identity columns draw a number, the
 * expression has a parameter of that number instead of it.
 */
#define EC_DRAWN_NUMBER 987654
extern Node *ec_default_by_forward(const EcShapes *shapes, const EcMapped *mapped);

/* The column that an expression is, or a mere cast of; else 0. */
extern AttrNumber ec_plain_column(Node *expression);

/* The attribute numbers that an expression over one table reads. */
extern Bitmapset *ec_columns_read(Node *expression);

#endif
