/*
 * sweep.c
 *		Sweeps over a table, shared out in chunks among a job's workers.
 *
 * A sweep covers the blocks that exist when it starts.  Rows can move behind
 * the workers, into blocks that are new, or out of a batch while it waits for
 * their lock, and new ones come in.  So after a sweep one worker looks whether
 * any row is left, under one snapshot, which nothing can move behind; the job
 * is complete only when none is.  Else another sweep begins.  A table that was
 * rewritten (VACUUM FULL, TRUNCATE, ALTER TABLE) starts a new sweep at once.
 *
 * Locking protocol.  How far a sweep has been handed out is a row of
 * expand_contract.job_sweeps, locked while a worker claims its next chunk and
 * until that commits.  The chunk itself is the position in the worker's row of
 * job_slots, written in the same transaction, so a chunk is never lost and
 * never with two workers.  Chunks of workers that are gone are taken over by
 * those who find nothing else to do; a worker's lock on its slot says whether
 * it is gone.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"

#include "backfill/sweep.h"
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

/* VACUUM when the table has grown by this part of its size since the last. */
#define VACUUM_GROWTH        0.1
#define FEWEST_VACUUM_BLOCKS 256

/* Others finish their chunks; look again after this. */
#define SIBLINGS_PAUSE_MS 50

/* After a sweep that found only locked rows, wait for their holders. */
#define LOCKED_ROWS_PAUSE_MS 1000

/* A row of expand_contract.job_sweeps. */
typedef struct Sweep
{
	int64 job;
	int sweep;
	bool is_first;
	Oid filenode;
	BlockNumber next;
	BlockNumber end;
	int open_chunks; /* handed out and not handed in */
	int64 changed;
	int64 skipped;
	int64 suppressed;
	bool is_checked;         /* whether any row is left */
	bool found;              /* one is */
	char *example;           /* of a suppressed row */
	BlockNumber vacuumed_at; /* the table's size at the last VACUUM */
	int empty_sweeps;        /* in a row, that only met suppressed rows */
} Sweep;

void
ec_chunk_load(EcChunk *chunk, const Jsonb *position)
{
	EcCursor *cursor = &chunk->cursor;

	memset(chunk, 0, sizeof(*chunk));
	chunk->is_open = ec_json_get_int8(position, "open", 0) != 0;
	chunk->is_check = ec_json_get_int8(position, "check", 0) != 0;
	chunk->sweep = ec_json_get_int8(position, "sweep", 0);
	chunk->is_first = ec_json_get_int8(position, "first", 0) != 0;
	chunk->filenode = ec_json_get_int8(position, "filenode", InvalidOid);
	cursor->first = ec_json_get_int8(position, "chunk", 0);
	cursor->end = ec_json_get_int8(position, "chunk_end", 0);
	cursor->stripes = ec_json_get_int8(position, "stripes", 1);
	cursor->stripe = ec_json_get_int8(position, "stripe", 0);
	cursor->block = ec_json_get_int8(position, "block", 0);
	cursor->offset = ec_json_get_int8(position, "offset", FirstOffsetNumber);
	chunk->changed = ec_json_get_int8(position, "changed", 0);
	chunk->skipped = ec_json_get_int8(position, "skipped", 0);
	chunk->suppressed = ec_json_get_int8(position, "suppressed", 0);
	chunk->example = ec_json_get_text(position, "example");
	chunk->done_before = ec_json_get_int8(position, "done_before", 0);
	chunk->total = ec_json_get_int8(position, "total", 0);
}

Jsonb *
ec_chunk_save(const EcChunk *chunk)
{
	const EcCursor *cursor = &chunk->cursor;
	EcJsonWriter writer;

	ec_json_begin(&writer);
	ec_json_int8(&writer, "open", chunk->is_open);
	ec_json_int8(&writer, "check", chunk->is_check);
	ec_json_int8(&writer, "sweep", chunk->sweep);
	ec_json_int8(&writer, "first", chunk->is_first);
	ec_json_int8(&writer, "filenode", chunk->filenode);
	ec_json_int8(&writer, "chunk", cursor->first);
	ec_json_int8(&writer, "chunk_end", cursor->end);
	ec_json_int8(&writer, "stripes", cursor->stripes);
	ec_json_int8(&writer, "stripe", cursor->stripe);
	ec_json_int8(&writer, "block", cursor->block);
	ec_json_int8(&writer, "offset", cursor->offset);
	ec_json_int8(&writer, "changed", chunk->changed);
	ec_json_int8(&writer, "skipped", chunk->skipped);
	ec_json_int8(&writer, "suppressed", chunk->suppressed);
	ec_json_text(&writer, "example", chunk->example);
	ec_json_int8(&writer, "done_before", chunk->done_before);
	ec_json_int8(&writer, "total", chunk->total);
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
	ec_query("SELECT sweep, is_first, filenode, next_block, end_block, "
			 "open_chunks, changed, skipped, suppressed, empty_sweeps, example, "
			 "vacuumed_at, is_checked, found FROM expand_contract.job_sweeps WHERE job = $1 FOR UPDATE",
			 &args);
	sweep->job = job;
	sweep->sweep = ec_get_int4(0, 1, 0);
	sweep->is_first = ec_get_bool(0, 2, true);
	sweep->filenode = ec_get_oid(0, 3);
	sweep->next = ec_get_int8(0, 4, 0);
	sweep->end = ec_get_int8(0, 5, 0);
	sweep->open_chunks = ec_get_int4(0, 6, 0);
	sweep->changed = ec_get_int8(0, 7, 0);
	sweep->skipped = ec_get_int8(0, 8, 0);
	sweep->suppressed = ec_get_int8(0, 9, 0);
	sweep->empty_sweeps = ec_get_int4(0, 10, 0);
	sweep->example = ec_get_text(0, 11);
	sweep->vacuumed_at = ec_get_int8(0, 12, 0);
	sweep->is_checked = ec_get_bool(0, 13, false);
	sweep->found = ec_get_bool(0, 14, false);
}

static void
save_sweep(const Sweep *sweep)
{
	EcArgs args = {0};

	ec_arg_int8(&args, sweep->job);
	ec_arg_int4(&args, sweep->sweep);
	ec_arg_bool(&args, sweep->is_first);
	ec_arg_oid(&args, sweep->filenode);
	ec_arg_int8(&args, sweep->next);
	ec_arg_int8(&args, sweep->end);
	ec_arg_int4(&args, sweep->open_chunks);
	ec_arg_int8(&args, sweep->changed);
	ec_arg_int8(&args, sweep->skipped);
	ec_arg_int8(&args, sweep->suppressed);
	ec_arg_int4(&args, sweep->empty_sweeps);
	ec_arg_text(&args, sweep->example);
	ec_arg_int8(&args, sweep->vacuumed_at);
	ec_arg_bool(&args, sweep->is_checked);
	ec_arg_bool(&args, sweep->found);
	ec_query("UPDATE expand_contract.job_sweeps SET sweep = $2, is_first = $3, "
			 "filenode = $4, next_block = $5, end_block = $6, "
			 "open_chunks = $7, changed = $8, skipped = $9, suppressed = $10, "
			 "empty_sweeps = $11, example = $12, vacuumed_at = $13, "
			 "is_checked = $14, found = $15 WHERE job = $1",
			 &args);
}

static void
start_sweep(Sweep *sweep, Relation relation)
{
	sweep->sweep++;
	sweep->is_first = sweep->filenode != relation->rd_rel->relfilenode;
	sweep->filenode = relation->rd_rel->relfilenode;
	sweep->next = 0;
	sweep->end = RelationGetNumberOfBlocks(relation);
	if (sweep->is_first)
		sweep->vacuumed_at = sweep->end;
	sweep->open_chunks = 0;
	sweep->changed = 0;
	sweep->skipped = 0;
	sweep->suppressed = 0;
	sweep->example = NULL;
	sweep->is_checked = false;
	sweep->found = false;
}

static void
refuse_suppressed(const Sweep *sweep)
{
	ereport(ERROR,
			(errcode(EC_ERRCODE_NOT_CONVERGING),
			 errmsg("backfill does not converge: a trigger keeps rows from being updated"),
			 errdetail("A sweep over the table could update none of the " INT64_FORMAT
					   " rows that satisfy the predicate; one is the row %s.",
					   sweep->suppressed, sweep->example ? sweep->example : "unknown"),
			 errhint("Exclude these rows in the predicate, or change the trigger.")));
}

/* A sweep is at its end.  True if the job is complete with it. */
static bool
end_sweep(EcJob *job, Sweep *sweep)
{
	if (sweep->is_checked && !sweep->found)
		return true;

	/* rows that came in meanwhile look like suppressed ones, but only once */
	if (sweep->changed > 0 || sweep->skipped > 0 || sweep->suppressed == 0)
		sweep->empty_sweeps = 0;
	else if (++sweep->empty_sweeps > 1)
		refuse_suppressed(sweep);
	if (sweep->changed == 0 && sweep->skipped > 0)
	{
		job->throttled_by = "locked rows";
		job->pause_ms = LOCKED_ROWS_PAUSE_MS;
	}
	return false;
}

/*
 * Can the updates be HOT?  Stripes make sense only then, and only while there
 * is much to do: later sweeps look for the few rows that are left.
 */
static bool
wants_stripes(Relation relation, const EcBackfill *backfill, const Sweep *sweep)
{
	return sweep->is_first &&
		   !bms_overlap(backfill->columns,
						RelationGetIndexAttrBitmap(relation,
												   EC_INDEX_ATTR_BITMAP_HOT));
}

/* Several chunks even in a small table: workers can be added at any time. */
static BlockNumber
chunk_size(const Sweep *sweep)
{
	return Max(FEWEST_CHUNK_BLOCKS,
			   Min(Min(CHUNK_BLOCKS, NBuffers / 8), sweep->end / 8 + 1));
}

static void
take_chunk(Relation relation, const EcBackfill *backfill, Sweep *sweep, EcChunk *chunk)
{
	BlockNumber first = sweep->next;
	BlockNumber end = Min(sweep->end, first + chunk_size(sweep));
	BlockNumber done_before = chunk->sweep == sweep->sweep ? chunk->done_before : 0;

	memset(chunk, 0, sizeof(*chunk));
	chunk->is_open = true;
	chunk->sweep = sweep->sweep;
	chunk->is_first = sweep->is_first;
	chunk->filenode = sweep->filenode;
	chunk->done_before = done_before;
	chunk->total = sweep->end;
	ec_cursor_start(relation, &chunk->cursor, first, end,
					wants_stripes(relation, backfill, sweep));
	sweep->next = end;
	sweep->open_chunks++;
}

/* Nothing can be open now, so nothing of ours is missed. */
static void
take_check(Sweep *sweep, EcChunk *chunk)
{
	BlockNumber done_before = chunk->sweep == sweep->sweep ? chunk->done_before : 0;

	memset(chunk, 0, sizeof(*chunk));
	chunk->is_open = true;
	chunk->is_check = true;
	chunk->sweep = sweep->sweep;
	chunk->is_first = sweep->is_first;
	chunk->filenode = sweep->filenode;
	chunk->cursor.stripes = 1;
	chunk->done_before = done_before;
	chunk->total = sweep->end;
	sweep->open_chunks++;
}

/*
 * Take over a chunk of a worker that is gone.  We get its lock only if it is
 * gone, and keep it until the chunk is ours for all to see.
 */
static bool
adopt_chunk(EcJob *job, const Sweep *sweep, EcChunk *chunk)
{
	BlockNumber done_before = chunk->sweep == sweep->sweep ? chunk->done_before : 0;
	EcArgs args = {0};
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
		ec_chunk_load(chunk, ec_get_jsonb(0, 1));
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
 * is due when rows have moved, that is, when the table has grown.
 */
static void
ask_for_vacuum(EcJob *job, Relation relation, Sweep *sweep)
{
	BlockNumber blocks = RelationGetNumberOfBlocks(relation);
	BlockNumber grown =
		blocks > sweep->vacuumed_at ? blocks - sweep->vacuumed_at : 0;

	if (!sweep->is_first || grown < FEWEST_VACUUM_BLOCKS ||
		grown < sweep->end * VACUUM_GROWTH ||
		!ec_may_vacuum(RelationGetRelid(relation), job->owner))
		return;
	sweep->vacuumed_at = blocks;
	job->throttled_by = "vacuum";
	job->vacuum = psprintf("VACUUM (SKIP_LOCKED, TRUNCATE false, PARALLEL 0) %s",
						   ec_relation_name(relation));
}

/* In scope, with the sweep locked. */
static EcClaim
next_chunk(EcJob *job, Relation relation, const EcBackfill *backfill,
		   Sweep *sweep, EcChunk *chunk)
{
	if (sweep->sweep == 0 || sweep->filenode != relation->rd_rel->relfilenode)
		start_sweep(sweep, relation);
	for (;;)
	{
		if (sweep->next < sweep->end)
		{
			take_chunk(relation, backfill, sweep, chunk);
			return EC_CLAIM_CHUNK;
		}
		if (sweep->open_chunks > 0)
		{
			if (adopt_chunk(job, sweep, chunk))
				return EC_CLAIM_CHUNK;
			job->throttled_by = "other workers";
			job->pause_ms = SIBLINGS_PAUSE_MS;
			return EC_CLAIM_WAIT;
		}
		if (!sweep->is_checked && sweep->skipped == 0)
		{
			take_check(sweep, chunk);
			return EC_CLAIM_CHUNK;
		}
		if (end_sweep(job, sweep))
			return EC_CLAIM_COMPLETE;
		start_sweep(sweep, relation);
	}
}

EcClaim
ec_claim_chunk(EcJob *job, Relation relation, const EcBackfill *backfill,
			   EcChunk *chunk)
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
		chunk->done_before += chunk->cursor.end - chunk->cursor.first;
		ask_for_vacuum(job, relation, &sweep);
	}
	chunk->is_open = false;
	chunk->is_check = false;
	claim = next_chunk(job, relation, backfill, &sweep, chunk);
	save_sweep(&sweep);
	ec_catalog_end(&scope);
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
