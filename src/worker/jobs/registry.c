/*
 * registry.c
 *		The kinds of jobs, as the upper rooms register them.
 *
 * The worker room cannot know the rooms above it, so they come to it.
 */
#include "postgres.h"

#include "worker/jobs/job.h"

#define MAX_KINDS 8

static const EcJobKind *kinds[MAX_KINDS];
static int kind_count = 0;

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
