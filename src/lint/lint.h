/*
 * lint.h
 *		What breaks code that still runs, loses data or holds others up, found
 *		before anything has run.
 *
 * The statement decides, and the catalogue as the script has changed it so far.
 * No lock is waited for.
 */
#ifndef EC_LINT_LINT_H
#define EC_LINT_LINT_H

#include "postgres.h"

#include "lint/finding.h"

/* Raises 22023 unless phase is a known phase; the hint lists them. */
extern void ec_lint_check_phase(const char *phase);

/* Returns all findings (EcFinding) in the order of the statements. */
extern List *ec_lint_script(const EcScript *script);

/* What each statement locks, scans and rewrites of what is there (EcEffect). */
extern List *ec_lint_script_effects(const EcScript *script);

/*
 * Raises EC_ERRCODE_UNSAFE for the first finding of severity error whose rule
 * is not in allow (of char *).  In phase "contract" everything is allowed.
 */
extern void
ec_lint_require_safe(const EcScript *script, const char *phase, List *allow);

#endif
