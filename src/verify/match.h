/*
 * match.h
 *		Rows of two tables, sorted by the hashes of key and row: which of them
 *		are missing, extra, different.
 */
#ifndef EC_VERIFY_MATCH_H
#define EC_VERIFY_MATCH_H

#include "postgres.h"

#include "utils/tuplesort.h"

#include "verify/compare.h"
#include "verify/instep.h"

typedef struct EcMatcher
{
	const EcSubject *subject;
	const EcCompareOptions *options;
	EcComparison *result;

	/* columns of a row: key, mapped columns, backward columns */
	int key_count;
	int count;
	int old_count;
	EcComparedColumn *columns;
	EcComparedColumn *old_columns;

	MemoryContext row_memory; /* reset for each row */
	TupleDesc desc;           /* of a sorted row */
	Tuplesortstate *sort;     /* NULL: not begun */
	TupleTableSlot *sorted;
} EcMatcher;

extern void ec_match_begin(EcMatcher *matcher);

/* A row, whose columns slot holds, with the hashes of its key and of all. */
extern void ec_match_put(EcMatcher *matcher, EcRowSide side, TupleTableSlot *slot,
						 const EcLanes *key, const EcLanes *row);

/* All rows are there: count and record what does not match. */
extern void ec_match_end(EcMatcher *matcher);

#endif
