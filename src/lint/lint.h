/*
 * lint.h
 *		Finds statements that break running code, lose data, or make other
 *		sessions wait, before any statement has run.
 *
 * A finding depends on the statement, and on the catalog as changed by the
 * preceding statements of the script.  The lint does not wait for locks.
 */
#ifndef EC_LINT_LINT_H
#define EC_LINT_LINT_H

#include "postgres.h"

#include "lint/finding.h"

/* Raises 22023 unless phase is a known phase; the hint lists them. */
extern void ec_lint_check_phase(const char *phase);

/*
 * Returns all findings (EcFinding) in the order of the statements.  online:
 * what blocks others is done online where that is possible.
 */
extern List *ec_lint_script(const EcScript *script, bool online);

/*
 * Returns what each statement locks, scans and rewrites of existing relations
 * (EcEffect).
 */
extern List *ec_lint_script_effects(const EcScript *script);

/*
 * Raises EC_ERRCODE_UNSAFE for the first finding of severity error whose rule
 * is not in allow (of char *).  In phase "contract" everything is allowed.
 */
extern void ec_lint_require_safe(const EcScript *script, const char *phase,
								 List *allow, bool online);

/*
 * The same for the statements that a plan has refused (EcFinding, or NIL):
 * they would block others for long, and there is no online way.
 */
extern void ec_lint_require_possible(const EcScript *script, const char *phase,
									 List *allow, List *refused);

#endif
