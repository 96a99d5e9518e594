/*
 * unique_key.h
 *		Finds the unique indexes whose columns identify a row.
 *
 * None of these functions locks the table.  The caller must hold a lock that
 * prevents changes of its indexes.
 */
#ifndef EC_CORE_UNIQUE_KEY_H
#define EC_CORE_UNIQUE_KEY_H

#include "postgres.h"

#include "access/stratnum.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

/*
 * True if any two committed rows differ in the index's columns: the index is a
 * unique B-tree that is valid, neither deferrable nor partial, and has no
 * expressions.  Rows with NULLs may be alike.
 */
extern bool ec_is_unique_key(Relation index);

/*
 * Returns the attribute numbers of each unique key of a table whose columns are
 * all NOT NULL by valid constraints, starting with the
 * primary key.
 */
extern List *ec_find_keys(Relation relation);

/*
 * Returns the operator of the index's column i (from 0) for a B-tree strategy,
 * as in OPERATOR(pg_catalog.=); NULL if its operator class has none.
 */
extern char *
ec_index_operator_name(Relation index, int i, StrategyNumber strategy);

#endif
