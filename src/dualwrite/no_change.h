/*
 * no_change.h
 *		What a trigger of ours does that finds no change.
 */
#ifndef EC_DUALWRITE_NO_CHANGE_H
#define EC_DUALWRITE_NO_CHANGE_H

#include "postgres.h"

#include "access/transam.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"

/*
 * Call when a write of this table is not carried over, because the trigger's
 * change is unknown, as after a partial restore, or one of its tables or
 * columns is gone.  Records a gap, once in a transaction, and warns once in a
 * session.  If the gap cannot be recorded, the change's on_error decides: with
 * 'record' it warns every time; with 'raise', and for an unknown change, it
 * raises 55000.
 *
 * A table that is none of its change's, such as a detached partition, has no
 * gap, and neither has a change that is over.
 *
 * has_warned and gap_transaction are the session's memory of the trigger.
 */
extern void
ec_pass_without_change(const Trigger *trigger, Relation relation,
					   bool *has_warned, FullTransactionId *gap_transaction);

#endif
