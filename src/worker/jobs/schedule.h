/*
 * schedule.h
 *		When a job may run: its start time and its run windows.
 *
 * A run window is text, '01:00-05:00', or several joined by commas; it is read
 * in the time zone of the submission, on the local clock of each day.  One
 * that ends before it begins goes through midnight.
 */
#ifndef EC_WORKER_JOBS_SCHEDULE_H
#define EC_WORKER_JOBS_SCHEDULE_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* Raise 22023 for what is not a start time or a run window. */
extern void ec_check_start_at(TimestampTz start_at);
extern void ec_check_run_window(const char *run_window);

/* Do the windows cover the whole day? */
extern bool ec_is_always_open(const char *run_window);

/*
 * The first moment from at on at which a job may run: at itself, if it may run
 * then, and *until is when it has to stop again, DT_NOEND for never.  start_at
 * DT_NOBEGIN and run_window NULL mean none.  DT_NOEND: never, as the window
 * is none.
 */
extern TimestampTz
ec_next_run(TimestampTz start_at, const char *run_window, const char *time_zone,
			TimestampTz at, TimestampTz *until);

#endif
