/*
 * toplevel.c
 *		Runs statements that cannot run inside a transaction block, in a
 *		worker.
 *
 * Such statements must run in a portal with isTopLevel.  If a string contained
 * two statements, the first would be committed by the second, so exactly one
 * is accepted.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/analyze.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "tcop/cmdtag.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "core/compat.h"
#include "core/toplevel.h"

static void
run_in_portal(const char *sql, RawStmt *parsed)
{
	List *queries;
	List *plans;
	Portal portal;
	QueryCompletion completion;
	bool snapshot_set = false;

	if (analyze_requires_snapshot(parsed))
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		snapshot_set = true;
	}
	queries = pg_analyze_and_rewrite_fixedparams(parsed, sql, NULL, 0, NULL);
	plans = pg_plan_queries(queries, sql, CURSOR_OPT_PARALLEL_OK, NULL);
	if (snapshot_set)
		PopActiveSnapshot();

	portal = CreatePortal("", true, true);
	portal->visible = false;
	PortalDefineQuery(portal, NULL, sql, CreateCommandTag(parsed->stmt), plans,
					  NULL);
	PortalStart(portal, NULL, 0, InvalidSnapshot);
	ec_PortalRun(portal, FETCH_ALL, true, None_Receiver, None_Receiver, &completion);
	PortalDrop(portal, false);
}

void
ec_run_toplevel(const char *sql)
{
	MemoryContext context = CurrentMemoryContext;
	List *parsed;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
	parsed = pg_parse_query(sql);
	if (list_length(parsed) != 1 ||
		IsA(linitial_node(RawStmt, parsed)->stmt, TransactionStmt))
		elog(ERROR, "not exactly one top-level statement: \"%s\"", sql);
	run_in_portal(sql, linitial_node(RawStmt, parsed));
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}

/* A late cancel signal arrives within this time. */
#define LATE_SIGNAL_MS 10000

static TimestampTz gave_way_until = 0;

bool
ec_gave_way_lately(void)
{
	return gave_way_until != 0 &&
		   !TimestampDifferenceExceeds(gave_way_until, GetCurrentTimestamp(),
									   LATE_SIGNAL_MS);
}

/*
 * The deadlock check cancels a process with this flag because it takes the
 * process for an autovacuum worker.
 */
bool
ec_give_way(bool give_way)
{
	bool before = (MyProc->statusFlags & PROC_IS_AUTOVACUUM) != 0;

	if (before == give_way)
		return before;
	LWLockAcquire(ProcArrayLock, LW_EXCLUSIVE);
	if (give_way)
		MyProc->statusFlags |= PROC_IS_AUTOVACUUM;
	else
		MyProc->statusFlags &= ~PROC_IS_AUTOVACUUM;
	ProcGlobal->statusFlags[MyProc->pgxactoff] = MyProc->statusFlags;
	LWLockRelease(ProcArrayLock);
	if (!give_way)
		gave_way_until = GetCurrentTimestamp();
	return before;
}

bool
ec_gives_way(int pid)
{
	PGPROC *process = BackendPidGetProc(pid);

	return process != NULL && (process->statusFlags & PROC_IS_AUTOVACUUM) != 0;
}

bool
ec_vacuum(const char *sql)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool done = true;

	(void) ec_give_way(true);
	PG_TRY();
	{
		ec_run_toplevel(sql);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		done = false;
	}
	PG_END_TRY();
	(void) ec_give_way(false);
	/* a cancel request that is still pending was meant for the VACUUM */
	QueryCancelPending = false;
	return done;
}
