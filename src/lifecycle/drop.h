/*
 * drop.h
 *		The physical end of the old shape.
 */
#ifndef EC_LIFECYCLE_DROP_H
#define EC_LIFECYCLE_DROP_H

#include "postgres.h"

#include "model/change.h"

/*
 * Drop the triggers of the change, then its old columns or its old table, and
 * end it: all in one transition.  What depends on them is dropped as well only
 * with cascade, else raises 2BP01.
 */
extern void ec_drop_old_shape(const EcChange *change, bool cascade);

#endif
