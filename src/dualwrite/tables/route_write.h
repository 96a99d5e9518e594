/*
 * route_write.h
 *		Writes the target of a route.
 */
#ifndef EC_DUALWRITE_TABLES_ROUTE_WRITE_H
#define EC_DUALWRITE_TABLES_ROUTE_WRITE_H

#include "postgres.h"

#include "executor/tuptable.h"

#include "dualwrite/tables/route.h"

/*
 * What has happened to the source: rows whose target row must become what the
 * expressions yield (put), and rows whose target row must be deleted (gone).
 * Each row of the target is in at most one of them, and at most once.  The set
 * can be read repeatedly.
 */
typedef void (*EcRowVisitor)(void *arg, TupleTableSlot *slot);

typedef struct EcRowSet EcRowSet;
struct EcRowSet
{
	void (*each_gone)(EcRowSet *rows, EcRowVisitor visit, void *arg);
	void (*each_put)(EcRowSet *rows, EcRowVisitor visit, void *arg);
	const char *operation; /* for the queue */
};

/*
 * Carries the rows over, or raises an error.  The route must be prepared.
 * Expressions and statements run as the target's owner, with search_path =
 * pg_catalog, pg_temp.  Triggers of the change on the target recognize these
 * statements with ec_write_is_ours.
 */
extern void ec_route_write(EcRoute *route, EcRowSet *rows);

/*
 * Does the same, but queues rows that fail.  failure: why nothing can be
 * carried over, or NULL.
 */
extern void ec_route_write_or_record(EcRoute *route, EcRowSet *rows,
									 const ErrorData *failure);

/*
 * Locks the target's rows that are to be deleted; failures are handled in the
 * same way.
 */
extern void ec_route_lock_gone(EcRoute *route, EcRowSet *rows);

/*
 * Finds and locks rows of the target that ec_route_write would change or delete,
 * and that this transaction or a later one has written.  Writes nothing.
 */
extern bool
ec_route_written_since(EcRoute *route, EcRowSet *rows, const char *transaction);

/* events of statement triggers */
#define EC_EVENT_INSERT 1
#define EC_EVENT_UPDATE 2
#define EC_EVENT_DELETE 4

/*
 * True if the statement is one of ours or belongs to the change's job.  A
 * trigger of the change must call this exactly once each time it fires.
 */
extern bool ec_write_is_ours(const char *change, int event);

#endif
