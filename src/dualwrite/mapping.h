/*
 * mapping.h
 *		Mappings: {"target_column": "SQL expression over the source row"}.
 *
 * An expression is analysed twice.  At ec_expand as the caller wrote it, with
 * his search_path; it is kept with every name spelled out that is not
 * pg_catalog's.  From then on under search_path = pg_catalog, pg_temp and
 * against the column names of that day, so that neither a writer's
 * search_path nor a renamed column changes what it means.
 */
#ifndef EC_DUALWRITE_MAPPING_H
#define EC_DUALWRITE_MAPPING_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

/* One entry of a mapping. */
typedef struct EcMappingEntry
{
	char *column;
	AttrNumber attnum; /* in the target */
	char *text;        /* the expression as given */
	char *stored;      /* the same with every name spelled out */
	Node *expression;  /* analysed, coerced to the column */
	Bitmapset *reads;  /* attribute numbers of the source */
	List *calls;       /* signatures of the users' functions in it, of char * */
} EcMappingEntry;

/*
 * Check a mapping as the caller; argument ("forward") names it in errors.
 * Entries come in the order of the target's columns.
 */
extern List *ec_mapping_analyse(Relation source, Relation target,
								const Jsonb *mapping, const char *argument);

/*
 * Analyse a stored expression for a column of target.  names are the source's
 * column names, of String nodes, an empty one where there is none.  42725 if
 * it calls a function that is not of the server's and not among calls: whoever
 * may create functions beside those in the expression could put a better match
 * there, for writers to run.
 */
extern Node *ec_mapping_reparse(Relation source, List *names, Relation target,
								AttrNumber attnum, const char *stored,
								const char *column, List *calls);

#endif
