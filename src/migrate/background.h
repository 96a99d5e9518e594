/*
 * background.h
 *		Mixed scripts, which a worker runs step by step.
 */
#ifndef EC_MIGRATE_BACKGROUND_H
#define EC_MIGRATE_BACKGROUND_H

#include "postgres.h"

#include "fmgr.h"

#include "migrate/ledger.h"
#include "worker/jobs/control.h"
#include "worker/jobs/job.h"
#include "worker/jobs/registry.h"

/*
 * The state of an unfinished migration according to its job, which is the
 * newest job of kind "statement" for its version.
 */
typedef enum EcMigrationState
{
	EC_MIGRATION_IS_QUEUED,
	EC_MIGRATION_IS_RUNNING,
	EC_MIGRATION_IS_PAUSED,
	EC_MIGRATION_IS_CANCELLING,  /* cancelled; the worker still cleans up */
	EC_MIGRATION_IS_INTERRUPTED, /* has no worker, and will not get one */
	EC_MIGRATION_HAS_FAILED,
	EC_MIGRATION_IS_APPLIED
} EcMigrationState;

/*
 * Returns the state and fills in *job; its id is 0 if this database has no job
 * for it.
 */
extern EcMigrationState
ec_migration_state(const EcMigration *migration, EcJobStatus *job);

/* The state's name for users. */
extern const char *ec_migration_state_name(EcMigrationState state);

/*
 * The answer of ec_apply and ec_rollback for a migration that a worker is to
 * run: "queued" or "running".  NULL with *resume if it has no worker.
 */
extern const char *ec_answer_of_unfinished(const char *what, EcMigrationState state,
										   const EcJobStatus *job, bool *resume);

/* Raises 55000 while another version of the scope is unfinished. */
extern void ec_check_no_other_unfinished(const char *scope, const char *version,
										 const char *what);

/*
 * The job that was submitted last for a version in that direction; in scope.
 */
extern int64
ec_migration_job(const char *scope, const char *version, const char *direction);

/*
 * Submits a job for a migration that is queued in the ledger; it begins with
 * the first open step.  Call with the migration lock held.
 */
extern void ec_submit_migration(const char *scope, const char *version,
								const char *direction);

/*
 * Waits until a worker has finished the migration; raises its error.  Call in
 * a procedure that is called outside of a transaction block; commits.  With a
 * NULL timeout it waits without limit.
 */
extern void ec_await_migration(FunctionCallInfo fcinfo, const char *scope,
							   const char *version, Interval *timeout);

#define EC_STATEMENT_JOB "statement"
extern const EcJobKind ec_statement_job_kind;

#endif
