/*
 * compare_tables.c
 *		Rows of two tables, matched by key.
 *
 * Two looks under one snapshot, whatever the order in which rows are stored
 * and whatever the type of the key:
 *
 * The first look scans each table once.  The hash of a row's key says which of
 * BUCKETS buckets it is in, and the hash of the whole row is added to the
 * bucket's sums for a row of the source, subtracted for one of the target.  A
 * bucket of zeros holds the same rows on both sides.
 *
 * Only where one does not, the second look scans both tables again and sorts
 * the rows of those buckets by the hashes of key and row.  So equal rows of
 * both sides come to lie side by side and cancel out; what is left of a key is
 * missing, extra or different.
 *
 * Memory is the sums, and what the sort may take (work_mem); the rest goes to
 * temporary files.  It depends neither on the size of the tables nor on how
 * many rows differ.
 */
#include "postgres.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/tuplesort.h"

#include "verify/compare.h"
#include "verify/instep.h"
#include "verify/mismatch.h"
#include "verify/reading.h"

/* Few enough for a processor's cache. */
#define BUCKETS 16384

/* Columns of a sorted row, before its values. */
enum
{
	KEY_A,
	KEY_B,
	ROW_A,
	ROW_B,
	SIDE,
	VALUES
};

typedef struct TableReceiver
{
	DestReceiver pub;
	const EcSubject *subject;
	const EcCompareOptions *options;
	EcComparison *result;

	/* columns of a row: key, mapped columns, backward columns */
	int key_count;
	int count;
	int old_count;
	EcComparedColumn *key;
	EcComparedColumn *columns;
	EcComparedColumn *old_columns;

	EcRowSide side; /* that is being read */
	EcChecksum *buckets;
	bool differs[BUCKETS];
	Tuplesortstate *sort; /* NULL: the first look */
	TupleTableSlot *sorted;
	MemoryContext row_memory; /* reset for each row */
} TableReceiver;

/* What is known of the rows of one key while they come out of the sort. */
typedef struct KeyGroup
{
	TupleTableSlot *row[2];        /* the last equal rows of a side */
	int64 count[2];                /* how many they are */
	Tuplestorestate *unmatched[2]; /* rows without an equal one */
	int64 unmatched_count[2];
	int64 rows[2];
	TupleTableSlot *slot[2];
} KeyGroup;

/* A row's hash begins with that of its key. */
typedef struct RowHash
{
	EcLanes key;
	EcLanes row;
	EcNullMask mask;
} RowHash;

static void
hash_key(TableReceiver *receiver, TupleTableSlot *slot, RowHash *hash)
{
	memset(&hash->mask, 0, sizeof(hash->mask));
	ec_lanes_start(&hash->row);
	for (int i = 0; i < receiver->key_count; i++)
		ec_feed_next(&receiver->key[i].hasher, &hash->row, &hash->mask,
					 slot->tts_values[i], slot->tts_isnull[i]);
	hash->key = hash->row;
	ec_feed_end(&hash->key, &hash->mask);
	ec_lanes_finish(&hash->key);
}

static void
hash_rest(TableReceiver *receiver, TupleTableSlot *slot, RowHash *hash)
{
	int first = receiver->key_count;

	for (int i = 0; i < receiver->count; i++)
		ec_feed_next(&receiver->columns[i].hasher, &hash->row, &hash->mask,
					 slot->tts_values[first + i], slot->tts_isnull[first + i]);
	ec_feed_end(&hash->row, &hash->mask);
	ec_lanes_finish(&hash->row);
}

static inline int
bucket_of(const EcLanes *key)
{
	return key->a % BUCKETS;
}

static void
add_row(TableReceiver *receiver, const EcLanes *key, const EcLanes *row)
{
	EcChecksum *bucket = &receiver->buckets[bucket_of(key)];

	if (receiver->side == EC_ROW_OF_SOURCE)
	{
		ec_checksum_add(bucket, row);
		ec_checksum_add(&receiver->result->source, row);
	}
	else
	{
		ec_checksum_subtract(bucket, row);
		ec_checksum_add(&receiver->result->target, row);
	}
}

static void
sort_row(TableReceiver *receiver, TupleTableSlot *slot, const EcLanes *key,
		 const EcLanes *row)
{
	TupleTableSlot *sorted = receiver->sorted;
	int natts = slot->tts_tupleDescriptor->natts;

	ExecClearTuple(sorted);
	memset(sorted->tts_isnull, 0, VALUES * sizeof(bool));
	sorted->tts_values[KEY_A] = Int64GetDatum((int64) key->a);
	sorted->tts_values[KEY_B] = Int64GetDatum((int64) key->b);
	sorted->tts_values[ROW_A] = Int64GetDatum((int64) row->a);
	sorted->tts_values[ROW_B] = Int64GetDatum((int64) row->b);
	sorted->tts_values[SIDE] = Int32GetDatum((int32) receiver->side);
	memcpy(sorted->tts_values + VALUES, slot->tts_values, natts * sizeof(Datum));
	memcpy(sorted->tts_isnull + VALUES, slot->tts_isnull, natts * sizeof(bool));
	ExecStoreVirtualTuple(sorted);
	tuplesort_puttupleslot(receiver->sort, sorted);
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	TableReceiver *receiver = (TableReceiver *) self;
	MemoryContext old;
	RowHash hash;

	slot_getallattrs(slot);
	old = MemoryContextSwitchTo(receiver->row_memory);
	hash_key(receiver, slot, &hash);
	if (receiver->sort == NULL)
	{
		hash_rest(receiver, slot, &hash);
		add_row(receiver, &hash.key, &hash.row);
	}
	else if (receiver->differs[bucket_of(&hash.key)])
	{
		hash_rest(receiver, slot, &hash);
		sort_row(receiver, slot, &hash.key, &hash.row);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(receiver->row_memory);
	return true;
}

/* SELECT key, mapped expressions, old columns FROM source */
static void
read_source(TableReceiver *receiver)
{
	const EcSubject *subject = receiver->subject;
	List *range_expressions = NIL;
	EcReading reading;
	ListCell *cell;

	ec_reading_begin(&reading, subject->source);
	reading.plan_only = receiver->options->plan_only;
	foreach (cell, list_concat_copy(subject->key, subject->columns))
	{
		EcMappedColumn *column = lfirst(cell);
		int i = foreach_current_index(cell);
		Node *plain;
		Node *expression =
			ec_reading_expression(&reading, subject->target, column, &plain);

		ec_reading_select(&reading, expression);
		if (receiver->options->range != NULL && i < receiver->key_count)
			range_expressions =
				lappend(range_expressions,
						ec_is_comparable(receiver->options->range, i, plain)
							? plain
							: expression);
	}
	foreach (cell, subject->backward)
	{
		EcMappedColumn *column = lfirst(cell);

		ec_reading_select(&reading, ec_reading_column(&reading, column->name));
	}
	if (receiver->options->range != NULL)
		reading.quals = ec_range_quals(receiver->options->range, range_expressions);
	ec_reading_end(&reading, &receiver->result->reads, &receiver->result->is_opaque);
	receiver->side = EC_ROW_OF_SOURCE;
	ec_reading_run(&reading, &receiver->pub);
}

/* SELECT key, mapped columns, backward expressions FROM target */
static void
read_target(TableReceiver *receiver)
{
	const EcSubject *subject = receiver->subject;
	List *range_expressions = NIL;
	EcReading reading;
	ListCell *cell;

	ec_reading_begin(&reading, subject->target);
	reading.plan_only = receiver->options->plan_only;
	foreach (cell, list_concat_copy(subject->key, subject->columns))
	{
		EcMappedColumn *column = lfirst(cell);
		Node *reference = ec_reading_column(&reading, column->name);

		ec_reading_select(&reading, reference);
		if (foreach_current_index(cell) < receiver->key_count)
			range_expressions = lappend(range_expressions, copyObject(reference));
	}
	foreach (cell, subject->backward)
	{
		EcMappedColumn *column = lfirst(cell);

		ec_reading_select(&reading, ec_reading_expression(&reading, subject->source,
														  column, NULL));
	}
	if (receiver->options->range != NULL)
		reading.quals = ec_range_quals(receiver->options->range, range_expressions);
	ec_reading_end(&reading, &receiver->result->reads, &receiver->result->is_opaque);
	receiver->side = EC_ROW_OF_TARGET;
	ec_reading_run(&reading, &receiver->pub);
}

/* ---------------------------------------------------------------- sorting */

/* The hashes, the side, and then the values, as the target's columns are. */
static TupleDesc
sorted_desc(TableReceiver *receiver)
{
	const EcSubject *subject = receiver->subject;
	TupleDesc target = RelationGetDescr(subject->target);
	TupleDesc source = RelationGetDescr(subject->source);
	List *columns = list_concat_copy(subject->key, subject->columns);
	int position = VALUES;
	TupleDesc desc = CreateTemplateTupleDesc(VALUES + list_length(columns) +
											 receiver->old_count);
	ListCell *cell;

	for (int i = 0; i < SIDE; i++)
		TupleDescInitEntry(desc, i + 1, "hash", INT8OID, -1, 0);
	TupleDescInitEntry(desc, SIDE + 1, "side", INT4OID, -1, 0);
	foreach (cell, columns)
	{
		EcMappedColumn *column = lfirst(cell);

		TupleDescCopyEntry(desc, ++position, target, column->attnum);
	}
	foreach (cell, subject->backward)
	{
		EcMappedColumn *column = lfirst(cell);

		TupleDescCopyEntry(desc, ++position, source, column->attnum);
	}
	return desc;
}

static Tuplesortstate *
begin_sort(TupleDesc desc)
{
	AttrNumber columns[] = {KEY_A + 1, KEY_B + 1, ROW_A + 1, ROW_B + 1, SIDE + 1};
	Oid operators[] = {Int8LessOperator, Int8LessOperator, Int8LessOperator,
					   Int8LessOperator, Int4LessOperator};
	Oid collations[lengthof(columns)] = {InvalidOid};
	bool nulls_first[lengthof(columns)] = {false};

	return tuplesort_begin_heap(desc, lengthof(columns), columns, operators,
								collations, nulls_first, work_mem, NULL,
								TUPLESORT_NONE);
}

static uint64
hash_at(TupleTableSlot *slot, int position)
{
	return (uint64) DatumGetInt64(slot->tts_values[position]);
}

/* ---------------------------------------------------------------- recording */

static EcRowKey
values_key(TableReceiver *receiver)
{
	EcRowKey key = {.count = receiver->key_count, .first = VALUES};
	ListCell *cell;

	key.names = palloc_array(char *, key.count);
	foreach (cell, receiver->subject->key)
	{
		EcMappedColumn *column = lfirst(cell);

		key.names[foreach_current_index(cell)] = column->name;
	}
	return key;
}

static bool
may_record(TableReceiver *receiver)
{
	return receiver->result->recorded < receiver->options->max_mismatches;
}

static void
record_different(TableReceiver *receiver, TupleTableSlot *source,
				 TupleTableSlot *target, bool is_unique)
{
	EcCells left = ec_cells(source, VALUES + receiver->key_count, 1);
	EcCells right = ec_cells(target, VALUES + receiver->key_count, 1);
	EcRowKey key = values_key(receiver);
	char *json = ec_row_key_json(&key, target);

	for (int i = 0; i < receiver->count; i++)
	{
		EcMismatch mismatch = {.key = json,
							   .difference = "different",
							   .row = receiver->result->recorded};
		EcMappedColumn *column = receiver->columns[i].mapped;

		if (!ec_cells_differ(&receiver->columns[i], &left, &right, i))
			continue;
		mismatch.column_name = column->name;
		mismatch.source_value = ec_slot_text(source, left.first + i);
		mismatch.target_value = ec_slot_text(target, right.first + i);
		if (is_unique)
			mismatch.repair =
				ec_repair_different(receiver->subject, target, VALUES, column);
		ec_mismatch_put(receiver->result->mismatches, &mismatch);
	}
	receiver->result->recorded++;
}

static void
record_one_sided(TableReceiver *receiver, EcRowSide side, TupleTableSlot *slot,
				 bool is_unique)
{
	const EcSubject *subject = receiver->subject;
	EcRowKey key = values_key(receiver);
	EcMismatch mismatch = {.key = ec_row_key_json(&key, slot),
						   .row = receiver->result->recorded};
	char *row = ec_row_json(subject->columns, slot, VALUES + receiver->key_count);

	if (side == EC_ROW_OF_SOURCE)
	{
		mismatch.difference = "missing";
		mismatch.source_value = row;
		if (is_unique)
			mismatch.repair = ec_repair_missing(subject, slot, VALUES);
	}
	else
	{
		mismatch.difference = "extra";
		mismatch.target_value = row;
		if (is_unique)
			mismatch.repair = ec_repair_extra(subject, slot, VALUES);
	}
	ec_mismatch_put(receiver->result->mismatches, &mismatch);
	receiver->result->recorded++;
}

/* ---------------------------------------------------------------- matching */

static EcLanes
lanes_at(TupleTableSlot *slot, int position)
{
	EcLanes lanes = {hash_at(slot, position), hash_at(slot, position + 1)};

	return lanes;
}

/*
 * A row that is right, or not wrong for certain, counts as what the target
 * holds: then checksums agree where the verdict is that all is well.
 */
static void
excuse(EcComparison *result, TupleTableSlot *source, TupleTableSlot *target)
{
	EcLanes lanes;

	if (source != NULL)
	{
		lanes = lanes_at(source, ROW_A);
		ec_checksum_subtract(&result->source, &lanes);
	}
	if (target != NULL)
	{
		lanes = lanes_at(target, ROW_A);
		ec_checksum_add(&result->source, &lanes);
	}
}

static bool
confirm(TableReceiver *receiver, TupleTableSlot *slot)
{
	EcLanes key = lanes_at(slot, KEY_A);

	return ec_suspects_confirm(receiver->options->suspects, &key);
}

static void
match_pair(TableReceiver *receiver, TupleTableSlot *source,
		   TupleTableSlot *target, bool is_unique)
{
	EcComparison *result = receiver->result;
	EcCells left = ec_cells(source, VALUES + receiver->key_count, 1);
	EcCells right = ec_cells(target, VALUES + receiver->key_count, 1);
	EcCells old_values =
		ec_cells(source, VALUES + receiver->key_count + receiver->count, 1);
	EcCells computed =
		ec_cells(target, VALUES + receiver->key_count + receiver->count, 1);
	bool differs = false;

	for (int i = 0; i < receiver->count && !differs; i++)
		differs = ec_cells_differ(&receiver->columns[i], &left, &right, i);
	if (!differs)
		return; /* of a type whose hash knows more than its = */
	if (ec_backward_explains(receiver->columns, receiver->count, &right,
							 receiver->old_columns, receiver->old_count,
							 &old_values, &computed) ||
		!confirm(receiver, source))
	{
		excuse(result, source, target);
		return;
	}
	result->different++;
	if (may_record(receiver))
		record_different(receiver, source, target, is_unique);
}

static void
match_one_sided(TableReceiver *receiver, EcRowSide side, TupleTableSlot *slot,
				bool is_unique)
{
	EcComparison *result = receiver->result;

	if (!confirm(receiver, slot))
	{
		excuse(result, side == EC_ROW_OF_SOURCE ? slot : NULL,
			   side == EC_ROW_OF_SOURCE ? NULL : slot);
		return;
	}
	if (side == EC_ROW_OF_SOURCE)
		result->missing++;
	else
		result->extra++;
	if (may_record(receiver))
		record_one_sided(receiver, side, slot, is_unique);
}

/* Of equal rows, those that the other side does not have. */
static void
end_equal_rows(KeyGroup *group)
{
	int64 equal = Min(group->count[0], group->count[1]);

	for (int side = 0; side < 2; side++)
	{
		for (int64 i = equal; i < group->count[side]; i++)
		{
			tuplestore_puttupleslot(group->unmatched[side], group->row[side]);
			group->unmatched_count[side]++;
		}
		group->rows[side] += group->count[side];
		group->count[side] = 0;
	}
}

static void
end_key(TableReceiver *receiver, KeyGroup *group)
{
	int64 pairs;
	bool is_unique;

	end_equal_rows(group);
	pairs = Min(group->unmatched_count[0], group->unmatched_count[1]);
	is_unique = group->rows[0] <= 1 && group->rows[1] <= 1;
	for (int64 i = 0;
		 i < Max(group->unmatched_count[0], group->unmatched_count[1]); i++)
	{
		for (int side = 0; side < 2; side++)
			if (i < group->unmatched_count[side])
			{
				(void) tuplestore_gettupleslot(group->unmatched[side], true,
											   false, group->slot[side]);
				slot_getallattrs(group->slot[side]);
			}
		if (i < pairs)
			match_pair(receiver, group->slot[0], group->slot[1], is_unique);
		else
		{
			EcRowSide side = group->unmatched_count[EC_ROW_OF_SOURCE] > pairs
								 ? EC_ROW_OF_SOURCE
								 : EC_ROW_OF_TARGET;

			match_one_sided(receiver, side, group->slot[side], is_unique);
		}
		MemoryContextReset(receiver->row_memory);
	}
	for (int side = 0; side < 2; side++)
	{
		if (group->unmatched_count[side] > 0)
		{
			ExecClearTuple(group->slot[side]);
			tuplestore_clear(group->unmatched[side]);
		}
		group->unmatched_count[side] = 0;
		group->rows[side] = 0;
	}
}

static void
match_rows(TableReceiver *receiver, TupleDesc desc)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	EcLanes last_key = {0};
	EcLanes last_row = {0};
	KeyGroup group = {0};
	MemoryContext old;

	for (int side = 0; side < 2; side++)
	{
		group.row[side] = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
		group.slot[side] = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
		group.unmatched[side] = tuplestore_begin_heap(false, false, work_mem);
	}
	tuplesort_performsort(receiver->sort);
	old = MemoryContextSwitchTo(receiver->row_memory);
	while (tuplesort_gettupleslot(receiver->sort, true, false, slot, NULL))
	{
		EcLanes key;
		EcLanes row;
		int side;

		CHECK_FOR_INTERRUPTS();
		slot_getsomeattrs(slot, SIDE + 1);
		key = lanes_at(slot, KEY_A);
		row = lanes_at(slot, ROW_A);
		if (!ec_same_lanes(&key, &last_key))
			end_key(receiver, &group);
		else if (!ec_same_lanes(&row, &last_row))
			end_equal_rows(&group);
		last_key = key;
		last_row = row;
		side = DatumGetInt32(slot->tts_values[SIDE]);
		if (group.count[side]++ == 0)
			ExecCopySlot(group.row[side], slot);
	}
	end_key(receiver, &group);
	MemoryContextSwitchTo(old);
	for (int side = 0; side < 2; side++)
	{
		tuplestore_end(group.unmatched[side]);
		ExecDropSingleTupleTableSlot(group.row[side]);
		ExecDropSingleTupleTableSlot(group.slot[side]);
	}
	ExecDropSingleTupleTableSlot(slot);
}

static bool
find_differing_buckets(TableReceiver *receiver)
{
	bool found = false;

	for (int i = 0; i < BUCKETS; i++)
	{
		receiver->differs[i] = !ec_checksum_is_empty(&receiver->buckets[i]);
		found |= receiver->differs[i];
	}
	return found;
}

static void
look_at_rows(TableReceiver *receiver)
{
	TupleDesc desc = sorted_desc(receiver);

	receiver->sort = begin_sort(desc);
	receiver->sorted = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	read_source(receiver);
	read_target(receiver);
	match_rows(receiver, desc);
	ExecDropSingleTupleTableSlot(receiver->sorted);
	tuplesort_end(receiver->sort);
}

void
ec_compare_tables(const EcSubject *subject, const EcCompareOptions *options,
				  EcComparison *comparison)
{
	TableReceiver receiver = {.subject = subject,
							  .options = options,
							  .result = comparison};

	ec_init_receiver(&receiver.pub, receive_row);
	receiver.key_count = list_length(subject->key);
	receiver.count = list_length(subject->columns);
	receiver.old_count = list_length(subject->backward);
	receiver.key = ec_compared_columns(subject->target, subject->key);
	receiver.columns = ec_compared_columns(subject->target, subject->columns);
	receiver.old_columns = ec_compared_columns(subject->source, subject->backward);
	receiver.buckets = palloc0_array(EcChecksum, BUCKETS);
	receiver.row_memory =
		AllocSetContextCreate(CurrentMemoryContext, "ec_verify row",
							  ALLOCSET_DEFAULT_SIZES);
	read_source(&receiver);
	read_target(&receiver);
	if (find_differing_buckets(&receiver))
		look_at_rows(&receiver);
	MemoryContextDelete(receiver.row_memory);
	pfree(receiver.buckets);
}
