/*
 * worker.h
 *		The background worker that runs a job.
 */
#ifndef EC_WORKER_PROCESS_WORKER_H
#define EC_WORKER_PROCESS_WORKER_H

#include "postgres.h"

extern PGDLLEXPORT void ec_job_worker_main(Datum argument);

/*
 * In a worker that could not connect as the job's owner: becomes the owner
 * again, for this transaction, if something has changed the current user.
 * Otherwise does nothing.
 */
extern void ec_worker_assume_owner(void);

#endif
