/*
 * explain.h
 *		Checks statements before any of them is run.
 */
#ifndef EC_BACKFILL_EXPLAIN_H
#define EC_BACKFILL_EXPLAIN_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/sweep_kind.h"

/*
 * Calls look and releases all its locks, because there can be thousands of
 * partitions.  Raises its error.
 */
extern void ec_probe(void (*look)(void *arg), void *arg);

/*
 * Plans a statement, with a TID for each argument, and checks all privileges.
 */
extern void ec_explain(const char *statement, int nargs, const char *search_path);

/*
 * Raises the server's error if the caller cannot run the batches' statements
 * on the relation.
 */
extern void ec_check_statement(Relation relation, const EcBackfill *backfill);

/* The same for the check of all leaves that follows a sweep. */
extern void ec_check_any_statement(Relation root, const EcBackfill *backfill);

/* The planner's estimate of the rows for which the predicate holds. */
extern int64 ec_estimate_rows(Relation relation, const char *predicate);

#endif
