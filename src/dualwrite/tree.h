/*
 * tree.h
 *		A stored expression as a tree, with numbers for names; see mapping.h.
 */
#ifndef EC_DUALWRITE_TREE_H
#define EC_DUALWRITE_TREE_H

#include "postgres.h"

#include "nodes/nodes.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

/* An analysed expression over a table, columns by their names of today. */
extern char *ec_tree_of(Relation source, Node *expression);

/*
 * And back, over a table whose columns have these names, of String nodes.  NULL
 * where the text has to serve: there is no tree, it is of another cluster or
 * catalogue, not to be trusted, or one of its columns has another type by now.
 */
extern Node *ec_expression_of_tree(Relation source, List *names, const char *tree);

#endif
