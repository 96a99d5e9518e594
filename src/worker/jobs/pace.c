/*
 * pace.c
 *		The pace arguments that all submitting functions and ec_configure share.
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/guc.h"
#include "worker/jobs/job.h"
#include "worker/jobs/schedule.h"
#include "worker/jobs/pace.h"

int
ec_check_batch_size(bool isnull, int32 value)
{
	if (isnull)
		return -1;
	if (value < 0 || value > EC_MAX_BATCH_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch_size must be between 0 and %d", EC_MAX_BATCH_SIZE),
				 errdetail("batch_size is %d.", value),
				 errhint("0 sizes batches by time, towards expand_contract.target_batch_time.")));
	return value;
}

int
ec_check_delay(bool isnull, int32 value)
{
	if (isnull)
		return -1;
	if (value < 0 || value > EC_MAX_DELAY_MS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("delay_ms must be between 0 and %d", EC_MAX_DELAY_MS),
						errdetail("delay_ms is %d.", value),
						errhint("0 means no pause between batches.")));
	return value;
}

int
ec_check_workers(bool isnull, int32 value)
{
	if (isnull)
		return -1;
	if (value < 1 || value > EC_MAX_JOB_WORKERS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("workers must be between 1 and %d", EC_MAX_JOB_WORKERS),
				 errdetail("workers is %d.", value),
				 errhint("No more than expand_contract.max_workers run at the same time.")));
	return value;
}

/* Returns NULL if the argument is NULL. */
const Interval *
ec_check_max_lag(bool isnull, const Interval *value)
{
	double seconds;

	if (isnull)
		return NULL;
	seconds = DatumGetFloat8(DirectFunctionCall2(interval_part,
												 CStringGetTextDatum("epoch"),
												 IntervalPGetDatum(value)));
	if (!(seconds >= 0) || isinf(seconds))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_lag must be finite and not negative"),
				 errdetail("max_lag is %s.",
						   DatumGetCString(
							   DirectFunctionCall1(interval_out,
												   IntervalPGetDatum(value)))),
				 errhint("List standbys to be ignored in expand_contract.ignore_standbys.")));
	return value;
}

void
ec_read_pace_arguments(FunctionCallInfo fcinfo, int n, bool has_workers,
					   EcJobSpec *spec, const char **method)
{
	int batch_size = ec_check_batch_size(PG_ARGISNULL(n), PG_GETARG_INT32(n));
	int delay_ms = ec_check_delay(PG_ARGISNULL(n + 1), PG_GETARG_INT32(n + 1));

	n += 2;
	spec->batch_size = batch_size < 0 ? ec_batch_size : batch_size;
	if (delay_ms < 0)
		delay_ms = ec_job_is_part_of == EC_PART_OF_NONE ? ec_backfill_delay
														: ec_backfill_delay / 2;
	spec->delay_ms = delay_ms;
	spec->workers = 1;
	if (has_workers)
	{
		spec->workers =
			Max(1, ec_check_workers(PG_ARGISNULL(n), PG_GETARG_INT32(n)));
		n++;
	}
	if (method != NULL)
	{
		*method = PG_ARGISNULL(n) ? "auto" : text_to_cstring(PG_GETARG_TEXT_PP(n));
		n++;
	}
	if (!PG_ARGISNULL(n))
	{
		TimestampTz *start_at = palloc(sizeof(TimestampTz));

		*start_at = PG_GETARG_TIMESTAMPTZ(n);
		ec_check_start_at(*start_at);
		spec->start_at = start_at;
	}
	if (!PG_ARGISNULL(n + 1))
	{
		spec->run_window = text_to_cstring(PG_GETARG_TEXT_PP(n + 1));
		ec_check_run_window(spec->run_window);
	}
	spec->max_lag =
		ec_check_max_lag(PG_ARGISNULL(n + 2),
						 PG_ARGISNULL(n + 2) ? NULL : PG_GETARG_INTERVAL_P(n + 2));
}
