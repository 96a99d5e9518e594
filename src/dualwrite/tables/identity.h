/*
 * identity.h
 *		A hash that identifies a row of a change's table.
 */
#ifndef EC_DUALWRITE_TABLES_IDENTITY_H
#define EC_DUALWRITE_TABLES_IDENTITY_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/rel.h"

#include "dualwrite/tables/nested.h"
#include "dualwrite/tables/route.h"

/*
 * The result does not depend on the partition that holds the row.  relation is
 * the route's source.
 */
extern EcIdentity
ec_identity_of(const EcRoute *route, Relation relation, TupleTableSlot *slot);

#endif
