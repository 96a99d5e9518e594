/*
 * read_text.h
 *		One value of a query, as a role.
 */
#ifndef EC_CORE_READ_TEXT_H
#define EC_CORE_READ_TEXT_H

#include "postgres.h"

/*
 * The first value of the first row that a SELECT gives, as text; NULL if it is
 * NULL, or there is no row.  Run as that role (see rights.h) in an SPI
 * connection of its own; it is nobody's use of a column, see own.h.
 */
extern char *ec_read_text(const char *sql, Oid role);

#endif
