/*
 * transaction.c
 *		The transactions of a piece of work that takes several.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/snapmgr.h"

#include "core/transaction.h"

void
ec_begin_transaction(MemoryContext memory)
{
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	MemoryContextSwitchTo(memory);
}

void
ec_commit_transaction(MemoryContext memory)
{
	PopActiveSnapshot();
	CommitTransactionCommand();
	MemoryContextSwitchTo(memory);
}
