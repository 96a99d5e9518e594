/*
 * mapping.h
 *		Mappings: {"target_column": "SQL expression over the source row"}.
 *
 * An expression is analysed twice.  ec_expand analyses it as the caller wrote
 * it, with his search_path, and stores it with every name qualified that is
 * not in pg_catalog.  From then on it is analysed under search_path =
 * pg_catalog, pg_temp and with the column names of that time, so that neither
 * a writer's search_path nor a renamed column changes its meaning.
 *
 * It is stored in two forms.  The text can be used everywhere, also after a
 * dump and an upgrade.  The tree is a node tree as the server stores it for
 * defaults and views.  It contains OIDs of functions, types and enum values,
 * so those can be renamed.  It is valid only in the cluster and with the
 * catalog version in which it was made, and is preferred there.  A tree is
 * trusted only if the table that holds it belongs to a superuser.
 *
 * The expression is evaluated under the settings that the session had in
 * ec_expand (pinned.h), so functions of the server may depend on these.
 */
#ifndef EC_DUALWRITE_MAPPING_H
#define EC_DUALWRITE_MAPPING_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/rel.h"

#include "core/mapping.h"
#include "model/change.h"

/*
 * Analyses and checks a mapping as the caller, and returns its columns as
 * EcMappedColumns, in the order of the target's columns.  argument is "forward"
 * or "backward", for error messages.  identity: a column GENERATED ALWAYS AS
 * IDENTITY may be written, since it will not be one when it is.
 */
extern List *
ec_mapping_analyse(Relation source, Relation target, const Jsonb *mapping,
				   const char *argument, bool identity);

/*
 * Analyses a stored expression for a column of target.  names are the source's
 * column names as String nodes, empty for positions without a known column.
 *
 * Raises 42725 if the text resolves to a user-defined function that is not
 * among calls.  Otherwise anyone who may create functions in the same schema
 * could add an overload that matches better, and writers would run it.
 */
extern Node *ec_mapping_reparse(Relation source, List *names, Relation target,
								AttrNumber attnum, const EcChangeColumn *known);

/*
 * Deparses an expression over the source with current names, to be used with
 * EC_OWN_SEARCH_PATH.  Raises 42725 if the text would resolve to a function
 * other than that of the expression.
 */
extern char *
ec_mapping_write(Relation source, Node *expression, const char *column);

/*
 * Returns the settings of this session that the expressions depend on.  With
 * with_path, this includes search_path if the expressions call a user-defined
 * function that does not set its own.
 */
extern Jsonb *ec_mapping_settings(List *columns, bool with_path);

#endif
