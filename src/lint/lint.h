/*
 * lint.h
 *		What breaks code that still runs, loses data or holds others up, found
 *		before anything has run.
 *
 * The statement decides, and the catalogue as it is before the script.  No
 * lock is waited for.
 */
#ifndef EC_LINT_LINT_H
#define EC_LINT_LINT_H

#include "postgres.h"

#include "script/script.h"
#include "storage/lockdefs.h"

/* Phase "contract" is where the old schema may go. */
#define EC_DEPLOY_EXPAND   "expand"
#define EC_DEPLOY_CONTRACT "contract"

typedef enum EcSeverity
{
	EC_SEVERITY_NOTICE,  /* harmless for a table as small as this one */
	EC_SEVERITY_WARNING, /* holds others up */
	EC_SEVERITY_ERROR    /* ec_apply refuses it in phase "expand" */
} EcSeverity;

typedef struct EcFinding
{
	const EcStatement *statement;
	const char *command; /* what a user calls the statement */
	const char *rule;
	EcSeverity severity;
	Oid relation;    /* InvalidOid: none, or not there (yet) */
	LOCKMODE lock;   /* on the relation; NoLock: does not matter */
	bool rewrites;   /* the table */
	bool scans;      /* the table, under that lock */
	char *detail;    /* a sentence without its full stop */
	char *recipe;    /* how to do it safely, as SQL; NULL: see phase */
	bool is_removal; /* right once nobody needs it any more */
} EcFinding;

/* Raise 22023 unless phase is a phase, with the known ones as the hint. */
extern void ec_lint_check_phase(const char *phase);

/* Raise 22023 unless each name (char *) is a rule, with the known ones. */
extern void ec_lint_check_rules(List *names);

/* All findings (EcFinding) in the order of the statements. */
extern List *ec_lint_script(const EcScript *script);

/*
 * Raise EC_ERRCODE_UNSAFE for the first finding that is an error and whose
 * rule is not in allow (of char *).  In phase "contract" all is allowed.
 */
extern void
ec_lint_require_safe(const EcScript *script, const char *phase, List *allow);

#endif
