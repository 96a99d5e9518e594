/*
 * registry.c
 *		Kinds of jobs, which the upper rooms register.
 *
 * The worker room must not depend on the rooms above it.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/jobs/registry.h"

#define MAX_KINDS 16

static const EcJobKind *kinds[MAX_KINDS];
static int kind_count = 0;

/*
 * Of the batch that runs; after a failed batch, of that one until the next
 * begins.  A copy, because an error frees the job's own.
 */
static char *running_change = NULL;
static int64 running_job = 0;

void (*ec_change_job_done)(const EcJob *job) = NULL;
void (*ec_change_batch_done)(const EcJob *job) = NULL;
Oid (*ec_change_job_role)(const EcJob *job) = NULL;
bool (*ec_change_row_left_out)(const EcJob *job, Relation leaf,
							   TupleTableSlot *slot, const ErrorData *error) = NULL;

void
ec_register_job_kind(const EcJobKind *kind)
{
	if (kind_count == MAX_KINDS)
		elog(ERROR, "too many kinds of jobs");
	kinds[kind_count++] = kind;
}

const EcJobKind *
ec_find_job_kind(const char *name)
{
	for (int i = 0; i < kind_count; i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

void
ec_note_running(const EcJob *job)
{
	if (running_change != NULL)
		pfree(running_change);
	running_change = NULL;
	if (job != NULL && job->change != NULL)
		running_change = MemoryContextStrdup(TopMemoryContext, job->change);
	running_job = job ? job->id : running_job;
}

const char *
ec_running_change(void)
{
	return running_change;
}

int64
ec_running_job(void)
{
	return running_job;
}
