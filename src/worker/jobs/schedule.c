/*
 * schedule.c
 *		When a job may run: its start time and its run windows.
 *
 * Run windows are given in local time, so their limits are computed for each
 * day.  For local times that do not exist or exist twice on a day on which the
 * clock changes, the server's own rules apply.
 */
#include "postgres.h"

#include <ctype.h>

#include "fmgr.h"
#include "pgtime.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "core/hint.h"
#include "worker/jobs/schedule.h"

#define DAY_SECONDS (24 * 60 * 60)
#define MAX_WINDOWS 32

typedef struct Window
{
	int from; /* second of the day, 0 to 86399 */
	int to;   /* up to 86400; less than from: on the next day */
} Window;

static void
refuse_window(const char *run_window, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid run_window: \"%s\"", run_window),
			 errdetail("%s", detail),
			 errhint("Give times of the day as '01:00-05:00', several joined by commas, as in '22:00-02:00, 12:00-13:00'.")));
}

static const char *
skip_blanks(const char *at)
{
	while (isspace((unsigned char) *at))
		at++;
	return at;
}

/* Reads two digits below 60 and advances *at; returns -1 if there are none. */
static int
read_sixtieths(const char **at)
{
	const char *c = *at;

	if (!isdigit((unsigned char) c[0]) || !isdigit((unsigned char) c[1]) ||
		c[0] > '5')
		return -1;
	*at = c + 2;
	return (c[0] - '0') * 10 + (c[1] - '0');
}

/*
 * Reads "1:30", "01:30" or "01:30:15" as seconds; returns -1 if it is not a
 * time.
 */
static int
read_time(const char **at)
{
	int hours = 0;
	int minutes;
	int seconds = 0;
	int digits;

	for (digits = 0; digits < 2 && isdigit((unsigned char) **at); digits++)
		hours = hours * 10 + (*(*at)++ - '0');
	if (digits == 0 || *(*at)++ != ':')
		return -1;
	minutes = read_sixtieths(at);
	if (**at == ':')
	{
		(*at)++;
		seconds = read_sixtieths(at);
	}
	if (minutes < 0 || seconds < 0)
		return -1;
	seconds += (hours * 60 + minutes) * 60;
	return seconds <= DAY_SECONDS ? seconds : -1;
}

/*
 * Returns the number of windows, or -1 and the reason if the text is not
 * valid.
 */
static int
read_windows(const char *run_window, Window *windows, const char **problem)
{
	const char *at = run_window;
	int count = 0;

	for (;;)
	{
		Window *window = &windows[count++];

		at = skip_blanks(at);
		window->from = read_time(&at);
		at = skip_blanks(at);
		*problem =
			"A window is two times of the day, from 00:00 to 24:00, with a hyphen between them.";
		if (window->from < 0 || window->from == DAY_SECONDS || *at++ != '-')
			return -1;
		at = skip_blanks(at);
		window->to = read_time(&at);
		at = skip_blanks(at);
		if (window->to < 0 || (*at != '\0' && *at != ','))
			return -1;
		*problem =
			"A window cannot end when it begins; the whole day is '00:00-24:00'.";
		if (window->from == window->to)
			return -1;
		if (*at++ == '\0')
			return count;
		*problem = "There are more than " CppAsString2(MAX_WINDOWS) " windows.";
		if (count == MAX_WINDOWS)
			return -1;
	}
}

void
ec_check_run_window(const char *run_window)
{
	Window windows[MAX_WINDOWS];
	const char *problem;

	if (read_windows(run_window, windows, &problem) < 0)
		refuse_window(run_window, problem);
}

void
ec_check_start_at(TimestampTz start_at)
{
	if (start_at == DT_NOEND)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("start_at must be finite"),
				 ec_errhint(
					 "To hold a job back until further notice, use ec_pause.")));
}

bool
ec_is_always_open(const char *run_window)
{
	Window windows[MAX_WINDOWS];
	const char *problem;
	int count = read_windows(run_window, windows, &problem);
	int open_to = 0;

	/* each turn extends open_to to the end of at least one window */
	for (int turn = 0; turn < count && open_to < DAY_SECONDS; turn++)
		for (int i = 0; i < count; i++)
		{
			const Window *window = &windows[i];

			if (window->from < window->to)
			{
				if (window->from <= open_to)
					open_to = Max(open_to, window->to);
			}
			else
			{
				open_to = Max(open_to, window->to);
				if (window->from <= open_to)
					open_to = DAY_SECONDS;
			}
		}
	return open_to >= DAY_SECONDS;
}

/*
 * Converts local time on a day to a timestamp; seconds may reach into the next
 * day.
 */
static TimestampTz
local_time(int julian_day, int seconds, pg_tz *zone)
{
	struct pg_tm tm = {0};
	TimestampTz result;
	int offset;

	j2date(julian_day + seconds / DAY_SECONDS, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	seconds %= DAY_SECONDS;
	tm.tm_hour = seconds / 3600;
	tm.tm_min = seconds / 60 % 60;
	tm.tm_sec = seconds % 60;
	offset = DetermineTimeZoneOffset(&tm, zone);
	if (tm2timestamp(&tm, 0, &offset, &result) != 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("timestamp out of range")));
	return result;
}

static pg_tz *
zone_named(const char *time_zone)
{
	pg_tz *zone = time_zone ? pg_tzset(time_zone) : NULL;

	return zone ? zone : session_timezone;
}

TimestampTz
ec_next_run(TimestampTz start_at, const char *run_window, const char *time_zone,
			TimestampTz at, TimestampTz *until)
{
	Window windows[MAX_WINDOWS];
	pg_tz *zone = zone_named(time_zone);
	TimestampTz next = DT_NOEND;
	struct pg_tm tm;
	fsec_t fraction;
	int offset;
	const char *problem;
	int today;
	int count;

	*until = DT_NOEND;
	at = Max(at, start_at);
	if (run_window == NULL || ec_is_always_open(run_window))
		return at;
	count = read_windows(run_window, windows, &problem);
	/*
	 * the row was edited by hand: this job waits, and other jobs are not
	 * affected
	 */
	if (count < 0 || TIMESTAMP_NOT_FINITE(at))
		return DT_NOEND;
	if (timestamp2tm(at, &offset, &tm, &fraction, NULL, zone) != 0)
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
						errmsg("timestamp out of range")));
	today = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday);

	/*
	 * Yesterday's windows may still be open.  Windows that touch or overlap
	 * count as one, so *until may grow during the search; the second pass
	 * finds windows that are listed before the one that they extend.
	 */
	for (int pass = 0; pass < 2; pass++)
		for (int day = today - 1; day <= today + 2; day++)
			for (int i = 0; i < count; i++)
			{
				const Window *window = &windows[i];
				int to = window->to + (window->to < window->from ? DAY_SECONDS : 0);
				TimestampTz opens = local_time(day, window->from, zone);
				TimestampTz closes = local_time(day, to, zone);
				TimestampTz open_at = *until == DT_NOEND ? at : *until;

				if (opens <= open_at && open_at < closes)
					*until = closes;
				else if (opens > at && opens < closes)
					next = Min(next, opens);
			}
	return *until != DT_NOEND ? at : next;
}

PG_FUNCTION_INFO_V1(ec_sql_next_run);

/* expand_contract.next_run(start_at, run_window, time_zone, at) → timestamptz */
Datum
ec_sql_next_run(PG_FUNCTION_ARGS)
{
	TimestampTz until;

	if (PG_ARGISNULL(3))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(
		ec_next_run(PG_ARGISNULL(0) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(0),
					PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1)),
					PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2)),
					PG_GETARG_TIMESTAMPTZ(3), &until));
}
