/*
 * unreadable.h
 *		Detects text for which the parser's error would be hard to understand.
 */
#ifndef EC_SCRIPT_UNREADABLE_H
#define EC_SCRIPT_UNREADABLE_H

#include "postgres.h"

/*
 * Raises 42601 for an invisible character in an unquoted word, such as a byte
 * order mark or a no-break space, because the server treats these as letters.
 * Raises 0A000 for COPY FROM STDIN, before its rows are parsed as SQL.
 */
extern void ec_refuse_unreadable(const char *text, const char *what);

#endif
