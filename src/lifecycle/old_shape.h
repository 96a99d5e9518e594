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
 * The columns that contraction removes from a table that stays, as a list of
 * EcChangeColumn: those given as old_columns, else those that the backward
 * mapping writes.  They are known by attribute number, whatever they are called
 * by now.  NIL: there are none, or they are gone.
 */
extern List *ec_columns_to_remove(const EcChange *change);

/* Their numbers; those of all columns, where the whole table goes. */
extern Bitmapset *ec_old_columns(const EcChange *change);

/* Their names of today, as text[]. */
extern ArrayType *ec_old_column_names(const EcChange *change);

/* Their numbers, as int2[]. */
extern Datum ec_old_column_numbers(const EcChange *change);

#endif
