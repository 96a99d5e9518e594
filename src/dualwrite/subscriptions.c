/*
 * subscriptions.c
 *		Subscriptions that write to tables of a change to another table.
 *
 * ec_expand refuses a table that has one.  One that is made later is told
 * here, leaves a gap, and closes the gate dual_write as long as it exists.
 */
#include "postgres.h"

#include "commands/event_trigger.h"
#include "fmgr.h"

#include "core/catalog.h"
#include "core/query.h"
#include "dualwrite/subscriptions.h"
#include "model/change.h"

PG_FUNCTION_INFO_V1(ec_note_subscriptions);

/* a table of change c, or of its family, that subscription s writes to */
#define WRITTEN                                                                \
	" CROSS JOIN LATERAL (SELECT expand_contract.family_of(c.relation)"        \
	"               UNION SELECT expand_contract.family_of(c.target)"          \
	"                      WHERE c.backward IS NOT NULL) f (oid)"              \
	" JOIN pg_subscription_rel r ON r.srrelid = f.oid"                         \
	" JOIN pg_subscription s ON s.oid = r.srsubid"

char *
ec_subscription_to(const EcChange *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	char *name = NULL;

	if (!OidIsValid(change->target))
		return NULL;
	ec_arg_text(&args, change->name);
	ec_catalog_begin(&scope);
	if (ec_query("SELECT s.subname::text FROM expand_contract.changes c" WRITTEN
				 " WHERE c.name = $1 ORDER BY 1 LIMIT 1",
				 &args) > 0)
		name = ec_get_text(0, 1);
	ec_catalog_end(&scope);
	return name;
}

typedef struct Written
{
	char *change;
	char *table;
	char *subscription;
} Written;

/*
 * expand_contract.note_subscriptions() → event_trigger
 *
 * Warns of changes whose tables a subscription has begun to write to.
 */
Datum
ec_note_subscriptions(PG_FUNCTION_ARGS)
{
	EcCatalogScope scope;
	uint64 count;
	Written *written;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("note_subscriptions must be an event trigger")));
	ec_catalog_begin(&scope);
	count =
		ec_query("SELECT DISTINCT ON (c.name) c.name, f.oid::regclass::text, s.subname::text"
				 " FROM expand_contract.changes c" WRITTEN
				 " WHERE c.target IS NOT NULL AND c.phase NOT IN ('contracted', 'reverted')"
				 "   AND NOT EXISTS (SELECT FROM expand_contract.gaps g WHERE g.change = c.name"
				 "                      AND g.reason = 'subscription' AND g.repaired_by IS NULL)"
				 " ORDER BY c.name",
				 NULL);
	written = palloc(sizeof(Written) * (count + 1));
	for (uint64 row = 0; row < count; row++)
	{
		written[row].change = ec_get_text(row, 1);
		written[row].table = ec_get_text(row, 2);
		written[row].subscription = ec_get_text(row, 3);
	}
	for (uint64 row = 0; row < count; row++)
	{
		EcArgs args = {0};

		ec_arg_text(&args, written[row].change);
		(void) ec_query("INSERT INTO expand_contract.gaps (change, reason) VALUES ($1, 'subscription')",
						&args);
		ereport(WARNING,
				(errmsg("change \"%s\" does not see what subscription \"%s\" writes",
						written[row].change, written[row].subscription),
				 errdetail("Triggers for each statement do not fire for rows that it applies to table %s.",
						   written[row].table),
				 errhint("Make the change where the rows come from, and publish both tables.")));
	}
	ec_catalog_end(&scope);
	PG_RETURN_NULL();
}
