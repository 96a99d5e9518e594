/*
 * route.h
 *		One direction of a change between two tables, as the triggers of one
 *		table execute it.
 *
 * A row of the source (one of the change's tables, a partition or a child of
 * it) is to have one row in the target, with the target's key.  Compiled once
 * per table and session, and again when a table, the change or a function has
 * changed.
 */
#ifndef EC_DUALWRITE_TABLES_ROUTE_H
#define EC_DUALWRITE_TABLES_ROUTE_H

#include "postgres.h"

#include "executor/executor.h"
#include "executor/spi.h"
#include "nodes/bitmapset.h"
#include "utils/rel.h"

#include "core/pinned.h"
#include "model/change.h"
#include "dualwrite/queue/discrepancy.h"

/* What the target's statements read, see route_write.c. */
#define EC_PUT_ROWS  "ec_put"
#define EC_GONE_ROWS "ec_gone"

/* A column of the target, and the expression over the source for it. */
typedef struct EcRouteColumn
{
	AttrNumber attnum;
	const char *name;            /* as it is called now */
	const EcChangeColumn *known; /* with the expression as it is stored */
	Expr *expression;
	Expr *unpadded; /* of a key of type char(n): the text that becomes it */
} EcRouteColumn;

/* A sequence that a column of the target's key draws from. */
typedef struct EcRouteSequence
{
	Oid oid;
	int column; /* in EcRoute.columns */
	bool is_descending;
	bool is_known; /* in the statement that is being written: */
	int64 farthest;
} EcRouteSequence;

/* See round_trip.h. */
typedef struct EcRoundTrip EcRoundTrip;

typedef struct EcRoute
{
	Oid source; /* the table whose triggers these are */
	Oid target;
	Oid source_root; /* the change's table that source belongs to */
	Oid owner; /* of both tables, who writes the target; InvalidOid: see owner.h */
	bool is_found; /* there is such a change, and both tables are there */
	bool is_on;
	bool records;
	bool is_forward;

	/* the target's key columns come first */
	int column_count;
	int key_count;
	EcRouteColumn *columns;
	TupleDesc put;  /* all columns */
	TupleDesc gone; /* the key alone */
	char *put_sql;
	char *gone_sql;
	char *lock_sql;  /* rows that are to go */
	char *clash_sql; /* rows with the key of another, or NULL */
	SPIPlanPtr put_plan;
	SPIPlanPtr gone_plan;
	SPIPlanPtr clash_plan;
	int sequence_count; /* those that the owner may bring forward */
	EcRouteSequence *sequences;
	bool by_image; /* equal keys may be those of several rows of the source */
	bool is_prepared; /* the expressions, and whatever comes from them */
	List *below; /* the target and what is below it, once looked at for ... */
	List *functions; /* ... those that a write runs, see temporary.h */

	List *change_columns; /* of both sides, of EcChangeColumn */
	bool knows_round_trip;
	EcRoundTrip *round_trip; /* or NULL */
	EcPinned *pinned; /* the settings that expressions are evaluated under */
	List *names; /* of the source's columns, as the expressions have them */
	Bitmapset *reads;    /* attribute numbers of the source */
	Bitmapset *identity; /* those that tell which row of the target it is */

	/* what the queue and the gaps want to know */
	EcQueueKey queue;
	const char *direction;
	bool *has_warned;
	MemoryContext memory;
} EcRoute;

/* The route of the change from this table, which must be locked. */
extern EcRoute *ec_route(Relation source, const char *change);

/* False if there is nothing for the next one to do. */
extern bool ec_route_needs_prepare(const EcRoute *route);

/*
 * Before each write.  Analyse the expressions: raises whatever is wrong with
 * them, and whatever keeps this session from writing the target.
 */
extern void ec_route_prepare(EcRoute *route, Relation source);

#endif
