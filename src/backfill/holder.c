/*
 * holder.c
 *		Who has locked a row.
 *
 * A row lock is not in the lock table, but in the row: it is the transaction
 * that the row's header names, or one of several that it names together.
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

static int
pid_of_member(HeapTupleHeader header, bool updates_key)
{
	MultiXactMember *members;
	int pid = 0;
	int count =
		GetMultiXactIdMembers(HeapTupleHeaderGetRawXmax(header), &members, false,
							  HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask));

	for (int i = 0; i < count && pid == 0; i++)
		if (updates_key || members[i].status != MultiXactStatusForKeyShare)
			pid = pid_of_transaction(members[i].xid);
	return pid;
}

static int
pid_of_holder(Relation relation, ItemPointer tid, bool updates_key)
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
		pid = pid_of_member(header, updates_key);
	else if (updates_key || !HEAP_XMAX_IS_KEYSHR_LOCKED(header->t_infomask))
		pid = pid_of_transaction(HeapTupleHeaderGetRawXmax(header));
	UnlockReleaseBuffer(buffer);
	return pid;
}

static int
holder_in_list(Relation relation, const EcRows *rows, bool updates_key)
{
	Datum *tids;
	int count;
	int pid = 0;

	deconstruct_array(DatumGetArrayTypeP(rows->list), TIDOID,
					  sizeof(ItemPointerData), false, TYPALIGN_SHORT, &tids,
					  NULL, &count);
	for (int i = 0; i < count && pid == 0; i++)
		pid = pid_of_holder(relation, (ItemPointer) DatumGetPointer(tids[i]),
							updates_key);
	return pid;
}

static int
holder_in_range(Relation relation, const EcRows *rows, bool updates_key)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(relation);
	ItemPointerData tid = rows->from;
	ItemPointerData end = rows->to;
	int pid = 0;

	while (ItemPointerCompare(&tid, &end) < 0 &&
		   ItemPointerGetBlockNumber(&tid) < blocks && pid == 0)
	{
		CHECK_FOR_INTERRUPTS();
		pid = pid_of_holder(relation, &tid, updates_key);
		if (ItemPointerGetOffsetNumber(&tid) < MaxHeapTuplesPerPage)
			tid.ip_posid++;
		else
			ItemPointerSet(&tid, ItemPointerGetBlockNumber(&tid) + 1,
						   FirstOffsetNumber);
	}
	return pid;
}

int
ec_find_lock_holder(Relation relation, const EcRows *rows, bool updates_key)
{
	if (relation->rd_rel->relam != HEAP_TABLE_AM_OID)
		return 0;
	return rows->is_list ? holder_in_list(relation, rows, updates_key)
						 : holder_in_range(relation, rows, updates_key);
}
