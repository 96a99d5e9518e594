/*
 * plan.h
 *		The online plan of a script: what ec_apply runs in place of statements
 *		that would make other sessions wait.
 *
 * Each statement that would block others for as long as a large table is read
 * or written becomes a sequence of steps that block nobody for long.  All
 * other statements stay as they are.  The steps have the same result in the
 * catalog as the statements.  A plan depends on the catalog at this moment, so
 * it is stored with the migration and not made again.
 *
 * Takes no lock that is waited for, and runs nothing.
 */
#ifndef EC_LINT_PLAN_PLAN_H
#define EC_LINT_PLAN_PLAN_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"

#include "script/script.h"

typedef enum EcPlanKind
{
	EC_PLAN_TRANSACTION, /* one or more statements in a transaction of their
						  * own */
	EC_PLAN_TOP_LEVEL,   /* one statement that cannot run in a transaction */
	EC_PLAN_JOB /* one SELECT that submits a job and returns its number;
						  * done when the job is done */
} EcPlanKind;

typedef struct EcPlanStep
{
	int number; /* from 1 */
	int first;  /* number of the script's statement, from 1 ... */
	int last;   /* ... and of the last one, if they share a transaction */
	bool is_as_written; /* the step runs these statements of the script */
	EcPlanKind kind;
	char *sql;       /* what is run, without the last semicolon */
	StringInfo text; /* of sql, where it has several statements; see below */
	char *undo;    /* SQL that takes the step back; NULL: none is known; empty:
				    * there is nothing to take back */
	LOCKMODE lock; /* the strongest one, on the relation; NoLock: none that
				    * blocks others */
	Oid relation;  /* InvalidOid: none, or it does not exist yet */
	bool rewrites; /* the relation, under that lock */
	bool scans;
	char *detail; /* what the step is for, a sentence without its full stop */
} EcPlanStep;

typedef struct EcPlan
{
	List *steps;    /* EcPlanStep */
	bool is_online; /* the script does not run as written, in one transaction */
	List *refused;  /* EcFinding: statements that would block others and have no
				     * online way */
} EcPlan;

/*
 * Appends a statement to a step's SQL.  A step can have many thousands of
 * them, so its text grows in place.
 */
extern void ec_plan_append(EcPlanStep *step, const char *sql);

/*
 * Plans a script that has no forbidden statement.  Each statement has at least
 * one step, and steps are in the order of the statements.
 */
extern EcPlan *ec_plan_script(const EcScript *script);

/* The same as if no table were small. */
extern EcPlan *ec_plan_if_large(const EcScript *script);

/* The same without online ways: all statements run as they are. */
extern EcPlan *ec_plan_as_written(const EcScript *script);

#endif
