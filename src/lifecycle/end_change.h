/*
 * end_change.h
 *		Ends a change: removes its triggers, its jobs and its records.
 */
#ifndef EC_LIFECYCLE_END_CHANGE_H
#define EC_LIFECYCLE_END_CHANGE_H

#include "postgres.h"

#include "model/change.h"

/*
 * Runs as a part of a transition, with the change's tables locked.  The change
 * itself and its events are kept as a record.
 */
extern void ec_change_end(const EcChange *change, const char *phase);

/*
 * Drops only the triggers, so that the columns on which they depend can be
 * dropped.
 */
extern void ec_drop_triggers_of_change(const EcChange *change);

/* Stops tracking the old columns. */
extern void ec_unwatch_old_columns(const EcChange *change);

#endif
