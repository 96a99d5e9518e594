/*
 * samples.c
 *		The course of a job, for ec_report.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "core/query.h"
#include "worker/jobs/samples.h"

#define MOST_SAMPLES   200 /* of a worker */
#define FIRST_INTERVAL 1000.0

/* What this process knows of the samples of the slot that it works for. */
typedef struct Course
{
	int64 job;
	int slot;
	int count;
	double interval; /* ms */
	TimestampTz last;
	char waits[32]; /* the first word of it */
} Course;

static Course course;

/* A worker may go on where another one has left. */
static void
begin(int64 job, int slot)
{
	EcArgs args = {0};

	memset(&course, 0, sizeof(course));
	course.job = job;
	course.slot = slot;
	ec_arg_int8(&args, job);
	ec_arg_int4(&args, slot);
	(void) ec_query("SELECT count(*)::integer,"
					"       coalesce(extract(epoch FROM max(at) - min(at)), 0)::float8 * 1000 / greatest(count(*), 1)"
					"  FROM expand_contract.job_samples WHERE job = $1 AND slot = $2",
					&args);
	course.count = ec_get_int4(0, 1, 0);
	course.interval = Max(FIRST_INTERVAL, ec_get_float8(0, 2, 0));
}

static void
remove_every_second(void)
{
	EcArgs args = {0};

	ec_arg_int8(&args, course.job);
	ec_arg_int4(&args, course.slot);
	course.count -=
		(int) ec_query("DELETE FROM expand_contract.job_samples s"
					   " USING (SELECT at, row_number() OVER (ORDER BY at) AS n"
					   "          FROM expand_contract.job_samples"
					   "         WHERE job = $1 AND slot = $2) d"
					   " WHERE s.job = $1 AND s.slot = $2 AND s.at = d.at AND d.n % 2 = 0",
					   &args);
	course.interval *= 2;
}

/* The pause between two batches is no wait. */
static void
first_word(const char *waits, char *word, size_t size)
{
	size_t length = strcspn(waits, " :,");

	if (strncmp(waits, "delay", length) == 0)
		length = 0;
	length = Min(length, size - 1);
	memcpy(word, waits, length);
	word[length] = '\0';
}

void
ec_job_sample(int64 job, int slot, const char *waits)
{
	EcArgs args = {0};
	TimestampTz now = GetCurrentTimestamp();
	char word[sizeof(course.waits)] = "";

	if (course.job != job || course.slot != slot)
		begin(job, slot);
	if (waits != NULL)
		first_word(waits, word, sizeof(word));
	if (strcmp(word, course.waits) == 0 &&
		!TimestampDifferenceExceeds(course.last, now, (int) course.interval))
		return;
	if (course.count >= MOST_SAMPLES)
		remove_every_second();
	ec_arg_int8(&args, job);
	ec_arg_int4(&args, slot);
	ec_arg_text(&args, *word ? word : NULL);
	course.count +=
		(int) ec_query("INSERT INTO expand_contract.job_samples (job, slot, rows_done, waits)"
					   " SELECT job, slot, rows_done, $3 FROM expand_contract.job_slots"
					   "  WHERE job = $1 AND slot = $2 ON CONFLICT DO NOTHING",
					   &args);
	course.last = now;
	strlcpy(course.waits, word, sizeof(course.waits));
}
