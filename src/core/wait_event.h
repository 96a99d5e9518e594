/*
 * wait_event.h
 *		The names in pg_stat_activity.wait_event while we wait.
 */
#ifndef EC_CORE_WAIT_EVENT_H
#define EC_CORE_WAIT_EVENT_H

#include "postgres.h"

typedef enum EcWaitEvent
{
	EC_WAIT_LAUNCHER,       /* the launcher, for a call */
	EC_WAIT_JOB_SLOT,       /* a worker, for the slot's previous worker to
							 * exit */
	EC_WAIT_JOB_PAUSE,      /* a worker, between two batches */
	EC_WAIT_FOLLOW,         /* a session, for a worker's progress */
	EC_WAIT_LOCK_RETRY,     /* between two tries for a strong lock */
	EC_WAIT_MIGRATION_LOCK, /* for another migration to end */
	EC_WAIT_EVENTS
} EcWaitEvent;

/* For WaitLatch.  Before PostgreSQL 17 all of them show as "Extension". */
extern uint32 ec_wait_event(EcWaitEvent event);

#endif
