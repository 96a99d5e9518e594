/*
 * index_end.c
 *		Reads the value at the end of an index without waiting.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "storage/lmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "dualwrite/index_end.h"

/*
 * Returns NULL if it does not exist any more, or if opening it would have to
 * wait.
 */
static Relation
open_at_once(Oid oid)
{
	return ConditionalLockRelationOid(oid, AccessShareLock)
			   ? try_relation_open(oid, NoLock)
			   : NULL;
}

static bool
leads(Relation index, AttrNumber attnum)
{
	return index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid &&
		   index->rd_index->indkey.values[0] == attnum &&
		   heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL);
}

/* Returns an index whose first column is this one. */
static Relation
open_index(Relation table, AttrNumber attnum)
{
	ListCell *cell;

	foreach (cell, RelationGetIndexList(table))
	{
		Relation index = open_at_once(lfirst_oid(cell));

		if (index == NULL)
			continue;
		if (leads(index, attnum))
			return index;
		relation_close(index, NoLock);
	}
	return NULL;
}

/* Integers of all widths share one operator family. */
static bool
set_bound(ScanKey key, Relation index, StrategyNumber strategy, int64 bound)
{
	bool is_numeric = index->rd_opcintype[0] == NUMERICOID;
	Oid type = is_numeric ? NUMERICOID : INT8OID;
	Oid comparison = get_opfamily_member(index->rd_opfamily[0],
										 index->rd_opcintype[0], type, strategy);

	if (!OidIsValid(comparison))
		return false;
	ScanKeyEntryInitialize(key, 0, 1, strategy, is_numeric ? InvalidOid : type,
						   InvalidOid, get_opcode(comparison),
						   is_numeric ? DirectFunctionCall1(int8_numeric,
															Int64GetDatum(bound))
									  : Int64GetDatum(bound));
	return true;
}

static int64
as_integer(Oid type, Datum value)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return DatumGetInt64(value);
		default:
			return DatumGetInt64(
				DirectFunctionCall1(numeric_int8,
									DirectFunctionCall2(numeric_trunc, value,
														Int32GetDatum(0))));
	}
}

static void
take_value(EcIndexEnd *end, Oid type, Datum value)
{
	int64 number = as_integer(type, value);

	if (end->is_there && (end->highest ? number <= end->value : number >= end->value))
		return;
	end->is_there = true;
	end->value = number;
}

static bool
read_index(Relation table, AttrNumber attnum, Relation index, EcIndexEnd *end)
{
	bool descends = (index->rd_indoption[0] & INDOPTION_DESC) != 0;
	ScanKeyData keys[2];
	Snapshot snapshot;
	IndexScanDesc scan;
	TupleTableSlot *slot;

	if (!set_bound(&keys[0], index, BTGreaterEqualStrategyNumber, end->low) ||
		!set_bound(&keys[1], index, BTLessEqualStrategyNumber, end->high))
		return false;
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	slot = table_slot_create(table, NULL);
	scan = ec_index_beginscan(table, index, snapshot, 2);
	index_rescan(scan, keys, 2, NULL, 0);
	if (index_getnext_slot(scan,
						   end->highest == descends ? ForwardScanDirection
													: BackwardScanDirection,
						   slot))
	{
		bool isnull;
		Datum value = slot_getattr(slot, attnum, &isnull);

		take_value(end, index->rd_opcintype[0], value);
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	return true;
}

/* Columns of children may have other numbers. */
static bool
read_table(Oid oid, const char *column, EcIndexEnd *end)
{
	Relation table = open_at_once(oid);
	Relation index = NULL;
	bool is_read = false;

	if (table == NULL)
		return false;
	if (table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		is_read = true;
	else if (table->rd_rel->relkind == RELKIND_RELATION &&
			 !RELATION_IS_OTHER_TEMP(table))
	{
		AttrNumber attnum = get_attnum(oid, column);

		index = open_index(table, attnum);
		if (index != NULL)
		{
			is_read = read_index(table, attnum, index, end);
			relation_close(index, NoLock);
		}
	}
	relation_close(table, NoLock);
	return is_read;
}

bool
ec_find_index_end(Oid table, AttrNumber attnum, EcIndexEnd *end)
{
	const char *column = get_attname(table, attnum, true);
	ListCell *cell;

	end->is_there = false;
	if (column == NULL)
		return false;
	foreach (cell, find_all_inheritors(table, NoLock, NULL))
		if (!read_table(lfirst_oid(cell), column, end))
			return false;
	return true;
}
