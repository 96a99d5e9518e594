/*
 * samples.h
 *		The course of a job: how far each worker was, and what it waited for.
 */
#ifndef EC_WORKER_JOBS_SAMPLES_H
#define EC_WORKER_JOBS_SAMPLES_H

#include "postgres.h"

/*
 * Records how far the worker is, and what it waits for (NULL: nothing), unless it
 * did so a moment ago and waits for the same.  The number of records of a worker is
 * limited: when there are many, every second one is removed, and new ones are made
 * half as often.  Called in a catalog scope, after the change of its job_slots row,
 * and part of that transaction.
 */
extern void ec_job_sample(int64 job, int slot, const char *waits);

#endif
