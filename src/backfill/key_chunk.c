/*
 * key_chunk.c
 *		Chunks of a table that is walked along a key.
 *
 * A chunk is what lies between two keys.  Whoever claims one walks so many rows
 * ahead in the index; the key that he comes to is the end of his chunk and the
 * beginning of the next, which job_leaves remembers.  The last chunk of a table
 * has no end.  A foreign table is a single one, for others would have to read
 * as far to find where theirs begins.
 *
 * Progress is counted in blocks, as elsewhere: a chunk is as large a part of
 * them as the server's estimate of the table's rows says.
 */
#include "postgres.h"

#include "access/table.h"
#include "optimizer/plancat.h"

#include "backfill/key_chunk.h"
#include "core/catalog.h"
#include "core/query.h"

/*
 * Others wait while a claim walks ahead, so it does not go far; and several
 * chunks even in a small table, since workers can be added at any time.
 */
#define MOST_ROWS       20000
#define FEWEST_ROWS     500
#define BATCHES_AT_MOST 20

bool
ec_key_place_fits(const Jsonb *json, Relation leaf)
{
	EcPlace place;

	ec_place_from_json(&place, "key", json);
	return ec_place_fits(&place, leaf);
}

/* A batch that is cut short by its time limit must have a shorter walk too. */
static int64
rows_of_chunk(const EcJob *job, double tuples)
{
	double rows = Max(FEWEST_ROWS, Min(MOST_ROWS, tuples / 8));

	return (int64) Min(rows, (double) job->row_limit * BATCHES_AT_MOST);
}

static Jsonb *
place_of_leaf(const EcJob *job, const EcChunk *chunk)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	Jsonb *place;

	ec_arg_int8(&args, job->id);
	ec_arg_oid(&args, chunk->leaf);
	ec_catalog_begin(&scope);
	ec_query("SELECT place FROM expand_contract.job_leaves "
			 "WHERE job = $1 AND leaf = $2",
			 &args);
	place = ec_get_jsonb(0, 1);
	ec_catalog_end(&scope);
	return place;
}

/* The chunk's blocks are taken off the leaf, which is not at its end yet if more. */
static void
hand_out(const EcJob *job, EcChunk *chunk, bool more, double fraction)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	EcJsonWriter writer;

	ec_json_begin(&writer);
	ec_place_to_json(&chunk->end, "key", &writer);
	ec_arg_int8(&args, job->id);
	ec_arg_oid(&args, chunk->leaf);
	ec_arg_jsonb(&args, ec_json_end(&writer));
	ec_arg_bool(&args, more);
	ec_arg_float8(&args, Min(fraction, 1));
	ec_catalog_begin(&scope);
	ec_query("UPDATE expand_contract.job_leaves l SET place = $3, next_block = "
			 "CASE WHEN $4 THEN least(l.next_block + (l.end_block * $5)::bigint, l.end_block - 1) "
			 "ELSE l.end_block END "
			 "FROM expand_contract.job_leaves old "
			 "WHERE l.job = $1 AND l.leaf = $2 AND old.job = $1 AND old.leaf = $2 "
			 "RETURNING old.next_block, l.next_block",
			 &args);
	chunk->cursor.first = ec_get_int8(0, 1, 0);
	chunk->cursor.end = ec_get_int8(0, 2, 0);
	chunk->cursor.block = chunk->cursor.first;
	ec_catalog_end(&scope);
}

void
ec_key_chunk_start(EcJob *job, EcChunk *chunk)
{
	Relation leaf = table_open(chunk->leaf, NoLock);
	Jsonb *place = place_of_leaf(job, chunk);
	MemoryContext old_context = MemoryContextSwitchTo(job->memory);
	BlockNumber pages;
	double tuples;
	double all_visible;
	bool more = false;

	ec_place_from_json(&chunk->place, "key", place);
	MemoryContextSwitchTo(old_context);
	estimate_rel_size(leaf, NULL, &pages, &tuples, &all_visible);
	if (leaf->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		chunk->cursor.rows = Max(tuples, 1);
	else
	{
		chunk->cursor.rows = rows_of_chunk(job, tuples);
		more = ec_place_ahead(leaf, &chunk->place, chunk->cursor.rows,
							  &chunk->end, job->memory);
	}
	hand_out(job, chunk, more, chunk->cursor.rows / Max(tuples, 1));
	table_close(leaf, NoLock);
}

void
ec_key_chunk_advance(EcChunk *chunk, int rows)
{
	EcCursor *cursor = &chunk->cursor;
	double done;

	chunk->read += rows;
	done = Min(1.0, (double) chunk->read / chunk->cursor.rows);
	cursor->block =
		cursor->first + (BlockNumber) (done * (cursor->end - cursor->first));
}
