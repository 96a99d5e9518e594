/*
 * analyse.h
 *		Analyses a statement into which the caller's text was inserted.
 */
#ifndef EC_BACKFILL_ANALYSE_H
#define EC_BACKFILL_ANALYSE_H

#include "postgres.h"

#include "nodes/parsenodes.h"

/*
 * An error context callback, whose argument is our statement: shows the
 * position of an error as one in an internal query.
 */
extern void ec_statement_error_callback(void *arg);

/*
 * Parses, analyses and rewrites a statement that results in one query, as the
 * caller.
 */
extern Query *ec_analyse_statement(const char *sql);

#endif
