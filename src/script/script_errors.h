/*
 * script_errors.h
 *		Shows where in a script an error is.
 */
#ifndef EC_SCRIPT_SCRIPT_ERRORS_H
#define EC_SCRIPT_SCRIPT_ERRORS_H

#include "postgres.h"

/*
 * Between begin and end, while a script is scanned or parsed, errors show
 * their position in it.  An error needs no call of end.
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
 * Line and column of an offset.  The search starts at an earlier place, so
 * that a script with many statements is scanned only once.
 */
typedef struct EcPlace
{
	int offset;
	int line;       /* from 1 */
	int line_start; /* offset of the line's first character */
	int counted;    /* up to this offset, the line's characters are counted: */
	int characters;
} EcPlace;

extern void ec_move_to(EcPlace *place, const char *text, int offset);

/*
 * In characters, from 1.  Each character is counted once, because a line may
 * have all statements of a long script.
 */
extern int ec_column_of(EcPlace *place, const char *text);

/* For DETAILs: 'Statement 2, line 3, column 1'. */
extern char *ec_place(const char *text, int number, int offset);

#endif
