/*
 * wait.h
 *		Waiting for a background worker without holding a snapshot.
 *
 * A function that waits keeps its snapshot, and a CREATE INDEX CONCURRENTLY
 * that it waits for waits for that snapshot.  So waiting is a procedure's job:
 * it commits between two looks.
 */
#ifndef EC_WORKER_JOBS_WAIT_H
#define EC_WORKER_JOBS_WAIT_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

/* What a look tells the one who waits; both NULL if there is nothing to tell. */
typedef struct EcWaitNews
{
	char *line; /* shown as a notice */
	char *mark; /* the line is news when this differs from the last one shown */
} EcWaitNews;

/*
 * One look: true when there is nothing left to wait for.  Called in a fresh
 * transaction with SPI not connected; may raise the error that the waiter
 * should see.  News are shown after a second at the earliest, later after ten.
 */
typedef bool (*EcWaitLook)(void *arg, EcWaitNews *news);

/*
 * The body of a CALLable procedure.  what names the object in errors ("job
 * 7").  timeout NULL waits without end; else EC_ERRCODE_WAIT_TIMEOUT.
 */
extern void ec_wait_until(FunctionCallInfo fcinfo, const char *what,
						  EcWaitLook look, void *arg, Interval *timeout);

#endif
