/*
 * sweep.c
 *		Sweeps over a table, shared out in chunks among a job's workers.
 *
 * A sweep covers the blocks that exist when it comes to them, leaf by leaf.
 * Rows can move behind the workers, into blocks that are new, or out of a batch
 * while it waits for their lock, and new ones come in.  So after a sweep one
 * worker looks whether any row is left, in all leaves under one snapshot, which
 * nothing can move behind; the job is complete only when none is.  Else another
 * sweep begins.  A leaf that was rewritten (VACUUM FULL, TRUNCATE, ALTER TABLE)
 * is begun again, one that was attached is found by the next sweep, one that is
 * gone is left out.
 *
 * A copy may have two phases, with sweeps over one table and then over another.
 * The sweep's row says which; a worker that comes with the other table is told
 * to come again.
 *
 * Locking protocol.  The sweep is a row of expand_contract.job_sweeps, locked
 * while a worker claims its next chunk and until that commits; the lock covers
 * the job's rows of job_leaves, which say how far each leaf has been handed
 * out.  The chunk itself is the position in the worker's row of job_slots,
 * written in the same transaction, so a chunk is never lost and never with two
 * workers.  Chunks of workers that are gone are taken over by those who find
 * nothing else to do; a worker's lock on its slot says whether it is gone.
 * Whoever has locked the sweep waits for no leaf: those that are locked are
 * left for later.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/array.h"

#include "backfill/copy_statement.h"
#include "backfill/key_chunk.h"
#include "backfill/leaves.h"
#include "backfill/sweep.h"
#include "backfill/target.h"
#include "backfill/tell.h"
#include "core/catalog.h"
#include "core/compat.h"
#include "core/json.h"
#include "core/query.h"
#include "expand_contract.h"

/*
 * A chunk must be small enough to stay in shared buffers from pass to pass,
 * and large enough that a pass takes a while: what another worker's snapshot
 * still sees cannot be pruned.
 */
#define CHUNK_BLOCKS        4096
#define FEWEST_CHUNK_BLOCKS 256

/* VACUUM when this part of the table has moved elsewhere since the last. */
#define VACUUM_SHARE         0.2
#define FEWEST_VACUUM_BLOCKS 256

/* The holders of locked rows have at least the time of a sweep, or this. */
#define LONGEST_LOCKED_ROWS_PAUSE_MS 60000

/* One more sweep is for rows that moved; so many are for new ones. */
#define LATE_SWEEPS 2

/* Others finish their chunks; look again after this. */
#define SIBLINGS_PAUSE_MS 50

/* All leaves that are left are locked; look again after this. */
#define LOCKED_LEAVES_PAUSE_MS 100

/* Leaves to look at in one go for one that is not locked. */
#define LEAVES_TO_TRY 64

/* A row of expand_contract.job_sweeps. */
typedef struct Sweep
{
	int64 job;
	int phase;
	int sweep;
	int64 total_blocks; /* of this sweep */
	int64 all_blocks;   /* of all leaves, when they were last looked at */
	int open_chunks;    /* handed out and not handed in */
	int64 changed;
	int64 skipped;
	int64 suppressed;
	bool is_checked;  /* whether any row is left */
	bool found;       /* one is */
	char *example;    /* of a suppressed row */
	int empty_sweeps; /* in a row, that only met suppressed rows */
	int late_sweeps;  /* after the first, that found more rows to change */
	int holder;       /* of locked rows, see holder.h */
	int known_holder; /* that we have spoken of */
	TimestampTz began;
} Sweep;

/* A row of expand_contract.job_leaves. */
typedef struct SweptLeaf
{
	Oid relation;
	Oid filenode;
	bool is_first; /* sweep over the leaf as it is stored now */
	int64 next;
	int64 end;
	int64 blocks; /* when it was last looked at */
	Jsonb *place; /* by key: the next chunk's; NULL: at the beginning */
} SweptLeaf;

void
ec_chunk_load(EcChunk *chunk, const Jsonb *position)
{
	EcCursor *cursor = &chunk->cursor;

	memset(chunk, 0, sizeof(*chunk));
	chunk->is_open = ec_json_get_int8(position, "open", 0) != 0;
	chunk->is_check = ec_json_get_int8(position, "check", 0) != 0;
	chunk->phase = ec_json_get_int8(position, "phase", 0);
	chunk->sweep = ec_json_get_int8(position, "sweep", 0);
	chunk->leaf = ec_json_get_int8(position, "leaf", InvalidOid);
	chunk->filenode = ec_json_get_int8(position, "filenode", InvalidOid);
	cursor->first = ec_json_get_int8(position, "chunk", 0);
	cursor->end = ec_json_get_int8(position, "chunk_end", 0);
	cursor->stripes = ec_json_get_int8(position, "stripes", 1);
	cursor->stripe = ec_json_get_int8(position, "stripe", 0);
	cursor->block = ec_json_get_int8(position, "block", 0);
	cursor->offset = ec_json_get_int8(position, "offset", FirstOffsetNumber);
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
	if (chunk->by_key)
		ec_key_chunk_load(chunk, position);
}

Jsonb *
ec_chunk_save(const EcChunk *chunk)
{
	const EcCursor *cursor = &chunk->cursor;
	EcJsonWriter writer;

	ec_json_begin(&writer);
	ec_json_int8(&writer, "open", chunk->is_open);
	ec_json_int8(&writer, "check", chunk->is_check);
	ec_json_int8(&writer, "phase", chunk->phase);
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
		ec_key_chunk_save(chunk, &writer);
	return ec_json_end(&writer);
}

/* Lock the job's sweep; in scope. */
static void
lock_sweep(int64 job, Sweep *sweep)
{
	EcArgs args = {0};

	memset(sweep, 0, sizeof(*sweep));
	ec_arg_int8(&args, job);
	ec_query("INSERT INTO expand_contract.job_sweeps (job) VALUES ($1) "
			 "ON CONFLICT (job) DO NOTHING",
			 &args);
	ec_query("SELECT sweep, total_blocks, all_blocks, open_chunks, changed, "
			 "skipped, suppressed, empty_sweeps, example, is_checked, found, "
			 "late_sweeps, holder, known_holder, began, phase "
			 "FROM expand_contract.job_sweeps WHERE job = $1 FOR UPDATE",
			 &args);
	sweep->job = job;
	sweep->sweep = ec_get_int4(0, 1, 0);
	sweep->total_blocks = ec_get_int8(0, 2, 0);
	sweep->all_blocks = ec_get_int8(0, 3, 0);
	sweep->open_chunks = ec_get_int4(0, 4, 0);
	sweep->changed = ec_get_int8(0, 5, 0);
	sweep->skipped = ec_get_int8(0, 6, 0);
	sweep->suppressed = ec_get_int8(0, 7, 0);
	sweep->empty_sweeps = ec_get_int4(0, 8, 0);
	sweep->example = ec_get_text(0, 9);
	sweep->is_checked = ec_get_bool(0, 10, false);
	sweep->found = ec_get_bool(0, 11, false);
	sweep->late_sweeps = ec_get_int4(0, 12, 0);
	sweep->holder = ec_get_int4(0, 13, 0);
	sweep->known_holder = ec_get_int4(0, 14, 0);
	sweep->began = ec_get_timestamptz(0, 15, GetCurrentTimestamp());
	sweep->phase = ec_get_int4(0, 16, 0);
}

static void
save_sweep(const Sweep *sweep)
{
	EcArgs args = {0};

	ec_arg_int8(&args, sweep->job);
	ec_arg_int4(&args, sweep->sweep);
	ec_arg_int8(&args, sweep->total_blocks);
	ec_arg_int8(&args, sweep->all_blocks);
	ec_arg_int4(&args, sweep->open_chunks);
	ec_arg_int8(&args, sweep->changed);
	ec_arg_int8(&args, sweep->skipped);
	ec_arg_int8(&args, sweep->suppressed);
	ec_arg_int4(&args, sweep->empty_sweeps);
	ec_arg_text(&args, sweep->example);
	ec_arg_bool(&args, sweep->is_checked);
	ec_arg_bool(&args, sweep->found);
	ec_arg_int4(&args, sweep->late_sweeps);
	ec_arg_int4(&args, sweep->holder);
	ec_arg_int4(&args, sweep->known_holder);
	ec_arg_timestamptz(&args, sweep->began);
	ec_arg_int4(&args, sweep->phase);
	ec_query("UPDATE expand_contract.job_sweeps SET sweep = $2, "
			 "total_blocks = $3, all_blocks = $4, open_chunks = $5, "
			 "changed = $6, skipped = $7, suppressed = $8, "
			 "empty_sweeps = $9, example = $10, is_checked = $11, "
			 "found = $12, late_sweeps = $13, holder = $14, "
			 "known_holder = $15, began = $16, phase = $17 WHERE job = $1",
			 &args);
}

/* Leaves as three arrays: their OIDs, filenodes and blocks. */
static void
arg_leaves(EcArgs *args, const EcLeaf *leaves, int count)
{
	Datum *relations = palloc(count * sizeof(Datum));
	Datum *filenodes = palloc(count * sizeof(Datum));
	Datum *blocks = palloc(count * sizeof(Datum));

	for (int i = 0; i < count; i++)
	{
		relations[i] = ObjectIdGetDatum(leaves[i].relation);
		filenodes[i] = ObjectIdGetDatum(leaves[i].filenode);
		blocks[i] = Int64GetDatum((int64) leaves[i].blocks);
	}
	ec_arg(args, OIDARRAYOID,
		   PointerGetDatum(construct_array(relations, count, OIDOID,
										   sizeof(Oid), true, TYPALIGN_INT)),
		   false);
	ec_arg(args, OIDARRAYOID,
		   PointerGetDatum(construct_array(filenodes, count, OIDOID,
										   sizeof(Oid), true, TYPALIGN_INT)),
		   false);
	ec_arg(args, INT8ARRAYOID,
		   PointerGetDatum(construct_array(blocks, count, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE)),
		   false);
}

static int64
sum_blocks(const EcLeaf *leaves, int count)
{
	int64 sum = 0;

	for (int i = 0; i < count; i++)
		sum += leaves[i].blocks;
	return sum;
}

static void
start_sweep(Sweep *sweep, const EcLeaf *leaves, int count)
{
	EcArgs args = {0};

	sweep->sweep++;
	sweep->total_blocks = sum_blocks(leaves, count);
	sweep->all_blocks = sweep->total_blocks;
	sweep->open_chunks = 0;
	sweep->changed = 0;
	sweep->skipped = 0;
	sweep->suppressed = 0;
	sweep->example = NULL;
	sweep->is_checked = false;
	sweep->found = false;
	sweep->holder = 0;
	sweep->began = GetCurrentTimestamp();

	ec_arg_int8(&args, sweep->job);
	ec_arg_int4(&args, sweep->sweep);
	ec_query("DELETE FROM expand_contract.job_leaves WHERE job = $1 AND sweep < $2 - 1",
			 &args);
	arg_leaves(&args, leaves, count);
	ec_query("INSERT INTO expand_contract.job_leaves AS l (job, leaf, sweep, "
			 "filenode, is_first, next_block, end_block, blocks) "
			 "SELECT $1, n.leaf, $2, n.filenode, true, 0, n.blocks, n.blocks "
			 "FROM unnest($3, $4, $5) n (leaf, filenode, blocks) "
			 "ON CONFLICT (job, leaf) DO UPDATE SET sweep = excluded.sweep, "
			 "is_first = l.filenode <> excluded.filenode, moved_blocks = 0, "
			 "filenode = excluded.filenode, next_block = 0, place = NULL, "
			 "end_block = excluded.end_block, blocks = excluded.blocks",
			 &args);
}

void
ec_refuse_suppressed(const EcBackfill *backfill, int64 suppressed, const char *example)
{
	if (backfill->copy != NULL)
		ereport(ERROR,
				(errcode(EC_ERRCODE_NOT_CONVERGING),
				 errmsg("copy does not converge: a trigger keeps rows from being written or deleted"),
				 errdetail("A sweep could do nothing about rows that are out of step, " INT64_FORMAT
						   " in number; one is the row %s.",
						   suppressed, example ? example : "unknown"),
				 errhint("Change the trigger on %s.",
						 ec_relation_name(backfill->copy->target))));
	ereport(ERROR,
			(errcode(EC_ERRCODE_NOT_CONVERGING),
			 errmsg("backfill does not converge: a trigger keeps rows from being updated"),
			 errdetail("A sweep over the table could update none of the " INT64_FORMAT
					   " rows that satisfy the predicate; one is the row %s.",
					   suppressed, example ? example : "unknown"),
			 errhint("Exclude these rows in the predicate, or change the trigger.")));
}

/*
 * A sweep is at its end.  True if the job is complete with it; else the next
 * one has begun.
 */
static bool
end_sweep(EcJob *job, Relation root, const EcBackfill *backfill, Sweep *sweep)
{
	EcLeaf *leaves;
	int count;

	if (sweep->is_checked && !sweep->found)
		return true;

	/* rows that came in meanwhile look like suppressed ones, but only once */
	if (sweep->changed > 0 || sweep->skipped > 0 || sweep->suppressed == 0)
		sweep->empty_sweeps = 0;
	else if (++sweep->empty_sweeps > 1)
		ec_refuse_suppressed(backfill, sweep->suppressed, sweep->example);
	if (sweep->sweep > 1 && sweep->changed > 0 && ++sweep->late_sweeps >= LATE_SWEEPS)
		ec_tell_of_late_rows(job, backfill, sweep->sweep, sweep->changed);
	if (sweep->changed == 0 && sweep->skipped > 0)
	{
		ec_tell_of_locked_rows(job, sweep->holder, sweep->known_holder,
							   sweep->skipped);
		sweep->known_holder = sweep->holder;
		/* reading all of a large table for a few rows takes half of our time at most */
		job->pause_ms = Max(job->pause_ms,
							Min(LONGEST_LOCKED_ROWS_PAUSE_MS,
								(GetCurrentTimestamp() - sweep->began) / 1000));
	}
	count = ec_leaves(root, &leaves);
	start_sweep(sweep, leaves, count);
	return false;
}

/*
 * Can the updates be HOT?  Stripes make sense only then, and only while there
 * is much to do: later sweeps look for the few rows that are left.
 */
static bool
wants_stripes(Relation root, Relation leaf, const EcBackfill *backfill,
			  const SweptLeaf *swept)
{
	EcBackfill leaf_backfill;

	if (!swept->is_first || backfill->copy != NULL)
		return false;
	ec_leaf_backfill(root, leaf, backfill, &leaf_backfill);
	return !bms_overlap(leaf_backfill.columns,
						RelationGetIndexAttrBitmap(leaf, EC_INDEX_ATTR_BITMAP_HOT));
}

/* Several chunks even in a small table: workers can be added at any time. */
static BlockNumber
chunk_size(const SweptLeaf *swept)
{
	return Max(FEWEST_CHUNK_BLOCKS,
			   Min(Min(CHUNK_BLOCKS, NBuffers / 8), swept->end / 8 + 1));
}

static void
save_leaf(const Sweep *sweep, const SweptLeaf *swept)
{
	EcArgs args = {0};

	ec_arg_int8(&args, sweep->job);
	ec_arg_oid(&args, swept->relation);
	ec_arg_int8(&args, swept->filenode); /* which a foreign table has not */
	ec_arg_bool(&args, swept->is_first);
	ec_arg_int8(&args, swept->next);
	ec_arg_int8(&args, swept->end);
	ec_arg_int8(&args, swept->blocks);
	ec_arg_jsonb(&args, swept->place);
	ec_query("UPDATE expand_contract.job_leaves SET filenode = $3::oid, "
			 "is_first = $4, next_block = $5, end_block = $6, blocks = $7, "
			 "place = $8 "
			 "WHERE job = $1 AND leaf = $2",
			 &args);
}

/* A leaf that is gone. */
static void
give_up_leaf(Sweep *sweep, SweptLeaf *swept)
{
	sweep->total_blocks -= swept->end - swept->next;
	sweep->all_blocks -= swept->blocks;
	swept->blocks = 0;
	swept->end = swept->next;
	save_leaf(sweep, swept);
}

/*
 * Look at the leaf before a chunk is taken from it.  With new blocks, or by
 * another key, the sweep over it begins again; at its beginning its end is
 * known for sure; and VACUUM may have truncated it since.
 */
static void
refresh_leaf(Sweep *sweep, SweptLeaf *swept, Relation leaf, bool by_key)
{
	BlockNumber blocks = ec_leaf_blocks(leaf);
	int64 left = swept->end - swept->next;
	bool is_rewritten = swept->filenode != leaf->rd_rel->relfilenode;

	if (by_key)
		blocks = Max(blocks, 1);
	if (by_key ? !ec_key_place_fits(swept->place, leaf)
			   : is_rewritten || swept->place != NULL)
	{
		swept->is_first = true;
		swept->next = 0;
		swept->place = NULL;
	}
	swept->filenode = leaf->rd_rel->relfilenode;
	if (swept->place != NULL)
		swept->end = Max(swept->end, swept->next + 1);
	else if (swept->next == 0)
		swept->end = blocks;
	else
		swept->end = Max(swept->next, Min(swept->end, blocks));
	sweep->total_blocks += swept->end - swept->next - left;
	sweep->all_blocks += blocks - swept->blocks;
	swept->blocks = blocks;
}

static void
take_chunk(Relation root, Relation leaf, const EcBackfill *backfill,
		   Sweep *sweep, SweptLeaf *swept, bool by_key, EcChunk *chunk)
{
	BlockNumber first = swept->next;
	BlockNumber end = Min(swept->end, first + chunk_size(swept));
	int64 done_before = chunk->sweep == sweep->sweep ? chunk->done_before : 0;

	memset(chunk, 0, sizeof(*chunk));
	chunk->is_open = true;
	chunk->phase = sweep->phase;
	chunk->sweep = sweep->sweep;
	chunk->leaf = swept->relation;
	chunk->filenode = swept->filenode;
	chunk->done_before = done_before;
	chunk->leaf_blocks = swept->blocks;
	chunk->by_key = by_key;
	sweep->open_chunks++;
	if (by_key)
	{
		chunk->cursor.stripes = 1;
		return;
	}
	ec_cursor_start(leaf, &chunk->cursor, first, end,
					wants_stripes(root, leaf, backfill, swept));
	swept->next = end;
}

/* Leaves that have blocks left, by OID: so a sweep goes over one at a time. */
static int
open_leaves(const Sweep *sweep, Oid after, SweptLeaf *leaves)
{
	EcArgs args = {0};
	int found;

	ec_arg_int8(&args, sweep->job);
	ec_arg_int4(&args, sweep->sweep);
	ec_arg_int8(&args, after);
	ec_arg_int4(&args, LEAVES_TO_TRY);
	found = (int) ec_query("SELECT leaf, filenode, is_first, next_block, end_block, blocks, place "
						   "FROM expand_contract.job_leaves "
						   "WHERE job = $1 AND sweep = $2 AND leaf > $3::oid "
						   "AND next_block < end_block ORDER BY leaf LIMIT $4",
						   &args);
	for (int i = 0; i < found; i++)
	{
		leaves[i].relation = ec_get_oid(i, 1);
		leaves[i].filenode = ec_get_oid(i, 2);
		leaves[i].is_first = ec_get_bool(i, 3, false);
		leaves[i].next = ec_get_int8(i, 4, 0);
		leaves[i].end = ec_get_int8(i, 5, 0);
		leaves[i].blocks = ec_get_int8(i, 6, 0);
		leaves[i].place = ec_get_jsonb(i, 7);
	}
	return found;
}

/* False if the leaf has nothing left, or is locked. */
static bool
take_from_leaf(Relation root, const EcBackfill *backfill, Sweep *sweep,
			   SweptLeaf *swept, EcChunk *chunk, bool *is_locked)
{
	Relation leaf = ec_open_leaf(root, swept->relation, true, is_locked);
	bool by_key;
	bool taken;

	if (leaf == NULL)
	{
		if (!*is_locked)
			give_up_leaf(sweep, swept);
		return false;
	}
	by_key = ec_walks_by_key(leaf, backfill->method);
	refresh_leaf(sweep, swept, leaf, by_key);
	taken = swept->next < swept->end;
	if (taken)
		take_chunk(root, leaf, backfill, sweep, swept, by_key, chunk);
	save_leaf(sweep, swept);
	/* the lock stays until commit */
	table_close(leaf, NoLock);
	return taken;
}

/* A chunk from the first leaf that has one and is not locked. */
static bool
take_next_chunk(Relation root, const EcBackfill *backfill, Sweep *sweep,
				EcChunk *chunk, bool *any_locked)
{
	SweptLeaf leaves[LEAVES_TO_TRY];
	Oid after = InvalidOid;
	int found;

	*any_locked = false;
	while ((found = open_leaves(sweep, after, leaves)) > 0)
	{
		for (int i = 0; i < found; i++)
		{
			bool is_locked = false;

			CHECK_FOR_INTERRUPTS();
			if (take_from_leaf(root, backfill, sweep, &leaves[i], chunk, &is_locked))
				return true;
			*any_locked |= is_locked;
		}
		after = leaves[found - 1].relation;
	}
	return false;
}

/*
 * Nothing can be open now, so nothing of ours is missed.  A leaf that cannot be
 * backfilled is refused here, before its rows are looked at.
 */
static void
take_check(Relation root, Sweep *sweep, EcChunk *chunk)
{
	EcLeaf *leaves;
	int count = ec_leaves(root, &leaves);
	int64 done_before = chunk->sweep == sweep->sweep ? chunk->done_before : 0;

	sweep->all_blocks = sum_blocks(leaves, count);
	memset(chunk, 0, sizeof(*chunk));
	chunk->is_open = true;
	chunk->is_check = true;
	chunk->phase = sweep->phase;
	chunk->sweep = sweep->sweep;
	chunk->cursor.stripes = 1;
	chunk->done_before = done_before;
	sweep->open_chunks++;
}

/*
 * Take over a chunk of a worker that is gone.  We get its lock only if it is
 * gone, and keep it until the chunk is ours for all to see.
 */
static bool
adopt_chunk(EcJob *job, const Sweep *sweep, EcChunk *chunk)
{
	int64 done_before = chunk->sweep == sweep->sweep ? chunk->done_before : 0;
	EcArgs args = {0};
	MemoryContext old_context;
	SPITupleTable *slots;
	uint64 found;

	ec_arg_int8(&args, job->id);
	ec_arg_int4(&args, job->slot);
	found = ec_query("SELECT slot FROM expand_contract.job_slots "
					 "WHERE job = $1 AND slot <> $2 AND position IS NOT NULL",
					 &args);
	slots = SPI_tuptable;
	for (uint64 row = 0; row < found; row++)
	{
		EcArgs orphan = {0};
		int slot;

		SPI_tuptable = slots;
		slot = ec_get_int4(row, 1, 0);
		if (!ec_lock_job_slot_for_transaction(job->id, slot))
			continue;
		ec_arg_int8(&orphan, job->id);
		ec_arg_int4(&orphan, slot);
		if (ec_query("SELECT position FROM expand_contract.job_slots "
					 "WHERE job = $1 AND slot = $2 AND position IS NOT NULL",
					 &orphan) == 0)
			continue;
		/* it outlives our SPI connection, whose memory is the current one */
		old_context = MemoryContextSwitchTo(job->memory);
		ec_chunk_load(chunk, ec_get_jsonb(0, 1));
		MemoryContextSwitchTo(old_context);
		ec_query("UPDATE expand_contract.job_slots SET position = NULL, work_done = 0 "
				 "WHERE job = $1 AND slot = $2",
				 &orphan);
		chunk->done_before = done_before;
		if (chunk->is_open && chunk->sweep == sweep->sweep)
			return true;
		chunk->is_open = false;
		chunk->sweep = sweep->sweep;
	}
	return false;
}

/*
 * Rows that had to move leave dead versions behind, and entries of them in
 * every index; VACUUM gives both back, and costs a scan of every index.  So it
 * is due when many have moved, and rows are still to come that can use the room.
 */
static void
ask_for_vacuum(EcJob *job, Relation leaf, const EcChunk *chunk)
{
	EcArgs args = {0};
	const EcCursor *cursor = &chunk->cursor;

	if (chunk->moved == 0 || cursor->rows == 0 ||
		!ec_may_vacuum(RelationGetRelid(leaf), job->owner))
		return;
	ec_arg_int8(&args, job->id);
	ec_arg_oid(&args, chunk->leaf);
	ec_arg_oid(&args, chunk->filenode);
	ec_arg_float8(&args, (double) chunk->moved / cursor->rows *
							 (cursor->end - cursor->first));
	ec_arg_float8(&args, VACUUM_SHARE);
	ec_arg_int8(&args, FEWEST_VACUUM_BLOCKS);
	ec_query("UPDATE expand_contract.job_leaves SET moved_blocks = moved_blocks + $4 "
			 "WHERE job = $1 AND leaf = $2 AND filenode = $3",
			 &args);
	if (ec_query("UPDATE expand_contract.job_leaves SET moved_blocks = 0 "
				 "WHERE job = $1 AND leaf = $2 AND filenode = $3 AND is_first "
				 "AND moved_blocks >= greatest(end_block * $5, $6) "
				 "AND end_block - next_block >= end_block * $5 / 2",
				 &args) == 0)
		return;
	job->throttled_by = "vacuum";
	/* outlives our SPI connection, whose memory is the current one */
	job->vacuum =
		MemoryContextStrdup(job->memory,
							psprintf("VACUUM (SKIP_LOCKED, TRUNCATE false, PARALLEL 0) %s",
									 ec_relation_name(RelationGetRelid(leaf))));
}

/*
 * The table of this phase is done.  A sweep without leaves stands for the one
 * over the next table, whose leaves who comes with it will see.
 */
static void
begin_phase(Sweep *sweep)
{
	sweep->phase++;
	sweep->sweep++;
	sweep->changed = 0;
	sweep->late_sweeps = -1; /* the first finds what was there */
	sweep->skipped = 0;
	sweep->suppressed = 0;
	sweep->is_checked = true;
	sweep->found = true;
}

/* In scope, with the sweep locked. */
static EcClaim
next_chunk(EcJob *job, Relation root, const EcBackfill *backfill, Sweep *sweep,
		   EcChunk *chunk)
{
	if (sweep->sweep == 0)
	{
		EcLeaf *leaves;
		int count = ec_leaves(root, &leaves);

		start_sweep(sweep, leaves, count);
	}
	for (;;)
	{
		bool any_locked;

		if (take_next_chunk(root, backfill, sweep, chunk, &any_locked))
			return EC_CLAIM_CHUNK;
		if (sweep->open_chunks > 0 && adopt_chunk(job, sweep, chunk))
			return EC_CLAIM_CHUNK;
		if (any_locked)
		{
			job->throttled_by = "lock";
			job->pause_ms = LOCKED_LEAVES_PAUSE_MS;
			return EC_CLAIM_WAIT;
		}
		if (sweep->open_chunks > 0)
		{
			job->throttled_by = "other workers";
			job->pause_ms = SIBLINGS_PAUSE_MS;
			return EC_CLAIM_WAIT;
		}
		if (!sweep->is_checked && sweep->skipped == 0)
		{
			take_check(root, sweep, chunk);
			return EC_CLAIM_CHUNK;
		}
		if (!end_sweep(job, root, backfill, sweep))
			continue;
		if (sweep->phase == ec_copy_last_phase(backfill->copy))
			return EC_CLAIM_COMPLETE;
		begin_phase(sweep);
		return EC_CLAIM_PHASE;
	}
}

EcClaim
ec_claim_chunk(EcJob *job, Relation root, Relation leaf,
			   const EcBackfill *backfill, EcChunk *chunk)
{
	EcCatalogScope scope;
	EcClaim claim;
	Sweep sweep;

	ec_catalog_begin(&scope);
	lock_sweep(job->id, &sweep);
	/* a chunk of a sweep that was given up counts for nothing */
	if (chunk->is_open && chunk->sweep == sweep.sweep)
	{
		sweep.open_chunks--;
		if (chunk->is_check)
		{
			sweep.is_checked = true;
			sweep.found = chunk->found;
		}
		sweep.changed += chunk->changed;
		sweep.skipped += chunk->skipped;
		sweep.suppressed += chunk->suppressed;
		if (sweep.example == NULL)
			sweep.example = chunk->example;
		if (chunk->holder != 0)
			sweep.holder = chunk->holder;
		chunk->done_before += chunk->cursor.end - chunk->cursor.first;
		/* a copy moves no rows in the table that it sweeps */
		if (leaf != NULL && backfill->copy == NULL)
			ask_for_vacuum(job, leaf, chunk);
	}
	chunk->is_open = false;
	chunk->is_check = false;
	claim = sweep.phase == backfill->phase
				? next_chunk(job, root, backfill, &sweep, chunk)
				: EC_CLAIM_PHASE;
	chunk->phase = sweep.phase;
	chunk->sweep = sweep.sweep;
	chunk->total = sweep.total_blocks;
	chunk->all_blocks = sweep.all_blocks;
	save_sweep(&sweep);
	ec_catalog_end(&scope);
	if (claim == EC_CLAIM_CHUNK && chunk->by_key && chunk->cursor.rows == 0)
		ec_key_chunk_start(job, chunk);
	return claim;
}

void
ec_sweep_resume(int64 job)
{
	EcArgs args = {0};

	ec_arg_int8(&args, job);
	ec_query("UPDATE expand_contract.job_sweeps SET empty_sweeps = 0, suppressed = 0 "
			 "WHERE job = $1",
			 &args);
}
