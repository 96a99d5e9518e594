/*
 * lint_object.h
 *		Looks up objects other than tables, and objects that depend on a table,
 *		for the lint.
 */
#ifndef EC_LINT_LINT_OBJECT_H
#define EC_LINT_LINT_OBJECT_H

#include "postgres.h"

#include "lint/lint_rules.h"

/*
 * Records that the script creates an object: 'f' for functions, 't' for types.
 * 'd': the script has dropped it.
 */
extern EcObject *ec_lint_make_object(EcLint *lint, char kind, List *names);
extern bool ec_lint_is_own_object(EcLint *lint, char kind, List *names);

/*
 * True if a later statement creates a view ('v') or function of this name
 * again.
 */
extern bool ec_lint_comes_back(EcLint *lint, char kind, const char *name,
							   const char *signature);
extern bool ec_lint_function_comes_back(EcLint *lint, ObjectWithArgs *function);

/*
 * Returns the tables with a column of the type; with as_a_whole, typed tables
 * of that row type.
 */
extern List *ec_lint_tables_of_type(EcLint *lint, Oid type, bool as_a_whole);

/*
 * Returns the views that use the relation or, if not 0, the column, directly
 * or through other views.
 */
extern List *ec_lint_views_on(EcLint *lint, EcRelation *relation, int column);

/* Returns the existing function; InvalidOid: none, or several. */
extern Oid ec_lint_find_function(EcLint *lint, ObjectWithArgs *function);

extern bool ec_lint_is_row_type_used(EcRelation *relation);
extern bool ec_lint_is_published(EcRelation *relation);
extern char *ec_lint_dependents(Oid relation);

#endif
