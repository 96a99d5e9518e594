/*
 * unique_key.h
 *		Which unique indexes tell rows apart.
 *
 * None of these functions locks the table; the caller has a lock on it that
 * keeps its indexes.
 */
#ifndef EC_CORE_UNIQUE_KEY_H
#define EC_CORE_UNIQUE_KEY_H

#include "postgres.h"

#include "access/stratnum.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

/*
 * Does the index let every committed row differ from every other in its columns?
 * It is a unique btree that is valid, not deferrable, not partial, and without
 * expressions.  NULL differs from NULL: see ec_key_columns.
 */
extern bool ec_is_unique_key(Relation index);

/*
 * The attribute numbers of a unique key whose columns are all NOT NULL, by
 * constraints that are valid; NIL if the index is no such key.
 */
extern List *ec_key_columns(Relation relation, Relation index);

/* These lists for all such indexes of a table, that of the primary key first. */
extern List *ec_find_keys(Relation relation);

/*
 * The operator that an index uses for its column i (from 0) and a strategy of
 * btree, as in OPERATOR(pg_catalog.=); NULL if its operator class has none.
 */
extern char *
ec_index_operator_name(Relation index, int i, StrategyNumber strategy);

#endif
