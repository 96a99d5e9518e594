/*
 * index_end.h
 *		The value at the end of an index, for whoever must not wait.
 *
 * No statement is planned, so that no code of the table's owner runs: to plan
 * one, the server evaluates what is constant in the expressions of indexes and
 * constraints.  Whose rights count is the caller's to look at.
 *
 * Locks: ACCESS SHARE on the table, what is below it and the indexes that are
 * looked at, until the end of the transaction.  None is waited for.
 */
#ifndef EC_DUALWRITE_INDEX_END_H
#define EC_DUALWRITE_INDEX_END_H

#include "postgres.h"

#include "access/attnum.h"

/* What to look for: the highest or the lowest value between two others. */
typedef struct EcIndexEnd
{
	int64 low;
	int64 high;
	bool highest;
	bool is_there; /* was one found? */
	int64 value;
} EcIndexEnd;

/*
 * In a column of numbers, of the table and all that is below it.  False if that
 * cannot be told: something is locked, or has no index that begins with the
 * column, or is elsewhere.
 */
extern bool ec_find_index_end(Oid table, AttrNumber attnum, EcIndexEnd *end);

#endif
