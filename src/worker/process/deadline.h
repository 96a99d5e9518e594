/*
 * deadline.h
 *		The time limit of a worker's batch.
 *
 * At its deadline the batch is cancelled like a query, with 57014.  The
 * server's statement_timeout is not used, because it signals the whole process
 * group.  That would also kill a program from which a foreign table reads
 * (file_fdw), and the scan would fail with another error.
 */
#ifndef EC_WORKER_PROCESS_DEADLINE_H
#define EC_WORKER_PROCESS_DEADLINE_H

/* Call once in a worker, before the first batch. */
extern void ec_deadline_init(void);

extern void ec_deadline_begin(int ms);

/* May also be called when no deadline has been set. */
extern void ec_deadline_end(void);

#endif
