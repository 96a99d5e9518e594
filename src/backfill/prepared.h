/*
 * prepared.h
 *		Statements of batches, which are prepared once.
 */
#ifndef EC_BACKFILL_PREPARED_H
#define EC_BACKFILL_PREPARED_H

#include "postgres.h"

#include "nodes/params.h"
#include "tcop/dest.h"

#include "backfill/paths.h"

/* Prepared again when its text or the types of its parameters change. */
typedef struct EcPrepared
{
	char *sql;
	struct _SPI_plan *plan;
} EcPrepared;

/* Creates an empty parameter list. */
extern ParamListInfo ec_parameters(int most);
extern void ec_add_parameter(ParamListInfo parameters, Oid type, Datum value);

/*
 * Runs the statement with a generic plan, as the caller, in his SPI
 * connection, with these path rules (NULL: none) and planned with this
 * search_path (see planned.h).  Returns the number of rows that it returned or
 * changed.
 */
extern uint64
ec_run_prepared(EcPrepared *prepared, const char *sql, ParamListInfo parameters,
				const char *search_path, DestReceiver *receiver,
				EcPathRule *rule, EcPathRule *other_rule);

#endif
