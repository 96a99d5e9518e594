/*
 * background.h
 *		Mixed scripts: run step by step by a worker.
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
 * What an unfinished migration is doing, by its job, which is the newest one
 * of kind "statement" for its version.
 */
typedef enum EcMigrationState
{
	EC_MIGRATION_IS_QUEUED,
	EC_MIGRATION_IS_RUNNING,
	EC_MIGRATION_IS_PAUSED,
	EC_MIGRATION_IS_CANCELLING,  /* the worker cleans up */
	EC_MIGRATION_IS_INTERRUPTED, /* nobody is at it, and nobody will be */
	EC_MIGRATION_HAS_FAILED,
	EC_MIGRATION_IS_APPLIED
} EcMigrationState;

/* The state; *job is filled in, with id 0 if there is no job of this database. */
extern EcMigrationState
ec_migration_state(const EcMigration *migration, EcJobStatus *job);

/* What users call it. */
extern const char *ec_migration_state_name(EcMigrationState state);

/*
 * The answer of ec_apply and ec_rollback for a migration that a worker is to
 * run: "queued" or "running"; NULL with *resume if nobody is at it.
 */
extern const char *ec_answer_of_unfinished(const char *what, EcMigrationState state,
										   const EcJobStatus *job, bool *resume);

/* Raise 55000 while another version of the scope is unfinished. */
extern void ec_check_no_other_unfinished(const char *scope, const char *version,
										 const char *what);

/* The job that was last submitted for a version in that direction; in scope. */
extern int64
ec_migration_job(const char *scope, const char *version, const char *direction);

/*
 * Have a worker run, from its first open step on, the migration that the
 * ledger calls queued.  Under the migration lock.
 */
extern void ec_submit_migration(const char *scope, const char *version,
								const char *direction);

/*
 * Wait, in a procedure that is called outside of a transaction block, until a
 * worker is through with the migration; raises its error.  Commits.  timeout
 * NULL waits without end.
 */
extern void ec_await_migration(FunctionCallInfo fcinfo, const char *scope,
							   const char *version, Interval *timeout);

#define EC_STATEMENT_JOB "statement"
extern const EcJobKind ec_statement_job_kind;

#endif
