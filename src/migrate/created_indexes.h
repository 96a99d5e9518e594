/*
 * created_indexes.h
 *		The indexes that a top-level statement has made.
 */
#ifndef EC_MIGRATE_CREATED_INDEXES_H
#define EC_MIGRATE_CREATED_INDEXES_H

#include "postgres.h"

#include "migrate/steps.h"

typedef struct EcMade
{
	int left;        /* that are there */
	int valid;       /* of these */
	int named;       /* valid under the name that they were made with */
	List *leftovers; /* names (char *) of what is to be dropped */
} EcMade;

/* Run a top-level statement; what it creates is recorded as the step's. */
extern void ec_run_noting_made(const EcScriptStep *step, const char *sql);

/*
 * What is there of that which the step has created.  Of a REINDEX that has
 * exchanged the indexes but not dropped the old ones, these are left: invalid,
 * renamed, and not invalid before.
 */
extern void ec_look_at_made(const EcScriptStep *step, EcMade *made);

/* Outside of a transaction; waits for those who may still use them. */
extern void ec_drop_leftovers(List *names);

/*
 * The relations that the first step of a migration was stopped in the middle
 * of, as a list for a message; NULL: none.
 */
extern char *ec_left_by_first_step(const char *scope, const char *version);

#endif
