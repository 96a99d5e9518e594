/*
 * target.h
 *		Checks which relations can be backfilled.
 */
#ifndef EC_BACKFILL_TARGET_H
#define EC_BACKFILL_TARGET_H

#include "utils/rel.h"

#include "backfill/sweep_kind.h"

/*
 * Raise an error if the relation cannot be backfilled.  Partitions and
 * inheritance children are checked one by one.
 */
extern void ec_check_backfill_target(Relation relation);
extern void ec_check_backfill_leaf(Relation leaf, Relation root);

/* Parses the argument method. */
extern EcMethod ec_parse_method(const char *method);

/*
 * Is a table that has rows read by key, or by blocks?  Raises an error if
 * blocks were requested for a table that is not a heap.
 */
extern bool ec_walks_by_key(Relation leaf, EcMethod method);

#endif
