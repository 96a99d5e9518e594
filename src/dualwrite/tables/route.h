/*
 * route.h
 *		A route: one direction of a change between two tables, in the compiled
 *		form that the triggers of one table execute.
 *
 * Each row of the source (one of the change's tables, or a partition or child
 * of it) has one row in the target, with the target's key.  A route is
 * compiled once per table and session, and again when a table, the change or a
 * function changes.
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

/*
 * names of the tuplestores that the statements on the target read, see
 * route_write.c
 */
#define EC_PUT_ROWS  "ec_put"
#define EC_GONE_ROWS "ec_gone"

/* a column of the target, and its expression over the source */
typedef struct EcRouteColumn
{
	AttrNumber attnum;
	const char *name;            /* the current name */
	const EcChangeColumn *known; /* with the stored expression */
	Expr *expression;
	Expr *unpadded; /* for a key column of type char(n): the text before the
					 * cast */
} EcRouteColumn;

/* a sequence that a column of the target's key uses */
typedef struct EcRouteSequence
{
	Oid oid;
	int column; /* index in EcRoute.columns */
	bool is_descending;
	bool is_known; /* the statement being executed has written a number: */
	int64 farthest;
} EcRouteSequence;

/* See round_trip.h. */
typedef struct EcRoundTrip EcRoundTrip;

typedef struct EcRoute
{
	Oid source; /* the table that has the triggers */
	Oid target;
	Oid source_root; /* the change's table to which source belongs */
	Oid owner;       /* owns both tables and writes the target; InvalidOid: see
			    * owner.h */
	bool is_found;   /* the change and both its tables exist */
	bool is_on;
	bool records;
	bool is_forward;

	/* the target's key columns come first */
	int column_count;
	int key_count;
	EcRouteColumn *columns;
	TupleDesc put;  /* row type with all columns */
	TupleDesc gone; /* row type with the key columns only */
	char *put_sql;
	char *gone_sql;
	char *gone_rows;    /* SELECT the rows to be deleted ... */
	char *changed_rows; /* ... or to be changed, AS t */
	char *clash_sql;    /* finds rows that have another row's key; NULL: not
					  * needed */
	SPIPlanPtr put_plan;
	SPIPlanPtr gone_plan;
	SPIPlanPtr clash_plan;
	int sequence_count; /* sequences that the owner may advance */
	EcRouteSequence *sequences;
	bool by_image;    /* several rows of the source may have keys that are
				    * equal in the target */
	bool is_prepared; /* the expressions are analysed, and so is what
					   * depends on them */
	List *below;      /* the target and its descendants when functions was
				  * computed */
	List *functions;  /* the functions that a write runs, see temporary.h */

	List *change_columns; /* of both sides, of EcChangeColumn */
	bool knows_round_trip;
	EcRoundTrip *round_trip; /* or NULL */
	EcPinned *pinned;        /* settings for evaluating the expressions */
	List *names; /* source column names as used in the stored expressions */
	Bitmapset *reads;    /* attribute numbers of the source */
	Bitmapset *identity; /* those that determine the key of the target's row */

	/* for the queue and the gaps */
	EcQueueKey queue;
	const char *direction;
	bool *has_warned;
	MemoryContext memory;
} EcRoute;

/* Returns the route of the change from this table, which must be locked. */
extern EcRoute *ec_route(Relation source, const char *change);

/* Returns false if ec_route_prepare has nothing to do. */
extern bool ec_route_needs_prepare(const EcRoute *route);

/*
 * Must be called before each write.  Analyses the expressions; raises an error
 * if they are invalid, or if this session must not write the target.
 */
extern void ec_route_prepare(EcRoute *route, Relation source);

#endif
