/*
 * mapping.h
 *		{"target_column": "SQL expression over the source row"}: the one form in
 *		which changes, dual writes, copies and verification say what a row
 *		should hold.
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
	Node *analysed; /* the expression over varno 1, coerced; NULL: not yet */
} EcMappedColumn;

/*
 * The mapping's entries as EcMappedColumns, in the order of the target's
 * columns.  Raises errors for all that can be said without parsing SQL.
 */
extern List *ec_mapping_columns(Relation target, const Jsonb *mapping);

/* Of a column that a mapping names; raises an error if there is none. */
extern AttrNumber ec_mapping_attnum(Relation target, const char *name);

/*
 * A column's expression, analysed in the scope of the source row and coerced to
 * the column's type as INSERT and UPDATE do it.  Refuses what is not computed
 * from one row, and what is volatile; pstate tells whether it has sub-selects.
 */
extern Node *ec_mapped_expression(ParseState *pstate, Relation target,
								  const EcMappedColumn *column);

#endif
