/*
 * mismatch.h
 *		What is recorded of a row that differs: its key and its values.
 */
#ifndef EC_MISMATCH_H
#define EC_MISMATCH_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

/*
 * The columns that find a row again: the primary key, else ctid; with tableoid
 * where rows of several tables are read and these columns do not tell them
 * apart.
 */
typedef struct EcRowKey
{
	int count;
	char **names;
	Oid relation; /* tableoid is left out where it is this */
} EcRowKey;

extern EcRowKey *ec_row_key(Relation relation);

/*
 * Record one column of the row in slot, whose source value is at position
 * source, the target value after it, and the key's columns at the end.
 */
extern void ec_mismatch_put(Tuplestorestate *mismatches, const EcRowKey *key,
							const char *column, TupleTableSlot *slot, int source);

#endif
