/*
 * proposed.c
 *		Queued failures of rows that are not stored yet.
 *
 * A BEFORE trigger inserts an entry, and the insert queues an AFTER trigger of
 * the queue's table.  That trigger runs when the statement that writes the row
 * ends (ec_query_in_trigger).  It looks the row up by its key with an index
 * scan, which is subject to no SQL, no row security policy and no lock.
 *
 * A rollback needs no cleanup here: the entries of a subtransaction that was
 * rolled back are gone, and so are their triggers.  What is remembered about
 * them is freed at the end of the transaction.  Entries are remembered by their
 * salt, which is unique, and not by their TID, because a VACUUM can make the
 * TID of an entry that was rolled back available to another entry of the same
 * transaction.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
#include "utils/uuid.h"

#include "core/catalog.h"
#include "core/compat.h"
#include "core/own_table.h"
#include "core/query.h"
#include "core/rights.h"
#include "core/unique_key.h"
#include "dualwrite/queue/proposed.h"

PG_FUNCTION_INFO_V1(ec_settle_discrepancy);

typedef struct AwaitedColumn
{
	AttrNumber attnum;
	Datum value;
} AwaitedColumn;

typedef struct AwaitedRow
{
	pg_uuid_t salt; /* hash key */
	Oid relation;
	Oid writer; /* the role for the comparison of keys */
	bool is_insert;
	CommandId command;
	int count;
	AwaitedColumn *key;
} AwaitedRow;

/* in the transaction's memory context */
static HTAB *awaited_rows = NULL;

static void
forget_rows(void *arg)
{
	awaited_rows = NULL;
}

static void
make_table(void)
{
	HASHCTL control = {0};
	MemoryContextCallback *callback =
		MemoryContextAllocZero(TopTransactionContext, sizeof(*callback));

	control.keysize = sizeof(pg_uuid_t);
	control.entrysize = sizeof(AwaitedRow);
	control.hcxt = TopTransactionContext;
	awaited_rows = hash_create("expand_contract awaited rows", 64, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	callback->func = forget_rows;
	MemoryContextRegisterResetCallback(TopTransactionContext, callback);
}

/* Returns false if a column is NULL, because the row cannot be found then. */
static bool
copy_key(const EcQueueKey *queue, TupleTableSlot *slot, AwaitedColumn *key)
{
	for (int i = 0; i < queue->count; i++)
	{
		AttrNumber attnum = queue->columns[i].attnum;
		Form_pg_attribute column =
			TupleDescAttr(slot->tts_tupleDescriptor, attnum - 1);
		bool isnull;
		Datum value = slot_getattr(slot, attnum, &isnull);

		if (isnull)
			return false;
		key[i].attnum = attnum;
		key[i].value = datumCopy(value, column->attbyval, column->attlen);
	}
	return true;
}

void
ec_await_row(const pg_uuid_t *salt, const EcProposal *proposal,
			 const EcQueueKey *queue, TupleTableSlot *slot)
{
	MemoryContext caller;
	AwaitedColumn *key;
	AwaitedRow *row;

	if (proposal->command == InvalidCommandId || queue->count == 0)
		return;
	if (awaited_rows == NULL)
		make_table();
	caller = MemoryContextSwitchTo(TopTransactionContext);
	key = palloc(sizeof(AwaitedColumn) * queue->count);
	if (copy_key(queue, slot, key))
	{
		row = hash_search(awaited_rows, salt, HASH_ENTER, NULL);
		row->relation = RelationGetRelid(proposal->relation);
		row->writer = GetUserId();
		row->is_insert = proposal->is_insert;
		row->command = proposal->command;
		row->count = queue->count;
		row->key = key;
	}
	MemoryContextSwitchTo(caller);
}

static const AwaitedColumn *
column_of_key(const AwaitedRow *row, AttrNumber attnum)
{
	for (int i = 0; i < row->count; i++)
		if (row->key[i].attnum == attnum)
			return &row->key[i];
	return NULL;
}

/* Fills in the scan keys; returns false if the index is not on the key. */
static bool
make_scan_keys(const AwaitedRow *row, Relation index, ScanKey keys)
{
	Form_pg_index form = index->rd_index;

	if (!ec_is_unique_key(index) || form->indnkeyatts != row->count)
		return false;
	for (int i = 0; i < form->indnkeyatts; i++)
	{
		const AwaitedColumn *column = column_of_key(row, form->indkey.values[i]);
		Oid type = index->rd_opcintype[i];
		Oid equality = get_opfamily_member(index->rd_opfamily[i], type, type,
										   BTEqualStrategyNumber);

		if (column == NULL || !OidIsValid(equality))
			return false;
		ScanKeyEntryInitialize(&keys[i], 0, i + 1, BTEqualStrategyNumber,
							   InvalidOid, index->rd_indcollation[i],
							   get_opcode(equality), column->value);
	}
	return true;
}

/* Returns NULL if the key's index has been dropped meanwhile. */
static Relation
open_key_index(const AwaitedRow *row, Relation relation, ScanKey keys)
{
	ListCell *cell;

	foreach (cell, RelationGetIndexList(relation))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		if (make_scan_keys(row, index, keys))
			return index;
		index_close(index, AccessShareLock);
	}
	return NULL;
}

/*
 * True if the statement, or a later one of the transaction, has written the
 * row version.
 */
static bool
is_written_by(const AwaitedRow *row, HeapTupleHeader tuple)
{
	CommandId command;

	if (!TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetRawXmin(tuple)))
		return false;
	if (HeapTupleHeaderXminFrozen(tuple))
		return true; /* COPY FREEZE */
	command = HeapTupleHeaderGetCmin(tuple);
	if (command < row->command)
		return false;
	/* ON CONFLICT DO UPDATE: an update instead of the proposed new row */
	return !(row->is_insert && command == row->command &&
			 (tuple->t_infomask & HEAP_UPDATED));
}

/* Returns true if in doubt: a superfluous entry is removed by reconciling. */
static bool
has_come_to_be(const AwaitedRow *row, Relation relation)
{
	ScanKeyData keys[INDEX_MAX_KEYS];
	Relation index;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	bool is_found;
	bool result;

	if (relation->rd_rel->relkind != RELKIND_RELATION)
		return true;
	index = open_key_index(row, relation, keys);
	if (index == NULL)
		return true;
	slot = table_slot_create(relation, NULL);
	scan = ec_index_beginscan(relation, index, SnapshotSelf, row->count);
	index_rescan(scan, keys, row->count, NULL, 0);
	is_found = index_getnext_slot(scan, ForwardScanDirection, slot);
	if (!is_found)
		/* An UPDATE may have moved the row to another partition. */
		result = relation->rd_rel->relispartition && !row->is_insert;
	else
		result = !TTS_IS_BUFFERTUPLE(slot) ||
				 is_written_by(row, ((HeapTupleTableSlot *) slot)->tuple->t_data);
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
	return result;
}

static bool
look_for_row(const AwaitedRow *row)
{
	Relation relation = try_table_open(row->relation, AccessShareLock);
	bool result;
	EcRights outer;

	if (relation == NULL)
		return false;
	ec_become(&outer, row->writer);
	result = has_come_to_be(row, relation);
	ec_become_caller(&outer);
	table_close(relation, AccessShareLock);
	return result;
}

static void
remove_entry(ItemPointer entry)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg(&args, TIDOID, PointerGetDatum(entry), false);
	(void) ec_query("DELETE FROM expand_contract.discrepancies WHERE ctid = $1",
					&args);
	ec_catalog_end(&scope);
}

/* Returns NULL for an entry that no BEFORE trigger of this session has made. */
static AwaitedRow *
find_awaited(Relation relation, HeapTuple entry)
{
	int column = SPI_fnumber(RelationGetDescr(relation), "salt");
	Datum salt;
	bool isnull;

	if (column <= 0 || SPI_gettypeid(RelationGetDescr(relation), column) != UUIDOID)
		return NULL;
	salt = heap_getattr(entry, column, RelationGetDescr(relation), &isnull);
	if (isnull)
		return NULL;
	return hash_search(awaited_rows, DatumGetUUIDP(salt), HASH_FIND, NULL);
}

/*
 * expand_contract.settle_discrepancy(), a trigger of
 * expand_contract.discrepancies
 *
 * AFTER INSERT, for each row.  Entries that were not made by a BEFORE trigger,
 * as those of a restored dump, are kept.
 */
Datum
ec_settle_discrepancy(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	AwaitedRow *known;
	AwaitedRow row;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(data->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		!TRIGGER_FIRED_BY_INSERT(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("settle_discrepancy must be an AFTER INSERT trigger for each row"),
				 errhint("The extension has created it.")));
	if (awaited_rows == NULL)
		return PointerGetDatum(NULL);
	/* Rows of other tables may have the same salt as an entry. */
	if (RelationGetRelid(data->tg_relation) != ec_own_table("discrepancies"))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("settle_discrepancy is a trigger of expand_contract.discrepancies only"),
				 errhint("The extension has created it.")));
	known = find_awaited(data->tg_relation, data->tg_trigtuple);
	if (known == NULL)
		return PointerGetDatum(NULL);
	row = *known;
	(void) hash_search(awaited_rows, &row.salt, HASH_REMOVE, NULL);
	if (!look_for_row(&row))
		remove_entry(&data->tg_trigtuple->t_self);
	pfree(row.key);
	return PointerGetDatum(NULL);
}
