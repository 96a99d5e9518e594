/*
 * index_parts.h
 *		The expressions and the predicate of an index.
 *
 * The server folds their constants when they are read first in a session: it
 * runs the IMMUTABLE functions of whoever owns the table.  So they are read with
 * the rights of the owner (rights.h), whoever calls.
 */
#ifndef EC_CORE_INDEX_PARTS_H
#define EC_CORE_INDEX_PARTS_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"

/* Like RelationGetIndexExpressions and RelationGetIndexPredicate. */
extern List *ec_index_expressions(Relation index);
extern List *ec_index_predicate(Relation index);

#endif
