/*
 * origin.c
 *		Whose jobs and ledger this database has.
 *
 * The table origin is no configuration table, so a dump does not have its
 * rows, and it is unlogged, so a subscription does not.  Another system identifier in it is that of a cluster whose files
 * these are.  If that one had another version of the system catalogs, only
 * pg_upgrade can have changed it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"

#include "core/own_table.h"
#include "core/query.h"
#include "worker/jobs/origin.h"

static void
forget(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT)
		*(bool *) arg = false;
}

void
ec_adopt_upgraded(void)
{
	static bool is_known = false;
	static bool is_registered = false;

	if (is_known || RecoveryInProgress() || XactReadOnly ||
		!OidIsValid(ec_own_table("origin")))
		return;
	if (!is_registered)
	{
		RegisterXactCallback(forget, &is_known);
		is_registered = true;
	}
	(void) ec_query("SELECT expand_contract.adopt_upgraded()", NULL);
	is_known = true;
}
