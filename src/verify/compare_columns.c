/*
 * compare_columns.c
 *		Compares columns of a table with expressions over the same row, in one
 *		scan.
 *
 * A DestReceiver compares, hashes and records each row as it arrives, so
 * counts, checksums and recorded rows belong to the same snapshot.
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "verify/compare.h"
#include "verify/instep.h"
#include "verify/mismatch.h"
#include "core/receiver.h"
#include "verify/reading.h"

/*
 * The columns of a selected row are: for each mapped column its expression and
 * the column; for each column of the backward mapping its expression and the
 * column; then the key.
 */
typedef struct CompareReceiver
{
	DestReceiver pub;
	const EcSubject *subject;
	const EcCompareOptions *options;
	EcComparison *result;
	int count;
	EcComparedColumn *columns;
	int old_count;
	EcComparedColumn *old_columns;
	EcRowKey *key;
	EcHasher *key_hashers;
	const EcFailed *failed;   /* see careful.h */
	MemoryContext row_memory; /* reset for each row */
} CompareReceiver;

static void
feed_side(CompareReceiver *receiver, TupleTableSlot *slot, int side, EcLanes *lanes)
{
	EcNullMask mask = {0};

	ec_lanes_start(lanes);
	for (int i = 0; i < receiver->count; i++)
		ec_feed_next(&receiver->columns[i].hasher, lanes, &mask,
					 slot->tts_values[2 * i + side],
					 slot->tts_isnull[2 * i + side]);
	ec_feed_end(lanes, &mask);
	ec_lanes_finish(lanes);
}

/* Most rows are equal byte by byte; then one hash is enough for both sides. */
static bool
row_is_identical(CompareReceiver *receiver, TupleTableSlot *slot)
{
	if (ec_first_failed(receiver->failed, 0, 2 * receiver->count, 2) >= 0)
		return false;
	for (int i = 0; i < receiver->count; i++)
	{
		bool null_source = slot->tts_isnull[2 * i];

		if (null_source != slot->tts_isnull[2 * i + 1])
			return false;
		if (!null_source &&
			!ec_identical(&receiver->columns[i].equality,
						  slot->tts_values[2 * i], slot->tts_values[2 * i + 1]))
			return false;
	}
	return true;
}

static bool
column_differs(CompareReceiver *receiver, const EcCells *source,
			   const EcCells *target, int i)
{
	return ec_failed_at(receiver->failed, 2 * i) != NULL ||
		   ec_cells_differ(&receiver->columns[i], source, target, i);
}

static bool
row_differs(CompareReceiver *receiver, const EcCells *source, const EcCells *target)
{
	for (int i = 0; i < receiver->count; i++)
		if (column_differs(receiver, source, target, i))
			return true;
	return false;
}

static bool
is_in_step(CompareReceiver *receiver, TupleTableSlot *slot, const EcCells *target)
{
	EcCells computed = ec_cells(slot, 2 * receiver->count, 2);
	EcCells old_values = ec_cells(slot, 2 * receiver->count + 1, 2);

	if (ec_first_failed(receiver->failed, 2 * receiver->count,
						2 * (receiver->count + receiver->old_count), 2) >= 0)
		return false;
	return ec_backward_explains(receiver->columns, receiver->count, target,
								receiver->old_columns, receiver->old_count,
								&old_values, &computed);
}

static void
record_row(CompareReceiver *receiver, TupleTableSlot *slot,
		   const EcCells *source, const EcCells *target)
{
	char *key = ec_row_key_json(receiver->key, slot);

	for (int i = 0; i < receiver->count; i++)
	{
		EcMismatch mismatch = {.key = key, .row = receiver->result->recorded};

		if (!column_differs(receiver, source, target, i))
			continue;
		mismatch.difference = "different";
		mismatch.column_name = receiver->columns[i].mapped->name;
		mismatch.target_value = ec_slot_text(slot, 2 * i + 1);
		if (ec_failed_at(receiver->failed, 2 * i) != NULL)
		{
			mismatch.source_value =
				ec_shown_failure(ec_failed_at(receiver->failed, 2 * i));
			ec_mismatch_put(receiver->result->mismatches, &mismatch);
			continue;
		}
		mismatch.source_value = ec_slot_text(slot, 2 * i);
		mismatch.repair = ec_repair_column(receiver->subject, receiver->key,
										   slot, receiver->columns[i].mapped);
		ec_mismatch_put(receiver->result->mismatches, &mismatch);
	}
	receiver->result->recorded++;
}

/* Hashes the key, by which suspects remember the row. */
static void
hash_key(CompareReceiver *receiver, TupleTableSlot *slot, EcLanes *lanes)
{
	int first = slot->tts_tupleDescriptor->natts - receiver->key->count;
	EcNullMask mask = {0};

	if (receiver->key_hashers == NULL)
	{
		MemoryContext memory = GetMemoryChunkContext(receiver->columns);

		receiver->key_hashers =
			MemoryContextAllocZero(memory, receiver->key->count * sizeof(EcHasher));
		for (int i = 0; i < receiver->key->count; i++)
			ec_hasher_init(&receiver->key_hashers[i],
						   TupleDescAttr(slot->tts_tupleDescriptor, first + i)->atttypid,
						   InvalidOid, memory);
	}
	ec_lanes_start(lanes);
	for (int i = 0; i < receiver->key->count; i++)
		ec_feed_next(&receiver->key_hashers[i], lanes, &mask,
					 slot->tts_values[first + i], slot->tts_isnull[first + i]);
	ec_feed_end(lanes, &mask);
	ec_lanes_finish(lanes);
}

/*
 * For a row that is not equal byte by byte.  Returns false if it counts as
 * right although the values differ, so that its checksums must be made equal.
 */
static bool
examine_row(CompareReceiver *receiver, TupleTableSlot *slot,
			const EcLanes *target_lanes)
{
	EcComparison *result = receiver->result;
	EcCells source = ec_cells(slot, 0, 2);
	EcCells target = ec_cells(slot, 1, 2);
	EcLanes key;

	if (!row_differs(receiver, &source, &target))
		return true;
	if (is_in_step(receiver, slot, &target))
		return false;
	if (receiver->options->suspects != NULL)
	{
		hash_key(receiver, slot, &key);
		if (!ec_suspects_confirm(receiver->options->suspects, &key))
			return false;
	}
	result->different++;
	if (result->recorded < receiver->options->max_mismatches)
		record_row(receiver, slot, &source, &target);
	return true;
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	CompareReceiver *receiver = (CompareReceiver *) self;
	MemoryContext old;
	EcLanes source;
	EcLanes target;

	slot_getallattrs(slot);
	old = MemoryContextSwitchTo(receiver->row_memory);
	if (row_is_identical(receiver, slot))
	{
		feed_side(receiver, slot, 1, &target);
		source = target;
	}
	else
	{
		feed_side(receiver, slot, 1, &target);
		feed_side(receiver, slot, 0, &source);
		if (ec_first_failed(receiver->failed, 0, 2 * receiver->count, 2) >= 0)
			ec_fail_hash(&source);
		/*
		 * it counts as right, so the source's checksum gets the target's
		 * values
		 */
		if (!examine_row(receiver, slot, &target))
			source = target;
	}
	ec_checksum_add(&receiver->result->source, &source);
	ec_checksum_add(&receiver->result->target, &target);
	MemoryContextSwitchTo(old);
	MemoryContextReset(receiver->row_memory);
	return true;
}

static void
restrict_to_range(EcReading *reading, const EcKeyRange *range)
{
	List *expressions = NIL;

	for (int i = 0; i < range->count; i++)
		expressions =
			lappend(expressions, ec_reading_column(reading, range->names[i]));
	reading->quals = ec_range_quals(range, expressions);
}

/* SELECT source, target, ..., computed, old, ..., key columns FROM relation */
static void
build_reading(CompareReceiver *receiver, EcReading *reading)
{
	const EcSubject *subject = receiver->subject;
	Relation relation = subject->target;
	ListCell *cell;

	ec_reading_begin(reading, relation);
	reading->plan_only = receiver->options->plan_only;
	reading->tolerates = receiver->options->tolerates;
	foreach (cell, list_concat_copy(subject->columns, subject->backward))
	{
		EcMappedColumn *column = lfirst(cell);

		ec_reading_select(reading, ec_reading_expression(reading, relation, column));
		ec_reading_select(reading, ec_reading_column(reading, column->name));
	}
	for (int i = 0; i < receiver->key->count; i++)
		ec_reading_select(reading,
						  ec_reading_column(reading, receiver->key->names[i]));
	if (receiver->options->range != NULL)
		restrict_to_range(reading, receiver->options->range);
	ec_reading_end(reading, &receiver->result->reads, &receiver->result->is_opaque);
	receiver->failed = reading->failed;
}

void
ec_compare_columns(const EcSubject *subject, const EcCompareOptions *options,
				   EcComparison *comparison)
{
	CompareReceiver receiver = {.subject = subject,
								.options = options,
								.result = comparison};
	EcReading reading;

	ec_init_receiver(&receiver.pub, receive_row);
	receiver.key = ec_row_key(subject->target, subject->walk);
	receiver.count = list_length(subject->columns);
	receiver.columns =
		ec_compared_columns(subject->target, subject->columns, subject->by_image);
	receiver.old_count = list_length(subject->backward);
	receiver.old_columns =
		ec_compared_columns(subject->source, subject->backward, subject->by_image);
	receiver.row_memory =
		AllocSetContextCreate(CurrentMemoryContext, "ec_verify row",
							  ALLOCSET_DEFAULT_SIZES);
	build_reading(&receiver, &reading);
	ec_reading_run(&reading, &receiver.pub);
	MemoryContextDelete(receiver.row_memory);
}
