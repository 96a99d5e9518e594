/*
 * old_shape.h
 *		The old shape of a change: what contraction will remove.
 */
#ifndef EC_LIFECYCLE_OLD_SHAPE_H
#define EC_LIFECYCLE_OLD_SHAPE_H

#include "postgres.h"

#include "nodes/bitmapset.h"
#include "utils/array.h"

#include "model/change.h"

/*
 * The columns of the change's relation that are its old shape, by attribute
 * number: those given as old_columns, else those that the backward mapping
 * writes; all, where the whole table is the old shape.  NULL: there are none, or
 * they are gone.
 */
extern Bitmapset *ec_old_columns(const EcChange *change);

/*
 * Does the whole table go?  Only where the rows move to another table, and
 * either all of its columns do, or old_columns was '{*}'.
 */
extern bool ec_old_is_whole_table(const EcChange *change);

/* Their names of today, as text[]. */
extern ArrayType *ec_old_column_names(const EcChange *change);

/* Their numbers, as int2[]. */
extern Datum ec_old_column_numbers(const EcChange *change);

#endif
