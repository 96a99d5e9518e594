/*
 * applied.c
 *		Rows that a subscription applies to tables of the extension.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"
#include "replication/logicalworker.h"
#include "utils/fmgrprotos.h"

PG_FUNCTION_INFO_V1(ec_ignore_applied);

/*
 * expand_contract.ignore_applied() → trigger
 *
 * For tables whose rows are of one server only.  Triggers of users' tables
 * fire in the subscription's worker as well, and what they write to our tables
 * is this server's own; it comes from a deeper level.
 */
Datum
ec_ignore_applied(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(data->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("ignore_applied must be a BEFORE trigger for each row"),
				 errhint("The extension has created it.")));
	if (IsLogicalWorker() &&
		DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0)) == 1)
		return PointerGetDatum(NULL);
	return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(data->tg_event)
							   ? data->tg_newtuple
							   : data->tg_trigtuple);
}
