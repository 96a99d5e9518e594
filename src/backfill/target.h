/*
 * target.h
 *		Checks which relations a job can sweep over.
 */
#ifndef EC_BACKFILL_TARGET_H
#define EC_BACKFILL_TARGET_H

#include "utils/rel.h"

#include "backfill/sweep_kind.h"

/*
 * Raise an error if a job of that kind cannot sweep over the relation.
 * Partitions and inheritance children are checked one by one.
 */
extern void ec_check_target(Relation relation, const EcSweepKind *kind);
extern void ec_check_leaf(Relation leaf, Relation root, const EcSweepKind *kind);

/* Does it have BEFORE ROW triggers on UPDATE or DELETE? */
extern bool ec_has_before_trigger(Relation relation, CmdType command);

/* Parses the argument method. */
extern EcMethod ec_parse_method(const char *method);

/*
 * Is a table that has rows read by key, or by blocks?  Raises an error if
 * blocks were requested for a table that is not a heap.
 */
extern bool ec_walks_by_key(Relation leaf, EcMethod method);

#endif
