/*
 * identity.h
 *		What tells rows of a change's table apart, in short.
 */
#ifndef EC_DUALWRITE_TABLES_IDENTITY_H
#define EC_DUALWRITE_TABLES_IDENTITY_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/rel.h"

#include "dualwrite/tables/nested.h"
#include "dualwrite/tables/route.h"

/*
 * The same for a row of a partition as for the same row of the whole; relation
 * is the route's source.
 */
extern EcIdentity
ec_identity_of(const EcRoute *route, Relation relation, TupleTableSlot *slot);

#endif
