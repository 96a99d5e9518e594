/*
 * steps.h
 *		The steps of a mixed script: what a worker runs piece by piece.
 *
 * Statements that share a transaction are one step; one that cannot run in a
 * transaction is a step of its own, and so is ALTER TYPE ADD VALUE, whose
 * value is of no use before the commit.
 *
 * What is written here, is written as the extension's owner.
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
	int first;  /* statement ... */
	int last;   /* ... and last one, from 1 */
	bool is_top_level;
	char *command; /* for people */
	Jsonb *target; /* see toplevel_step.c; NULL before the first try */
} EcScriptStep;

/* What the steps of a script are, of EcScriptStep. */
extern List *ec_plan_steps(const EcScript *script);

/* Tell the client what would be run. */
extern void ec_show_steps(const EcScript *script, const char *direction);

/* Enter the steps of a script that is to be run. */
extern void ec_steps_enter(const char *scope, const char *version,
						   const char *direction, const EcScript *script);

/* The first step that is not done; false if all are. */
extern bool ec_steps_next(const char *scope, const char *version,
						  const char *direction, EcScriptStep *step);

/* How many statements the script had when its steps were entered. */
extern int ec_steps_statements(const char *scope, const char *version,
							   const char *direction);

/* How many statements are done. */
extern int
ec_steps_done(const char *scope, const char *version, const char *direction);

/* Remember what a top-level statement is about, before it is tried. */
extern void ec_step_set_target(EcScriptStep *step, Jsonb *target);

/* A top-level statement is creating this relation, in this transaction. */
extern void ec_step_add_made(const EcScriptStep *step, Oid relation);

extern void ec_step_set_done(const EcScriptStep *step);

#endif
