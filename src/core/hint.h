/*
 * hint.h
 *		Hints and statements that name functions and views of the extension.
 *
 * A user runs them as they are printed.  So each name that begins with ec_ and
 * that the format itself contains gets the extension's schema as its qualifier,
 * unless the caller's search_path has that schema.  Values that the format inserts
 * are left alone.
 */
#ifndef EC_CORE_HINT_H
#define EC_CORE_HINT_H

#include "postgres.h"

/* The text itself, which no values were inserted into. */
extern char *ec_qualified(const char *text);

/* Like errhint. */
extern int ec_errhint(const char *format, ...) pg_attribute_printf(1, 2);

/* Like psprintf. */
extern char *ec_hint(const char *format, ...) pg_attribute_printf(1, 2);

#endif
