/*
 * toplevel_step.h
 *		Runs a top-level statement as a step, so that it can be repeated after
 *		any interruption.
 */
#ifndef EC_MIGRATE_TOPLEVEL_STEP_H
#define EC_MIGRATE_TOPLEVEL_STEP_H

#include "postgres.h"

#include "migrate/steps.h"

/*
 * Completes the statement, as the current user, whatever earlier attempts have
 * left.  Call outside of a transaction, in a memory context that survives the
 * statement's transactions.  written is the
 * script's statement that it stands for; what names the migration in errors.
 */
extern void ec_run_top_level_step(EcScriptStep *step, const EcStatement *statement,
								  const EcStatement *written, const char *what);

/*
 * Drops invalid objects of a failed attempt, under the same conditions.  After
 * an error the transaction is still to be aborted by the caller.
 */
extern void ec_clean_top_level_step(const EcScriptStep *step);

#endif
