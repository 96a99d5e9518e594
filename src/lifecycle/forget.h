/*
 * forget.h
 *		Changes that can be neither contracted nor reverted.
 */
#ifndef EC_LIFECYCLE_FORGET_H
#define EC_LIFECYCLE_FORGET_H

#include "postgres.h"

#include "model/change.h"

/*
 * True if a table or a mapped column of the change does not exist any more, or the
 * change is cut over without a backward mapping and has nothing to contract.  Only
 * ec_forget can end such a change.
 */
extern bool ec_change_is_stuck(const EcChange *change);

#endif
