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
 * A job may have two stages, with sweeps over one table and then over another.
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
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"

#include "backfill/key_chunk.h"
#include "backfill/leaves.h"
#include "backfill/sweep.h"
#include "backfill/sweep_rows.h"
#include "backfill/target.h"
#include "backfill/job_notices.h"
#include "core/catalog.h"
#include "core/compat.h"
#include "core/json.h"
#include "core/query.h"
#include "expand_contract.h"
#include "worker/jobs/slots.h"

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

/*
 * A sweep is at its end.  True if the job is complete with it; else the next
 * one has begun.
 */
static bool
end_sweep(EcJob *job, Relation root, const EcBackfill *backfill, EcSweep *sweep)
{
	EcLeaf *leaves;
	int count;

	if (sweep->is_checked && !sweep->found)
		return true;

	/* rows that came in meanwhile look like suppressed ones, but only once */
	if (sweep->changed > 0 || sweep->skipped > 0 || sweep->suppressed == 0)
		sweep->empty_sweeps = 0;
	else if (++sweep->empty_sweeps > 1)
		backfill->kind->refuse_suppressed(backfill, sweep->suppressed,
										  sweep->example);
	if (sweep->sweep > 1 && sweep->changed > 0 && ++sweep->late_sweeps >= LATE_SWEEPS)
		ec_tell_of_late_rows(job, backfill, sweep->sweep, sweep->changed);
	if (sweep->changed == 0 && sweep->skipped > 0)
	{
		ec_tell_of_locked_rows(job, sweep->holder, sweep->known_holder,
							   sweep->skipped);
		sweep->known_holder = sweep->holder;
		/*
		 * reading all of a large table for a few rows takes half of our time at
		 * most
		 */
		job->pause_ms = Max(job->pause_ms,
							Min(LONGEST_LOCKED_ROWS_PAUSE_MS,
								(GetCurrentTimestamp() - sweep->began) / 1000));
	}
	count = ec_leaves(root, &leaves);
	ec_sweep_start(sweep, leaves, count);
	return false;
}

/*
 * Can the updates be HOT?  Stripes make sense only then, and only while there
 * is much to do: later sweeps look for the few rows that are left.
 */
static bool
wants_stripes(Relation root, Relation leaf, const EcBackfill *backfill,
			  const EcSweptLeaf *swept)
{
	EcBackfill leaf_backfill;

	if (!swept->is_first || !backfill->kind->writes_swept_rows)
		return false;
	ec_leaf_backfill(root, leaf, backfill, &leaf_backfill);
	return !bms_overlap(leaf_backfill.columns,
						RelationGetIndexAttrBitmap(leaf, EC_INDEX_ATTR_BITMAP_HOT));
}

/* Several chunks even in a small table: workers can be added at any time. */
static BlockNumber
chunk_size(const EcSweptLeaf *swept)
{
	return Max(FEWEST_CHUNK_BLOCKS,
			   Min(Min(CHUNK_BLOCKS, NBuffers / 8), swept->end / 8 + 1));
}

/* A leaf that is gone. */
static void
give_up_leaf(EcSweep *sweep, EcSweptLeaf *swept)
{
	sweep->total_blocks -= swept->end - swept->next;
	sweep->all_blocks -= swept->blocks;
	swept->blocks = 0;
	swept->end = swept->next;
	ec_swept_leaf_save(sweep, swept);
}

/*
 * Look at the leaf before a chunk is taken from it.  With new blocks, or by
 * another key, the sweep over it begins again; at its beginning its end is
 * known for sure; and VACUUM may have truncated it since.
 */
static void
refresh_leaf(EcSweep *sweep, EcSweptLeaf *swept, Relation leaf, bool by_key)
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
		   EcSweep *sweep, EcSweptLeaf *swept, bool by_key, EcChunk *chunk)
{
	BlockNumber first = swept->next;
	BlockNumber end = Min(swept->end, first + chunk_size(swept));
	int64 done_before = chunk->sweep == sweep->sweep ? chunk->done_before : 0;

	memset(chunk, 0, sizeof(*chunk));
	chunk->is_open = true;
	chunk->stage = sweep->stage;
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

/* False if the leaf has nothing left, or is locked. */
static bool
take_from_leaf(Relation root, const EcBackfill *backfill, EcSweep *sweep,
			   EcSweptLeaf *swept, EcChunk *chunk, bool *is_locked)
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
	ec_swept_leaf_save(sweep, swept);
	/* the lock stays until commit */
	table_close(leaf, NoLock);
	return taken;
}

/* A chunk from the first leaf that has one and is not locked. */
static bool
take_next_chunk(Relation root, const EcBackfill *backfill, EcSweep *sweep,
				EcChunk *chunk, bool *any_locked)
{
	EcSweptLeaf leaves[EC_LEAVES_TO_TRY];
	Oid after = InvalidOid;
	int found;

	*any_locked = false;
	while ((found = ec_swept_leaves(sweep, after, leaves)) > 0)
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
take_check(Relation root, EcSweep *sweep, EcChunk *chunk)
{
	EcLeaf *leaves;
	int count = ec_leaves(root, &leaves);
	int64 done_before = chunk->sweep == sweep->sweep ? chunk->done_before : 0;

	sweep->all_blocks = ec_sum_blocks(leaves, count);
	memset(chunk, 0, sizeof(*chunk));
	chunk->is_open = true;
	chunk->is_check = true;
	chunk->stage = sweep->stage;
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
adopt_chunk(EcJob *job, const EcSweep *sweep, EcChunk *chunk)
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
 * is due when many have moved, and rows are still to come that can use the
 * room.
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
 * The table of this stage is done.  A sweep without leaves stands for the one
 * over the next table, whose leaves who comes with it will see.
 */
static void
begin_stage(EcSweep *sweep)
{
	sweep->stage++;
	sweep->sweep++;
	sweep->changed = 0;
	sweep->late_sweeps = -1; /* the first finds what was there */
	sweep->skipped = 0;
	sweep->suppressed = 0;
	sweep->is_checked = true;
	sweep->found = true;
}

static int
last_stage(const EcBackfill *backfill)
{
	return backfill->kind->last_stage ? backfill->kind->last_stage(backfill) : 0;
}

/* In scope, with the sweep locked. */
static EcClaim
next_chunk(EcJob *job, Relation root, const EcBackfill *backfill,
		   EcSweep *sweep, EcChunk *chunk)
{
	if (sweep->sweep == 0)
	{
		EcLeaf *leaves;
		int count = ec_leaves(root, &leaves);

		ec_sweep_start(sweep, leaves, count);
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
		/* a look at all rows would meet those that fail: one more sweep will do */
		if (!sweep->is_checked && sweep->skipped == 0 && job->skips_failures)
		{
			sweep->is_checked = true;
			sweep->found = sweep->changed > 0 || sweep->suppressed > 0;
		}
		if (!sweep->is_checked && sweep->skipped == 0)
		{
			take_check(root, sweep, chunk);
			return EC_CLAIM_CHUNK;
		}
		if (!end_sweep(job, root, backfill, sweep))
			continue;
		if (sweep->stage == last_stage(backfill))
			return EC_CLAIM_COMPLETE;
		begin_stage(sweep);
		return EC_CLAIM_STAGE;
	}
}

EcClaim
ec_claim_chunk(EcJob *job, Relation root, Relation leaf,
			   const EcBackfill *backfill, EcChunk *chunk)
{
	EcCatalogScope scope;
	EcClaim claim;
	EcSweep sweep;

	ec_catalog_begin(&scope);
	ec_sweep_lock(job->id, &sweep);
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
		if (leaf != NULL && backfill->kind->writes_swept_rows)
			ask_for_vacuum(job, leaf, chunk);
	}
	chunk->is_open = false;
	chunk->is_check = false;
	claim = sweep.stage == backfill->stage
				? next_chunk(job, root, backfill, &sweep, chunk)
				: EC_CLAIM_STAGE;
	chunk->stage = sweep.stage;
	chunk->sweep = sweep.sweep;
	chunk->total = sweep.total_blocks;
	chunk->all_blocks = sweep.all_blocks;
	ec_sweep_save(&sweep);
	ec_catalog_end(&scope);
	if (claim == EC_CLAIM_CHUNK && chunk->by_key && chunk->cursor.rows == 0)
		ec_key_chunk_start(job, chunk);
	return claim;
}
