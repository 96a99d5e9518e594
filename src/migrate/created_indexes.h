/*
 * created_indexes.h
 *		Records the indexes that a top-level statement has created.
 */
#ifndef EC_MIGRATE_CREATED_INDEXES_H
#define EC_MIGRATE_CREATED_INDEXES_H

#include "postgres.h"

#include "migrate/steps.h"

typedef struct EcMade
{
	int left;        /* number that exist */
	int valid;       /* of these, number that are valid */
	int named;       /* valid, with the name given at creation */
	List *leftovers; /* names (char *) of indexes to drop */
} EcMade;

/* Runs a top-level statement, and records what it creates for the step. */
extern void ec_run_noting_made(const EcScriptStep *step, const char *sql);

/*
 * Reports what exists of the relations that the step has created.  If a
 * REINDEX has exchanged the indexes but not dropped the old ones, the
 * leftovers include these: they are renamed, and invalid now but not before.
 */
extern void ec_look_at_made(const EcScriptStep *step, EcMade *made);

/*
 * Call outside of a transaction; waits for transactions that may still use
 * them.
 */
extern void ec_drop_leftovers(List *names);

/*
 * The relations on which the first step of a migration was stopped half-way,
 * as a list for a message; NULL if there are none.
 */
extern char *ec_left_by_first_step(const char *scope, const char *version);

#endif
