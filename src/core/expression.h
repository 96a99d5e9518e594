/*
 * expression.h
 *		SQL expressions that a user hands over as text.
 *
 * Such text is put into a statement of ours.  It is parsed on its own first,
 * so that it cannot end our statement, close our parentheses or comment out
 * the rest of it.  Only then is it pasted, in parentheses.
 */
#ifndef EC_EXPRESSION_H
#define EC_EXPRESSION_H

#include "postgres.h"

#include "lib/stringinfo.h"

/*
 * Raises ERRCODE_SYNTAX_ERROR unless text is exactly one SQL expression: no
 * alias, no clause, no second statement, no parameter, no open comment.
 * Sub-selects are expressions.  what names the origin in the error's detail:
 * "column \"email\" of the mapping".
 *
 * How text is read depends on standard_conforming_strings, so check it in the
 * session that runs it.  Nothing is looked up: columns, functions and types
 * may be missing still.
 */
extern void ec_check_expression(const char *text, const char *what);

/* Append a checked expression to a statement. */
extern void ec_append_expression(StringInfo sql, const char *text);

#endif
