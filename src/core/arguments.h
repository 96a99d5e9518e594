/*
 * arguments.h
 *		Reads the arguments of SQL functions.
 *
 * The SQL functions are not STRICT.  A NULL for an argument that must have a
 * value raises an error (22004) that names the argument; a STRICT function
 * would return NULL, which looks like success.
 */
#ifndef EC_CORE_ARGUMENTS_H
#define EC_CORE_ARGUMENTS_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/array.h"

/* Raises 22004 if the argument is NULL.  The hint may be NULL. */
extern void ec_require_argument(FunctionCallInfo fcinfo, int n,
								const char *name, const char *hint);

extern char *ec_text_argument(FunctionCallInfo fcinfo, int n, const char *name);
extern char *ec_text_or_null(FunctionCallInfo fcinfo, int n);
extern bool ec_bool_argument(FunctionCallInfo fcinfo, int n, const char *name);

/*
 * Reads an argument with two possible values; NULL counts as the first one, and
 * so does an argument that the SQL of the previous version does not have.
 * Returns true for the second one, and raises 22023 for any other value.
 */
extern bool ec_is_second_choice(FunctionCallInfo fcinfo, int n, const char *name,
								const char *first, const char *second);

/*
 * Returns the elements of a text[] (char *), none for a NULL array.  Raises
 * 22004 if an element is NULL.
 */
extern List *ec_text_list(ArrayType *array, const char *name);
extern List *
ec_text_list_argument(FunctionCallInfo fcinfo, int n, const char *name);

/* Reads the names of key columns; NIL for NULL.  Raises 22023 for an empty array. */
extern List *ec_key_argument(FunctionCallInfo fcinfo, int n);

#endif
