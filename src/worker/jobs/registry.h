/*
 * registry.h
 *		Kinds of jobs, which the upper rooms register.
 */
#ifndef EC_WORKER_JOBS_REGISTRY_H
#define EC_WORKER_JOBS_REGISTRY_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/rel.h"

#include "worker/jobs/job.h"

typedef struct EcJobKind
{
	const char *name;

	/*
	 * Prepares to continue from job->position.  Called in a transaction as the
	 * job's owner, at the start, and again after a batch has failed and has
	 * been rolled back.  Allocates in the current memory context.
	 */
	void (*begin)(EcJob *job);

	/*
	 * Runs one batch, in a transaction as the job's owner.  Updates the
	 * progress; returns false when the job is complete.  Memory is reset after
	 * each batch.
	 */
	bool (*batch)(EcJob *job);

	/*
	 * The job has been resumed: clears the kind's state of earlier failures.
	 * In scope; may be NULL.
	 */
	void (*resume)(int64 job);

	/*
	 * The present size of the job's tables.  NULL if the job does not make its
	 * relation grow.  The relation is locked; the function waits for no other
	 * lock.
	 */
	int64 (*table_bytes)(EcJob *job);

	/*
	 * Instead of batch: one piece of work that uses transactions of its own
	 * and may wait for locks.  Called outside of a transaction.  ec_cancel
	 * interrupts it, and its error fails the job.  Returns false when the job
	 * is complete.
	 */
	bool (*run)(EcJob *job);

	/* A batch with job->has_failures finds out which row fails. */
	bool finds_failures;

	/*
	 * For a change's job, begin and batch evaluate code of the tables' owner,
	 * so they run as that role; see ec_change_job_role.
	 */
	bool runs_as_table_owner;
} EcJobKind;

/*
 * The change whose job this process runs a batch of, or NULL; and that job, 0
 * in a session.  SQL cannot set them.
 */
extern const char *ec_running_change(void);
extern int64 ec_running_job(void);

/* Called when a batch begins, and with NULL when it has ended. */
extern void ec_note_running(const EcJob *job);

/*
 * Set by the rooms that know changes, and called as the job's owner.
 * ec_change_job_done is called in the transaction that completes a change's
 * job.
 */
extern void (*ec_change_job_done)(const EcJob *job);

/*
 * Set likewise, and called at the end of each batch of a change's job that has
 * written rows, in its transaction.  An error rolls the batch back.
 */
extern void (*ec_change_batch_done)(const EcJob *job);

/*
 * Set likewise, and called before the work; returns the role to run it as, or
 * raises an error if there is none.
 */
extern Oid (*ec_change_job_role)(const EcJob *job);

/*
 * Set likewise: a row of one of the change's tables or of their partitions was
 * skipped because of this error.  It is put into the change's queue; returns
 * false if it was there already.
 */
extern bool (*ec_change_row_left_out)(const EcJob *job, Relation leaf,
									  TupleTableSlot *slot, const ErrorData *error);

/* Called by _PG_init. */
extern void ec_register_job_kind(const EcJobKind *kind);
extern const EcJobKind *ec_find_job_kind(const char *name);

#endif
