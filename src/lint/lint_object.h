/*
 * lint_object.h
 *		What the lint knows of objects other than tables, and of what depends on
 *		a table.
 */
#ifndef EC_LINT_LINT_OBJECT_H
#define EC_LINT_LINT_OBJECT_H

#include "postgres.h"

#include "lint/lint_rules.h"

/* The script makes it: 'f' functions, 't' types; 'd': it has dropped it. */
extern void ec_lint_make_object(EcLint *lint, char kind, List *names);
extern bool ec_lint_is_own_object(EcLint *lint, char kind, List *names);

/* A later statement makes a view ('v') or function of the name again. */
extern bool ec_lint_comes_back(EcLint *lint, char kind, const char *name,
							   const char *signature);
extern bool ec_lint_function_comes_back(EcLint *lint, ObjectWithArgs *function);

/* Tables with a column of the type; as a whole: of that row type. */
extern List *ec_lint_tables_of_type(EcLint *lint, Oid type, bool as_a_whole);

/* Views, and those on them, over the relation or one of its columns (not 0). */
extern List *ec_lint_views_on(EcLint *lint, EcRelation *relation, int column);

extern bool ec_lint_is_row_type_used(EcRelation *relation);
extern bool ec_lint_is_published(EcRelation *relation);
extern char *ec_lint_dependents(Oid relation);

#endif
