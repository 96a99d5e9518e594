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

/* A column and the expression that it must equal. */
typedef struct EcMappedColumn
{
	AttrNumber attnum;
	char *name;
	char *expression;
	Node *analysed; /* the expression over varno 1, coerced; NULL before
					 * analysis */
} EcMappedColumn;

/*
 * Returns the mapping's entries as EcMappedColumns, ordered by the target's
 * attribute numbers.  Raises all errors that can be found without parsing SQL.
 */
extern List *ec_mapping_columns(Relation target, const Jsonb *mapping);

/*
 * The number of a column that a mapping names; raises an error if there is
 * none.
 */
extern AttrNumber ec_mapping_attnum(Relation target, const char *name);

/*
 * Analyses a column's expression with the source row in scope, and coerces it
 * to the column's type as INSERT and UPDATE do.  Raises an error if the
 * expression is not computed from one row or is volatile.  Afterwards pstate
 * tells whether it has sub-selects.
 */
extern Node *ec_mapped_expression(ParseState *pstate, Relation target,
								  const EcMappedColumn *column);

#endif
