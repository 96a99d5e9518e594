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

static void
append_lines(StringInfo diff, char sign, List *lines, int from, int until)
{
	for (int i = from; i < until; i++)
	{
		const char *line = list_nth(lines, i);
		int length = strlen(line);

		if (i - from == MAX_LINES)
		{
			appendStringInfo(diff, "\n%c ... %d more", sign, until - i);
			return;
		}
		if (length > MAX_BYTES)
			length = pg_mbcliplen(line, length, MAX_BYTES);
		appendStringInfo(diff, "\n%c %.*s%s", sign, length, line,
						 line[length] != '\0' ? "..." : "");
	}
}

static char *
diff_of(List *applied, List *given)
{
	int old_end = list_length(applied);
	int new_end = list_length(given);
	int start = 0;
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
	initStringInfo(&diff);
	append_lines(&diff, '-', applied, start, old_end);
	append_lines(&diff, '+', given, start, new_end);
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
