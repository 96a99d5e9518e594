/*
 * deferred.c
 *		Triggers that are deferred to the end of the transaction.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"

#include "core/deferred.h"

void
ec_fire_deferred_triggers(void)
{
	ConstraintsSetStmt *immediate = makeNode(ConstraintsSetStmt);

	immediate->constraints = NIL; /* all */
	immediate->deferred = false;
	AfterTriggerSetState(immediate);
}
