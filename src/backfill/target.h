/*
 * target.h
 *		Which relations can be backfilled.
 */
#ifndef EC_BACKFILL_TARGET_H
#define EC_BACKFILL_TARGET_H

#include "utils/rel.h"

#include "backfill/sweep_kind.h"

/*
 * Raises the reason if the relation cannot be backfilled.  Partitions and
 * inheritance children are checked one by one.
 */
extern void ec_check_backfill_target(Relation relation);
extern void ec_check_backfill_leaf(Relation leaf, Relation root);

/* The argument method. */
extern EcMethod ec_parse_method(const char *method);

/*
 * Is a table that has rows walked along a key, or over its blocks?  Raises an
 * error if blocks were asked for and would not say where a row is.
 */
extern bool ec_walks_by_key(Relation leaf, EcMethod method);

#endif
