/*
 * gates_prepared.c
 *		Gate: is all there that hangs on the columns whose names are kept?
 */
#include "postgres.h"

#include "storage/lmgr.h"
#include "utils/builtins.h"

#include "core/hint.h"
#include "lifecycle/gates.h"
#include "twins/twins.h"

void
ec_gate_prepared(const EcChange *change, EcGate *gate)
{
	EcTwinPlan *plan;
	EcRetype retype;

	gate->required =
		"all that hangs on the columns, on those that take their names over, too";
	gate->hint =
		ec_hint("SELECT ec_prepare(%s).", quote_literal_cstr(change->name));
	if (!ConditionalLockRelationOid(change->relation, AccessShareLock))
	{
		gate->observed = "the table is locked";
		gate->hint = "Look again when it is not.";
		return;
	}
	ec_retype_of(change, &retype);
	plan = ec_twins_look(&retype);
	if (plan->refused != NIL)
		gate->hint = "Do what stands in parentheses.";
	gate->passed = plan->steps == NIL && plan->refused == NIL;
	gate->observed =
		gate->passed ? "all is there"
		: plan->refused != NIL
			? psprintf("in the way: %s", ec_twins_list(plan->refused, "; "))
			: psprintf("missing: %s", ec_twins_list(ec_twins_missing(plan), ", "));
}
