/*
 * compare.h
 *		Rows against a mapping: one scan, one snapshot.
 *
 * A mapping {"target_column": "SQL expression over the source row"} says what
 * each row of a table should hold.  Everything here runs as the caller: the
 * table, the expressions and what they call are the user's.
 */
#ifndef EC_COMPARE_H
#define EC_COMPARE_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#include "core/mapping.h"
#include "verify/checksum.h"

/* What a comparison found. */
typedef struct EcComparison
{
	List *reads;       /* OIDs of all relations that the query names */
	bool is_opaque;    /* it calls functions that may read others */
	int64 different;   /* rows */
	EcChecksum source; /* of the expressions, as ec_checksum gives it */
	EcChecksum target; /* of the columns */
	Tuplestorestate *mismatches; /* see ec_mismatch_desc */
} EcComparison;

/* key, column_name, source_value, target_value; all of them text */
#define EC_MISMATCH_COLUMNS 4
extern TupleDesc ec_mismatch_desc(void);

/*
 * Compare every row that one fresh snapshot shows.  Of the first
 * max_mismatches rows that differ, each differing column goes to mismatches.
 */
extern void ec_compare_columns(Relation relation, List *columns,
							   int max_mismatches, EcComparison *comparison);

#endif
