/*
 * syntax_hint.h
 *		Recognizes text of other tools at the position of a syntax error.
 */
#ifndef EC_SCRIPT_SYNTAX_HINT_H
#define EC_SCRIPT_SYNTAX_HINT_H

#include "postgres.h"

/*
 * Returns a hint if the text looks like something that a client or another
 * tool replaces or executes itself; otherwise NULL.
 */
extern const char *ec_syntax_hint(const char *text, int offset);

#endif
