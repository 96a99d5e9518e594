/*
 * round_trip.h
 *		Does the key that a row gets in the other table lead back to the row?
 *
 * Where it does not, another row may have the same one there: the second would
 * overwrite the first, and the delete of either take it away.  Which rows these
 * are, only their keys can tell.
 */
#ifndef EC_DUALWRITE_TABLES_ROUND_TRIP_H
#define EC_DUALWRITE_TABLES_ROUND_TRIP_H

#include "postgres.h"

#include "executor/executor.h"
#include "utils/rel.h"

#include "dualwrite/tables/route.h"

/*
 * In the route's memory; NULL where there is no mapping back, or where columns
 * are mapped as they are.
 */
extern EcRoundTrip *
ec_round_trip(const EcRoute *route, Relation source, Relation target);

/* The same, ready to be computed, in the current memory context. */
typedef struct EcRoundTripState EcRoundTripState;

extern EcRoundTripState *ec_round_trip_begin(const EcRoute *route);

/*
 * The first so many columns of the route have these values for the row in slot.
 * True if that leads back, or if they do not say.
 */
extern bool ec_leads_back(EcRoundTripState *state, ExprContext *econtext,
						  TupleTableSlot *slot, const Datum *values,
						  const bool *nulls, int count);

#endif
