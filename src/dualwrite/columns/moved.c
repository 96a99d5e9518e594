/*
 * moved.c
 *		Recognizes rows that a MERGE moves to another partition.
 *
 * One row is kept for each statement and change.  It is freed with the
 * statement's memory context, also after an error.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "dualwrite/columns/image.h"
#include "dualwrite/columns/moved.h"

typedef struct UpdatedRow
{
	struct UpdatedRow *next;
	MemoryContext statement;
	MemoryContext memory; /* for the values; a child of the statement's
						   * context */
	char *change;
	int count;
	Datum *values; /* in the order of each_column() */
	bool *nulls;
	MemoryContextCallback end;
} UpdatedRow;

static UpdatedRow *updated_rows = NULL;

static void
forget(void *arg)
{
	UpdatedRow **link = &updated_rows;

	while (*link != NULL && *link != arg)
		link = &(*link)->next;
	if (*link != NULL)
		*link = (*link)->next;
}

static UpdatedRow *
find_row(MemoryContext statement, const EcCompiled *compiled)
{
	UpdatedRow *row = updated_rows;

	while (row != NULL && (row->statement != statement ||
						   strcmp(row->change, compiled->queue.change) != 0))
		row = row->next;
	return row;
}

static int
column_count(const EcCompiled *compiled)
{
	return compiled->key_count + compiled->old_count + compiled->new_count;
}

/*
 * Returns the key, old and new columns, in an order that is the same in every
 * partition.
 */
static const EcCompiledColumn *
each_column(const EcCompiled *compiled, int i)
{
	if (i < compiled->key_count)
		return &compiled->key[i];
	i -= compiled->key_count;
	return i < compiled->old_count
			   ? &compiled->old_columns[i]
			   : &compiled->new_columns[i - compiled->old_count];
}

static UpdatedRow *
add_row(MemoryContext statement, const EcCompiled *compiled)
{
	UpdatedRow *row = MemoryContextAllocZero(statement, sizeof(UpdatedRow));

	row->statement = statement;
	row->change = MemoryContextStrdup(statement, compiled->queue.change);
	row->memory = AllocSetContextCreate(statement, "expand_contract updated row",
										ALLOCSET_SMALL_SIZES);
	row->end.func = forget;
	row->end.arg = row;
	MemoryContextRegisterResetCallback(statement, &row->end);
	row->next = updated_rows;
	updated_rows = row;
	return row;
}

void
ec_note_updated_row(MemoryContext statement, const EcCompiled *compiled,
					TupleTableSlot *slot)
{
	UpdatedRow *row = find_row(statement, compiled);
	MemoryContext caller;

	if (row == NULL)
		row = add_row(statement, compiled);
	row->count = 0;
	MemoryContextReset(row->memory);
	caller = MemoryContextSwitchTo(row->memory);
	row->values = palloc0(sizeof(Datum) * Max(1, column_count(compiled)));
	row->nulls = palloc0(sizeof(bool) * Max(1, column_count(compiled)));
	for (int i = 0; i < column_count(compiled); i++)
	{
		const EcCompiledColumn *column = each_column(compiled, i);
		Datum value = slot_getattr(slot, column->attnum, &row->nulls[i]);

		if (!row->nulls[i])
			row->values[i] = datumCopy(value, column->by_value, column->length);
	}
	row->count = column_count(compiled);
	MemoryContextSwitchTo(caller);
}

bool
ec_is_moved_row(MemoryContext statement, const EcCompiled *compiled,
				TupleTableSlot *slot)
{
	const UpdatedRow *row = find_row(statement, compiled);

	if (row == NULL || row->count != column_count(compiled))
		return false;
	for (int i = 0; i < row->count; i++)
	{
		const EcCompiledColumn *column = each_column(compiled, i);
		bool isnull;
		Datum value = slot_getattr(slot, column->attnum, &isnull);

		if (!ec_is_same(column, value, isnull, row->values[i], row->nulls[i]))
			return false;
	}
	return true;
}
