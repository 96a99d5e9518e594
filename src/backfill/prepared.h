/*
 * prepared.h
 *		Statements of batches: prepared once, and given to a receiver.
 */
#ifndef EC_BACKFILL_PREPARED_H
#define EC_BACKFILL_PREPARED_H

#include "postgres.h"

#include "nodes/params.h"
#include "tcop/dest.h"

#include "backfill/paths.h"

/* Made again when its text or the types of its parameters change. */
typedef struct EcPrepared
{
	char *sql;
	struct _SPI_plan *plan;
} EcPrepared;

/* Parameters, none at first. */
extern ParamListInfo ec_parameters(int most);
extern void ec_add_parameter(ParamListInfo parameters, Oid type, Datum value);

/*
 * Run it with a generic plan, as the caller, in his SPI connection, while these
 * rules are on (NULL: none); planned with the search_path, see planned.h.
 * Returns the rows that it gave or changed.
 */
extern uint64
ec_run_prepared(EcPrepared *prepared, const char *sql, ParamListInfo parameters,
				const char *search_path, DestReceiver *receiver,
				EcPathRule *rule, EcPathRule *other_rule);

#endif
