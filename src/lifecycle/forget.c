/*
 * forget.c
 *		ec_forget: frees the name of a change.
 *
 * A change that has ended is only history.  A change that can be neither
 * contracted nor reverted is ended here: its dual writes stop, and both shapes stay
 * as they are.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/hint.h"
#include "core/arguments.h"
#include "dualwrite/columns/statement.h"
#include "lifecycle/end_change.h"
#include "lifecycle/forget.h"
#include "lifecycle/old_shape.h"
#include "lifecycle/transition.h"
#include "expand_contract.h"

PG_FUNCTION_INFO_V1(ec_forget);

/* True if a table or a mapped column of the change does not exist any more. */
static bool
lacks_something(const EcChange *change)
{
	ListCell *cell;

	if (get_rel_name(change->relation) == NULL ||
		(OidIsValid(change->target) && get_rel_name(change->target) == NULL))
		return true;
	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);
		Oid table = OidIsValid(change->target) && column->side == EC_SIDE_NEW
						? change->target
						: change->relation;

		if (column->attnum <= 0 || get_attname(table, column->attnum, true) == NULL)
			return true;
	}
	return false;
}

bool
ec_change_is_stuck(const EcChange *change)
{
	if (lacks_something(change))
		return true;
	return strcmp(change->phase, EC_PHASE_CUT_OVER) == 0 &&
		   !ec_has_backward(change) && bms_is_empty(ec_old_columns(change));
}

/* The flag keeps its value, so that readers continue to use the same shape. */
static void
end(const EcChange *change, int lock_wait_ms, void *arg)
{
	const char *phase = arg;

	ec_lock_tables_of_change(change, AccessExclusiveLock, lock_wait_ms);
	ec_unwatch_old_columns(change);
	ec_change_end(change, phase);
}

/*
 * ec_forget(change) → 'forgotten'
 *
 * For a change that is contracted or reverted, whose table or column is gone, or
 * that is cut over and can be neither reverted nor contracted.  Its
 * dual writes end, its flag stays; its events, jobs and verifications are kept
 * under another name.
 *
 * For the owner of the table (42501); 42704 if there is no such change, 55000
 * if it can go on, 55P03 if locks were not to be had.
 */
Datum
ec_forget(PG_FUNCTION_ARGS)
{
	EcChange change;

	ec_require_argument(fcinfo, 0, "change",
						"As in SELECT ec_forget('users_email').");
	ec_change_lock(ec_change_argument(fcinfo, 0), &change);
	if (!ec_change_is_over(&change))
	{
		if (!ec_change_is_stuck(&change))
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("change \"%s\" has not ended", change.name),
							errdetail("Its phase is \"%s\".", change.phase),
							ec_errhint("End it first, by ec_revert(%s) or ec_contract(%s).",
									   quote_literal_cstr(change.name),
									   quote_literal_cstr(change.name))));
		ec_transition_with_locks(&change, end,
								 ec_old_is_authority(&change)
									 ? EC_PHASE_REVERTED
									 : EC_PHASE_CONTRACTED);
	}
	ec_change_forget(&change);
	PG_RETURN_TEXT_P(cstring_to_text("forgotten"));
}
