/*
 * reading.h
 *		SELECT expressions FROM a table, as a tree.
 *
 * Not as text: the user's expressions are analysed in the scope of the table
 * and coerced as an assignment to a column coerces, which no cast written in
 * SQL does.  Each is evaluated once a row, by the executor, as the caller.
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

typedef struct EcReading
{
	Relation relation;
	ParseState *pstate;
	Query *query;
	List *quals;    /* ANDed; may be added to */
	bool plan_only; /* check rights and all else, but read no row */
} EcReading;

extern void ec_reading_begin(EcReading *reading, Relation relation);

/*
 * An expression over the row, coerced to the type of the column of owner that
 * it is for.
 */
extern Node *ec_reading_expression(EcReading *reading, Relation owner,
								   const EcMappedColumn *column);

/* A reference that counts for permissions, as one in a statement does. */
extern Node *ec_reading_column(EcReading *reading, const char *name);

/* Add to what is selected; returns the entry. */
extern TargetEntry *ec_reading_select(EcReading *reading, Node *expression);

/*
 * The query is complete.  Adds the OIDs of all relations that it names to
 * *reads, and sets *is_opaque if it calls functions that may read others.
 */
extern void ec_reading_end(EcReading *reading, List **reads, bool *is_opaque);

/*
 * Run it under the active snapshot.  Row security that would hide rows is an
 * error: half an answer would be a lie.
 */
extern void ec_reading_run(EcReading *reading, DestReceiver *receiver);

#endif
