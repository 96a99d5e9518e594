/*
 * expression.h
 *		SQL expressions that a user passes as text.
 *
 * Such text becomes part of one of our statements.  It is first parsed on its
 * own, so that it cannot end our statement, close our parentheses or comment
 * out the rest of it.  Only then is it inserted, in parentheses.
 */
#ifndef EC_CORE_EXPRESSION_H
#define EC_CORE_EXPRESSION_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/nodes.h"

/*
 * Raises ERRCODE_SYNTAX_ERROR unless text is exactly one SQL expression: no
 * alias, no clause, no second statement, no parameter, no unterminated
 * comment.  A sub-select is an expression.  what says in the error where the
 * text comes from, for example "column \"email\" of the mapping".
 *
 * The meaning of text depends on standard_conforming_strings, so check it in
 * the session that runs it.  No name is looked up: columns, functions and
 * types need not exist yet.
 */
extern void ec_check_expression(const char *text, const char *what);

/*
 * Like ec_check_expression, but returns the raw parse tree, for transformExpr.
 */
extern Node *ec_parse_expression(const char *text, const char *what);

/*
 * Between begin and end, errors show the user's expression as their context,
 * and their position is a position in it.  An error needs no call of end.
 */
typedef struct EcExpressionContext
{
	const char *text;
	const char *what;
	ErrorContextCallback callback;
} EcExpressionContext;

extern void ec_expression_context_begin(EcExpressionContext *context,
										const char *text, const char *what);
extern void ec_expression_context_end(EcExpressionContext *context);

/* Append a checked expression to a statement. */
extern void ec_append_expression(StringInfo sql, const char *text);

#endif
