/*
 * fill.c
 *		Jobs of kind "backfill": sweeps over a table until nothing is left.
 *
 * A sweep covers the blocks that exist when it starts.  Rows can move behind
 * the cursor and new ones come in, so the job is complete only when a sweep
 * finds nothing left; usually the second one does.  A table that was rewritten
 * (VACUUM FULL, TRUNCATE, ALTER TABLE) starts a new sweep.
 *
 * A batch goes on over ranges that hold little to do until it has written its
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
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "backfill/batch.h"
#include "backfill/blocks.h"
#include "backfill/definition.h"
#include "backfill/fill.h"
#include "backfill/target.h"
#include "core/guc.h"
#include "core/json.h"
#include "expand_contract.h"
#include "worker/job.h"

/* After a sweep that found only locked rows, wait for their holders. */
#define LOCKED_ROWS_PAUSE_MS 1000

/* A batch with less than a tenth of its share left is full. */
#define SHARE_LEFT(limit) ((limit) / 10)

typedef struct Fill
{
	EcBackfill backfill;
	EcCursor cursor;
	Oid filenode;       /* of the table that the cursor is for */
	int64 changed;      /* rows, in this sweep */
	int64 skipped;      /* locked rows, in this sweep */
	int64 suppressed;   /* rows that a trigger kept from changing */
	int64 empty_sweeps; /* in a row, that only met suppressed rows */
	char *example;      /* one of these */
} Fill;

static void
load_position(Fill *fill, const Jsonb *position)
{
	fill->cursor.block = ec_json_get_int8(position, "block", 0);
	fill->cursor.offset = ec_json_get_int8(position, "offset", FirstOffsetNumber);
	fill->cursor.end = ec_json_get_int8(position, "end", 0);
	fill->filenode = ec_json_get_int8(position, "filenode", InvalidOid);
	fill->changed = ec_json_get_int8(position, "changed", 0);
	fill->skipped = ec_json_get_int8(position, "skipped", 0);
	fill->suppressed = ec_json_get_int8(position, "suppressed", 0);
	fill->empty_sweeps = ec_json_get_int8(position, "empty_sweeps", 0);
}

static Jsonb *
save_position(const Fill *fill)
{
	EcJsonWriter writer;

	ec_json_begin(&writer);
	ec_json_int8(&writer, "block", fill->cursor.block);
	ec_json_int8(&writer, "offset", fill->cursor.offset);
	ec_json_int8(&writer, "end", fill->cursor.end);
	ec_json_int8(&writer, "filenode", fill->filenode);
	ec_json_int8(&writer, "changed", fill->changed);
	ec_json_int8(&writer, "skipped", fill->skipped);
	ec_json_int8(&writer, "suppressed", fill->suppressed);
	ec_json_int8(&writer, "empty_sweeps", fill->empty_sweeps);
	return ec_json_end(&writer);
}

static void
begin_fill(EcJob *job)
{
	Fill *fill = palloc0(sizeof(Fill));

	ec_batch_init();
	ec_backfill_from_json(job->parameters, &fill->backfill);
	load_position(fill, job->position);
	job->private = fill;
}

static void
start_sweep(EcJob *job, Fill *fill, Relation relation)
{
	fill->cursor.block = 0;
	fill->cursor.offset = FirstOffsetNumber;
	fill->cursor.end = RelationGetNumberOfBlocks(relation);
	fill->filenode = relation->rd_rel->relfilenode;
	fill->changed = 0;
	fill->skipped = 0;
	fill->suppressed = 0;
}

static void
refuse_suppressed(const Fill *fill)
{
	ereport(ERROR,
			(errcode(EC_ERRCODE_NOT_CONVERGING),
			 errmsg("backfill does not converge: a trigger keeps rows from being updated"),
			 errdetail("A sweep over the table could update none of the " INT64_FORMAT
					   " rows that satisfy the predicate; one is the row %s.",
					   fill->suppressed, fill->example ? fill->example : "unknown"),
			 errhint("Exclude these rows in the predicate, or change the trigger.")));
}

/* At the end of a sweep: is the job complete, or what comes next? */
static bool
end_sweep(EcJob *job, Fill *fill, Relation relation)
{
	if (fill->changed == 0 && fill->skipped == 0)
	{
		if (fill->suppressed == 0)
			return false;

		/* rows that came in meanwhile look the same, but only once */
		if (++fill->empty_sweeps > 1)
			refuse_suppressed(fill);
	}
	else
		fill->empty_sweeps = 0;
	if (fill->changed == 0 && fill->skipped > 0)
	{
		job->throttled_by = "locked rows";
		job->pause_ms = LOCKED_ROWS_PAUSE_MS;
	}
	start_sweep(job, fill, relation);
	job->sweep++;
	return true;
}

/* Update the rows of one range, whichever way is open. */
static int64
fill_range(EcJob *job, Fill *fill, Relation relation, const EcRange *range)
{
	int64 rows;

	if (job->avoid_locks)
	{
		int64 skipped;

		rows = ec_batch_update_unlocked(relation, &fill->backfill, range, &skipped);
		fill->skipped += skipped;
		job->skipped_locked += skipped;
	}
	else
	{
		rows = ec_batch_update(relation, &fill->backfill, range);

		/* a BEFORE trigger may return NULL, and the UPDATE won't tell */
		if (rows == 0 && relation->trigdesc &&
			relation->trigdesc->trig_update_before_row)
			fill->suppressed +=
				ec_batch_count(relation, &fill->backfill, range,
							   fill->example ? NULL : &fill->example);
	}
	fill->changed += rows;
	return rows;
}

static void
report_activity(EcJob *job, Fill *fill)
{
	char activity[256];

	snprintf(activity, sizeof(activity),
			 "backfill of %s: job " INT64_FORMAT
			 ", sweep %d, block %u of %u, " INT64_FORMAT " rows done",
			 job->relation_name, job->id, job->sweep, fill->cursor.block,
			 fill->cursor.end, job->rows_done);
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

static bool
step_fill(EcJob *job)
{
	Fill *fill = job->private;
	Relation relation = try_table_open(job->relation, RowExclusiveLock);
	instr_time started;
	EcRange range;
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
	if (fill->filenode != relation->rd_rel->relfilenode)
	{
		if (OidIsValid(fill->filenode))
			job->sweep++;
		start_sweep(job, fill, relation);
	}
	report_activity(job, fill);

	INSTR_TIME_SET_CURRENT(started);
	do
	{
		int left = job->row_limit - (int) job->rows_written;

		if (!ec_next_range(relation, &fill->cursor, left, &range))
		{
			more = end_sweep(job, fill, relation);
			break;
		}
		job->rows_written += fill_range(job, fill, relation, &range);
	} while (job->row_limit - job->rows_written > SHARE_LEFT(job->row_limit) &&
			 !is_out_of_time(&started));

	job->rows_done += job->rows_written;
	job->work_done = fill->cursor.block;
	job->work_total = fill->cursor.end;
	job->table_bytes = (int64) RelationGetNumberOfBlocks(relation) * BLCKSZ;
	job->position = save_position(fill);
	/* the lock stays until commit, so nobody rewrites the table before */
	table_close(relation, NoLock);
	return more;
}

const EcJobKind ec_backfill_kind = {"backfill", begin_fill, step_fill};
