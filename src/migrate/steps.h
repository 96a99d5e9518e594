/*
 * steps.h
 *		The steps of a mixed script, which a worker runs one by one.
 *
 * Statements that share a transaction are one step.  A statement that cannot
 * run in a transaction block is a step of its own, and so is ALTER TYPE ADD
 * VALUE, because the new value cannot be used before the commit.
 *
 * The tables are written as the extension's owner.
 */
#ifndef EC_MIGRATE_STEPS_H
#define EC_MIGRATE_STEPS_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/jsonb.h"

#include "script/script.h"

#define EC_UP   "up"
#define EC_DOWN "down"

typedef struct EcScriptStep
{
	const char *scope;
	const char *version;
	const char *direction;
	int number; /* from 1 */
	int first;  /* number of its first statement ... */
	int last;   /* ... and of its last, from 1 */
	bool is_top_level;
	char *command; /* for messages */
	Jsonb *target; /* see toplevel_step.c; NULL before the first attempt */
} EcScriptStep;

/* Returns the steps of a script (EcScriptStep). */
extern List *ec_plan_steps(const EcScript *script);

/* Shows the client which steps would be run. */
extern void ec_show_steps(const EcScript *script, const char *direction);

/* Inserts the steps of a script that is to be run. */
extern void ec_steps_enter(const char *scope, const char *version,
						   const char *direction, const EcScript *script);

/* Gets the first step that is not done; returns false if all are. */
extern bool ec_steps_next(const char *scope, const char *version,
						  const char *direction, EcScriptStep *step);

/*
 * The number of statements that the script had when its steps were inserted.
 */
extern int ec_steps_statements(const char *scope, const char *version,
							   const char *direction);

/* The number of statements that are done. */
extern int
ec_steps_done(const char *scope, const char *version, const char *direction);

/* Stores the objects of a top-level statement, before its first attempt. */
extern void ec_step_set_target(EcScriptStep *step, Jsonb *target);

/*
 * Records that a top-level statement creates this relation, in the same
 * transaction.
 */
extern void ec_step_add_made(const EcScriptStep *step, Oid relation);

extern void ec_step_set_done(const EcScriptStep *step);

#endif
