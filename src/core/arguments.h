/*
 * arguments.h
 *		Reads the arguments of the SQL functions of this room.
 *
 * The functions are not STRICT: a NULL where there must be a value is an
 * error (22004) that names the argument, not a NULL that looks like success.
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
 * A text[], NULL taken as empty; *elements becomes its elements (char *), of
 * which none may be NULL.
 */
extern Datum ec_text_array_argument(FunctionCallInfo fcinfo, int n,
									const char *name, List **elements);

#endif
