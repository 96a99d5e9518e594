/*
 * old_shape.h
 *		The old shape of a change, which contraction removes.
 */
#ifndef EC_LIFECYCLE_OLD_SHAPE_H
#define EC_LIFECYCLE_OLD_SHAPE_H

#include "postgres.h"

#include "nodes/bitmapset.h"
#include "utils/array.h"

#include "model/change.h"

/*
 * Returns the columns that contraction removes from a table that stays, as a
 * list of EcChangeColumn: those given as old_columns, else those that the
 * backward mapping writes.  They are identified by attribute number, so
 * renaming does not matter.  NIL: there are none, or they have been dropped.
 */
extern List *ec_columns_to_remove(const EcChange *change);

/*
 * Returns their attribute numbers; those of all columns if the whole table is
 * removed.
 */
extern Bitmapset *ec_old_columns(const EcChange *change);

/* Returns their current names, as text[]. */
extern ArrayType *ec_old_column_names(const EcChange *change);

/* Returns their attribute numbers, as int2[]. */
extern Datum ec_old_column_numbers(const EcChange *change);

#endif
