/*
 * match.c
 *		Matches rows of two tables, sorted by the hashes of key and row, and
 *		finds the ones that are missing, extra or different.
 *
 * Equal rows of both sides are adjacent after the sort and cancel out.  The
 * remaining rows of a key are paired as long as both sides have some.  The
 * rows of a pair are different, unless the backward mapping shows that they
 * are right.  Rows without a partner are missing or extra.  The sort, and the
 * remaining rows of a key, take work_mem and then temporary files.
 */
#include "postgres.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "verify/match.h"
#include "verify/mismatch.h"

/* The columns of a sorted row before its values. */
enum
{
	KEY_A,
	KEY_B,
	ROW_A,
	ROW_B,
	SIDE,
	FAILED,  /* position, among the values, of an expression that has failed;
			  * NULL if there is none */
	MESSAGE, /* of its error */
	VALUES
};

/* The rows of one key, collected while they are read from the sort. */
typedef struct KeyGroup
{
	TupleTableSlot *row[2];        /* the current group of equal rows */
	int64 count[2];                /* number of rows in it */
	Tuplestorestate *unmatched[2]; /* rows without an equal one */
	int64 unmatched_count[2];
	int64 rows[2];
	TupleTableSlot *slot[2];
} KeyGroup;

/*
 * The hashes, the side, and the values with the types of the mapped columns.
 */
static TupleDesc
sorted_desc(EcMatcher *matcher)
{
	const EcSubject *subject = matcher->subject;
	TupleDesc target = RelationGetDescr(subject->target);
	TupleDesc source = RelationGetDescr(subject->source);
	List *columns = list_concat_copy(subject->key, subject->columns);
	int position = VALUES;
	TupleDesc desc = CreateTemplateTupleDesc(VALUES + list_length(columns) +
											 matcher->old_count);
	ListCell *cell;

	for (int i = 0; i < SIDE; i++)
		TupleDescInitEntry(desc, i + 1, "hash", INT8OID, -1, 0);
	TupleDescInitEntry(desc, SIDE + 1, "side", INT4OID, -1, 0);
	TupleDescInitEntry(desc, FAILED + 1, "failed", INT4OID, -1, 0);
	TupleDescInitEntry(desc, MESSAGE + 1, "message", TEXTOID, -1, 0);
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

void
ec_match_begin(EcMatcher *matcher)
{
	matcher->desc = sorted_desc(matcher);
	matcher->sort = begin_sort(matcher->desc);
	matcher->sorted = MakeSingleTupleTableSlot(matcher->desc, &TTSOpsVirtual);
}

void
ec_match_put(EcMatcher *matcher, EcRowSide side, TupleTableSlot *slot,
			 const EcLanes *key, const EcLanes *row)
{
	TupleTableSlot *sorted = matcher->sorted;
	int natts = slot->tts_tupleDescriptor->natts;
	int failed = ec_first_failed(matcher->failed, 0, natts, 1);

	ExecClearTuple(sorted);
	memset(sorted->tts_isnull, 0, VALUES * sizeof(bool));
	sorted->tts_isnull[FAILED] = failed < 0;
	sorted->tts_isnull[MESSAGE] = failed < 0;
	if (failed >= 0)
	{
		sorted->tts_values[FAILED] = Int32GetDatum(failed);
		sorted->tts_values[MESSAGE] =
			CStringGetTextDatum(ec_failed_at(matcher->failed, failed));
	}
	sorted->tts_values[KEY_A] = Int64GetDatum((int64) key->a);
	sorted->tts_values[KEY_B] = Int64GetDatum((int64) key->b);
	sorted->tts_values[ROW_A] = Int64GetDatum((int64) row->a);
	sorted->tts_values[ROW_B] = Int64GetDatum((int64) row->b);
	sorted->tts_values[SIDE] = Int32GetDatum((int32) side);
	memcpy(sorted->tts_values + VALUES, slot->tts_values, natts * sizeof(Datum));
	memcpy(sorted->tts_isnull + VALUES, slot->tts_isnull, natts * sizeof(bool));
	ExecStoreVirtualTuple(sorted);
	tuplesort_puttupleslot(matcher->sort, sorted);
}

static uint64
hash_at(TupleTableSlot *slot, int position)
{
	return (uint64) DatumGetInt64(slot->tts_values[position]);
}

/* ---------------------------------------------------------------- recording */

static EcRowKey
values_key(EcMatcher *matcher)
{
	EcRowKey key = {.count = matcher->key_count, .first = VALUES};
	ListCell *cell;

	key.names = palloc_array(char *, key.count);
	foreach (cell, matcher->subject->key)
	{
		EcMappedColumn *column = lfirst(cell);

		key.names[foreach_current_index(cell)] = column->name;
	}
	return key;
}

/* Has the expression at this position among the values failed? */
static bool
has_failed_at(TupleTableSlot *slot, int position)
{
	return !slot->tts_isnull[FAILED] &&
		   DatumGetInt32(slot->tts_values[FAILED]) == position;
}

static bool
may_record(EcMatcher *matcher)
{
	return matcher->result->recorded < matcher->options->max_mismatches;
}

static void
record_different(EcMatcher *matcher, TupleTableSlot *source,
				 TupleTableSlot *target, bool is_unique)
{
	EcCells left = ec_cells(source, VALUES + matcher->key_count, 1);
	EcCells right = ec_cells(target, VALUES + matcher->key_count, 1);
	EcRowKey key = values_key(matcher);
	char *json = ec_row_key_json(&key, target);

	for (int i = 0; i < matcher->count; i++)
	{
		EcMismatch mismatch = {.key = json,
							   .difference = "different",
							   .row = matcher->result->recorded};
		EcMappedColumn *column = matcher->columns[i].mapped;
		bool has_failed = has_failed_at(source, matcher->key_count + i);

		if (!has_failed && !ec_cells_differ(&matcher->columns[i], &left, &right, i))
			continue;
		mismatch.column_name = column->name;
		mismatch.source_value =
			has_failed
				? ec_shown_failure(TextDatumGetCString(source->tts_values[MESSAGE]))
				: ec_slot_text(source, left.first + i);
		mismatch.target_value = ec_slot_text(target, right.first + i);
		if (is_unique && !has_failed)
			mismatch.repair =
				ec_repair_different(matcher->subject, target, VALUES, column);
		ec_mismatch_put(matcher->result->mismatches, &mismatch);
	}
	matcher->result->recorded++;
}

static void
record_one_sided(EcMatcher *matcher, EcRowSide side, TupleTableSlot *slot,
				 bool is_unique)
{
	const EcSubject *subject = matcher->subject;
	EcRowKey key = values_key(matcher);
	EcMismatch mismatch = {.key = ec_row_key_json(&key, slot),
						   .row = matcher->result->recorded};
	char *row = ec_row_json(subject->columns, slot, VALUES + matcher->key_count);

	if (side == EC_ROW_OF_SOURCE)
	{
		mismatch.difference = "missing";
		mismatch.source_value = row;
	}
	else
	{
		mismatch.difference = "extra";
		mismatch.target_value = row;
	}
	if (is_unique)
		mismatch.repair = ec_repair_one_sided(subject, side, slot, VALUES);
	ec_mismatch_put(matcher->result->mismatches, &mismatch);
	matcher->result->recorded++;
}

/* ---------------------------------------------------------------- matching */

static EcLanes
lanes_at(TupleTableSlot *slot, int position)
{
	EcLanes lanes = {hash_at(slot, position), hash_at(slot, position + 1)};

	return lanes;
}

/*
 * Makes the source's checksum count the target's row instead of the source's.
 * This is done for a row that is right, or not yet confirmed to be wrong.  So
 * the checksums are equal if the verification finds no differing row.
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
confirm(EcMatcher *matcher, TupleTableSlot *slot)
{
	EcLanes key = lanes_at(slot, KEY_A);

	return ec_suspects_confirm(matcher->options->suspects, &key);
}

static void
match_pair(EcMatcher *matcher, TupleTableSlot *source, TupleTableSlot *target,
		   bool is_unique)
{
	EcComparison *result = matcher->result;
	EcCells left = ec_cells(source, VALUES + matcher->key_count, 1);
	EcCells right = ec_cells(target, VALUES + matcher->key_count, 1);
	EcCells old_values =
		ec_cells(source, VALUES + matcher->key_count + matcher->count, 1);
	EcCells computed =
		ec_cells(target, VALUES + matcher->key_count + matcher->count, 1);
	bool differs = !source->tts_isnull[FAILED];

	for (int i = 0; i < matcher->count && !differs; i++)
		differs = ec_cells_differ(&matcher->columns[i], &left, &right, i);
	if (!differs)
		return; /* only the hashes differ; the values are equal according to
				 * `=` */
	if ((target->tts_isnull[FAILED] &&
		 ec_backward_explains(matcher->columns, matcher->count, &right,
							  matcher->old_columns, matcher->old_count,
							  &old_values, &computed)) ||
		!confirm(matcher, source))
	{
		excuse(result, source, target);
		return;
	}
	result->different++;
	if (may_record(matcher))
		record_different(matcher, source, target, is_unique);
}

static void
match_one_sided(EcMatcher *matcher, EcRowSide side, TupleTableSlot *slot,
				bool is_unique)
{
	EcComparison *result = matcher->result;

	if (!confirm(matcher, slot))
	{
		excuse(result, side == EC_ROW_OF_SOURCE ? slot : NULL,
			   side == EC_ROW_OF_SOURCE ? NULL : slot);
		return;
	}
	if (side == EC_ROW_OF_SOURCE)
		result->missing++;
	else
		result->extra++;
	if (may_record(matcher))
		record_one_sided(matcher, side, slot, is_unique);
}

/* Moves equal rows that the other side does not have to the unmatched ones. */
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
end_key(EcMatcher *matcher, KeyGroup *group)
{
	int64 pairs;
	bool is_unique;
	MemoryContext caller;

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
		/* not while a slot gets its tuple: it may be of that memory then */
		caller = MemoryContextSwitchTo(matcher->row_memory);
		if (i < pairs)
			match_pair(matcher, group->slot[0], group->slot[1], is_unique);
		else
		{
			EcRowSide side = group->unmatched_count[EC_ROW_OF_SOURCE] > pairs
								 ? EC_ROW_OF_SOURCE
								 : EC_ROW_OF_TARGET;

			match_one_sided(matcher, side, group->slot[side], is_unique);
		}
		MemoryContextSwitchTo(caller);
		MemoryContextReset(matcher->row_memory);
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

void
ec_match_end(EcMatcher *matcher)
{
	TupleDesc desc = matcher->desc;
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	EcLanes last_key = {0};
	EcLanes last_row = {0};
	KeyGroup group = {0};

	for (int side = 0; side < 2; side++)
	{
		group.row[side] = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
		group.slot[side] = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
		group.unmatched[side] = tuplestore_begin_heap(false, false, work_mem);
	}
	tuplesort_performsort(matcher->sort);
	while (tuplesort_gettupleslot(matcher->sort, true, false, slot, NULL))
	{
		EcLanes key;
		EcLanes row;
		int side;

		CHECK_FOR_INTERRUPTS();
		slot_getsomeattrs(slot, SIDE + 1);
		key = lanes_at(slot, KEY_A);
		row = lanes_at(slot, ROW_A);
		if (!ec_same_lanes(&key, &last_key))
			end_key(matcher, &group);
		else if (!ec_same_lanes(&row, &last_row))
			end_equal_rows(&group);
		last_key = key;
		last_row = row;
		side = DatumGetInt32(slot->tts_values[SIDE]);
		if (group.count[side]++ == 0)
			ExecCopySlot(group.row[side], slot);
	}
	end_key(matcher, &group);
	for (int side = 0; side < 2; side++)
	{
		tuplestore_end(group.unmatched[side]);
		ExecDropSingleTupleTableSlot(group.row[side]);
		ExecDropSingleTupleTableSlot(group.slot[side]);
	}
	ExecDropSingleTupleTableSlot(slot);
	ExecDropSingleTupleTableSlot(matcher->sorted);
	tuplesort_end(matcher->sort);
}
