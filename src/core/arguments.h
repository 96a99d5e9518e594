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

extern char *ec_text_argument(FunctionCallInfo fcinfo, int n, const char *name);
extern char *ec_text_or_null(FunctionCallInfo fcinfo, int n);
extern bool ec_bool_argument(FunctionCallInfo fcinfo, int n, const char *name);

/*
 * Reads a text[]; a NULL array counts as an empty one.  Sets *elements to a
 * list of its elements (char *).  Raises an error if an element is NULL.
 */
extern Datum ec_text_array_argument(FunctionCallInfo fcinfo, int n,
									const char *name, List **elements);

#endif
