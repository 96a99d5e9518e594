/*
 * wait_event.h
 *		What pg_stat_activity.wait_event says while we wait.
 */
#ifndef EC_CORE_WAIT_EVENT_H
#define EC_CORE_WAIT_EVENT_H

#include "postgres.h"

typedef enum EcWaitEvent
{
	EC_WAIT_LAUNCHER,       /* the launcher, for a call */
	EC_WAIT_JOB_SLOT,       /* a worker, for the one before it to be gone */
	EC_WAIT_JOB_PAUSE,      /* a worker, between two batches */
	EC_WAIT_FOLLOW,         /* a session, for what a worker does */
	EC_WAIT_LOCK_RETRY,     /* between two tries for a strong lock */
	EC_WAIT_MIGRATION_LOCK, /* for another migration to be over */
	EC_WAIT_EVENTS
} EcWaitEvent;

/* For WaitLatch.  Before 17 they all are "Extension". */
extern uint32 ec_wait_event(EcWaitEvent event);

#endif
