/*
 * calls.h
 *		Calls for the launcher, in shared memory.
 *
 * A call says in which database the launcher is to look for work, and when.
 * The launcher exists only when the library is preloaded; without it nobody
 * takes a call.
 *
 * Locking protocol.  An LWLock guards all of it.  Latches are set, and lists
 * are made, after it has been released.
 */
#ifndef EC_WORKER_JOBS_CALLS_H
#define EC_WORKER_JOBS_CALLS_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/timestamp.h"

extern bool ec_launcher_running(void);

/* Have the launcher look for jobs in a database at that time; never fails. */
extern void ec_call_launcher(Oid database, TimestampTz at);

/* The same, after the time in which a lack of workers may be over. */
extern void ec_call_launcher_again(Oid database);

/* For the launcher.  From _PG_init: */
extern void ec_request_calls(void);

/* Calls are this process's from now on, until it exits. */
extern void ec_answer_calls(void);

/*
 * The databases that are due, or *all; *next is when to look again, or 0.
 */
extern List *ec_take_calls(bool *all, TimestampTz *next);

#endif
