/*
 * script_errors.h
 *		Where in a script an error is.
 */
#ifndef EC_SCRIPT_SCRIPT_ERRORS_H
#define EC_SCRIPT_SCRIPT_ERRORS_H

#include "postgres.h"

/*
 * While a script's text is scanned or parsed, errors show their place in it.
 * End what was begun; an error needs no end.
 */
typedef struct EcScriptErrors
{
	const char *text;
	const char *what;
	ErrorContextCallback callback;
} EcScriptErrors;

extern void ec_script_errors_begin(EcScriptErrors *errors, const char *text,
								   const char *what);
extern void ec_script_errors_end(EcScriptErrors *errors);

/*
 * Where an offset is.  Starts at what is known of an earlier one, so that a
 * script of many statements is walked over once.
 */
typedef struct EcPlace
{
	int offset;
	int line;       /* from 1 */
	int line_start; /* offset of its first character */
} EcPlace;

extern void ec_move_to(EcPlace *place, const char *text, int offset);

/* In characters, from 1. */
extern int ec_column_of(const EcPlace *place, const char *text);

/* For DETAILs: 'Statement 2, line 3, column 1'. */
extern char *ec_place(const char *text, int number, int offset);

#endif
