/*
 * batch_size.c
 *		Decides how many rows a batch may write.
 *
 * That is the job's batch_size, or as many rows as can be written in the
 * target time.  The cost of a row is the median of the last three batches.  So
 * a single batch that was delayed by a checkpoint or a busy disk has no
 * effect.  If writing becomes slow permanently, the second slow batch changes
 * the median and halves the size.  While a batch takes less than half of the
 * target time, as the first ones do, the next one may be twice as large; after
 * that the size grows by at most a fifth at a time.
 *
 * Some delays do not depend on the number of rows, for example a disk that
 * others keep busy.  Smaller batches would not make them shorter, only more
 * frequent.  So when the size has halved, and batches are nearly as slow as
 * before, the previous size is restored.
 *
 * After a batch was cancelled at its deadline, a quarter of its rows is
 * tried.  If the costs then show that it was only delayed, the previous size
 * is restored at once; otherwise the size grows from there.
 */
#include "postgres.h"

#include "core/guc.h"
#include "worker/process/batch_size.h"

#define FIRST_ROWS_BY_TIME 500
#define FIRST_GROWTH       2.0
#define GROWTH             1.2
#define SHRINKAGE          0.5
#define AFTER_TIME_OUT     4
#define NEARLY_AS_SLOW     0.75

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

/*
 * The size for the next batch if batches are sized by time.
 */
static double
limit_by_time(EcBatchSize *size, double target)
{
	double limit = size->limit;
	double seconds = median_cost(size) * limit;
	double ratio = target / seconds;

	if (limit >= size->larger)
	{
		size->larger = limit;
		size->larger_seconds = seconds;
	}
	else if (limit <= size->larger * SHRINKAGE)
	{
		/* the median may still be that of larger batches */
		seconds = size->costs[size->count - 1] * limit;
		if (seconds > size->larger_seconds * NEARLY_AS_SLOW)
		{
			size->count = 0; /* these are no costs of rows */
			return size->larger;
		}
		size->larger = limit;
		size->larger_seconds = seconds;
	}
	return limit * Max(SHRINKAGE, Min(ratio, ratio > 2 ? FIRST_GROWTH : GROWTH));
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
		limit = limit_by_time(size, target);
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
	size->larger = 0;
}

void
ec_batch_size_shrink(EcBatchSize *size)
{
	size->limit = Max(1, size->limit / AFTER_TIME_OUT);
}
