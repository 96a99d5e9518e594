/*
 * chunk.c
 *		Stores a worker's share of a sweep as the position of the job's slot.
 */
#include "postgres.h"

#include "storage/off.h"

#include "backfill/chunk.h"
#include "core/json.h"
#include "core/own_table.h"

static int64
get_number(const Jsonb *position, const char *key, int64 if_missing,
		   int64 least, int64 most)
{
	int64 value = ec_json_get_int8(position, key, if_missing);

	if (value < least || value > most)
		ec_refuse_row("job_slots",
					  psprintf("\"%s\" of the position is " INT64_FORMAT ".",
							   key, value));
	return value;
}

void
ec_chunk_load(EcChunk *chunk, const Jsonb *position)
{
	EcCursor *cursor = &chunk->cursor;

	memset(chunk, 0, sizeof(*chunk));
	chunk->is_open = ec_json_get_int8(position, "open", 0) != 0;
	chunk->is_check = ec_json_get_int8(position, "check", 0) != 0;
	chunk->stage = ec_json_get_int8(position, "phase", 0);
	chunk->sweep = ec_json_get_int8(position, "sweep", 0);
	chunk->leaf = ec_json_get_int8(position, "leaf", InvalidOid);
	chunk->filenode = ec_json_get_int8(position, "filenode", InvalidOid);
	cursor->first = get_number(position, "chunk", 0, 0, MaxBlockNumber);
	cursor->end = get_number(position, "chunk_end", 0, 0, InvalidBlockNumber);
	cursor->stripes = get_number(position, "stripes", 1, 1, MaxOffsetNumber);
	cursor->stripe = get_number(position, "stripe", 0, 0, cursor->stripes);
	cursor->block = get_number(position, "block", 0, 0, InvalidBlockNumber);
	cursor->offset =
		get_number(position, "offset", FirstOffsetNumber, 0, PG_UINT16_MAX);
	cursor->rows = ec_json_get_int8(position, "rows", 0);
	chunk->changed = ec_json_get_int8(position, "changed", 0);
	chunk->moved = ec_json_get_int8(position, "moved", 0);
	chunk->skipped = ec_json_get_int8(position, "skipped", 0);
	chunk->suppressed = ec_json_get_int8(position, "suppressed", 0);
	chunk->example = ec_json_get_text(position, "example");
	chunk->holder = ec_json_get_int8(position, "holder", 0);
	chunk->done_before = ec_json_get_int8(position, "done_before", 0);
	chunk->total = ec_json_get_int8(position, "total", 0);
	chunk->all_blocks = ec_json_get_int8(position, "all_blocks", 0);
	chunk->leaf_blocks = ec_json_get_int8(position, "leaf_blocks", 0);
	chunk->by_key = ec_json_get_int8(position, "by_key", 0) != 0;
	if (!chunk->by_key)
		return;
	chunk->read = ec_json_get_int8(position, "read", 0);
	ec_place_from_json(&chunk->place, "key", position);
	ec_place_from_json(&chunk->end, "end", position);
}

Jsonb *
ec_chunk_save(const EcChunk *chunk)
{
	const EcCursor *cursor = &chunk->cursor;
	EcJsonWriter writer;

	ec_json_begin(&writer);
	ec_json_int8(&writer, "open", chunk->is_open);
	ec_json_int8(&writer, "check", chunk->is_check);
	ec_json_int8(&writer, "phase", chunk->stage);
	ec_json_int8(&writer, "sweep", chunk->sweep);
	ec_json_int8(&writer, "leaf", chunk->leaf);
	ec_json_int8(&writer, "filenode", chunk->filenode);
	ec_json_int8(&writer, "chunk", cursor->first);
	ec_json_int8(&writer, "chunk_end", cursor->end);
	ec_json_int8(&writer, "stripes", cursor->stripes);
	ec_json_int8(&writer, "stripe", cursor->stripe);
	ec_json_int8(&writer, "block", cursor->block);
	ec_json_int8(&writer, "offset", cursor->offset);
	ec_json_int8(&writer, "rows", cursor->rows);
	ec_json_int8(&writer, "changed", chunk->changed);
	ec_json_int8(&writer, "moved", chunk->moved);
	ec_json_int8(&writer, "skipped", chunk->skipped);
	ec_json_int8(&writer, "suppressed", chunk->suppressed);
	ec_json_text(&writer, "example", chunk->example);
	ec_json_int8(&writer, "holder", chunk->holder);
	ec_json_int8(&writer, "done_before", chunk->done_before);
	ec_json_int8(&writer, "total", chunk->total);
	ec_json_int8(&writer, "all_blocks", chunk->all_blocks);
	ec_json_int8(&writer, "leaf_blocks", chunk->leaf_blocks);
	ec_json_int8(&writer, "by_key", chunk->by_key);
	if (chunk->by_key)
	{
		ec_json_int8(&writer, "read", chunk->read);
		ec_place_to_json(&chunk->place, "key", &writer);
		ec_place_to_json(&chunk->end, "end", &writer);
	}
	return ec_json_end(&writer);
}
