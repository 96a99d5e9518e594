/*
 * old_columns.h
 *		Determines which columns of a change contraction will remove.
 *
 * The argument old_columns of ec_expand names them.  Without it, they are the
 * columns that the mappings move.  With a target table, '{*}' means the whole
 * table.
 */
#ifndef EC_DUALWRITE_OLD_COLUMNS_H
#define EC_DUALWRITE_OLD_COLUMNS_H

#include "postgres.h"

#include "nodes/bitmapset.h"
#include "utils/rel.h"

#include "model/change.h"

/*
 * Raises 42703 if a column does not exist, 22023 if it is a new column of the
 * change.
 */
extern void ec_check_old_columns(const EcChange *change, Relation relation,
								 Bitmapset *new_columns);

/*
 * Marks the columns to be removed among the collected columns of the change,
 * and adds those that no mapping names.  moved and moves_all are the default:
 * the attribute numbers to be removed, or the whole table.
 */
extern void ec_mark_old_columns(EcChange *change, Relation relation,
								Bitmapset *moved, bool moves_all);

/*
 * True if a repeated call asks for the same columns as the registration.
 * Columns are compared by their names at the registration.
 */
extern bool ec_same_old_columns(const EcChange *known, const EcChange *asked);

#endif
