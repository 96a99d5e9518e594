/*
 * lint_advice.h
 *		Matters of style, for those who ask for them.
 */
#ifndef EC_LINT_LINT_ADVICE_H
#define EC_LINT_LINT_ADVICE_H

#include "postgres.h"

#include "lint/lint_rules.h"

/* Findings of severity advice about the present statement. */
extern void ec_lint_advise(EcLint *lint, const EcStatement *previous);

#endif
