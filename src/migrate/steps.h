/*
 * steps.h
 *		The steps of a plan that a worker runs one by one, as stored.
 *
 * The plan is that of lint/plan/plan.h.  It is made when the script is
 * submitted, and stored: what is left to do after an interruption is in the
 * table, whatever the catalog looks like by then.  A step either runs
 * statements of the script, or has SQL of its own.
 *
 * The tables are written as the extension's owner.
 */
#ifndef EC_MIGRATE_STEPS_H
#define EC_MIGRATE_STEPS_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "lint/plan/plan.h"
#include "script/script.h"

#define EC_UP   "up"
#define EC_DOWN "down"

typedef struct EcScriptStep
{
	const char *scope;
	const char *version;
	const char *direction;
	int number; /* from 1 */
	int first;  /* number of the script's first statement that it runs ... */
	int last;   /* ... and of its last, from 1 */
	EcPlanKind kind;
	char *command;      /* for messages */
	char *sql;          /* what it runs; NULL: those statements as they are */
	bool blocks_nobody; /* a planned step whose locks stop neither readers nor
						 * writers, so that it may take its time */
	Jsonb *target;      /* see toplevel_step.c and job_step.c; NULL before the
				    * first attempt */
} EcScriptStep;

/*
 * Raises 0A000 if a statement uses what only the session of an earlier step
 * has.  Another worker may run the next step.
 */
extern void ec_check_steps(const EcScript *script, const EcPlan *plan);

/* Shows the client which steps would be run. */
extern void
ec_show_steps(const EcScript *script, const EcPlan *plan, const char *direction);

/* Inserts the steps of a plan that is to be run. */
extern void
ec_steps_enter(const char *scope, const char *version, const char *direction,
			   const EcScript *script, const EcPlan *plan);

/* Gets the first step that is not done; returns false if all are. */
extern bool ec_steps_next(const char *scope, const char *version,
						  const char *direction, EcScriptStep *step);

/*
 * The number of statements that the script had when its steps were inserted.
 */
extern int ec_steps_statements(const char *scope, const char *version,
							   const char *direction);

/* The number of steps that are done, and of all. */
extern int ec_steps_done(const char *scope, const char *version,
						 const char *direction, int *all);

/*
 * The statements of a step: those of the script, or those of its own SQL, with
 * the place of the script's statement that they stand for.
 */
extern List *ec_step_statements(const EcScriptStep *step, const EcScript *script);

/* Stores the objects of a step, before its first attempt. */
extern void ec_step_set_target(EcScriptStep *step, Jsonb *target);

/*
 * Records that a top-level statement creates this relation, in the same
 * transaction.
 */
extern void ec_step_add_made(const EcScriptStep *step, Oid relation);

/* The settings that it leaves are those of ec_settings_kept; NULL: none. */
extern void ec_step_set_done(const EcScriptStep *step, Jsonb *settings);

/* All that the steps that are done have left set; NULL: nothing. */
extern Jsonb *
ec_steps_settings(const char *scope, const char *version, const char *direction);

#endif
