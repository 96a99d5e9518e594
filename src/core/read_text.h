/*
 * read_text.h
 *		Reads one value with a query that runs as a given role.
 */
#ifndef EC_CORE_READ_TEXT_H
#define EC_CORE_READ_TEXT_H

#include "postgres.h"

/*
 * Returns the first value of the first row of a SELECT as text; NULL if it is
 * NULL or there is no row.  Runs as that role (see rights.h) in an SPI
 * connection of its own, and does not count as use of a column (see own.h).
 */
extern char *ec_read_text(const char *sql, Oid role);

#endif
