/*
 * round_trip.h
 *		Tells whether the target key of a row maps back to the key of the row.
 *
 * If it does not, another row of the source may have the same key in the
 * target. Then the second one would overwrite the first, and deleting either
 * would delete the row of both.  Only the values of the keys show which rows
 * these are.
 */
#ifndef EC_DUALWRITE_TABLES_ROUND_TRIP_H
#define EC_DUALWRITE_TABLES_ROUND_TRIP_H

#include "postgres.h"

#include "executor/executor.h"
#include "utils/rel.h"

#include "dualwrite/tables/route.h"

/*
 * The result is in the route's memory; NULL if there is no backward mapping,
 * or if the key columns are mapped without change.
 */
extern EcRoundTrip *
ec_round_trip(const EcRoute *route, Relation source, Relation target);

/* Prepares the expressions for execution, in the current memory context. */
typedef struct EcRoundTripState EcRoundTripState;

extern EcRoundTripState *ec_round_trip_begin(const EcRoute *route);

/*
 * values are those of the first columns of the route for the row in slot.
 * Returns true if they map back to the row's key, or if they are not
 * sufficient to tell.
 */
extern bool ec_leads_back(EcRoundTripState *state, ExprContext *econtext,
						  TupleTableSlot *slot, const Datum *values,
						  const bool *nulls, int count);

#endif
