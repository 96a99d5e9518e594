/*
 * job_step.h
 *		Steps that submit a job, and are done when the job is done.
 */
#ifndef EC_MIGRATE_JOB_STEP_H
#define EC_MIGRATE_JOB_STEP_H

#include "postgres.h"

#include "migrate/steps.h"
#include "worker/jobs/job.h"

/*
 * Submits the step's job, or looks at the one that an earlier attempt has
 * submitted.  part is the SELECT that submits it, and written the statement
 * that it is a part of.  Returns true if it is done,
 * false if the migration's job has to wait for it; raises its error if it has
 * failed.  Call outside of a transaction, in the session of the step.
 */
extern bool ec_run_job_step(const EcJob *job, EcScriptStep *step,
							const EcStatement *written, const EcScript *part);

/*
 * Has the first open step of a migration submitted a job, which may have
 * written rows?
 */
extern bool ec_has_begun_job(const char *scope, const char *version);

#endif
