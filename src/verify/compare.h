/*
 * compare.h
 *		Rows against a mapping: what to compare, and what a comparison found.
 *
 * A mapping {"target_column": "SQL expression over the source row"} says what
 * each row of the target should hold.  Source and target are one table, and
 * then a row is compared with itself, or two, and then rows are matched by
 * key.  A second mapping back, from the target's row to columns of the source,
 * widens what is right, see instep.h.
 *
 * Everything here runs as the caller: the tables, the expressions and what
 * they call are the user's.
 */
#ifndef EC_VERIFY_COMPARE_H
#define EC_VERIFY_COMPARE_H

#include "postgres.h"

#include "utils/tuplestore.h"

#include "verify/checksum.h"
#include "verify/recheck.h"
#include "verify/subject.h"
#include "verify/walk.h"

/* What a comparison found. */
typedef struct EcComparison
{
	List *reads;       /* OIDs of all relations that the queries name */
	bool is_opaque;    /* they call functions that may read others */
	int64 missing;     /* rows of the source that the target does not have */
	int64 extra;       /* rows of the target that the source does not have */
	int64 different;   /* rows */
	EcChecksum source; /* of the expressions, as ec_checksum gives it */
	EcChecksum target; /* of the columns */
	int64 recorded;    /* rows, in mismatches */
	Tuplestorestate *mismatches; /* see mismatch.h */
	Datum snapshot;              /* of type pg_snapshot */
} EcComparison;

/* How to compare. */
typedef struct EcCompareOptions
{
	int64 max_mismatches; /* rows of which each differing column is recorded */
	const EcKeyRange *range; /* NULL: all rows */
	EcSuspects *suspects;    /* NULL: what differs counts at once */
	bool plan_only;          /* look at no row */
} EcCompareOptions;

/*
 * Compare what the active snapshot shows, and fill in the comparison, which
 * has to be empty.
 */
extern void ec_compare(const EcSubject *subject, const EcCompareOptions *options,
					   EcComparison *comparison);

/* Raises what a comparison would raise before it reads a row. */
extern void ec_compare_check(const EcSubject *subject);

/* compare_columns.c and compare_tables.c */
extern void
ec_compare_columns(const EcSubject *subject, const EcCompareOptions *options,
				   EcComparison *comparison);
extern void
ec_compare_tables(const EcSubject *subject, const EcCompareOptions *options,
				  EcComparison *comparison);

#endif
