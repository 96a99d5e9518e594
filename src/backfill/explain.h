/*
 * explain.h
 *		What can be known of statements before any of them has run.
 */
#ifndef EC_BACKFILL_EXPLAIN_H
#define EC_BACKFILL_EXPLAIN_H

#include "postgres.h"

#include "utils/rel.h"

#include "backfill/sweep_kind.h"

/*
 * Have a look that keeps no lock: there can be thousands of partitions.  Its
 * errors are the caller's.
 */
extern void ec_probe(void (*look)(void *arg), void *arg);

/*
 * Plan a statement, with a TID for each argument, and check rights on it all.
 */
extern void ec_explain(const char *statement, int nargs, const char *search_path);

/*
 * Can the caller run the batches' statements on the relation?  If not, raises
 * the server's error.
 */
extern void ec_check_statement(Relation relation, const EcBackfill *backfill);

/* The same of the look at all leaves that comes after a sweep. */
extern void ec_check_any_statement(Relation root, const EcBackfill *backfill);

/* Rows that the predicate holds for, as the planner sees it. */
extern int64 ec_estimate_backfill(Relation relation, const char *predicate);

#endif
