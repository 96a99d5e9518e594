/*
 * deadline.c
 *		The time limit of a worker's batch.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timeout.h"

#include "worker/process/deadline.h"

static TimeoutId deadline = MAX_TIMEOUTS;

/* Called in a signal handler. */
static void
cancel_batch(void)
{
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

void
ec_deadline_init(void)
{
	deadline = RegisterTimeout(USER_TIMEOUT, cancel_batch);
}

void
ec_deadline_begin(int ms)
{
	enable_timeout_after(deadline, ms);
}

void
ec_deadline_end(void)
{
	if (deadline != MAX_TIMEOUTS)
		disable_timeout(deadline, false);
}
