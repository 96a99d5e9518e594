/*
 * user_triggers.h
 *		Triggers of the user's that do not see what dual writes write, or that
 *		write what dual writes do not see.
 *
 * The dual writes of columns are a BEFORE trigger: what it sets is in the row,
 * but the statement does not name it.  So a trigger UPDATE OF a column does not
 * fire when the column changes with another one; nor does a BEFORE trigger that
 * comes first and whose WHEN is about it.  And what a BEFORE trigger sets that
 * comes after ours is not carried over.
 *
 * Triggers of changes to another table are none of these: they fire after the
 * statement, and their statements name what they write.
 */
#ifndef EC_DUALWRITE_USER_TRIGGERS_H
#define EC_DUALWRITE_USER_TRIGGERS_H

#include "postgres.h"

#include "model/change.h"

/*
 * Warn of such triggers of the change's table and all below it, with what to do;
 * of one alone, if it is given.  The tables are locked.
 */
extern void ec_warn_of_user_triggers(const EcChange *change, Oid only);

#endif
