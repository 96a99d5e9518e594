/*
 * match.h
 *		Matches rows of two tables, sorted by the hashes of key and row, and
 *		finds the ones that are missing, extra or different.
 */
#ifndef EC_VERIFY_MATCH_H
#define EC_VERIFY_MATCH_H

#include "postgres.h"

#include "utils/tuplesort.h"

#include "verify/careful.h"
#include "verify/compare.h"
#include "verify/instep.h"

typedef struct EcMatcher
{
	const EcSubject *subject;
	const EcCompareOptions *options;
	EcComparison *result;

	/* numbers of columns in a row: key, mapped columns, backward columns */
	int key_count;
	int count;
	int old_count;
	EcComparedColumn *columns;
	EcComparedColumn *old_columns;

	const EcFailed *failed;   /* of the row that is read; see careful.h */
	MemoryContext row_memory; /* reset for each row */
	TupleDesc desc;           /* of a sorted row */
	Tuplesortstate *sort;     /* NULL before ec_match_begin */
	TupleTableSlot *sorted;
} EcMatcher;

extern void ec_match_begin(EcMatcher *matcher);

/*
 * Adds a row, given in slot, with the hashes of its key and of the whole row.
 */
extern void ec_match_put(EcMatcher *matcher, EcRowSide side, TupleTableSlot *slot,
						 const EcLanes *key, const EcLanes *row);

/* Call after all rows: counts and records the ones that do not match. */
extern void ec_match_end(EcMatcher *matcher);

#endif
