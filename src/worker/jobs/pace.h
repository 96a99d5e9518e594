/*
 * pace.h
 *		The pace arguments that all submitting functions and ec_configure share.
 */
#ifndef EC_WORKER_JOBS_PACE_H
#define EC_WORKER_JOBS_PACE_H

#include "postgres.h"

#include "fmgr.h"

#include "worker/jobs/job.h"

/* Check an argument and return it; -1 or NULL if it is NULL. */
extern int ec_check_batch_size(bool isnull, int32 value);
extern int ec_check_delay(bool isnull, int32 value);
extern int ec_check_workers(bool isnull, int32 value);
extern const Interval *ec_check_max_lag(bool isnull, const Interval *value);

/*
 * Reads the arguments batch_size, delay_ms, workers, method, start_at,
 * run_window and max_lag of a submitting function, starting at argument n.
 * Some functions have no workers argument, and some no method (NULL).
 */
extern void ec_read_pace_arguments(FunctionCallInfo fcinfo, int n, bool has_workers,
								   EcJobSpec *spec, const char **method);

#endif
