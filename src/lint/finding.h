/*
 * finding.h
 *		What the lint has found about a statement.
 */
#ifndef EC_LINT_FINDING_H
#define EC_LINT_FINDING_H

#include "postgres.h"

#include "storage/lockdefs.h"

#include "script/script.h"

/* Phase "contract" is where the old schema may go. */
#define EC_DEPLOY_EXPAND   "expand"
#define EC_DEPLOY_CONTRACT "contract"

typedef enum EcSeverity
{
	EC_SEVERITY_ADVICE,  /* a matter of style; told only to those who ask */
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
	Oid relation;       /* InvalidOid: none, or not there (yet) */
	LOCKMODE lock;      /* on the relation; NoLock: does not matter */
	bool rewrites;      /* the table */
	bool scans;         /* the table, under that lock */
	char *detail;       /* a sentence without its full stop */
	char *recipe;       /* how to do it safely, as SQL; NULL: see phase */
	bool is_removal;    /* right once nobody needs it any more */
	bool is_about_time; /* nobody notices it where the table is small */
} EcFinding;

#endif
