/*
 * pace.c
 *		The pace arguments that all submitting functions and ec_configure share.
 */
#include "postgres.h"

#include "core/guc.h"
#include "worker/job.h"

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

void
ec_check_workers(bool isnull, int32 value)
{
	if (isnull || value == 1)
		return;
	if (value < 1 || value > EC_MAX_JOB_WORKERS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("workers must be between 1 and %d", EC_MAX_JOB_WORKERS),
				 errdetail("workers is %d.", value)));
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("a job with several workers is not supported yet"),
			 errdetail("workers is %d.", value), errhint("Use workers => 1.")));
}

void
ec_check_max_lag(bool isnull)
{
	if (!isnull)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("max_lag is not supported yet"),
				 errhint("Leave max_lag out and watch replication_lag in ec_progress.")));
}
