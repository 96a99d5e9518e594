/*
 * own.c
 *		Marks what this process does on behalf of the extension itself.
 */
#include "postgres.h"

#include "core/own.h"

bool ec_own_reads = false;
bool ec_own_ddl = false;
bool ec_own_swap = false;
