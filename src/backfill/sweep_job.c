/*
 * sweep_job.c
 *		Jobs that sweep over a table: writes the rows of one chunk after the
 *		other.
 *
 * A batch continues over rows that are not to be done until it has written its
 * share or used up its time.  So a backfill of few rows in a large table does
 * not spend most of its time in pauses.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/rel.h"

#include "backfill/batch.h"
#include "backfill/blocks.h"
#include "backfill/chunk.h"
#include "backfill/failures.h"
#include "backfill/sweep_job.h"
#include "backfill/holder.h"
#include "backfill/key.h"
#include "backfill/key_chunk.h"
#include "backfill/leaves.h"
#include "backfill/own_rows.h"
#include "backfill/sweep.h"
#include "backfill/sweep_rows.h"
#include "backfill/target.h"
#include "core/deferred.h"
#include "core/hint.h"
#include "core/guc.h"
#include "core/planned.h"
#include "core/subtransaction.h"
#include "expand_contract.h"
#include "worker/jobs/job.h"
#include "worker/process/deadline.h"
#include "worker/process/deadlock.h"
#include "core/toplevel.h"

/* A batch is full if less than a tenth of its share is left. */
#define SHARE_LEFT(limit) ((limit) / 10)

typedef struct Fill
{
	EcBackfill backfill;
	EcChunk chunk;
	int looked_in; /* the last sweep in which own rows were looked for ... */
	int batches;   /* ... and its number of batches that wrote */
} Fill;

void
ec_sweep_begin(EcJob *job, const EcSweepKind *kind)
{
	Fill *fill = palloc0(sizeof(Fill));

	ec_backfill_from_json(job->parameters, kind, &fill->backfill);
	job->skips_failures =
		ec_json_get_int8(job->parameters, "skips_failures", 0) != 0;
	/*
	 * a change's expressions were analysed and are stored with qualified names
	 */
	if (job->change != NULL)
		fill->backfill.search_path = EC_OWN_SEARCH_PATH;
	ec_chunk_load(&fill->chunk, job->position);
	job->private = fill;
}

typedef struct UnlockedRows
{
	const EcBackfill *backfill;
	Relation relation;
	const EcBatchRows *rows;
	int64 skipped;
	EcWritten written;
} UnlockedRows;

static void
write_unlocked(void *arg)
{
	UnlockedRows *unlocked = arg;

	unlocked->written =
		ec_batch_write_unlocked(unlocked->relation, unlocked->backfill,
								unlocked->rows, &unlocked->skipped);
}

/*
 * Writes the rows that no other session has locked.  Even a single unlocked
 * row can be blocked, if its update has to lock something else (for example
 * the row that a foreign key refers to).  If that happens repeatedly, the row
 * is skipped.
 */
static EcWritten
fill_unlocked(EcJob *job, const EcBackfill *backfill, Relation relation,
			  const EcBatchRows *rows, int64 *skipped)
{
	UnlockedRows unlocked = {backfill, relation, rows};
	EcWritten nothing = {0};
	ErrorData *error = NULL;

	if (job->row_limit > 1 || job->conflicts < 2)
		write_unlocked(&unlocked);
	else
		error = ec_subtransaction(write_unlocked, &unlocked);
	*skipped = error ? 1 : unlocked.skipped;
	if (error == NULL)
		return unlocked.written;
	if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE && !ec_is_own_deadlock(error))
		ReThrowError(error);
	return nothing;
}

/*
 * Counts rows that a BEFORE trigger has kept unchanged by returning NULL,
 * which the UPDATE does not report.  Rows locked by other sessions satisfy the
 * predicate, too, but are not suppressed.
 */
static void
note_suppressed(EcJob *job, Fill *fill, const EcBackfill *backfill,
				Relation relation, const EcBatchRows *rows, int64 skipped)
{
	char *example = NULL;
	int64 candidates = ec_batch_count(relation, backfill, rows, &example);

	fill->chunk.suppressed += Max(0, candidates - skipped);
	if (fill->chunk.example == NULL && example != NULL)
		fill->chunk.example = MemoryContextStrdup(job->memory, example);
}

typedef struct Way
{
	EcJob *job;
	const EcBackfill *backfill;
	Relation relation;
} Way;

static EcWritten
write_any_way(void *arg, const EcBatchRows *rows, int64 *skipped)
{
	const Way *way = arg;

	return way->job->avoid_locks
			   ? fill_unlocked(way->job, way->backfill, way->relation, rows, skipped)
			   : ec_batch_write(way->relation, way->backfill, rows);
}

/*
 * Writes the rows that are to be done, with or without waiting for row locks.
 */
static int64
fill_rows(EcJob *job, Fill *fill, const EcBackfill *backfill, Relation relation,
		  const EcBatchRows *rows)
{
	Way way = {job, backfill, relation};
	int64 skipped = 0;
	EcWritten written;

	if (rows->is_list && rows->count == 0)
		return 0;
	if (job->has_failures)
		written = ec_write_around_failures(job, relation, backfill,
										   write_any_way, &way, rows, &skipped);
	else
		written = write_any_way(&way, rows, &skipped);
	/*
	 * counting the candidates would evaluate the predicate for rows that fail
	 */
	if (written.rows == 0 && !job->has_failures &&
		(backfill->kind->locks_first
			 ? written.locked > 0
			 : ec_has_before_trigger(relation, backfill->kind->command)))
		note_suppressed(job, fill, backfill, relation, rows, skipped);
	fill->chunk.changed += written.rows;
	fill->chunk.moved += written.moved;
	fill->chunk.skipped += skipped;
	job->skipped_locked += skipped;
	if (skipped > 0 && fill->chunk.holder == 0)
		fill->chunk.holder =
			ec_find_lock_holder(relation, rows, backfill->kind->lock_mode(backfill));
	return written.rows;
}

static void
report_activity(EcJob *job, Relation relation, const EcChunk *chunk)
{
	const EcCursor *cursor = &chunk->cursor;
	const char *leaf = RelationGetRelationName(relation);
	bool is_leaf = RelationGetRelid(relation) != job->relation;
	StringInfoData activity;

	initStringInfo(&activity);
	appendStringInfo(&activity, "%s of %s%s%s: job " INT64_FORMAT ", sweep %d, ",
					 job->kind, job->relation_name, is_leaf ? ", " : "",
					 is_leaf ? leaf : "", job->id, job->sweep);
	if (chunk->by_key)
		appendStringInfo(&activity,
						 "by key, row " INT64_FORMAT " of a chunk of " INT64_FORMAT,
						 chunk->read, chunk->cursor.rows);
	else
		appendStringInfo(&activity, "blocks %u to %u, pass %d of %d, block %u",
						 cursor->first, cursor->end, cursor->stripe + 1,
						 cursor->stripes, cursor->block);
	pgstat_report_activity(STATE_RUNNING, activity.data);
}

static bool
is_out_of_time(const instr_time *started)
{
	instr_time elapsed;

	INSTR_TIME_SET_CURRENT(elapsed);
	INSTR_TIME_SUBTRACT(elapsed, *started);
	return INSTR_TIME_GET_MILLISEC(elapsed) >= ec_target_batch_time;
}

/*
 * Is any row left?  This can take as long as a scan of the table.  It locks no
 * row, and gives way to a session that waits for a stronger lock on the table.
 */
static bool
check_rows_left(EcJob *job, Fill *fill, Relation root)
{
	char activity[256];
	EcLeaf *leaves;
	bool found;

	/*
	 * raises an error for a leaf that cannot be backfilled, before it is read
	 */
	(void) ec_leaves(root, fill->backfill.kind, &leaves);
	snprintf(activity, sizeof(activity),
			 "%s of %s: job " INT64_FORMAT
			 ", sweep %d, looking for rows that are left",
			 job->kind, job->relation_name, job->id, job->sweep);
	pgstat_report_activity(STATE_RUNNING, activity);
	ec_deadline_end();
	(void) ec_give_way(true);
	found = ec_batch_any(root, &fill->backfill);
	(void) ec_give_way(false);
	return found;
}

static bool
next_rows(EcJob *job, Fill *fill, const EcBackfill *backfill, Relation relation,
		  EcBatchRows *rows)
{
	EcChunk *chunk = &fill->chunk;
	int limit = job->row_limit - (int) job->rows_written;
	int read;

	if (!chunk->by_key)
		return ec_next_rows(relation, &chunk->cursor, limit, rows);
	read = ec_next_keys(relation, backfill, &chunk->place, &chunk->end,
						job->memory, limit, rows);
	ec_key_chunk_advance(chunk, read);
	/* rows that move beyond these blocks make the table grow */
	rows->first = 0;
	rows->end = chunk->leaf_blocks;
	return read > 0;
}

/*
 * Rows that were found by key are to be done.  A row that has moved since is
 * not written; it counts as skipped, so that the next sweep finds it.
 */
static int64
fill_found_rows(EcJob *job, Fill *fill, const EcBackfill *backfill,
				Relation relation, const EcBatchRows *rows)
{
	EcChunk *chunk = &fill->chunk;
	int64 met = chunk->changed + chunk->skipped + chunk->suppressed;
	int64 done = fill_rows(job, fill, backfill, relation, rows);

	met = chunk->changed + chunk->skipped + chunk->suppressed - met;
	if (chunk->by_key)
		chunk->skipped += Max(0, rows->count - met);
	return done;
}

/*
 * Writes the rows of a batch from the open chunk; returns false at the chunk's
 * end.
 */
static bool
fill_chunk(EcJob *job, Fill *fill, Relation root, Relation relation)
{
	EcBackfill backfill;
	instr_time started;

	ec_leaf_backfill(root, relation, &fill->backfill, &backfill);
	report_activity(job, relation, &fill->chunk);
	if (relation->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		return backfill.kind->write_from_foreign(job, &backfill, &fill->chunk);
	if (!fill->chunk.by_key)
		ec_cursor_clamp(relation, &fill->chunk.cursor);
	INSTR_TIME_SET_CURRENT(started);
	do
	{
		EcBatchRows rows;

		if (!next_rows(job, fill, &backfill, relation, &rows))
			return false;
		job->rows_written += fill_found_rows(job, fill, &backfill, relation, &rows);
	} while (job->row_limit - job->rows_written > SHARE_LEFT(job->row_limit) &&
			 !is_out_of_time(&started));
	return true;
}

/*
 * In a rewritten table the same blocks contain other rows; keys do not change.
 */
static bool
is_still_there(const EcChunk *chunk, Relation leaf)
{
	return chunk->by_key ? ec_place_fits(&chunk->place, leaf) &&
							   ec_place_fits(&chunk->end, leaf)
						 : leaf->rd_rel->relfilenode == chunk->filenode;
}

/*
 * Opens the table of the open chunk.  Returns NULL if there is no chunk, or if
 * the table no longer exists or was rewritten, so that other rows are at its
 * places.
 */
static Relation
open_chunk(Relation root, const EcSweepKind *kind, const EcChunk *chunk)
{
	Relation leaf;

	if (!chunk->is_open || chunk->is_check)
		return NULL;
	leaf = ec_open_leaf(root, kind, chunk->leaf, false, NULL);
	if (leaf != NULL && !is_still_there(chunk, leaf))
	{
		table_close(leaf, NoLock);
		return NULL;
	}
	return leaf;
}

/*
 * Shortens the pause after a batch that ended early at the end of a small
 * partition.  delay_ms is the pause after a full batch.
 */
static void
pause_in_proportion(EcJob *job, Relation leaf)
{
	if (leaf == NULL || RelationGetRelid(leaf) == job->relation ||
		job->throttled_by != NULL || job->rows_written == 0)
		return;
	job->pause_ms = (int64) job->delay_ms * job->rows_written / job->row_limit;
	job->throttled_by = "delay";
}

/* leaf is the chunk's table, which this batch may have enlarged; or NULL. */
static int64
bytes_of_table(Relation root, Relation leaf, const EcChunk *chunk)
{
	int64 blocks = chunk->all_blocks;

	if (root->rd_rel->relkind == RELKIND_RELATION && !root->rd_rel->relhassubclass)
		blocks = RelationGetNumberOfBlocks(root);
	else if (leaf != NULL)
		blocks += (int64) RelationGetNumberOfBlocks(leaf) - chunk->leaf_blocks;
	return blocks * BLCKSZ;
}

/*
 * The check reads the table, so it is made after the first batch, the second,
 * the fourth ...
 */
static void
look_for_own_rows(const EcJob *job, Fill *fill, Relation root, Relation leaf)
{
	int sweep = fill->chunk.sweep;

	if (sweep < 2 || job->rows_written == 0 ||
		!ec_may_make_rows(leaf, &fill->backfill))
		return;
	if (fill->looked_in != sweep)
		fill->batches = 0;
	fill->looked_in = sweep;
	fill->batches++;
	if ((fill->batches & (fill->batches - 1)) != 0)
		return;
	/* a deferred trigger makes rows, too */
	ec_fire_deferred_triggers();
	ec_refuse_own_rows(root, &fill->backfill, job->rows_written);
}

static bool
sweep_chunk(EcJob *job, Fill *fill, Relation root)
{
	EcChunk *chunk = &fill->chunk;
	Relation leaf = open_chunk(root, fill->backfill.kind, chunk);
	bool goes_on;
	bool more = true;

	job->table = leaf ? RelationGetRelid(leaf) : InvalidOid;
	if (chunk->is_open && chunk->is_check)
		chunk->found = check_rows_left(job, fill, root);
	goes_on = leaf != NULL && fill_chunk(job, fill, root, leaf);
	if (leaf != NULL)
		look_for_own_rows(job, fill, root, leaf);
	if (!goes_on)
	{
		more = ec_claim_chunk(job, root, leaf, &fill->backfill, chunk) !=
			   EC_CLAIM_COMPLETE;
		pause_in_proportion(job, leaf);
	}
	if (fill->backfill.kind->writes_swept_rows)
		job->table_bytes = bytes_of_table(root, goes_on ? leaf : NULL, chunk);

	job->work_done = chunk->done_before;
	if (chunk->is_open)
		job->work_done += ec_cursor_done(&chunk->cursor);
	job->work_total = chunk->total;
	job->position = ec_chunk_save(chunk);
	/* keep the lock until commit, so that the table is not rewritten before */
	if (leaf != NULL)
		table_close(leaf, NoLock);
	return more;
}

Relation
ec_open_job_table(const EcJob *job, Oid oid, const char *name)
{
	Relation relation = try_table_open(oid, RowExclusiveLock);

	if (relation == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("table %s does not exist any more", name),
						errdetail("It was dropped while job " INT64_FORMAT
								  " was at work on it.",
								  job->id),
						ec_errhint("Use SELECT ec_cancel(" INT64_FORMAT
								   ") to end the job.",
								   job->id)));
	return relation;
}

bool
ec_sweep_batch(EcJob *job)
{
	Fill *fill = job->private;
	Relation root =
		fill->backfill.kind->open(job, &fill->backfill, fill->chunk.stage);
	bool more = sweep_chunk(job, fill, root);

	job->rows_done += job->rows_written;
	job->sweep = fill->chunk.sweep;
	table_close(root, NoLock);
	return more;
}

int64
ec_bytes_of_leaves(EcJob *job)
{
	Relation root = try_table_open(job->relation, NoLock);
	int64 blocks = 0;
	EcLeaf *leaves;
	int count;

	if (root == NULL)
		return 0;
	count = ec_leaves(root, NULL, &leaves);
	for (int i = 0; i < count; i++)
		blocks += leaves[i].blocks;
	table_close(root, NoLock);
	return blocks * BLCKSZ;
}
