/*
 * registry.h
 *		The kinds of jobs, as the upper rooms register them.
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
	 * Make ready to go on from job->position.  Called in a transaction as the
	 * job's owner, at the start and again after a batch has failed and been
	 * rolled back; allocate in the current memory context.
	 */
	void (*begin)(EcJob *job);

	/*
	 * One batch, in a transaction as the job's owner.  Updates the progress;
	 * false when the job is complete.  Memory is reset after each batch.
	 */
	bool (*batch)(EcJob *job);

	/*
	 * The job's owner has resumed it: forget what was held against it.  In
	 * scope; may be NULL.
	 */
	void (*resume)(int64 job);

	/*
	 * The size of the job's tables now, where there may be several; NULL: the
	 * job's relation does not grow by it.  That is locked; waits for no other
	 * lock.
	 */
	int64 (*table_bytes)(EcJob *job);

	/*
	 * In place of batch: one piece of work that makes transactions of its own,
	 * and waits for locks as it sees fit.  Called outside of any transaction;
	 * ec_cancel interrupts it, and an error of it fails the job.  False when
	 * the job is complete.
	 */
	bool (*run)(EcJob *job);

	/*
	 * A batch that is made with job->has_failures finds out which row fails.
	 */
	bool finds_failures;

	/*
	 * Of a change, begin and batch evaluate what the owner of its tables has
	 * written, and run as that role, see ec_change_job_role.
	 */
	bool runs_as_table_owner;
} EcJobKind;

/*
 * The change whose job this process runs a batch of, or NULL; and the job, 0 in
 * a session.  No session can pretend it.
 */
extern const char *ec_running_change(void);
extern int64 ec_running_job(void);

/* The batch of a job begins; NULL: it has ended, with an error or without. */
extern void ec_note_running(const EcJob *job);

/*
 * Set by the rooms that know changes, and called as the job's owner.  The one
 * in the transaction that makes the job of a change done; the other before its
 * work: the role that it is done as.  Raises an error if there is none.
 */
extern void (*ec_change_job_done)(const EcJob *job);
extern Oid (*ec_change_job_role)(const EcJob *job);

/*
 * Likewise: a row of one of the change's tables, or of what is below it, is left
 * out with this error.  It goes to the change's queue; false if it was there.
 */
extern bool (*ec_change_row_left_out)(const EcJob *job, Relation leaf,
									  TupleTableSlot *slot, const ErrorData *error);

/* By _PG_init. */
extern void ec_register_job_kind(const EcJobKind *kind);
extern const EcJobKind *ec_find_job_kind(const char *name);

#endif
