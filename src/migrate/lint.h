/*
 * lint.h
 *		What breaks code that still runs, found before anything has run.
 *
 * This is the seed of ec_lint: rules that the statement itself decides.  What
 * needs the catalogue (locks, rewrites, scans) comes with ec_lint.
 */
#ifndef EC_LINT_H
#define EC_LINT_H

#include "postgres.h"

#include "migrate/script.h"

/* Phase "contract" is where the old schema may go. */
#define EC_PHASE_EXPAND   "expand"
#define EC_PHASE_CONTRACT "contract"

/* Raise 22023 unless phase is a phase, with the known ones as the hint. */
extern void ec_lint_check_phase(const char *phase);

/* Raise 22023 unless each name (char *) is a rule, with the known ones. */
extern void ec_lint_check_rules(List *names);

/*
 * Raise EC_ERRCODE_UNSAFE for the first statement that breaks a rule which is
 * not in allow (of char *).  In phase "contract" all is allowed.
 */
extern void
ec_lint_require_safe(const EcScript *script, const char *phase, List *allow);

#endif
