/*
 * drift.c
 *		Shows where a changed script differs from the one that was applied.
 *
 * Equal lines at the start and at the end are left out, and the rest is
 * shown.  As for the checksum, white space at the ends of a line and empty
 * lines do not count.  Comment lines count only if nothing else differs,
 * because they may be part of a function's body.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "nodes/pg_list.h"
#include "parser/scansup.h"

#include "migrate/drift.h"

#define MAX_LINES 3
#define MAX_BYTES 120 /* per line */
#define LEAD_BYTES                                                             \
	40 /* of what is equal in two long lines, before they differ */

static List *
lines_of(const char *text, bool with_comments)
{
	List *lines = NIL;

	for (const char *c = text; *c != '\0';)
	{
		size_t length = strcspn(c, "\n");
		size_t last = length;
		size_t first = 0;

		while (first < last && scanner_isspace(c[first]))
			first++;
		while (last > first && scanner_isspace(c[last - 1]))
			last--;
		if (last > first && (with_comments || strncmp(c + first, "--", 2) != 0))
			lines = lappend(lines, pnstrdup(c + first, last - first));
		c += length + (c[length] == '\n');
	}
	return lines;
}

/*
 * How much of two long lines can be left out at their start, because it is
 * equal: a whole script may be one line.
 */
static int
equal_bytes(const char *a, const char *b)
{
	int equal = 0;

	while (a[equal] != '\0' && a[equal] == b[equal])
		equal++;
	return equal < MAX_BYTES / 2 ? 0 : pg_mbcliplen(a, equal, equal - LEAD_BYTES);
}

/* Of the first line the bytes before skip are left out. */
static void
append_lines(StringInfo diff, char sign, List *lines, int from, int until, int skip)
{
	for (int i = from; i < until; i++)
	{
		const char *line = (char *) list_nth(lines, i) + skip;
		int length = strlen(line);

		if (i - from == MAX_LINES)
		{
			appendStringInfo(diff, "\n%c ... %d more", sign, until - i);
			return;
		}
		if (length > MAX_BYTES)
			length = pg_mbcliplen(line, length, MAX_BYTES);
		appendStringInfo(diff, "\n%c %s%.*s%s", sign, skip > 0 ? "..." : "",
						 length, line, line[length] != '\0' ? "..." : "");
		skip = 0;
	}
}

static char *
diff_of(List *applied, List *given)
{
	int old_end = list_length(applied);
	int new_end = list_length(given);
	int start = 0;
	int skip = 0;
	StringInfoData diff;

	while (start < Min(old_end, new_end) &&
		   strcmp(list_nth(applied, start), list_nth(given, start)) == 0)
		start++;
	while (Min(old_end, new_end) > start &&
		   strcmp(list_nth(applied, old_end - 1), list_nth(given, new_end - 1)) == 0)
	{
		old_end--;
		new_end--;
	}
	if (start < old_end && start < new_end)
		skip = equal_bytes(list_nth(applied, start), list_nth(given, start));
	initStringInfo(&diff);
	append_lines(&diff, '-', applied, start, old_end, skip);
	append_lines(&diff, '+', given, start, new_end, skip);
	return diff.data;
}

char *
ec_drift_lines(const char *applied, const char *given)
{
	char *diff = diff_of(lines_of(applied, false), lines_of(given, false));

	return *diff != '\0'
			   ? diff
			   : diff_of(lines_of(applied, true), lines_of(given, true));
}
