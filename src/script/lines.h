/*
 * lines.h
 *		Finds the lines of a text.
 */
#ifndef EC_SCRIPT_LINES_H
#define EC_SCRIPT_LINES_H

#include "postgres.h"

/*
 * The length of a line without its line end, and the length of the line end:
 * LF, CR LF, or CR alone.
 */
extern size_t ec_line_length(const char *line);
extern size_t ec_line_end_length(const char *end);

/* Skips a byte order mark at the beginning of a text. */
extern const char *ec_after_byte_order_mark(const char *text);

#endif
