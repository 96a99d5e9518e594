/*
 * finding.h
 *		A finding of the lint about a statement.
 */
#ifndef EC_LINT_FINDING_H
#define EC_LINT_FINDING_H

#include "postgres.h"

#include "storage/lockdefs.h"

#include "script/script.h"

/* The old schema may be removed only in phase "contract". */
#define EC_DEPLOY_EXPAND   "expand"
#define EC_DEPLOY_CONTRACT "contract"

typedef enum EcSeverity
{
	EC_SEVERITY_ADVICE,  /* a matter of style; reported only on request */
	EC_SEVERITY_NOTICE,  /* harmless, because the table is small */
	EC_SEVERITY_WARNING, /* makes other sessions wait */
	EC_SEVERITY_ERROR    /* ec_apply rejects it in phase "expand" */
} EcSeverity;

typedef struct EcFinding
{
	const EcStatement *statement;
	const char *command; /* the statement's usual name */
	const char *rule;
	EcSeverity severity;
	Oid relation;       /* InvalidOid: none, or it does not exist (yet) */
	LOCKMODE lock;      /* on the relation; NoLock: not relevant */
	bool rewrites;      /* the table */
	bool scans;         /* the table, under that lock */
	char *detail;       /* a sentence without its full stop */
	char *recipe;       /* SQL of a safe way; NULL: none, see phase */
	bool is_removal;    /* allowed when nothing uses the object any more */
	bool is_about_time; /* harmless if the table is small */
} EcFinding;

#endif
