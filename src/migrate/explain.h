/*
 * explain.h
 *		Hints for errors that a script's statements raise.
 */
#ifndef EC_MIGRATE_EXPLAIN_H
#define EC_MIGRATE_EXPLAIN_H

#include "postgres.h"

/*
 * Adds or replaces the hint of a server error that has a special cause in a
 * script.
 */
extern void ec_explain_script_error(ErrorData *error);

#endif
