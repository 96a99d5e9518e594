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

#include "nodes/parsenodes.h"
#include "utils/array.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "core/mapping.h"
#include "verify/checksum.h"
#include "verify/recheck.h"
#include "verify/walk.h"

typedef enum EcRowSide
{
	EC_ROW_OF_SOURCE,
	EC_ROW_OF_TARGET
} EcRowSide;

/* What is compared.  The tables are open, with AccessShareLock. */
typedef struct EcSubject
{
	Relation source;
	Relation target;   /* the same for columns of one table */
	List *columns;     /* EcMappedColumn of the target */
	List *key;         /* two tables: EcMappedColumn of the target */
	List *backward;    /* EcMappedColumn of the source, or NIL */
	List *walk;        /* names of a unique key that jobs walk along; NIL: the
					  * key above, or the primary key */
	bool new_is_right; /* after cutover: repairs flow from target to source */
} EcSubject;

static inline bool
ec_is_one_table(const EcSubject *subject)
{
	return RelationGetRelid(subject->source) == RelationGetRelid(subject->target) &&
		   subject->key == NIL;
}

/*
 * Two tables: take the key's columns out of the mapping, and put them into
 * subject->key.  names is a text[]; NULL: the target's primary key.  A column
 * that the mapping does not name is the source's of the same name.
 */
extern void ec_mapping_take_key(EcSubject *subject, ArrayType *names);

/* The same for columns that the mapping has, by their names, of char *. */
extern void ec_match_by(EcSubject *subject, List *names);

/*
 * The names of the primary key's columns, in the order of its index; raises
 * 55000 if there is none.
 */
extern List *ec_primary_key(Relation relation);

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
