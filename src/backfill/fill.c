/*
 * fill.c
 *		Jobs of kind "backfill": update the rows of one chunk after the other.
 *
 * A batch goes on over rows that hold little to do until it has written its
 * share or used up its time, so that a backfill of few rows in a big table
 * does not spend its life in pauses.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "executor/instrument.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timeout.h"
#include "utils/rel.h"

#include "backfill/batch.h"
#include "backfill/blocks.h"
#include "backfill/definition.h"
#include "backfill/fill.h"
#include "backfill/sweep.h"
#include "backfill/target.h"
#include "core/guc.h"
#include "core/json.h"
#include "expand_contract.h"
#include "worker/job.h"
#include "worker/toplevel.h"

/* A batch with less than a tenth of its share left is full. */
#define SHARE_LEFT(limit) ((limit) / 10)

typedef struct Fill
{
	EcBackfill backfill;
	EcChunk chunk;
} Fill;

static void
begin_fill(EcJob *job)
{
	Fill *fill = palloc0(sizeof(Fill));

	ec_batch_init();
	ec_backfill_from_json(job->parameters, &fill->backfill);
	ec_chunk_load(&fill->chunk, job->position);
	job->private = fill;
}

/*
 * Update the rows that nobody else has locked.  A single row can still be in
 * the way: not itself, but what its update locks (the row that a foreign key
 * refers to, say).  When it has been so more than once, it is passed by.
 */
static int64
fill_unlocked(EcJob *job, Fill *fill, Relation relation, const EcRows *rows,
			  int64 *skipped)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile int64 done = 0;

	if (job->row_limit > 1 || job->conflicts < 2)
		return ec_batch_update_unlocked(relation, &fill->backfill, rows, skipped);

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		done = ec_batch_update_unlocked(relation, &fill->backfill, rows, skipped);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
			ReThrowError(error);
		*skipped = 1;
	}
	PG_END_TRY();
	return done;
}

/*
 * A BEFORE trigger may return NULL, and the UPDATE won't tell.  Rows that are
 * locked by others are candidates too, but not suppressed.
 */
static void
note_suppressed(EcJob *job, Fill *fill, Relation relation, const EcRows *rows,
				int64 skipped)
{
	char *example = NULL;
	int64 candidates = ec_batch_count(relation, &fill->backfill, rows, &example);

	fill->chunk.suppressed += Max(0, candidates - skipped);
	if (fill->chunk.example == NULL && example != NULL)
		fill->chunk.example = MemoryContextStrdup(job->memory, example);
}

/* Update what is to be updated of the rows, whichever way is open. */
static int64
fill_rows(EcJob *job, Fill *fill, Relation relation, const EcRows *rows)
{
	int64 skipped = 0;
	int64 done;

	if (rows->is_list && rows->count == 0)
		return 0;
	if (job->avoid_locks)
		done = fill_unlocked(job, fill, relation, rows, &skipped);
	else
		done = ec_batch_update(relation, &fill->backfill, rows);
	if (done == 0 && relation->trigdesc && relation->trigdesc->trig_update_before_row)
		note_suppressed(job, fill, relation, rows, skipped);
	fill->chunk.changed += done;
	fill->chunk.skipped += skipped;
	job->skipped_locked += skipped;
	return done;
}

static void
report_activity(EcJob *job, const EcCursor *cursor)
{
	char activity[256];

	snprintf(activity, sizeof(activity),
			 "backfill of %s: job " INT64_FORMAT
			 ", sweep %d, blocks %u to %u, pass %d of %d, block %u",
			 job->relation_name, job->id, job->sweep, cursor->first,
			 cursor->end, cursor->stripe + 1, cursor->stripes, cursor->block);
	pgstat_report_activity(STATE_RUNNING, activity);
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
 * Is any row left?  That takes as long as a scan of the table, locks no row,
 * and gives way to whoever wants the table for himself.
 */
static bool
check_rows_left(EcJob *job, Fill *fill, Relation relation)
{
	char activity[256];
	bool found;

	snprintf(activity, sizeof(activity),
			 "backfill of %s: job " INT64_FORMAT
			 ", sweep %d, looking for rows that are left",
			 job->relation_name, job->id, job->sweep);
	pgstat_report_activity(STATE_RUNNING, activity);
	disable_timeout(STATEMENT_TIMEOUT, false);
	(void) ec_give_way(true);
	found = ec_batch_any(relation, &fill->backfill);
	(void) ec_give_way(false);
	return found;
}

/* The rows of a batch, from the open chunk; false at its end. */
static bool
fill_chunk(EcJob *job, Fill *fill, Relation relation)
{
	instr_time started;

	if (fill->chunk.is_check)
	{
		fill->chunk.found = check_rows_left(job, fill, relation);
		return false;
	}

	report_activity(job, &fill->chunk.cursor);
	ec_cursor_clamp(relation, &fill->chunk.cursor);
	INSTR_TIME_SET_CURRENT(started);
	do
	{
		EcRows rows;

		if (!ec_next_rows(relation, &fill->chunk.cursor,
						  job->row_limit - (int) job->rows_written, &rows))
			return false;
		job->rows_written += fill_rows(job, fill, relation, &rows);
	} while (job->row_limit - job->rows_written > SHARE_LEFT(job->row_limit) &&
			 !is_out_of_time(&started));
	return true;
}

static bool
step_fill(EcJob *job)
{
	Fill *fill = job->private;
	EcChunk *chunk = &fill->chunk;
	Relation relation = try_table_open(job->relation, RowExclusiveLock);
	bool more = true;

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("table %s does not exist any more", job->relation_name),
				 errdetail("It was dropped while job " INT64_FORMAT " was at work on it.",
						   job->id),
				 errhint("Use SELECT ec_cancel(" INT64_FORMAT ") to close the job.",
						 job->id)));
	ec_check_backfill_target(relation);

	/* a table that was rewritten has other rows at the same places */
	if (chunk->is_open && chunk->filenode != relation->rd_rel->relfilenode)
		chunk->is_open = false;
	if (!chunk->is_open || !fill_chunk(job, fill, relation))
		more = ec_claim_chunk(job, relation, &fill->backfill, chunk) !=
			   EC_CLAIM_COMPLETE;

	job->rows_done += job->rows_written;
	job->sweep = chunk->sweep;
	job->work_done = chunk->done_before;
	if (chunk->is_open)
		job->work_done += ec_cursor_done(&chunk->cursor);
	job->work_total = chunk->total;
	job->table_bytes = (int64) RelationGetNumberOfBlocks(relation) * BLCKSZ;
	job->position = ec_chunk_save(chunk);
	/* the lock stays until commit, so nobody rewrites the table before */
	table_close(relation, NoLock);
	return more;
}

const EcJobKind ec_backfill_kind = {"backfill", begin_fill, step_fill,
									ec_sweep_resume};
