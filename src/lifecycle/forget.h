/*
 * forget.h
 *		Changes that can go neither forward nor back.
 */
#ifndef EC_LIFECYCLE_FORGET_H
#define EC_LIFECYCLE_FORGET_H

#include "postgres.h"

#include "model/change.h"

/*
 * Is a table or a mapped column gone; or is it cut over, with no backward mapping
 * and nothing to contract?  Then ec_forget is the way out.
 */
extern bool ec_change_is_stuck(const EcChange *change);

#endif
