/*
 * wait.h
 *		Waits for a background worker without holding a snapshot.
 *
 * A function that waits holds its snapshot.  If it waited for a job with
 * CREATE INDEX CONCURRENTLY, that statement would wait for this snapshot,
 * too.  So the waiting is done by a procedure, which commits between two
 * looks.
 */
#ifndef EC_WORKER_JOBS_WAIT_H
#define EC_WORKER_JOBS_WAIT_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

/* What a look reports; both are NULL if there is nothing to report. */
typedef struct EcWaitNews
{
	char *line; /* shown as a notice */
	char *mark; /* the line is shown if this differs from that of the last
				 * line shown */
} EcWaitNews;

/*
 * One look: returns true when there is nothing left to wait for.  Called in a
 * new transaction, with SPI not connected.  May raise the error that the
 * waiting session should get.  The first news are shown after a second; the
 * interval grows to ten seconds.
 */
typedef bool (*EcWaitLook)(void *arg, EcWaitNews *news);

/*
 * Writes what ec_progress shows of a job as one line.  The mark changes when
 * the state, the percentage as a whole number, or the reason for throttling
 * changes.  In scope.
 */
extern void ec_job_tell_progress(int64 job, EcWaitNews *news);

/*
 * Raises 25001 unless the procedure can commit, because it was called outside
 * of a transaction block.
 */
extern void ec_require_nonatomic(FunctionCallInfo fcinfo, const char *what);

/*
 * The body of a procedure that waits.  what names the object in errors ("job
 * 7").  With a NULL timeout it waits without limit; otherwise it raises
 * EC_ERRCODE_WAIT_TIMEOUT.
 */
extern void ec_wait_until(FunctionCallInfo fcinfo, const char *what,
						  EcWaitLook look, void *arg, Interval *timeout);

#endif
