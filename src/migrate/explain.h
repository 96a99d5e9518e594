/*
 * explain.h
 *		Hints for errors that a script's statements raise.
 */
#ifndef EC_MIGRATE_EXPLAIN_H
#define EC_MIGRATE_EXPLAIN_H

#include "postgres.h"

/*
 * Where the server's error is one that a script can meet and a client cannot, say
 * what to do about it.
 */
extern void ec_explain_script_error(ErrorData *error);

#endif
