/*
 * careful.h
 *		Evaluates the expressions of a reading row by row, so that an expression
 *		that fails costs the verdict on its row only.
 *
 * The query reads plain columns.  The expressions are evaluated between the
 * executor and the receiver, in a subtransaction for each row.  That is slow,
 * so it is done only after an expression has failed (compare.c).
 */
#ifndef EC_VERIFY_CAREFUL_H
#define EC_VERIFY_CAREFUL_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "tcop/dest.h"

#include "verify/row_hash.h"

/*
 * The expressions of the present row that have failed, by their position in
 * the row.  Their value is NULL.  The array elements are NULL for expressions
 * that have not failed, and messages otherwise.
 */
typedef struct EcFailed
{
	int count;
	char **messages;
} EcFailed;

/* Returns the message, or NULL.  failed may be NULL. */
static inline char *
ec_failed_at(const EcFailed *failed, int position)
{
	return failed == NULL ? NULL : failed->messages[position];
}

/* Returns the first of positions from first to end - 1 that failed, or -1. */
static inline int
ec_first_failed(const EcFailed *failed, int first, int end, int stride)
{
	if (failed != NULL)
		for (int i = first; i < end; i += stride)
			if (failed->messages[i] != NULL)
				return i;
	return -1;
}

/*
 * Changes the finished hash of a row whose expressions have failed: their NULLs
 * are no values.
 */
static inline void
ec_fail_hash(EcLanes *lanes)
{
	lanes->a ^= UINT64CONST(0x5a5a5a5a5a5a5a5a);
}

typedef struct EcCareful EcCareful;

/*
 * Takes the expressions out of the query's target list, and sets *failed to
 * what tells which of them fail.
 */
extern EcCareful *ec_careful_begin(Query *query, const EcFailed **failed);

/* Passes the rows of the changed query on to receiver. */
extern DestReceiver *
ec_careful_receiver(EcCareful *careful, DestReceiver *receiver);

#endif
