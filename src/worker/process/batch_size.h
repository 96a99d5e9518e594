/*
 * batch_size.h
 *		How many rows a batch may write.
 */
#ifndef EC_WORKER_PROCESS_BATCH_SIZE_H
#define EC_WORKER_PROCESS_BATCH_SIZE_H

#include "postgres.h"

#define EC_COSTS_KEPT 3

typedef struct EcBatchSize
{
	double limit;                /* rows; 0: not known yet */
	int time_outs;               /* in a row */
	double before;               /* the limit before the first of them */
	int count;                   /* of costs */
	double costs[EC_COSTS_KEPT]; /* seconds a row, of the last batches */
} EcBatchSize;

/* For the next batch; wanted is the job's batch_size, 0 = by time. */
extern int ec_batch_size_next(EcBatchSize *size, int wanted);

/*
 * A batch has written rows in that time.  target is how long one should take,
 * deadline when it would be cancelled.
 */
extern void ec_batch_size_learn(EcBatchSize *size, int wanted, int64 rows,
								double seconds, double target, double deadline);

/* A batch was cancelled because it took too long. */
extern void ec_batch_size_timed_out(EcBatchSize *size);

/* Somebody was in its way: home in on the rows that he has. */
extern void ec_batch_size_shrink(EcBatchSize *size);

#endif
