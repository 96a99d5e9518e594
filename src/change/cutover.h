/*
 * cutover.h
 *		A change under a lock: its steps come one after the other.
 */
#ifndef EC_CUTOVER_H
#define EC_CUTOVER_H

#include "postgres.h"

#include "dualwrite/change.h"

/* ec_change_get, and no other session takes a step of it until our commit. */
extern void ec_change_lock(const char *name, EcChange *change);

#endif
