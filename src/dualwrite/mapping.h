/*
 * mapping.h
 *		Mappings: {"target_column": "SQL expression over the source row"}.
 *
 * An expression is analysed twice.  At ec_expand as the caller wrote it, with
 * his search_path; it is kept with every name spelled out that is not
 * pg_catalog's.  From then on under search_path = pg_catalog, pg_temp and
 * against the column names of that day, so that neither a writer's
 * search_path nor a renamed column changes what it means.
 *
 * It is kept in two forms.  Text is good everywhere, after a dump and an upgrade
 * too.  A tree is what the server keeps of a default or a view: it has numbers
 * for functions, types and values of enums, so that these can be renamed; it is
 * good in the cluster and for the catalogue version that it was made in, and
 * wins there.  A tree is trusted as far as its table is, so only where that
 * belongs to a superuser.
 *
 * It is evaluated under the settings of the session of ec_expand (pinned.h), so
 * that functions of the server may read these.
 */
#ifndef EC_DUALWRITE_MAPPING_H
#define EC_DUALWRITE_MAPPING_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/bitmapset.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/rel.h"

#include "model/change.h"

/* One entry of a mapping. */
typedef struct EcMappingEntry
{
	char *column;
	AttrNumber attnum; /* in the target */
	char *text;        /* the expression as given */
	char *stored;      /* the same with every name spelled out */
	char *tree;        /* the same as a tree */
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
 * its text calls a function that is not of the server's and not among calls: whoever
 * may create functions beside those in the expression could put a better match
 * there, for writers to run.
 */
extern Node *ec_mapping_reparse(Relation source, List *names, Relation target,
								AttrNumber attnum, const EcChangeColumn *known);

/*
 * An expression over the source as SQL of today, to be read with
 * EC_OWN_SEARCH_PATH.  42725 if it would call another function than it does.
 */
extern char *
ec_mapping_write(Relation source, Node *expression, const char *column);

/*
 * The settings of this session for the expressions of these entries; with_path:
 * its search_path as well, if a user's function in them has none of its own.
 */
extern Jsonb *ec_mapping_settings(List *entries, bool with_path);

#endif
