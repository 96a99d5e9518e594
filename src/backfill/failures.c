/*
 * failures.c
 *		Finds the rows that cannot be written, and writes the others.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "backfill/failures.h"
#include "core/hint.h"
#include "core/catalog.h"
#include "core/pinned.h"
#include "core/subtransaction.h"
#include "worker/jobs/registry.h"

typedef struct Search
{
	EcJob *job;
	Relation leaf;
	const EcBackfill *backfill;
	EcRowsWriter write;
	void *arg;
	EcWritten written; /* totals */
	int64 skipped;
} Search;

/* A subset of the rows. */
typedef struct Part
{
	Search *search;
	const EcBatchRows *rows;
	EcWritten written;
	int64 skipped;
} Part;

static void
write_part(void *arg)
{
	Part *part = arg;

	part->skipped = 0;
	part->written =
		part->search->write(part->search->arg, part->rows, &part->skipped);
}

/*
 * Is the error caused by the contents of the row, or by code that checks it,
 * so that other rows may succeed?  Errors about privileges, names, locks or
 * the server concern all rows.
 */
static bool
is_of_row(const ErrorData *error)
{
	switch (ERRCODE_TO_CATEGORY(error->sqlerrcode))
	{
		case ERRCODE_DATA_EXCEPTION:
		case ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION:
		case ERRCODE_WITH_CHECK_OPTION_VIOLATION:
		case ERRCODE_PLPGSQL_ERROR:
		case ERRCODE_CASE_NOT_FOUND:
		case ERRCODE_CARDINALITY_VIOLATION:
			return true;
	}
	return false;
}

/* Line pointers are numbered consecutively; a page has at most this many. */
#define POINTERS_OF_PAGE ((int64) MaxHeapTuplesPerPage)

static int64
number_of(const ItemPointerData *pointer)
{
	OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(pointer);

	return (int64) ItemPointerGetBlockNumberNoCheck(pointer) * POINTERS_OF_PAGE +
		   Max(offset, FirstOffsetNumber) - FirstOffsetNumber;
}

static void
set_pointer(ItemPointerData *pointer, int64 number)
{
	ItemPointerSet(pointer, (BlockNumber) (number / POINTERS_OF_PAGE),
				   (OffsetNumber) (number % POINTERS_OF_PAGE) + FirstOffsetNumber);
}

static int64
count_of(const EcBatchRows *rows)
{
	return rows->is_list ? rows->count
						 : number_of(&rows->to) - number_of(&rows->from);
}

static Datum *
pointers_of(const EcBatchRows *rows)
{
	Datum *pointers;
	int count;

	deconstruct_array(DatumGetArrayTypeP(rows->list), TIDOID,
					  sizeof(ItemPointerData), false, TYPALIGN_SHORT, &pointers,
					  NULL, &count);
	return pointers;
}

static Datum
list_of(Datum *pointers, int count)
{
	return PointerGetDatum(construct_array(pointers, count, TIDOID,
										   sizeof(ItemPointerData), false,
										   TYPALIGN_SHORT));
}

static void
split(const EcBatchRows *rows, EcBatchRows *left, EcBatchRows *right)
{
	int64 half = count_of(rows) / 2;

	*left = *right = *rows;
	if (rows->is_list)
	{
		Datum *pointers = pointers_of(rows);

		left->count = (int) half;
		right->count = rows->count - left->count;
		left->list = list_of(pointers, left->count);
		right->list = list_of(pointers + left->count, right->count);
	}
	else
	{
		set_pointer(&left->to, number_of(&rows->from) + half);
		right->from = left->to;
	}
}

/*
 * Fetches the row at the only place in rows; returns false if no row is
 * visible.
 */
static bool
fetch(const Search *search, const EcBatchRows *rows, TupleTableSlot *slot)
{
	Snapshot snapshot = RegisterSnapshot(GetLatestSnapshot());
	ItemPointerData place = rows->from;
	bool found;

	if (rows->is_list)
		ItemPointerCopy((ItemPointer) DatumGetPointer(pointers_of(rows)[0]), &place);
	found = table_tuple_fetch_row_version(search->leaf, &place, snapshot, slot);
	if (found)
		slot_getallattrs(slot);
	UnregisterSnapshot(snapshot);
	return found;
}

static char *
value_of(TupleTableSlot *slot, AttrNumber attnum)
{
	bool isnull;
	Datum value = slot_getattr(slot, attnum, &isnull);
	Oid output;
	bool is_varlena;

	if (isnull)
		return pstrdup("null");
	getTypeOutputInfo(TupleDescAttr(slot->tts_tupleDescriptor, attnum - 1)->atttypid,
					  &output, &is_varlena);
	return OidOutputFunctionCall(output, value);
}

/*
 * Returns "(id)=(17) of table public.users"; without a primary key, ctid is
 * used.
 */
static char *
name_of(Relation leaf, TupleTableSlot *slot)
{
	Bitmapset *key =
		RelationGetIndexAttrBitmap(leaf, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	int guc_level = ec_pin_output();
	StringInfoData names;
	StringInfoData values;
	int member = -1;

	initStringInfo(&names);
	initStringInfo(&values);
	while ((member = bms_next_member(key, member)) >= 0)
	{
		AttrNumber attnum = member + FirstLowInvalidHeapAttributeNumber;
		Form_pg_attribute column =
			TupleDescAttr(RelationGetDescr(leaf), attnum - 1);
		const char *separator = names.len > 0 ? ", " : "";

		appendStringInfo(&names, "%s%s", separator,
						 quote_identifier(NameStr(column->attname)));
		appendStringInfo(&values, "%s%s", separator, value_of(slot, attnum));
	}
	AtEOXact_GUC(false, guc_level);
	if (names.len == 0)
	{
		appendStringInfoString(&names, "ctid");
		appendStringInfo(&values, "(%u,%u)",
						 ItemPointerGetBlockNumber(&slot->tts_tid),
						 ItemPointerGetOffsetNumber(&slot->tts_tid));
	}
	return psprintf("(%s)=(%s) of table %s", names.data, values.data,
					ec_relation_name(RelationGetRelid(leaf)));
}

static bool
has_primary_key(Relation leaf)
{
	return !bms_is_empty(
		RelationGetIndexAttrBitmap(leaf, INDEX_ATTR_BITMAP_PRIMARY_KEY));
}

/* A job that belongs to no change has no queue that rows could be left to. */
static char *
way_out(const Search *search)
{
	if (search->job->change == NULL)
		return search->backfill->copy != NULL
				   ? "Correct the row and use ec_resume, or cancel the job and submit another whose mapping has a value for such rows, with CASE for example."
				   : "Correct the row and use ec_resume, or cancel the job and submit another whose predicate leaves such rows out.";
	return has_primary_key(search->leaf)
			   ? "Correct the row and use ec_resume, or start another job with on_error => 'skip', which puts such rows into the queue."
			   : "Correct the row and use ec_resume.";
}

static void
raise_with_row(const Search *search, ErrorData *error, TupleTableSlot *slot)
{
	char *row = psprintf("The row is %s.", name_of(search->leaf, slot));

	error->detail =
		error->detail == NULL ? row : psprintf("%s %s", error->detail, row);
	if (error->hint == NULL)
		error->hint = ec_qualified(way_out(search));
	ReThrowError(error);
}

static void
meet_failure(Search *search, const EcBatchRows *rows, ErrorData *error)
{
	TupleTableSlot *slot = table_slot_create(search->leaf, NULL);

	if (!fetch(search, rows, slot))
		ReThrowError(error);
	/* in later stages the rows are those of another table */
	if (!search->job->skips_failures || search->backfill->stage > 0)
		raise_with_row(search, error, slot);
	if (ec_change_row_left_out(search->job, search->leaf, slot, error))
		search->job->rows_failed++;
	ExecDropSingleTupleTableSlot(slot);
}

static void
write_rows(Search *search, const EcBatchRows *rows)
{
	Part part = {search, rows};
	ErrorData *error;
	EcBatchRows left;
	EcBatchRows right;

	CHECK_FOR_INTERRUPTS();
	error = ec_subtransaction(write_part, &part);
	if (error == NULL)
	{
		search->written.rows += part.written.rows;
		search->written.moved += part.written.moved;
		search->written.locked += part.written.locked;
		search->skipped += part.skipped;
		return;
	}
	if (!is_of_row(error))
		ReThrowError(error);
	if (count_of(rows) <= 1)
	{
		meet_failure(search, rows, error);
		return;
	}
	FreeErrorData(error);
	split(rows, &left, &right);
	write_rows(search, &left);
	write_rows(search, &right);
}

/*
 * Runs the statement for no row.  An error then comes from the statement
 * itself, or from a statement trigger, and not from a row.
 */
static void
try_statement(Search *search, const EcBatchRows *rows)
{
	EcBatchRows none = *rows;
	Part part = {search, &none};
	ErrorData *error;

	none.to = none.from;
	none.count = 0;
	if (rows->is_list)
		none.list = PointerGetDatum(construct_empty_array(TIDOID));
	error = ec_subtransaction(write_part, &part);
	if (error != NULL)
		ReThrowError(error);
}

EcWritten
ec_write_around_failures(EcJob *job, Relation leaf, const EcBackfill *backfill,
						 EcRowsWriter write, void *arg, const EcBatchRows *rows,
						 int64 *skipped)
{
	Search search = {job, leaf, backfill, write, arg};

	try_statement(&search, rows);
	write_rows(&search, rows);
	*skipped = search.skipped;
	return search.written;
}
