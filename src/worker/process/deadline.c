/*
 * deadline.c
 *		The time limit of a worker's batch.
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "core/guc.h"
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

/* 0: between batches */
static volatile TimestampTz patience_began = 0;
static volatile sig_atomic_t was_urged = false;

/* Another process asks for our place: SIGUSR2. */
static void
others_ask(SIGNAL_ARGS)
{
	int saved_errno = errno;

	if (patience_began != 0 && ec_max_batch_time > 0 &&
		(GetCurrentTimestamp() - patience_began) / 1000 > ec_max_batch_time)
	{
		/* user code can catch a cancel, but not the end of the process */
		if (was_urged)
			ProcDiePending = true;
		was_urged = true;
		cancel_batch();
	}
	errno = saved_errno;
}

void
ec_deadline_init(void)
{
	pqsignal(SIGUSR2, others_ask);
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

void
ec_patience_begin(TimestampTz since)
{
	was_urged = false;
	patience_began = since;
}

bool
ec_patience_is_over(void)
{
	return was_urged;
}

bool
ec_patience_end(void)
{
	patience_began = 0;
	return was_urged;
}
