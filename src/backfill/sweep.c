/*
 * sweep.c
 *		Sweeps over a table, divided into chunks among a job's workers.
 *
 * A sweep covers, leaf by leaf, the blocks that exist when it reaches the
 * leaf.  Rows can move to new blocks behind the workers, or out of a batch
 * while it waits for their locks, and new rows can be inserted.  So after a
 * sweep one worker checks whether any row is left, in all leaves under one
 * snapshot, in which rows cannot move.  The job is complete only if none is
 * left; otherwise another sweep begins.  A leaf that was rewritten (VACUUM
 * FULL, TRUNCATE, ALTER TABLE) is swept again from its beginning.  The next
 * sweep includes a leaf that was attached.  A leaf that no longer exists is
 * skipped.
 *
 * A job may have two stages, with sweeps over one table and then over
 * another.  The sweep's row contains the stage.  A worker that has opened the
 * other table is told to try again.
 *
 * Locking protocol.  The sweep is a row of expand_contract.job_sweeps.  A
 * worker locks it while it claims its next chunk, and until that commits.  The
 * lock covers the job's rows of job_leaves, which say how far each leaf has
 * been claimed.  The chunk itself is the position in the worker's row of
 * job_slots, written in the same transaction.  So a chunk is never lost, and
 * never belongs to two workers.  Workers that find nothing else to do take
 * over chunks of workers that have ended; the lock on a worker's slot shows
 * whether it has ended.  While a worker holds the lock on the sweep, it waits
 * for no leaf; it skips locked leaves for the moment.
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
#include "core/hint.h"
#include "core/json.h"
#include "core/query.h"
#include "expand_contract.h"
#include "worker/jobs/slots.h"

/*
 * A chunk must be small enough to stay in shared buffers between passes.  It
 * must be large enough that a pass takes a while, because row versions that
 * another worker's snapshot still sees cannot be pruned.
 */
#define CHUNK_BLOCKS        4096
#define FEWEST_CHUNK_BLOCKS 256

/*
 * VACUUM when this part of the table's rows has moved since the last VACUUM.
 */
#define VACUUM_SHARE         0.2
#define FEWEST_VACUUM_BLOCKS 256

/*
 * The holders of locked rows get as much time as the sweep took, but at most
 * this.
 */
#define LONGEST_LOCKED_ROWS_PAUSE_MS 60000

/*
 * A second sweep is needed for rows that moved.  This many late sweeps show
 * that new rows are being written.
 */
#define LATE_SWEEPS 2

/* How long to wait for other workers to finish their chunks. */
#define SIBLINGS_PAUSE_MS 50

/* How long to wait when all remaining leaves are locked. */
#define LOCKED_LEAVES_PAUSE_MS 100

/*
 * The check after a sweep has found rows, but the sweep met none.  Rows may be
 * inserted between the two, but not so often in a row.
 */
#define MOST_UNSEEN 8

static void
refuse_unseen(Relation root)
{
	ereport(ERROR,
			(errcode(EC_ERRCODE_NOT_CONVERGING),
			 errmsg("backfill does not converge: no sweep meets the rows that are left"),
			 errdetail("A query finds rows of table %s for which the predicate holds, but %d sweeps in a row have met none.",
					   ec_relation_name(RelationGetRelid(root)), MOST_UNSEEN),
			 ec_errhint(
				 "Rows of another server have to be written there. An index that lacks rows needs REINDEX; then use ec_resume.")));
}

/*
 * Ends a sweep.  Returns true if this completes the stage; otherwise begins
 * the next sweep.
 */
static bool
end_sweep(EcJob *job, Relation root, const EcBackfill *backfill, EcSweep *sweep)
{
	EcLeaf *leaves;
	int count;

	if (sweep->is_checked && !sweep->found)
		return true;

	/*
	 * rows that were inserted meanwhile look like suppressed ones, but only in
	 * one sweep
	 */
	if (sweep->changed > 0 || sweep->skipped > 0)
		sweep->empty_sweeps = 0;
	else if (sweep->suppressed == 0)
	{
		/* counted below zero, apart from sweeps that were suppressed */
		sweep->empty_sweeps =
			sweep->is_checked ? Min(sweep->empty_sweeps, 0) - 1 : 0;
		if (sweep->empty_sweeps < -MOST_UNSEEN)
			refuse_unseen(root);
	}
	else if ((sweep->empty_sweeps = Max(sweep->empty_sweeps, 0) + 1) > 1)
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
		 * so that reading a large table for a few locked rows takes at most
		 * half of the time
		 */
		job->pause_ms = Max(job->pause_ms,
							Min(LONGEST_LOCKED_ROWS_PAUSE_MS,
								(GetCurrentTimestamp() - sweep->began) / 1000));
	}
	count = ec_leaves(root, backfill->kind, &leaves);
	ec_sweep_start(sweep, leaves, count);
	return false;
}

/*
 * Are stripes useful?  They are for updates that can be HOT, and only in the
 * first sweep, because later sweeps find few rows.
 */
static bool
wants_stripes(Relation root, Relation leaf, const EcBackfill *backfill,
			  const EcSweptLeaf *swept)
{
	EcBackfill leaf_backfill;

	if (!swept->is_first || !backfill->kind->writes_swept_rows ||
		backfill->kind->command != CMD_UPDATE)
		return false;
	ec_leaf_backfill(root, leaf, backfill, &leaf_backfill);
	return !bms_overlap(leaf_backfill.columns,
						RelationGetIndexAttrBitmap(leaf, EC_INDEX_ATTR_BITMAP_HOT));
}

/*
 * Even a small table is divided into several chunks, because workers can be
 * added at any time.
 */
static BlockNumber
chunk_size(const EcSweptLeaf *swept)
{
	return Max(FEWEST_CHUNK_BLOCKS,
			   Min(Min(CHUNK_BLOCKS, NBuffers / 8), swept->end / 8 + 1));
}

/* Removes a leaf that no longer exists from the sweep. */
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
 * Updates what is known of a leaf before a chunk is taken from it.  If it was
 * rewritten, or has another key, its sweep begins again.  At the beginning of
 * the leaf its present size becomes the end.  VACUUM may have truncated it
 * since.
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

/* Returns false if the leaf has no blocks left, or is locked. */
static bool
take_from_leaf(Relation root, const EcBackfill *backfill, EcSweep *sweep,
			   EcSweptLeaf *swept, EcChunk *chunk, bool *is_locked)
{
	Relation leaf =
		ec_open_leaf(root, backfill->kind, swept->relation, true, is_locked);
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
	/* keep the lock until commit */
	table_close(leaf, NoLock);
	return taken;
}

/* Takes a chunk from the first leaf that has blocks left and is not locked. */
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
 * Claims the check for remaining rows.  No chunk is open now, so the check
 * sees all our writes.  ec_leaves raises an error for a leaf that cannot be
 * backfilled before its rows are read.
 */
static void
take_check(Relation root, const EcBackfill *backfill, EcSweep *sweep, EcChunk *chunk)
{
	EcLeaf *leaves;
	int count = ec_leaves(root, backfill->kind, &leaves);
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
 * Takes over a chunk of a worker that has ended.  We get that worker's slot
 * lock only if it has ended, and keep it until the commit that makes the chunk
 * ours.
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
		/*
		 * it must outlive our SPI connection, whose memory context is current
		 */
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
 * Requests a VACUUM if it is worthwhile.  Rows that moved to other pages leave
 * dead versions in the table and in every index.  VACUUM frees both, but scans
 * every index.  So it is requested only if many rows have moved, and if rows
 * are still to come that can use the space.
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
	/* must outlive our SPI connection, whose memory context is current */
	job->vacuum =
		MemoryContextStrdup(job->memory,
							psprintf("VACUUM (SKIP_LOCKED, TRUNCATE false, PARALLEL 0) %s",
									 ec_relation_name(RelationGetRelid(leaf))));
}

/*
 * The table of this stage is complete.  The next sweep is entered without
 * leaves; the worker that opens the next table adds them.
 */
static void
begin_stage(EcSweep *sweep)
{
	sweep->stage++;
	sweep->sweep++;
	sweep->changed = 0;
	sweep->late_sweeps = -1; /* -1, because the first sweep finds the rows
							  * that existed before */
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

/* Call in scope, with the sweep locked. */
static EcClaim
next_chunk(EcJob *job, Relation root, const EcBackfill *backfill,
		   EcSweep *sweep, EcChunk *chunk)
{
	if (sweep->sweep == 0)
	{
		EcLeaf *leaves;
		int count = ec_leaves(root, backfill->kind, &leaves);

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
		/*
		 * a check of all rows would fail at the skipped rows; do one more
		 * sweep instead
		 */
		if (!sweep->is_checked && sweep->skipped == 0 && job->skips_failures)
		{
			sweep->is_checked = true;
			sweep->found = sweep->changed > 0 || sweep->suppressed > 0;
		}
		if (!sweep->is_checked && sweep->skipped == 0)
		{
			take_check(root, backfill, sweep, chunk);
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
	/* ignore a chunk of an earlier sweep */
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
