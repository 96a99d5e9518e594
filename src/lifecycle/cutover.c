/*
 * cutover.c
 *		ec_cutover: switches readers to the new shape.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "core/hint.h"
#include "core/arguments.h"
#include "dualwrite/sequences.h"
#include "lifecycle/gates.h"
#include "lifecycle/old_shape.h"
#include "lifecycle/transition.h"
#include "twins/twins.h"
#include "usage/usage.h"
#include "expand_contract.h"

PG_FUNCTION_INFO_V1(ec_cutover);

/*
 * Restarts the tracking of the old columns, because uses before the cutover
 * say nothing about uses after it.
 */
static void
watch_afresh(const EcChange *change)
{
	ArrayType *columns = ec_old_column_names(change);
	Datum relation = ObjectIdGetDatum(change->relation);

	if (ARR_NDIM(columns) == 0)
		return;
	if (!ec_usage_is_watching())
	{
		ereport(NOTICE,
				(errmsg("the use of the old columns is not tracked"),
				 errdetail("expand_contract is not in shared_preload_libraries."),
				 ec_errhint(
					 "Add it there; otherwise ec_contract needs an override of the gates old_reads and old_writes.")));
		return;
	}
	(void) DirectFunctionCall2(ec_untrack, relation, PointerGetDatum(columns));
	(void) DirectFunctionCall2(ec_track, relation, PointerGetDatum(columns));
}

/* Last, so that applications wait for one try and the commit. */
static void
swap_names(const EcChange *change, int lock_wait_ms, void *arg)
{
	EcRetype retype;

	ec_retype_of(change, &retype);
	ec_twins_lock(&retype, lock_wait_ms);
	/* a name may have been changed meanwhile */
	ec_retype_of(change, &retype);
	ec_twins_swap(change, &retype);
	ec_flag_set(change->name, true);
	ec_change_set_phase(change->name, EC_PHASE_CUT_OVER);
}

static bool
is_past_cutover(const EcChange *change)
{
	return strcmp(change->phase, EC_PHASE_CUT_OVER) == 0 ||
		   strcmp(change->phase, EC_PHASE_QUARANTINED) == 0;
}

/*
 * ec_cutover(change, override) -> the change's phase
 *
 * Passes the gates of 'cutover', advances sequences that are behind, sets the
 * flag with the change's name, notifies the channel expand_contract, and
 * begins to track the old columns.  Where the change keeps the names of
 * columns, swaps these instead, under a lock of the table.  A repeated call returns the phase and does
 * nothing.  Raises 42704 and 42501 as ec_gates does; XE020 while a gate is
 * closed; and 55000 if the change has ended.
 */
Datum
ec_cutover(PG_FUNCTION_ARGS)
{
	EcChange change;

	ec_require_argument(fcinfo, 0, "change",
						"As in SELECT ec_cutover('users_email').");
	ec_change_lock(ec_change_argument(fcinfo, 0), &change);
	ec_change_require_active(&change);
	if (is_past_cutover(&change))
		PG_RETURN_TEXT_P(cstring_to_text(change.phase));

	ec_gates_require(&change, EC_TRANSITION_CUTOVER,
					 PG_ARGISNULL(1) ? NULL : PG_GETARG_ARRAYTYPE_P(1));
	if (change.kept_names != NULL)
	{
		ec_transition_with_locks(&change, swap_names, NULL);
		PG_RETURN_TEXT_P(cstring_to_text(EC_PHASE_CUT_OVER));
	}
	ec_bring_sequences_forward(&change, true);
	watch_afresh(&change);
	ec_flag_set(change.name, true);
	ec_change_set_phase(change.name, EC_PHASE_CUT_OVER);
	PG_RETURN_TEXT_P(cstring_to_text(EC_PHASE_CUT_OVER));
}
