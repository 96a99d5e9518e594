/*
 * schedule.h
 *		When a job may run: its start time and its run windows.
 *
 * A run window is a text such as '01:00-05:00', or several joined by commas.
 * The times are local times in the time zone of the submission.  A window that
 * ends before it begins extends past midnight.
 */
#ifndef EC_WORKER_JOBS_SCHEDULE_H
#define EC_WORKER_JOBS_SCHEDULE_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Raise 22023 if it is not a valid start time or run window. */
extern void ec_check_start_at(TimestampTz start_at);
extern void ec_check_run_window(const char *run_window);

/* Do the windows cover the whole day? */
extern bool ec_is_always_open(const char *run_window);

/*
 * Returns the first moment, not before at, at which a job may run.  If that is
 * at itself, *until is the time at which the job has to stop again, DT_NOEND
 * if never.  start_at DT_NOBEGIN and run_window NULL mean that there is none.
 * Returns DT_NOEND if the job can never run because its window is not valid.
 */
extern TimestampTz
ec_next_run(TimestampTz start_at, const char *run_window, const char *time_zone,
			TimestampTz at, TimestampTz *until);

#endif
