/*
 * calls.h
 *		Requests to the launcher, in shared memory.
 *
 * A call tells the launcher in which database to look for work, and when.
 * There is a launcher only if the library is preloaded; otherwise
 * ec_call_launcher does nothing.
 *
 * Locking protocol.  One LWLock protects all of it.  Latches are set, and
 * lists are allocated, after its release.
 */
#ifndef EC_WORKER_JOBS_CALLS_H
#define EC_WORKER_JOBS_CALLS_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/timestamp.h"

/* The most database workers that the launcher has at a time. */
#define EC_MAX_VISITS 4

/* A database worker's visit, as told to it in bgw_extra. */
typedef struct EcVisit
{
	int number;    /* 0 to EC_MAX_VISITS - 1 */
	uint32 serial; /* tells visits of the same number apart */
} EcVisit;

extern bool ec_launcher_running(void);

/*
 * Makes the launcher look for jobs in a database at that time.  Never fails.
 */
extern void ec_call_launcher(Oid database, TimestampTz at);

/* The same, after a few seconds, when a worker may have become free. */
extern void ec_call_launcher_again(Oid database);

/* For the launcher.  Called by _PG_init: */
extern void ec_request_calls(void);

/* Makes this process the one that answers calls, until it exits. */
extern void ec_answer_calls(void);

/*
 * Returns and removes the databases whose time has come.  *all means every
 * database.  *next is the time of the next call, or 0.
 */
extern List *ec_take_calls(bool *all, TimestampTz *next);

/* Begins a visit, before its database worker is registered. */
extern void ec_begin_visit(EcVisit *visit, int number);

/* The database worker has done everything it was sent for. */
extern void ec_complete_visit(const EcVisit *visit);

/*
 * Call when the database worker has ended.  Has it done everything?  One that
 * has ended without it failed, in whatever way.
 */
extern bool ec_end_visit(const EcVisit *visit);

/* How many databases wait because their last visit failed; for monitoring. */
extern void ec_tell_troubles(int databases);

#endif
