/*
 * batch_size.h
 *		Decides how many rows a batch may write.
 */
#ifndef EC_WORKER_PROCESS_BATCH_SIZE_H
#define EC_WORKER_PROCESS_BATCH_SIZE_H

#include "postgres.h"

#define EC_COSTS_KEPT 3

typedef struct EcBatchSize
{
	double limit;                /* rows; 0 before the first batch */
	int time_outs;               /* consecutive */
	double before;               /* limit before the first of these timeouts */
	int count;                   /* number of costs */
	double costs[EC_COSTS_KEPT]; /* seconds per row in the last batches */
	double larger;               /* limit from which the size has shrunk */
	double larger_seconds;       /* time of a batch of that size */
} EcBatchSize;

/*
 * The size of the next batch; wanted is the job's batch_size, 0 for sizing by
 * time.
 */
extern int ec_batch_size_next(EcBatchSize *size, int wanted);

/*
 * A batch has written these rows in this time.  target is the time that a
 * batch should take; after deadline it would be cancelled.
 */
extern void ec_batch_size_learn(EcBatchSize *size, int wanted, int64 rows,
								double seconds, double target, double deadline);

/* A batch was cancelled at its deadline. */
extern void ec_batch_size_timed_out(EcBatchSize *size);

/*
 * A batch met another session's lock; smaller batches isolate the locked rows.
 */
extern void ec_batch_size_shrink(EcBatchSize *size);

#endif
