/*
 * report_chart.c
 *		The pictures of ec_report.
 */
#include "postgres.h"

#include "core/query.h"
#include "lifecycle/report_chart.h"

#define WIDTH      920.0
#define HEIGHT     120.0
#define MOST_JOBS  20
#define MOST_WORDS 8

/* of phases and of reasons, in the order of their appearance */
static const char *const colours[MOST_WORDS] = {
	"#9aa5b1", "#5eaaa2", "#0f766e", "#b45309",
	"#1d4ed8", "#7c3aed", "#c2410c", "#52606d",
};

void
ec_append_html(StringInfo page, const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
	{
		switch (*c)
		{
			case '&':
				appendStringInfoString(page, "&amp;");
				break;
			case '<':
				appendStringInfoString(page, "&lt;");
				break;
			case '>':
				appendStringInfoString(page, "&gt;");
				break;
			case '"':
				appendStringInfoString(page, "&quot;");
				break;
			default:
				appendStringInfoChar(page, *c);
		}
	}
}

static void
begin_picture(StringInfo page, double height, const char *label)
{
	appendStringInfo(page,
					 "<figure><svg viewBox=\"0 0 %.0f %.0f\" width=\"100%%\" role=\"img\" aria-label=\"%s\" "
					 "font-family=\"system-ui,sans-serif\" font-size=\"11\">\n",
					 WIDTH, height, label);
}

static void
append_rect(StringInfo page, double x, double y, double width, double height,
			const char *colour)
{
	appendStringInfo(page,
					 "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n",
					 x, y, Max(width, 0.5), height, colour);
}

static void
append_label(StringInfo page, double x, double y, const char *text)
{
	appendStringInfo(page, "<text x=\"%.1f\" y=\"%.1f\" fill=\"#1f2933\">", x, y);
	ec_append_html(page, text);
	appendStringInfoString(page, "</text>\n");
}

/*
 * A phase lasts from seconds to weeks, so the widths follow the logarithms, and the
 * durations are written below.
 */
void
ec_chart_phases(StringInfo page, const char *change)
{
	EcArgs args = {0};
	uint64 count;
	double whole = 0;
	double x = 0;

	ec_arg_text(&args, change);
	count =
		ec_query("SELECT p.phase, ln(3 + extract(epoch FROM p.until - p.at))::float8,"
				 "       date_trunc('second', p.until - p.at)::text"
				 "  FROM (SELECT value AS phase, at,"
				 "               coalesce(lead(at) OVER (ORDER BY id, salt), clock_timestamp()) AS until"
				 "          FROM expand_contract.change_events"
				 "         WHERE change = $1 AND event = 'phase' AND value IS NOT NULL) p"
				 " ORDER BY p.at",
				 &args);
	if (count == 0)
		return;
	for (uint64 row = 0; row < count; row++)
		whole += ec_get_float8(row, 2, 0);
	begin_picture(page, 60, "phases");
	for (uint64 row = 0; row < count; row++)
	{
		double width = WIDTH * ec_get_float8(row, 2, 0) / whole;

		append_rect(page, x, 18, width - 2, 24, colours[row % MOST_WORDS]);
		append_label(page, x, 12, ec_get_text(row, 1));
		append_label(page, x, 56, ec_get_text(row, 3));
		x += width;
	}
	appendStringInfoString(page,
						   "</svg><figcaption>Phases, and how long each lasted (widths by logarithm).</figcaption></figure>\n");
}

typedef struct Reasons
{
	char *words[MOST_WORDS];
	double seconds[MOST_WORDS];
	int count;
} Reasons;

/* Returns the place of a reason; the last one stands for all that find no room. */
static int
place_of(Reasons *reasons, char *word)
{
	for (int i = 0; i < reasons->count; i++)
		if (strcmp(reasons->words[i], word) == 0)
			return i;
	if (reasons->count == MOST_WORDS)
		return MOST_WORDS - 1;
	reasons->words[reasons->count] = word;
	reasons->seconds[reasons->count] = 0;
	return reasons->count++;
}

/*
 * The samples of one job, by slot and time: slot, seconds since the start of the
 * job, rows, what it waited for, seconds until the next sample of the slot.
 */
static uint64
read_samples(int64 job)
{
	EcArgs args = {0};

	ec_arg_int8(&args, job);
	return ec_query("SELECT s.slot, extract(epoch FROM s.at - j.started_at)::float8, s.rows_done, s.waits,"
					"       extract(epoch FROM coalesce(lead(s.at) OVER (PARTITION BY s.slot ORDER BY s.at),"
					"                                   j.finished_at, s.at) - s.at)::float8"
					"  FROM expand_contract.job_samples s JOIN expand_contract.jobs j ON j.id = s.job"
					" WHERE s.job = $1 AND j.started_at IS NOT NULL ORDER BY s.slot, s.at",
					&args);
}

/* What the slots waited for, as stripes behind the lines. */
static void
append_waits(StringInfo page, uint64 count, double whole, Reasons *reasons)
{
	for (uint64 row = 0; row < count; row++)
	{
		char *word = ec_get_text(row, 4);
		int place;

		if (word == NULL)
			continue;
		place = place_of(reasons, word);
		reasons->seconds[place] += ec_get_float8(row, 5, 0);
		appendStringInfoString(page, "<g opacity=\"0.35\">");
		append_rect(page, WIDTH * ec_get_float8(row, 2, 0) / whole, 4,
					WIDTH * ec_get_float8(row, 5, 0) / whole, HEIGHT,
					colours[place]);
		appendStringInfoString(page, "</g>");
	}
}

static void
append_lines(StringInfo page, uint64 count, double whole, double most)
{
	int slot = -1;

	for (uint64 row = 0; row < count; row++)
	{
		if (ec_get_int4(row, 1, 0) != slot)
		{
			appendStringInfoString(page, slot < 0 ? "" : "\"/>\n");
			appendStringInfoString(page,
								   "<polyline fill=\"none\" stroke=\"#0f766e\" stroke-width=\"1.6\" points=\"");
			slot = ec_get_int4(row, 1, 0);
		}
		appendStringInfo(page, "%.1f,%.1f ",
						 WIDTH * ec_get_float8(row, 2, 0) / whole,
						 4 + HEIGHT * (1 - ec_get_int8(row, 3, 0) / most));
	}
	appendStringInfoString(page, "\"/>\n");
}

static void
append_caption(StringInfo page, int64 job, double whole, double most,
			   const Reasons *reasons)
{
	appendStringInfo(page,
					 "</svg><figcaption>Job " INT64_FORMAT
					 ": rows of each worker (up to %.0f) over %.0f s.",
					 job, most, whole);
	for (int i = 0; i < reasons->count; i++)
	{
		appendStringInfo(page, " <span style=\"color:%s\">&#9632;</span> ",
						 colours[i]);
		ec_append_html(page, reasons->words[i]);
		appendStringInfo(page, " %.0f s", reasons->seconds[i]);
	}
	appendStringInfoString(page, "</figcaption></figure>\n");
}

static void
chart_job(StringInfo page, int64 job)
{
	uint64 count = read_samples(job);
	Reasons reasons = {{0}};
	double whole = 0;
	double most = 1;

	if (count < 2)
		return;
	for (uint64 row = 0; row < count; row++)
	{
		whole = Max(whole, ec_get_float8(row, 2, 0) + ec_get_float8(row, 5, 0));
		most = Max(most, (double) ec_get_int8(row, 3, 0));
	}
	if (whole <= 0)
		return;
	begin_picture(page, HEIGHT + 8, "rows over time");
	append_rect(page, 0, 4, WIDTH, HEIGHT, "#f5f7fa");
	append_waits(page, count, whole, &reasons);
	append_lines(page, count, whole, most);
	append_caption(page, job, whole, most, &reasons);
}

void
ec_chart_jobs(StringInfo page, const char *change)
{
	EcArgs args = {0};
	int64 jobs[MOST_JOBS];
	uint64 count;

	ec_arg_text(&args, change);
	ec_arg_int4(&args, MOST_JOBS);
	count = ec_query("SELECT id FROM (SELECT id FROM expand_contract.jobs WHERE change = $1"
					 "                 ORDER BY id DESC LIMIT $2) j ORDER BY id",
					 &args);
	for (uint64 row = 0; row < count; row++)
		jobs[row] = ec_get_int8(row, 1, 0);
	for (uint64 row = 0; row < count; row++)
		chart_job(page, jobs[row]);
}
