/*
 * waiting.h
 *		Jobs that wait for a worker.
 */
#ifndef EC_WORKER_JOBS_WAITING_H
#define EC_WORKER_JOBS_WAITING_H

#include "postgres.h"

/*
 * Start workers for this database's jobs that have none, as many as can run.
 * In a transaction.  Called by whoever may have made room: a worker that ends,
 * and the launcher's database worker; a started worker that finds no place left
 * leaves its job queued, so trying too often does no harm.  Jobs that have lost
 * all their workers are the launcher's business (lost_ones): without one they
 * show as interrupted, and wait for ec_resume.
 *
 * The launcher comes back when the pause of a job is over.  Without one, its
 * worker waits for that itself, in a place that nobody else wants.
 */
extern void ec_start_waiting_jobs(bool lost_ones);

#endif
