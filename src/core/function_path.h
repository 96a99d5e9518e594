/*
 * function_path.h
 *		The search_path that a function SETs.
 */
#ifndef EC_CORE_FUNCTION_PATH_H
#define EC_CORE_FUNCTION_PATH_H

#include "postgres.h"

/* Returns NULL if the function does not SET it, or does not exist. */
extern char *ec_function_path(Oid function);

#endif
