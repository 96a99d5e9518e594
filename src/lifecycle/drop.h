/*
 * drop.h
 *		Drops the old shape of a change.
 */
#ifndef EC_LIFECYCLE_DROP_H
#define EC_LIFECYCLE_DROP_H

#include "postgres.h"

#include "model/change.h"

/*
 * Drops the triggers of the change, then its old columns or its old table, and
 * ends the change, all in one transition.  Dependent objects are dropped only
 * with cascade; otherwise they raise 2BP01.
 */
extern void ec_drop_old_shape(const EcChange *change, bool cascade);

#endif
