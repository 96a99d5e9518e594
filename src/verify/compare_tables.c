/*
 * compare_tables.c
 *		Compares rows of two tables, matched by key.
 *
 * The tables are read up to two times under one snapshot.  Neither the
 * physical order of the rows nor the type of the key matters.
 *
 * The first pass scans each table once.  The hash of a row's key selects one
 * of BUCKETS buckets.  The hash of the whole row is added to the bucket's sums
 * for a row of the source, and subtracted for a row of the target.  If a
 * bucket's sums are zero, both tables have the same rows in it.
 *
 * If any bucket's sums are not zero, the second pass scans both tables again,
 * and the rows of those buckets are matched one by one; see match.c.
 *
 * The sums have a fixed size, and the sort takes work_mem and then temporary
 * files.  So the memory depends neither on the size of the tables nor on the
 * number of rows that differ.
 */
#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/memutils.h"

#include "verify/compare.h"
#include "verify/match.h"
#include "core/receiver.h"
#include "verify/reading.h"

/* small enough for a processor's cache */
#define BUCKETS 16384

typedef struct TableReceiver
{
	DestReceiver pub;
	EcMatcher matcher;
	EcComparedColumn *key;
	EcRowSide side; /* the side that is being read */
	EcChecksum *buckets;
	bool differs[BUCKETS];
} TableReceiver;

/* A row is hashed in two steps: first the key, then the other columns. */
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
	for (int i = 0; i < receiver->matcher.key_count; i++)
		ec_feed_next(&receiver->key[i].hasher, &hash->row, &hash->mask,
					 slot->tts_values[i], slot->tts_isnull[i]);
	hash->key = hash->row;
	ec_feed_end(&hash->key, &hash->mask);
	ec_lanes_finish(&hash->key);
}

static void
hash_rest(TableReceiver *receiver, TupleTableSlot *slot, RowHash *hash)
{
	int first = receiver->matcher.key_count;

	for (int i = 0; i < receiver->matcher.count; i++)
		ec_feed_next(&receiver->matcher.columns[i].hasher, &hash->row, &hash->mask,
					 slot->tts_values[first + i], slot->tts_isnull[first + i]);
	ec_feed_end(&hash->row, &hash->mask);
	ec_lanes_finish(&hash->row);
	if (receiver->side == EC_ROW_OF_SOURCE &&
		ec_first_failed(receiver->matcher.failed, 0,
						first + receiver->matcher.count, 1) >= 0)
		ec_fail_hash(&hash->row);
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
		ec_checksum_add(&receiver->matcher.result->source, row);
	}
	else
	{
		ec_checksum_subtract(bucket, row);
		ec_checksum_add(&receiver->matcher.result->target, row);
	}
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	TableReceiver *receiver = (TableReceiver *) self;
	MemoryContext old;
	RowHash hash;

	slot_getallattrs(slot);
	old = MemoryContextSwitchTo(receiver->matcher.row_memory);
	hash_key(receiver, slot, &hash);
	if (receiver->matcher.sort == NULL)
	{
		hash_rest(receiver, slot, &hash);
		add_row(receiver, &hash.key, &hash.row);
	}
	else if (receiver->differs[bucket_of(&hash.key)])
	{
		hash_rest(receiver, slot, &hash);
		ec_match_put(&receiver->matcher, receiver->side, slot, &hash.key, &hash.row);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(receiver->matcher.row_memory);
	return true;
}

/* SELECT key, mapped expressions, old columns FROM source */
static void
read_source(TableReceiver *receiver)
{
	const EcSubject *subject = receiver->matcher.subject;
	List *range_expressions = NIL;
	EcReading reading;
	ListCell *cell;

	ec_reading_begin(&reading, subject->source);
	reading.plan_only = receiver->matcher.options->plan_only;
	reading.tolerates = receiver->matcher.options->tolerates;
	foreach (cell, list_concat_copy(subject->key, subject->columns))
	{
		EcMappedColumn *column = lfirst(cell);
		int i = foreach_current_index(cell);
		Node *expression = ec_reading_expression(&reading, subject->target, column);

		ec_reading_select(&reading, expression);
		if (receiver->matcher.options->range != NULL && i < receiver->matcher.key_count)
			range_expressions =
				lappend(range_expressions,
						ec_range_operand(receiver->matcher.options->range, i,
										 expression));
	}
	foreach (cell, subject->backward)
	{
		EcMappedColumn *column = lfirst(cell);

		ec_reading_select(&reading, ec_reading_column(&reading, column->name));
	}
	if (receiver->matcher.options->range != NULL)
		reading.quals =
			ec_range_quals(receiver->matcher.options->range, range_expressions);
	ec_reading_end(&reading, &receiver->matcher.result->reads,
				   &receiver->matcher.result->is_opaque);
	receiver->matcher.failed = reading.failed;
	receiver->side = EC_ROW_OF_SOURCE;
	ec_reading_run(&reading, &receiver->pub);
}

/* SELECT key, mapped columns, backward expressions FROM target */
static void
read_target(TableReceiver *receiver)
{
	const EcSubject *subject = receiver->matcher.subject;
	List *range_expressions = NIL;
	EcReading reading;
	ListCell *cell;

	ec_reading_begin(&reading, subject->target);
	reading.plan_only = receiver->matcher.options->plan_only;
	reading.tolerates = receiver->matcher.options->tolerates;
	foreach (cell, list_concat_copy(subject->key, subject->columns))
	{
		EcMappedColumn *column = lfirst(cell);
		Node *reference = ec_reading_column(&reading, column->name);

		ec_reading_select(&reading, reference);
		if (foreach_current_index(cell) < receiver->matcher.key_count)
			range_expressions = lappend(range_expressions, copyObject(reference));
	}
	foreach (cell, subject->backward)
	{
		EcMappedColumn *column = lfirst(cell);

		ec_reading_select(&reading,
						  ec_reading_expression(&reading, subject->source, column));
	}
	if (receiver->matcher.options->range != NULL)
		reading.quals =
			ec_range_quals(receiver->matcher.options->range, range_expressions);
	ec_reading_end(&reading, &receiver->matcher.result->reads,
				   &receiver->matcher.result->is_opaque);
	receiver->matcher.failed = reading.failed;
	receiver->side = EC_ROW_OF_TARGET;
	ec_reading_run(&reading, &receiver->pub);
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

void
ec_compare_tables(const EcSubject *subject, const EcCompareOptions *options,
				  EcComparison *comparison)
{
	TableReceiver receiver = {0};
	EcMatcher *matcher = &receiver.matcher;

	ec_init_receiver(&receiver.pub, receive_row);
	matcher->subject = subject;
	matcher->options = options;
	matcher->result = comparison;
	matcher->key_count = list_length(subject->key);
	matcher->count = list_length(subject->columns);
	matcher->old_count = list_length(subject->backward);
	matcher->columns =
		ec_compared_columns(subject->target, subject->columns, subject->by_image);
	matcher->old_columns =
		ec_compared_columns(subject->source, subject->backward, subject->by_image);
	matcher->row_memory =
		AllocSetContextCreate(CurrentMemoryContext, "ec_verify row",
							  ALLOCSET_DEFAULT_SIZES);
	receiver.key =
		ec_compared_columns(subject->target, subject->key, subject->by_image);
	receiver.buckets = palloc0_array(EcChecksum, BUCKETS);
	read_source(&receiver);
	read_target(&receiver);
	if (find_differing_buckets(&receiver))
	{
		ec_match_begin(matcher);
		read_source(&receiver);
		read_target(&receiver);
		ec_match_end(matcher);
	}
	MemoryContextDelete(matcher->row_memory);
	pfree(receiver.buckets);
}
