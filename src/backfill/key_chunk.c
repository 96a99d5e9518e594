/*
 * key_chunk.c
 *		Chunks of a table that is read in the order of a key.
 *
 * A chunk is the range between two keys.  A worker that claims a chunk reads
 * that number of rows ahead in the index.  The key that it reaches is the end
 * of its chunk and the beginning of the next one, and is stored in
 * job_leaves.  The last chunk of a table ends with the last row that is there
 * now: rows that are inserted behind it, perhaps by triggers that the chunk's
 * own writes set off, are left to the next sweep.  A foreign table is a single
 * chunk without an end, because other workers would have to read it from the
 * start to find their chunks.
 *
 * Progress is counted in blocks, as elsewhere.  A chunk's part of the blocks
 * is its part of the estimated number of rows.
 */
#include "postgres.h"

#include "access/table.h"
#include "optimizer/plancat.h"

#include "backfill/key_chunk.h"
#include "core/catalog.h"
#include "core/query.h"

/*
 * The number of rows in a chunk.  Other workers wait while a claim reads
 * ahead, so it is limited.  Even a small table is divided into several chunks,
 * because workers can be added at any time.
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

/*
 * If batches are small because of their time limit, reading ahead must be
 * short, too.
 */
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

/*
 * Marks the chunk's blocks as claimed.  If more chunks follow, the leaf does
 * not reach its end yet.
 */
static void
hand_out(const EcJob *job, EcChunk *chunk, const EcPlace *last, bool more,
		 double fraction)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	EcJsonWriter writer;

	ec_json_begin(&writer);
	ec_place_to_json(&chunk->end, "key", &writer);
	ec_place_to_json(last, "last", &writer);
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
	EcPlace last;

	ec_place_from_json(&chunk->place, "key", place);
	ec_place_from_json(&last, "last", place);
	MemoryContextSwitchTo(old_context);
	estimate_rel_size(leaf, NULL, &pages, &tuples, &all_visible);
	if (leaf->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		chunk->cursor.rows = Max(tuples, 1);
	else
	{
		chunk->cursor.rows = rows_of_chunk(job, tuples);
		/*
		 * Rows that come behind the last one are left to the next sweep.  The
		 * job's own writes may make such rows without end.
		 */
		if (chunk->place.count == 0)
			ec_place_last(leaf, &last, job->memory);
		more = ec_place_ahead(leaf, &chunk->place, &last, chunk->cursor.rows,
							  &chunk->end, job->memory);
		if (!more && last.count > 0)
			chunk->end = last;
	}
	hand_out(job, chunk, &last, more, chunk->cursor.rows / Max(tuples, 1));
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
