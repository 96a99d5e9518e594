/*
 * target.h
 *		Which relations can be backfilled.
 */
#ifndef EC_TARGET_H
#define EC_TARGET_H

#include "utils/rel.h"

/*
 * Raises the reason if the relation cannot be backfilled, by blocks or by key.
 * Partitions and inheritance children are checked one by one; by key, there
 * must be none.
 */
extern void ec_check_backfill_target(Relation relation, bool by_key);
extern void ec_check_backfill_leaf(Relation leaf, Relation root);

/* The argument method: by key or by blocks? */
extern bool ec_choose_by_key(Relation relation, const char *method);

#endif
