/*
 * distributed.h
 *		Tables whose rows other software keeps elsewhere.
 */
#ifndef EC_CORE_DISTRIBUTED_H
#define EC_CORE_DISTRIBUTED_H

#include "postgres.h"

/*
 * Is the relation one of Citus's, which lists them in pg_dist_partition?  Their
 * rows are in shards, mostly on other nodes; the relation itself is empty.
 * Takes AccessShareLock on that table for a moment.
 */
extern bool ec_is_distributed(Oid relation);

/*
 * Raises 0A000 if the relation or one of its descendants is distributed.
 * Called by everything that writes a table or watches its writes.
 */
extern void ec_refuse_distributed(Oid relation);

#endif
