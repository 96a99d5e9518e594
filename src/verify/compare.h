/*
 * compare.h
 *		Compares rows with a mapping: the options and the result.
 *
 * A mapping {"target_column": "SQL expression over the source row"} defines
 * what each row of the target should contain.  If source and target are the
 * same table, a row is compared with itself; if they are two tables, rows are
 * matched by key.  If there is a second mapping in the other direction, from
 * the target's row to columns of the source, more rows count as right; see
 * instep.h.
 *
 * Everything here runs as the caller, because the tables, the expressions and
 * the functions that they call belong to users.
 */
#ifndef EC_VERIFY_COMPARE_H
#define EC_VERIFY_COMPARE_H

#include "postgres.h"

#include "utils/tuplestore.h"

#include "verify/checksum.h"
#include "verify/recheck.h"
#include "verify/subject.h"
#include "verify/walk.h"

/* The result of a comparison. */
typedef struct EcComparison
{
	List *reads;                 /* OIDs of all relations in the queries */
	bool is_opaque;              /* they call functions that may read more */
	int64 missing;               /* rows that only the source has */
	int64 extra;                 /* rows that only the target has */
	int64 different;             /* number of rows */
	EcChecksum source;           /* ec_checksum of the expressions */
	EcChecksum target;           /* ec_checksum of the columns */
	int64 recorded;              /* number of rows in mismatches */
	Tuplestorestate *mismatches; /* see mismatch.h */
	Datum snapshot;              /* of type pg_snapshot */
} EcComparison;

/* How to compare. */
typedef struct EcCompareOptions
{
	int64 max_mismatches;    /* number of rows to record in detail */
	const EcKeyRange *range; /* NULL: all rows */
	EcSuspects *suspects;    /* NULL: rows count at the first difference */
	bool plan_only;          /* read no row */
	bool tolerates;          /* a row whose expressions fail is different */
} EcCompareOptions;

/*
 * Compares the rows visible to the active snapshot.  The comparison must be
 * zeroed; its fields are set.
 */
extern void ec_compare(const EcSubject *subject, const EcCompareOptions *options,
					   EcComparison *comparison);

/* Raises the errors that a comparison would raise before it reads a row. */
extern void ec_compare_check(const EcSubject *subject);

/* compare_columns.c and compare_tables.c */
extern void
ec_compare_columns(const EcSubject *subject, const EcCompareOptions *options,
				   EcComparison *comparison);
extern void
ec_compare_tables(const EcSubject *subject, const EcCompareOptions *options,
				  EcComparison *comparison);

#endif
