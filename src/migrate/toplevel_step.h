/*
 * toplevel_step.h
 *		A top-level statement as a step: can be tried again after whatever
 *		stopped it.
 */
#ifndef EC_MIGRATE_TOPLEVEL_STEP_H
#define EC_MIGRATE_TOPLEVEL_STEP_H

#include "postgres.h"

#include "migrate/steps.h"

/*
 * Bring the statement to its end, as the present user, whatever earlier tries
 * have left.  Call outside of a transaction, in a memory context that outlives
 * those of the statement.  what names the migration in errors.
 */
extern void ec_run_top_level_step(EcScriptStep *step,
								  const EcStatement *statement, const char *what);

/*
 * Drop what a try that has failed has left invalid.  The same conditions; an
 * error leaves an aborted transaction to the caller.
 */
extern void ec_clean_top_level_step(const EcScriptStep *step);

#endif
