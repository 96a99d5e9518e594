/*
 * wait.c
 *		Waits for a background worker without holding a snapshot.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "core/hint.h"
#include "core/wait_event.h"
#include "expand_contract.h"
#include "worker/jobs/wait.h"

/* The first looks follow quickly, so that a short job ends the wait early. */
#define FIRST_PAUSE_MS   5
#define LONGEST_PAUSE_MS 250

/* Likewise notices; for a long job they become rare. */
#define FIRST_NOTICE_MS   1000
#define LONGEST_NOTICE_MS 10000

void
ec_require_nonatomic(FunctionCallInfo fcinfo, const char *what)
{
	if (!fcinfo->context || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic)
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cannot wait for %s inside a transaction block", what),
				 errdetail("The wait would keep the transaction's snapshot, and work submitted in the transaction starts at its commit."),
				 errhint("Commit first, then use CALL outside of a transaction block.")));
}

void
ec_wait_until(FunctionCallInfo fcinfo, const char *what, EcWaitLook look,
			  void *arg, Interval *timeout)
{
	TimestampTz started = GetCurrentTimestamp();
	TimestampTz give_up = 0;
	TimestampTz last_notice_at = started;
	MemoryContext look_context;
	char *last_mark = NULL;
	int notice_pause = FIRST_NOTICE_MS;
	long pause = FIRST_PAUSE_MS;

	ec_require_nonatomic(fcinfo, what);
	if (timeout != NULL)
		give_up =
			DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
													TimestampTzGetDatum(started),
													IntervalPGetDatum(timeout)));

	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	/* allocated in the procedure's context, which survives the commits */
	look_context =
		AllocSetContextCreate(CurrentMemoryContext, "expand_contract wait",
							  ALLOCSET_SMALL_SIZES);
	for (;;)
	{
		MemoryContext old_context;
		TimestampTz now;
		EcWaitNews news = {0};
		bool done;

		MemoryContextReset(look_context);
		old_context = MemoryContextSwitchTo(look_context);
		done = look(arg, &news);
		MemoryContextSwitchTo(old_context);
		now = GetCurrentTimestamp();

		if (news.line != NULL &&
			(done || TimestampDifferenceExceeds(last_notice_at, now, notice_pause)) &&
			(last_mark == NULL || strcmp(news.mark, last_mark) != 0))
		{
			ereport(NOTICE, (errmsg_internal("%s", news.line)));
			if (last_mark)
				pfree(last_mark);
			last_mark = pstrdup(news.mark);
			last_notice_at = now;
			notice_pause = Min(notice_pause * 2, LONGEST_NOTICE_MS);
		}
		if (done)
			break;
		if (timeout != NULL && now >= give_up)
			ereport(ERROR,
					(errcode(EC_ERRCODE_WAIT_TIMEOUT),
					 errmsg("gave up waiting for %s", what),
					 errdetail("The time limit of this wait has passed; the work itself goes on."),
					 ec_errhint("Wait again, or look at ec_progress.")));

		/* until the next look we hold no snapshot and no lock */
		SPI_commit();
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 pause, ec_wait_event(EC_WAIT_FOLLOW));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		pause = Min(pause * 2, LONGEST_PAUSE_MS);
	}
	SPI_finish();
}
