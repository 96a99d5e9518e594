/*
 * holder.c
 *		Finds the session that has locked a row.
 *
 * A row lock is not in the lock table but in the row's header.  The header
 * contains the locking transaction, or a multixact with several of them.
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/multixact.h"
#include "access/subtrans.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/array.h"
#include "utils/snapmgr.h"

#include "backfill/holder.h"

static int
pid_of_transaction(TransactionId xid)
{
	int pid;

	if (TransactionIdIsCurrentTransactionId(xid) || !TransactionIdIsInProgress(xid))
		return 0;
	pid = BackendXidGetPid(SubTransGetTopmostTransaction(xid));
	return pid != 0 ? pid : EC_HOLDER_PREPARED;
}

/*
 * The strength of the lock of a single transaction.  Locks that conflict with
 * all of ours are not distinguished.
 */
static MultiXactStatus
status_of_single(HeapTupleHeader header)
{
	if (HEAP_XMAX_IS_KEYSHR_LOCKED(header->t_infomask))
		return MultiXactStatusForKeyShare;
	if (HEAP_XMAX_IS_SHR_LOCKED(header->t_infomask))
		return MultiXactStatusForShare;
	return MultiXactStatusForNoKeyUpdate;
}

static bool
excludes(MultiXactStatus status, LockTupleMode wanted)
{
	if (status == MultiXactStatusForKeyShare)
		return wanted == LockTupleExclusive;
	if (status == MultiXactStatusForShare)
		return wanted != LockTupleShare;
	return true;
}

static int
pid_of_member(HeapTupleHeader header, LockTupleMode wanted)
{
	MultiXactMember *members;
	int pid = 0;
	int count =
		GetMultiXactIdMembers(HeapTupleHeaderGetRawXmax(header), &members, false,
							  HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask));

	for (int i = 0; i < count && pid == 0; i++)
		if (excludes(members[i].status, wanted))
			pid = pid_of_transaction(members[i].xid);
	return pid;
}

static int
pid_of_holder(Relation relation, ItemPointer tid, LockTupleMode wanted)
{
	HeapTupleData tuple = {.t_self = *tid};
	HeapTupleHeader header;
	Buffer buffer;
	int pid = 0;

	if (!heap_fetch(relation, SnapshotAny, &tuple, &buffer, false))
		return 0;
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	header = tuple.t_data;
	if (header->t_infomask & HEAP_XMAX_INVALID)
		pid = 0;
	else if (header->t_infomask & HEAP_XMAX_IS_MULTI)
		pid = pid_of_member(header, wanted);
	else if (excludes(status_of_single(header), wanted))
		pid = pid_of_transaction(HeapTupleHeaderGetRawXmax(header));
	UnlockReleaseBuffer(buffer);
	return pid;
}

static int
holder_in_list(Relation relation, const EcBatchRows *rows, LockTupleMode wanted)
{
	Datum *tids;
	int count;
	int pid = 0;

	deconstruct_array(DatumGetArrayTypeP(rows->list), TIDOID,
					  sizeof(ItemPointerData), false, TYPALIGN_SHORT, &tids,
					  NULL, &count);
	for (int i = 0; i < count && pid == 0; i++)
		pid = pid_of_holder(relation, (ItemPointer) DatumGetPointer(tids[i]),
							wanted);
	return pid;
}

static int
holder_in_range(Relation relation, const EcBatchRows *rows, LockTupleMode wanted)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(relation);
	ItemPointerData tid = rows->from;
	ItemPointerData end = rows->to;
	int pid = 0;

	while (ItemPointerCompare(&tid, &end) < 0 &&
		   ItemPointerGetBlockNumber(&tid) < blocks && pid == 0)
	{
		CHECK_FOR_INTERRUPTS();
		pid = pid_of_holder(relation, &tid, wanted);
		if (ItemPointerGetOffsetNumber(&tid) < MaxHeapTuplesPerPage)
			tid.ip_posid++;
		else
			ItemPointerSet(&tid, ItemPointerGetBlockNumber(&tid) + 1,
						   FirstOffsetNumber);
	}
	return pid;
}

int
ec_find_lock_holder(Relation relation, const EcBatchRows *rows, LockTupleMode wanted)
{
	if (relation->rd_rel->relam != HEAP_TABLE_AM_OID)
		return 0;
	return rows->is_list ? holder_in_list(relation, rows, wanted)
						 : holder_in_range(relation, rows, wanted);
}
