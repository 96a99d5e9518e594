/*
 * mapping.h
 *		{"target_column": "SQL expression over the source row"}: the format in
 *		which changes, dual writes, copies and verification say what a row
 *		should contain.
 */
#ifndef EC_CORE_MAPPING_H
#define EC_CORE_MAPPING_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "parser/parse_node.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

/* A column of the target and the expression that it must equal. */
typedef struct EcMappedColumn
{
	AttrNumber attnum;
	char *name;
	char *expression; /* as given */
	Node *analysed;   /* the expression over varno 1, coerced to the column's
					   * type; NULL before analysis */

	/* for a change only: set by ec_mapping_analyse, dualwrite/mapping.h */
	char *stored;     /* the expression with qualified names */
	char *tree;       /* the expression as a node tree */
	Bitmapset *reads; /* attribute numbers of the source */
	List *calls;      /* signatures (char *) of the user-defined functions that
					   * it calls */
} EcMappedColumn;

/*
 * Returns the mapping's entries as EcMappedColumns, ordered by the target's
 * attribute numbers.  argument names the mapping in error messages.  Raises all
 * errors that can be found without parsing SQL.
 */
extern List *
ec_mapping_columns(Relation target, const Jsonb *mapping, const char *argument);

/*
 * The number of a column that a mapping names; raises an error if there is
 * none.
 */
extern AttrNumber ec_mapping_attnum(Relation target, const char *name);

/* Returns "expression for column ...", to name it in error messages. */
extern char *ec_expression_name(const EcMappedColumn *column);

/*
 * Coerces an expression to the type of a column, as INSERT and UPDATE do, and
 * assigns collations.
 */
extern Node *ec_coerce_to_column(ParseState *pstate, Node *expression,
								 Relation target, AttrNumber attnum);

/*
 * Raises an error if the expression, transformed in pstate, is not computed from
 * one row; with_subselects tells whether sub-selects are allowed.
 */
extern void ec_require_one_row(ParseState *pstate, const EcMappedColumn *column,
							   bool with_subselects);

/*
 * Analyses a column's expression with the source row in scope, and coerces it
 * to the column's type as INSERT and UPDATE do.  Raises an error if the
 * expression is not computed from one row or is volatile.  Afterwards pstate
 * tells whether it has sub-selects.
 */
extern Node *ec_mapped_expression(ParseState *pstate, Relation target,
								  const EcMappedColumn *column);

#endif
