/*
 * dialect.h
 *		Recognizes scripts that are written for another database.
 */
#ifndef EC_SCRIPT_DIALECT_H
#define EC_SCRIPT_DIALECT_H

#include "postgres.h"

/*
 * For a script that the server's parser has rejected at this byte: what in that
 * statement is of which other database, and what to write here; NULL if
 * nothing is.  Raises no error.
 */
extern const char *ec_dialect_hint(const char *text, int offset);

/*
 * The same for a message about a type or function that does not exist.
 */
extern const char *ec_foreign_name_hint(const char *message);

#endif
