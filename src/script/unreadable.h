/*
 * unreadable.h
 *		What the parser would stumble over without saying why.
 */
#ifndef EC_SCRIPT_UNREADABLE_H
#define EC_SCRIPT_UNREADABLE_H

#include "postgres.h"

/*
 * Raise 42601 for a character outside of strings and quoted names that nobody
 * sees, such as a byte order mark or a no-break space: to the server they are
 * letters.  Raise 0A000 for COPY FROM STDIN, before its rows are read as SQL.
 */
extern void ec_refuse_unreadable(const char *text, const char *what);

#endif
