/*
 * syntax_hint.h
 *		What the text at the place of a syntax error looks like.
 */
#ifndef EC_SCRIPT_SYNTAX_HINT_H
#define EC_SCRIPT_SYNTAX_HINT_H

#include "postgres.h"

/*
 * A hint, if it looks like something that a client or another tool replaces or
 * runs by itself; NULL if like nothing that is known.
 */
extern const char *ec_syntax_hint(const char *text, int offset);

#endif
