/*
 * expression.h
 *		SQL expressions that a user hands over as text.
 *
 * Such text is put into a statement of ours.  It is parsed on its own first,
 * so that it cannot end our statement, close our parentheses or comment out
 * the rest of it.  Only then is it pasted, in parentheses.
 */
#ifndef EC_CORE_EXPRESSION_H
#define EC_CORE_EXPRESSION_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/nodes.h"

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

/* The same; returns the raw parse tree, for a transformExpr of one's own. */
extern Node *ec_parse_expression(const char *text, const char *what);

/*
 * While a user's expression is analysed, errors show it as their context, and
 * their position is one in it.  End what was begun; an error needs no end.
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
