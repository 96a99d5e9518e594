/*
 * user_triggers.h
 *		Finds the user's triggers that do not fire for columns written by dual
 *		writes, or whose own writes dual writes do not carry over.
 *
 * Dual writes between columns are done by a BEFORE trigger: the row has the
 * values that it sets, but the statement does not name those columns.  So a
 * user's trigger UPDATE OF such a column does not fire.  Nor does a BEFORE
 * trigger that fires before ours and whose WHEN condition reads such a
 * column.  And values that a BEFORE trigger sets after ours are not carried
 * over.
 *
 * A change to another table has none of these problems: its triggers fire
 * after the statement, and their own statements name the columns that they
 * write.
 */
#ifndef EC_DUALWRITE_USER_TRIGGERS_H
#define EC_DUALWRITE_USER_TRIGGERS_H

#include "postgres.h"

#include "model/change.h"

/*
 * Warns of such triggers on the change's table and its descendants, and tells
 * what to do; if only is valid, of that trigger alone.  The tables must be
 * locked.
 */
extern void ec_warn_of_user_triggers(const EcChange *change, Oid only);

#endif
