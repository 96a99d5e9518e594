/*
 * lint_rows.h
 *		The lint's rules for statements that read and write rows.
 */
#ifndef EC_LINT_LINT_ROWS_H
#define EC_LINT_LINT_ROWS_H

#include "postgres.h"

#include "lint/lint_rules.h"

/* Returns false for all other statements. */
extern bool ec_lint_rows(EcLint *lint, Node *node);

#endif
