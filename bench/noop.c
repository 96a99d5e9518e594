/*
 * noop.c
 *		A trigger that does nothing: what any row trigger costs at least.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "fmgr.h"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(noop);

Datum
noop(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	return PointerGetDatum(TRIGGER_FIRED_BY_UPDATE(data->tg_event)
							   ? data->tg_newtuple
							   : data->tg_trigtuple);
}
