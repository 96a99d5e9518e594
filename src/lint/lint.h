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

/* Raise 22023 unless phase is a phase, with the known ones as the hint. */
extern void ec_lint_check_phase(const char *phase);

/* All findings (EcFinding) in the order of the statements. */
extern List *ec_lint_script(const EcScript *script);

/* What each statement locks, scans and rewrites of what is there (EcEffect). */
extern List *ec_lint_script_effects(const EcScript *script);

/*
 * Raise EC_ERRCODE_UNSAFE for the first finding that is an error and whose
 * rule is not in allow (of char *).  In phase "contract" all is allowed.
 */
extern void
ec_lint_require_safe(const EcScript *script, const char *phase, List *allow);

#endif
