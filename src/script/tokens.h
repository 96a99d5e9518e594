/*
 * tokens.h
 *		Splits a script into tokens with the server's scanner, and finds the
 *		comments between them.
 */
#ifndef EC_SCRIPT_TOKENS_H
#define EC_SCRIPT_TOKENS_H

#include "postgres.h"

#include "parser/scanner.h"

/*
 * The scanner's multi-character tokens.  gram.h is not installed from 16 on.
 * These are the first tokens of gram.y, in its order; it does not change,
 * because PL/pgSQL's grammar declares the same tokens.  A regression test has
 * a script with each of them.
 */
typedef enum EcTokenKind
{
	EC_TOKEN_IDENT = 258,
	EC_TOKEN_UIDENT,
	EC_TOKEN_FCONST,
	EC_TOKEN_SCONST,
	EC_TOKEN_USCONST,
	EC_TOKEN_BCONST,
	EC_TOKEN_XCONST,
	EC_TOKEN_OP,
	EC_TOKEN_ICONST,
	EC_TOKEN_PARAM,
	EC_TOKEN_TYPECAST,
	EC_TOKEN_DOT_DOT,
	EC_TOKEN_COLON_EQUALS,
	EC_TOKEN_EQUALS_GREATER,
	EC_TOKEN_LESS_EQUALS,
	EC_TOKEN_GREATER_EQUALS,
	EC_TOKEN_NOT_EQUALS
} EcTokenKind;

/*
 * The scanner without keywords: each unquoted word is an EC_TOKEN_IDENT, so
 * the tokens are the same under every server version.
 */
typedef struct EcScanner
{
	core_yyscan_t yyscanner;
	core_yy_extra_type extra;
} EcScanner;

typedef struct EcToken
{
	int kind; /* EcTokenKind, or a character */
	core_YYSTYPE value;
	int offset; /* of its first byte */
	int end;    /* offset of the byte after it */
} EcToken;

extern void ec_scanner_begin(EcScanner *scanner, const char *text);

/* Gets the next token; returns false at the end of the text. */
extern bool ec_scanner_next(EcScanner *scanner, EcToken *token);
extern void ec_scanner_end(EcScanner *scanner);

/* Is the token this word, unquoted?  word must be in lower case. */
extern bool
ec_token_is_word(const EcToken *token, const char *text, const char *word);

/*
 * Returns a character for each byte of a script: 'c' where a -- comment
 * starts, 'b' where a block comment starts, 't' where a token starts, '.'
 * within a token, and a space elsewhere.  what names the script in errors.
 */
extern char *ec_map_script(const char *text, const char *what);

/* Does the text contain a token, and so something to run? */
extern bool ec_has_tokens(const char *text, const char *what);

/*
 * Does the text contain this name outside of comments?  Strings count, because
 * they may be function bodies.
 */
extern bool ec_text_names(const char *text, const char *name);

#endif
