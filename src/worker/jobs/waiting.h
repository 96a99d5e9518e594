/*
 * waiting.h
 *		Starts workers for jobs that wait for one.
 */
#ifndef EC_WORKER_JOBS_WAITING_H
#define EC_WORKER_JOBS_WAITING_H

#include "postgres.h"

/*
 * Starts workers for jobs of this database that have none, as far as there are
 * places.  Call in a transaction.  It is called by a worker that ends, which
 * has made room, and by the launcher's database worker.  A worker that finds
 * no place leaves its job queued, so calling this too often does no harm.
 * Only the launcher restarts jobs that have lost all their workers
 * (lost_ones); without it they are shown as interrupted until ec_resume.
 *
 * If a slot is in a pause, the launcher comes back at the end of the pause.
 * Without a launcher, the slot's worker is started now if a place is free, and
 * waits for the end of the pause itself.
 */
extern void ec_start_waiting_jobs(bool lost_ones);

#endif
