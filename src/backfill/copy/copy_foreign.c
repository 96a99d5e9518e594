/*
 * copy_foreign.c
 *		Copies from a foreign table, in the order of the key.
 *
 * A foreign table has no row identifiers that are valid in the next statement,
 * no indexes that we know of, and no locks that last for our transaction.  So
 * a batch is a range of keys: a first query finds its end, then its rows are
 * inserted.  The conditions are comparisons of columns with constants, so that
 * postgres_fdw can send them to the other server, together with the order and
 * the limit where possible.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "backfill/copy/copy_foreign.h"
#include "backfill/copy/copy_plan.h"
#include "backfill/copy/copy_statement.h"
#include "backfill/explain.h"
#include "backfill/key_chunk.h"
#include "core/catalog.h"
#include "core/planned.h"
#include "expand_contract.h"
#include "worker/process/deadline.h"

/* The values of a key as SQL literals with their types. */
typedef struct Bound
{
	bool is_open; /* there is no bound */
	char *literals[EC_MAX_KEY_COLUMNS];
} Bound;

/*
 * Appends "k1 > 1 OR (k1 = 1 AND (k2 > 2 ...))": the rows after a key.  Rows
 * whose key is null come after all others, so that the INSERT raises an error
 * for them.
 */
static void
append_behind(StringInfo sql, const EcCopy *copy, const Bound *bound)
{
	for (int i = 0; i < copy->key_count; i++)
	{
		const EcCopyColumn *column = &copy->columns[i];

		if (i > 0)
			appendStringInfo(sql, " OR ((%s) %s %s AND (", column[-1].search,
							 column[-1].equal, bound->literals[i - 1]);
		appendStringInfo(sql, "(%s) %s %s OR (%s) IS NULL", column->search,
						 column->after, bound->literals[i], column->search);
	}
	for (int i = 1; i < copy->key_count; i++)
		appendStringInfoString(sql, "))");
}

/* Returns a WHERE clause: after one key, and not after the other. */
static char *
between(const EcCopy *copy, const Bound *from, const Bound *to)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, " WHERE true");
	if (!from->is_open)
	{
		appendStringInfoString(&sql, " AND (");
		append_behind(&sql, copy, from);
		appendStringInfoChar(&sql, ')');
	}
	if (!to->is_open)
	{
		appendStringInfoString(&sql, " AND NOT (");
		append_behind(&sql, copy, to);
		appendStringInfoChar(&sql, ')');
	}
	return sql.data;
}

static char *
bound_statement(const EcCopy *copy, const Bound *from, int limit)
{
	const Bound open = {.is_open = true};
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	for (int i = 0; i < copy->key_count; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "", copy->columns[i].search);
	appendStringInfo(&sql, " FROM ONLY %s AS " EC_COPY_SOURCE "%s ORDER BY ",
					 ec_relation_name(copy->source), between(copy, from, &open));
	for (int i = 0; i < copy->key_count; i++)
		appendStringInfo(&sql, "%s%s USING %s", i > 0 ? ", " : "",
						 copy->columns[i].search, copy->columns[i].before);
	appendStringInfo(&sql, " LIMIT 1 OFFSET %d", limit - 1);
	return sql.data;
}

static char *
left_statement(const EcBackfill *backfill, const char *range)
{
	const EcCopy *copy = backfill->copy;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT pg_catalog.count(*), pg_catalog.count(*) FILTER (WHERE %s), pg_catalog.min(CAST(ROW(",
					 backfill->predicate);
	for (int i = 0; i < copy->key_count; i++)
		appendStringInfo(&sql, "%s%s", i > 0 ? ", " : "", copy->columns[i].search);
	appendStringInfo(&sql,
					 ") AS pg_catalog.text)) FILTER (WHERE %s) FROM ONLY %s AS " EC_COPY_SOURCE
					 "%s",
					 backfill->predicate, ec_relation_name(copy->source), range);
	return sql.data;
}

static int64
write_rows(const char *sql)
{
	SPIPlanPtr plan = ec_prepare_planned(sql, 0, NULL, 0, EC_OWN_SEARCH_PATH);

	return ec_execute_planned(plan, NULL, EC_OWN_SEARCH_PATH, NULL);
}

/*
 * Reads a bound from the row of a result.  Returns false if there is no row,
 * or if it contains a null.
 */
static bool
read_bound(const EcCopy *copy, TupleTableSlot *row, Bound *bound)
{
	int guc_level = ec_begin_text();

	bound->is_open = row == NULL;
	for (int i = 0; i < copy->key_count && !bound->is_open; i++)
	{
		Oid type = TupleDescAttr(row->tts_tupleDescriptor, i)->atttypid;
		char *value = ec_planned_text(row, i + 1);

		bound->is_open = value == NULL;
		if (value != NULL)
			bound->literals[i] =
				psprintf("CAST(%s AS %s)", quote_literal_cstr(value),
						 /*
						  * without a type modifier, "character" would mean
						  * character(1)
						  */
						 format_type_extended(type, -1,
											  FORMAT_TYPE_TYPEMOD_GIVEN |
												  FORMAT_TYPE_FORCE_QUALIFY));
	}
	AtEOXact_GUC(false, guc_level);
	return !bound->is_open;
}

/* The place contains the literals themselves. */
static void
read_place(const EcPlace *place, Bound *bound)
{
	bound->is_open = place->count == 0;
	for (int i = 0; i < place->count; i++)
		bound->literals[i] = place->values[i];
}

static void
move_place(EcPlace *place, const EcCopy *copy, const Bound *bound,
		   MemoryContext context)
{
	for (int i = 0; i < copy->key_count; i++)
	{
		if (i < place->count)
			pfree(place->values[i]);
		place->values[i] = MemoryContextStrdup(context, bound->literals[i]);
	}
	place->count = copy->key_count;
}

/*
 * Counts rows that are still to be done.  A trigger on the target may have
 * written other values than we did, or nothing.
 */
static void
look_for_left(EcJob *job, const EcBackfill *backfill, const char *range,
			  int64 written, EcChunk *chunk)
{
	TupleTableSlot *row =
		ec_first_row_planned(left_statement(backfill, range), EC_OWN_SEARCH_PATH);
	int64 left;
	char *example;
	bool isnull;

	left = DatumGetInt64(slot_getattr(row, 2, &isnull));
	if (left == 0)
		return;
	example = ec_planned_text(row, 3);
	if (written > 0 && written + left > DatumGetInt64(slot_getattr(row, 1, &isnull)))
		ec_refuse_unstable_copy(backfill->copy, example);
	chunk->suppressed += left;
	if (chunk->example == NULL)
		chunk->example = MemoryContextStrdup(job->memory, example);
}

void
ec_check_copy_from_foreign(const EcBackfill *backfill)
{
	const Bound open = {.is_open = true};

	ec_explain(left_statement(backfill, between(backfill->copy, &open, &open)),
			   0, backfill->search_path);
	ec_explain(ec_copy_write_statement(backfill->copy->source, backfill, ""), 0,
			   backfill->search_path);
}

/*
 * The batch has no time limit except for lock waits, because the other server
 * determines how long a statement takes, and fewer rows do not make it faster.
 */
bool
ec_copy_from_foreign(EcJob *job, const EcBackfill *backfill, EcChunk *chunk)
{
	char *range;
	Bound from;
	Bound to;
	bool more;
	volatile int64 written = 0;

	ec_deadline_end();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	read_place(&chunk->place, &from);
	more = read_bound(backfill->copy,
					  ec_first_row_planned(bound_statement(backfill->copy, &from,
														   job->row_limit),
										   EC_OWN_SEARCH_PATH),
					  &to);

	range = between(backfill->copy, &from, &to);
	ec_path_rule_begin(ec_copy_path_rule(backfill));
	PG_TRY();
	{
		written = write_rows(
			ec_copy_write_statement(backfill->copy->source, backfill, range));
		look_for_left(job, backfill, range, written, chunk);
	}
	PG_FINALLY();
	{
		ec_path_rules_end();
	}
	PG_END_TRY();
	if (more)
		move_place(&chunk->place, backfill->copy, &to, job->memory);
	SPI_finish();

	ec_key_chunk_advance(chunk, job->row_limit);
	chunk->changed += written;
	job->rows_written += written;
	return more;
}
