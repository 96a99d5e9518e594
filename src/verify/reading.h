/*
 * reading.h
 *		Builds and runs the query SELECT expressions FROM a table.
 *
 * It is built as a query tree and not as text.  The user's expressions are
 * analysed with the table's columns in scope, and coerced as in an assignment
 * to a column; a cast in SQL text would not do the same.  The executor
 * evaluates each expression once per row, as the caller.
 *
 * Locks: the caller has opened the table with AccessShareLock.
 */
#ifndef EC_VERIFY_READING_H
#define EC_VERIFY_READING_H

#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parse_node.h"
#include "tcop/dest.h"
#include "utils/rel.h"

#include "core/mapping.h"
#include "verify/careful.h"

typedef struct EcReading
{
	Relation relation;
	ParseState *pstate;
	Query *query;
	List *quals;    /* implicitly ANDed; callers may add to it */
	bool plan_only; /* check privileges and plan, but read no row */
	bool tolerates; /* an expression that fails is NULL; see careful.h */
	EcCareful *careful;
	const EcFailed *failed; /* of the present row; NULL if none can fail */
} EcReading;

extern void ec_reading_begin(EcReading *reading, Relation relation);

/*
 * Analyses an expression over the row, and coerces it to the type of its
 * column in the relation owner.
 */
extern Node *ec_reading_expression(EcReading *reading, Relation owner,
								   const EcMappedColumn *column);

/* A reference to a column, for which the caller needs the SELECT privilege. */
extern Node *ec_reading_column(EcReading *reading, const char *name);

/* Adds an expression to the target list; returns its entry. */
extern TargetEntry *ec_reading_select(EcReading *reading, Node *expression);

/*
 * Completes the query.  Adds the OIDs of all relations in it to *reads, and
 * sets *is_opaque if it calls functions that may read others.
 */
extern void ec_reading_end(EcReading *reading, List **reads, bool *is_opaque);

/*
 * Runs it under the active snapshot.  Raises an error if a row security policy
 * would hide rows, because the result would be incomplete.
 */
extern void ec_reading_run(EcReading *reading, DestReceiver *receiver);

#endif
