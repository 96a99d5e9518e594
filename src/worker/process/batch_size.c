/*
 * batch_size.c
 *		Decides how many rows a batch may write.
 *
 * That is the job's batch_size, or as many rows as can be written in the
 * target time.  The cost of a row is the median of the last three batches.  So
 * a single batch that was delayed by a checkpoint or a busy disk has no
 * effect.  If writing becomes slow permanently, the second slow batch changes
 * the median and halves the size.  The size grows by at most a fifth at a
 * time.
 *
 * After a batch was cancelled at its deadline, a quarter of its rows is
 * tried.  If the costs then show that it was only delayed, the previous size
 * is restored at once; otherwise the size grows from there.
 */
#include "postgres.h"

#include "core/guc.h"
#include "worker/process/batch_size.h"

#define FIRST_ROWS_BY_TIME 500
#define GROWTH             1.2
#define SHRINKAGE          0.5
#define AFTER_TIME_OUT     4

static void
set_limit(EcBatchSize *size, int wanted, double limit)
{
	if (wanted > 0)
		limit = Min(limit, wanted);
	size->limit = Max(1, Min(limit, EC_MAX_BATCH_SIZE));
}

int
ec_batch_size_next(EcBatchSize *size, int wanted)
{
	if (size->limit == 0)
		size->limit = wanted > 0 ? wanted : FIRST_ROWS_BY_TIME;
	set_limit(size, wanted, size->limit);
	return (int) size->limit;
}

static double
median_cost(const EcBatchSize *size)
{
	const double *c = size->costs;

	if (size->count < EC_COSTS_KEPT)
		return c[size->count - 1];
	return Max(Min(c[0], c[1]), Min(Max(c[0], c[1]), c[2]));
}

/*
 * The cost of a row according to this batch; 0 if unknown.  A batch that was
 * not full, because there was little to write, can show that rows have become
 * more expensive, but not that they have become cheaper.
 */
static double
cost_of_batch(const EcBatchSize *size, int64 rows, double seconds)
{
	double cost = seconds / size->limit;

	if (rows >= size->limit / 2)
		return seconds / rows;
	return rows > 0 && size->count > 0 && cost > median_cost(size) ? cost : 0;
}

static void
remember_cost(EcBatchSize *size, double cost)
{
	if (size->count == EC_COSTS_KEPT)
		memmove(size->costs, size->costs + 1,
				(--size->count) * sizeof(size->costs[0]));
	size->costs[size->count++] = cost;
}

void
ec_batch_size_learn(EcBatchSize *size, int wanted, int64 rows, double seconds,
					double target, double deadline)
{
	double limit = size->limit;
	double cost = cost_of_batch(size, rows, seconds);

	if (cost > 0)
		remember_cost(size, cost);
	else if (wanted == 0)
		return;
	if (size->time_outs == 1 && size->count > 0 &&
		median_cost(size) * size->before < deadline / 2)
		limit = size->before;
	else if (wanted > 0)
		limit = limit * GROWTH + 1; /* return to batch_size after a slow
									 * phase */
	else
		limit *= Min(GROWTH, Max(SHRINKAGE, target / (median_cost(size) * limit)));
	size->time_outs = 0;
	set_limit(size, wanted, limit);
}

void
ec_batch_size_timed_out(EcBatchSize *size)
{
	if (size->time_outs++ == 0)
		size->before = size->limit;
	else
		size->count = 0; /* it happened again, so discard the earlier costs */
	size->limit = Max(1, size->limit / AFTER_TIME_OUT);
}

void
ec_batch_size_shrink(EcBatchSize *size)
{
	size->limit = Max(1, size->limit / AFTER_TIME_OUT);
}
