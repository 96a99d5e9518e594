/*
 * prepared.c
 *		Statements of batches, which are prepared once.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "backfill/prepared.h"
#include "core/planned.h"

#define MOST_PARAMETERS (2 * INDEX_MAX_KEYS + 1)

ParamListInfo
ec_parameters(int most)
{
	ParamListInfo parameters = makeParamList(most);

	Assert(most <= MOST_PARAMETERS);
	parameters->numParams = 0;
	return parameters;
}

void
ec_add_parameter(ParamListInfo parameters, Oid type, Datum value)
{
	ParamExternData *parameter = &parameters->params[parameters->numParams++];

	parameter->value = value;
	parameter->isnull = false;
	parameter->pflags = PARAM_FLAG_CONST;
	parameter->ptype = type;
}

static bool
is_prepared(const EcPrepared *prepared, const char *sql, ParamListInfo parameters)
{
	if (prepared->plan == NULL || strcmp(prepared->sql, sql) != 0)
		return false;
	for (int i = 0; i < parameters->numParams; i++)
		if (SPI_getargtypeid(prepared->plan, i) != parameters->params[i].ptype)
			return false;
	return true;
}

static void
prepare(EcPrepared *prepared, const char *sql, ParamListInfo parameters,
		const char *search_path)
{
	Oid types[MOST_PARAMETERS];
	SPIPlanPtr plan;

	if (is_prepared(prepared, sql, parameters))
		return;
	if (prepared->plan != NULL)
	{
		SPI_freeplan(prepared->plan);
		prepared->plan = NULL;
		pfree(prepared->sql);
	}
	for (int i = 0; i < parameters->numParams; i++)
		types[i] = parameters->params[i].ptype;
	plan = ec_prepare_planned(sql, parameters->numParams, types,
							  CURSOR_OPT_GENERIC_PLAN, search_path);
	prepared->sql = MemoryContextStrdup(TopMemoryContext, sql);
	SPI_keepplan(plan);
	prepared->plan = plan;
}

uint64
ec_run_prepared(EcPrepared *prepared, const char *sql, ParamListInfo parameters,
				const char *search_path, DestReceiver *receiver,
				EcPathRule *rule, EcPathRule *other_rule)
{
	volatile uint64 processed = 0;

	/* the execution may plan again, so keep the rules on until its end */
	if (rule != NULL)
		ec_path_rule_begin(rule);
	if (other_rule != NULL)
		ec_path_rule_begin(other_rule);
	PG_TRY();
	{
		prepare(prepared, sql, parameters, search_path);
		processed =
			ec_execute_planned(prepared->plan, parameters, search_path, receiver);
	}
	PG_FINALLY();
	{
		ec_path_rules_end();
	}
	PG_END_TRY();
	return processed;
}
