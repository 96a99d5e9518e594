/*
 * lint_advice.h
 *		Findings about style, reported only on request.
 */
#ifndef EC_LINT_LINT_ADVICE_H
#define EC_LINT_LINT_ADVICE_H

#include "postgres.h"

#include "lint/lint_rules.h"

/* Adds findings of severity advice about the current statement. */
extern void ec_lint_advise(EcLint *lint, const EcStatement *previous);

#endif
