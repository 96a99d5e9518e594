/*
 * index_end.h
 *		Reads the value at the end of an index without waiting.
 *
 * No statement is planned, because the planner evaluates constant parts of the
 * expressions of indexes and constraints, and so could run code of the table's
 * owner.  The caller must check permissions.
 *
 * Locks: ACCESS SHARE on the table, its descendants and the indexes used,
 * until the end of the transaction.  Never waits for a lock.
 */
#ifndef EC_DUALWRITE_INDEX_END_H
#define EC_DUALWRITE_INDEX_END_H

#include "postgres.h"

#include "access/attnum.h"

/* what to look for: the highest or the lowest value in a range */
typedef struct EcIndexEnd
{
	int64 low;
	int64 high;
	bool highest;
	bool is_there; /* a value was found */
	int64 value;
} EcIndexEnd;

/*
 * Looks in an integer column of the table and all its descendants.  Returns
 * false if the value cannot be determined: a relation is locked, has no index
 * that begins with the column, or is a foreign table.
 */
extern bool ec_find_index_end(Oid table, AttrNumber attnum, EcIndexEnd *end);

#endif
