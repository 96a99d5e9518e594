/*
 * end_change.h
 *		The end of a change: its triggers, jobs and notes go.
 */
#ifndef EC_LIFECYCLE_END_CHANGE_H
#define EC_LIFECYCLE_END_CHANGE_H

#include "postgres.h"

#include "model/change.h"

/*
 * Part of a transition's work, with the change's tables locked.  The change and
 * its events stay, for the record.
 */
extern void ec_change_end(const EcChange *change, const char *phase);

/* Only the triggers, so that the columns they depend on can be dropped. */
extern void ec_drop_triggers_of_change(const EcChange *change);

/* Nobody watches the old columns any more. */
extern void ec_unwatch_old_columns(const EcChange *change);

#endif
