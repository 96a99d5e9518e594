/*
 * lines.c
 *		Finds the lines of a text.
 */
#include "postgres.h"

#include "script/lines.h"

/*
 * in UTF-8; some editors write this invisible character at the start of a file
 */
#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

size_t
ec_line_length(const char *line)
{
	return strcspn(line, "\r\n");
}

size_t
ec_line_end_length(const char *end)
{
	if (end[0] == '\0')
		return 0;
	return end[0] == '\r' && end[1] == '\n' ? 2 : 1;
}

const char *
ec_after_byte_order_mark(const char *text)
{
	size_t length = strlen(BYTE_ORDER_MARK);

	return strncmp(text, BYTE_ORDER_MARK, length) == 0 ? text + length : text;
}
