/*
 * tree.h
 *		Stores an expression as a node tree, in which objects are OIDs; see
 *		mapping.h.
 */
#ifndef EC_DUALWRITE_TREE_H
#define EC_DUALWRITE_TREE_H

#include "postgres.h"

#include "nodes/nodes.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

/*
 * Makes a tree of an analysed expression over a table, with its current column
 * names.
 */
extern char *ec_tree_of(Relation source, Node *expression);

/*
 * Reads a tree, for a table whose columns have these names (String nodes).
 * Returns NULL if the text form must be used instead: there is no tree, it
 * comes from another cluster or catalog version, it is not trusted, or a
 * column has another type now.
 */
extern Node *ec_expression_of_tree(Relation source, List *names, const char *tree);

#endif
