/*
 * pace.h
 *		The pace arguments that all submitting functions and ec_configure share.
 */
#ifndef EC_WORKER_JOBS_PACE_H
#define EC_WORKER_JOBS_PACE_H

#include "postgres.h"

#include "fmgr.h"

#include "worker/jobs/job.h"

/* Checked; -1 where the argument is NULL */
extern int ec_check_batch_size(bool isnull, int32 value);
extern int ec_check_delay(bool isnull, int32 value);
extern int ec_check_workers(bool isnull, int32 value);
extern const Interval *ec_check_max_lag(bool isnull, const Interval *value);

/*
 * The arguments batch_size, delay_ms, workers, method, start_at, run_window
 * and max_lag of a submitting function, from the one of this number on.  Not
 * all functions have workers, nor all a method (NULL).
 */
extern void ec_read_pace_arguments(FunctionCallInfo fcinfo, int n, bool has_workers,
								   EcJobSpec *spec, const char **method);

#endif
