/*
 * lint_rows.h
 *		What the lint says of statements that read and write rows.
 */
#ifndef EC_LINT_LINT_ROWS_H
#define EC_LINT_LINT_ROWS_H

#include "postgres.h"

#include "lint/lint_rules.h"

/* False: the statement is none of these. */
extern bool ec_lint_rows(EcLint *lint, Node *node);

#endif
