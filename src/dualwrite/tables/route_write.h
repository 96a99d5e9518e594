/*
 * route_write.h
 *		Writing the target of a route.
 */
#ifndef EC_DUALWRITE_TABLES_ROUTE_WRITE_H
#define EC_DUALWRITE_TABLES_ROUTE_WRITE_H

#include "postgres.h"

#include "executor/tuptable.h"

#include "dualwrite/tables/route.h"

/*
 * What has happened to the source: rows whose target is to be as the
 * expressions say (put), and rows whose target is to go (gone).  A row of the
 * target is in one of them at most, and once.  Can be gone through repeatedly.
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
 * Carry the rows over, or raise.  The route must be prepared.  Expressions
 * and statements run as the target's owner, with search_path = pg_catalog,
 * pg_temp; triggers of the change on the target know that it is us.
 */
extern void ec_route_write(EcRoute *route, EcRowSet *rows);

/*
 * The same; what fails is queued.  failure: why nothing can be carried over,
 * or NULL.
 */
extern void ec_route_write_or_record(EcRoute *route, EcRowSet *rows,
									 const ErrorData *failure);

/* Lock the target's rows that are to go, in the same way. */
extern void ec_route_lock_gone(EcRoute *route, EcRowSet *rows);

/* Events of statement triggers. */
#define EC_EVENT_INSERT 1
#define EC_EVENT_UPDATE 2
#define EC_EVENT_DELETE 4

/*
 * Asked by a trigger of the change, once for each time it fires: is it one of
 * our own statements, or one of the change's job?
 */
extern bool ec_write_is_ours(const char *change, int event);

#endif
