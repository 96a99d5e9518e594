/*
 * background.c
 *		Verification as a job, in chunks with a snapshot each.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/catalog.h"
#include "core/guc.h"
#include "core/json.h"
#include "core/query.h"
#include "verify/background.h"
#include "verify/record.h"
#include "verify/walk.h"
#include "core/toplevel.h"
#include "worker/jobs/slots.h"
#include "worker/process/deadline.h"

/* Reading a row takes about a tenth of the time of writing it. */
#define ROWS_PER_WRITE 10

/*
 * A row that changes all the time may differ in each look.  After this many
 * looks it counts as different.
 */
#define MAX_LOOKS           10
#define FIRST_LOOK_PAUSE_MS 50
#define LONGEST_PAUSE_MS    2000

#define SIBLINGS_PAUSE_MS 200

/* A worker's chunk, with its bounds as text. */
typedef struct Chunk
{
	bool is_open;
	char **lower; /* NULL: from the first key on */
	char **upper; /* NULL: up to the last key */
} Chunk;

typedef struct Walk
{
	int64 verification;
	MemoryContext memory; /* for the chunk's bounds */
	Chunk chunk;
	int looks; /* number of looks at the present chunk */
	EcSuspects suspects;
} Walk;

int
ec_verification_chunk_rows(void)
{
	return Min(EC_MAX_BATCH_SIZE, ec_batch_size * ROWS_PER_WRITE);
}

/* ---------------------------------------------------------------- bounds */

static char **
load_bound(const Jsonb *position, const char *prefix)
{
	char **texts = palloc0_array(char *, INDEX_MAX_KEYS);
	int count = 0;

	if (position == NULL)
		return NULL;
	while (count < INDEX_MAX_KEYS &&
		   (texts[count] =
				ec_json_get_text(position, psprintf("%s%d", prefix, count))) != NULL)
		count++;
	return count > 0 ? texts : NULL;
}

static void
save_bound(EcJsonWriter *writer, const char *prefix, char **texts, int count)
{
	for (int i = 0; texts != NULL && i < count; i++)
		ec_json_text(writer, psprintf("%s%d", prefix, i), texts[i]);
}

static void
load_chunk(Chunk *chunk, const Jsonb *position)
{
	memset(chunk, 0, sizeof(*chunk));
	if (position == NULL)
		return;
	chunk->is_open = ec_json_get_int8(position, "open", 0) != 0;
	chunk->lower = load_bound(position, "lower");
	chunk->upper = load_bound(position, "upper");
}

static Jsonb *
save_chunk(const Chunk *chunk, int count)
{
	EcJsonWriter writer;

	ec_json_begin(&writer);
	ec_json_int8(&writer, "open", chunk->is_open ? 1 : 0);
	save_bound(&writer, "lower", chunk->lower, count);
	save_bound(&writer, "upper", chunk->upper, count);
	return ec_json_end(&writer);
}

/*
 * ---------------------------------------------------------------- submission
 */

static int64
estimate_rows(const EcSubject *subject)
{
	double source = subject->source->rd_rel->reltuples;
	double target = subject->target->rd_rel->reltuples;

	return (int64) Max(0, Max(source, target));
}

int64
ec_verification_submit(EcJobSpec *spec, const EcSubject *subject, const Jsonb *mapping)
{
	int64 verification;
	int64 job;
	EcKeyRange range;
	EcJsonWriter writer;
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_range_init(&range, subject);
	ec_range_check(subject, &range);
	ec_compare_check(subject);
	verification = ec_record_begin(subject, mapping, spec->change, spec->owner);
	ec_json_begin(&writer);
	ec_json_int8(&writer, "verification", verification);
	spec->kind = "verify";
	spec->relation = RelationGetRelid(subject->target);
	spec->parameters = ec_json_end(&writer);
	spec->rows_estimate = estimate_rows(subject);
	job = ec_job_submit(spec);
	ec_record_set_job(verification, job);

	ec_arg_int8(&args, job);
	ec_catalog_begin(&scope);
	ec_query("INSERT INTO expand_contract.verify_walks (job) VALUES ($1)", &args);
	ec_catalog_end(&scope);
	return job;
}

/* ---------------------------------------------------------------- chunks */

/* Copies the chunk, because the memory of a batch is reset after it. */
static void
keep_chunk(Walk *walk, const Jsonb *position)
{
	MemoryContext old;

	MemoryContextReset(walk->memory);
	old = MemoryContextSwitchTo(walk->memory);
	load_chunk(&walk->chunk, position);
	MemoryContextSwitchTo(old);
}

void
ec_verification_begin(EcJob *job)
{
	Walk *walk = palloc0(sizeof(Walk));

	walk->verification = ec_json_get_int8(job->parameters, "verification", 0);
	walk->memory = AllocSetContextCreate(job->memory, "expand_contract chunk",
										 ALLOCSET_SMALL_SIZES);
	keep_chunk(walk, job->position);
	ec_suspects_init(&walk->suspects, job->memory);
	job->private = walk;
}

/*
 * Takes over the chunk of a worker that has ended.  We get that worker's slot
 * lock only if it has ended, and keep it until the commit that makes the chunk
 * ours.  In scope; returns the position, or NULL if there is no such worker.
 */
static Jsonb *
take_orphan(const EcJob *job)
{
	EcArgs args = {0};
	SPITupleTable *slots;
	uint64 found;

	ec_arg_int8(&args, job->id);
	ec_arg_int4(&args, job->slot);
	found = ec_query("SELECT slot FROM expand_contract.job_slots "
					 "WHERE job = $1 AND slot <> $2 "
					 "AND position ->> 'open' = '1'",
					 &args);
	slots = SPI_tuptable;
	for (uint64 row = 0; row < found; row++)
	{
		EcArgs orphan = {0};
		Jsonb *position;
		int slot;

		SPI_tuptable = slots;
		slot = ec_get_int4(row, 1, 0);
		if (!ec_lock_job_slot_for_transaction(job->id, slot))
			continue;
		ec_arg_int8(&orphan, job->id);
		ec_arg_int4(&orphan, slot);
		if (ec_query("SELECT position FROM expand_contract.job_slots "
					 "WHERE job = $1 AND slot = $2 "
					 "AND position ->> 'open' = '1'",
					 &orphan) == 0)
			continue;
		position = ec_get_jsonb(0, 1);
		ec_query("UPDATE expand_contract.job_slots SET position = NULL "
				 "WHERE job = $1 AND slot = $2",
				 &orphan);
		return position;
	}
	return NULL;
}

static bool
adopt_chunk(const EcJob *job, Chunk *chunk)
{
	EcCatalogScope scope;
	Jsonb *position;

	ec_catalog_begin(&scope);
	position = take_orphan(job);
	ec_catalog_end(&scope);
	load_chunk(chunk, position);
	return chunk->is_open;
}

/* How far chunks have been handed out to workers. */
typedef struct Handout
{
	char **upto;        /* NULL: no chunk yet */
	bool is_handed_out; /* up to the last key */
	int open_chunks;
} Handout;

static void
lock_handout(int64 job, Handout *handout)
{
	EcCatalogScope scope;
	Jsonb *upto;
	EcArgs args = {0};

	ec_arg_int8(&args, job);
	ec_catalog_begin(&scope);
	if (ec_query("SELECT upto, is_handed_out, open_chunks "
				 "FROM expand_contract.verify_walks WHERE job = $1 FOR UPDATE",
				 &args) == 0)
		elog(ERROR, "job " INT64_FORMAT " has no walk", job);
	upto = ec_get_jsonb(0, 1);
	handout->is_handed_out = ec_get_bool(0, 2, false);
	handout->open_chunks = ec_get_int4(0, 3, 0);
	ec_catalog_end(&scope);
	/* copy it, because memory allocated in the scope is freed at its end */
	handout->upto = load_bound(upto, "upto");
}

static void
save_handout(int64 job, const Handout *handout, int count)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	EcJsonWriter writer;

	ec_json_begin(&writer);
	save_bound(&writer, "upto", handout->upto, count);
	ec_arg_int8(&args, job);
	ec_arg_jsonb(&args, ec_json_end(&writer));
	ec_arg_bool(&args, handout->is_handed_out);
	ec_arg_int4(&args, handout->open_chunks);
	ec_catalog_begin(&scope);
	ec_query("UPDATE expand_contract.verify_walks SET upto = $2, "
			 "is_handed_out = $3, open_chunks = $4 WHERE job = $1",
			 &args);
	ec_catalog_end(&scope);
}

/*
 * Hands in our chunk, if we have one, and takes the next.  Returns false when
 * no chunk is left and all are done.  The query that finds the upper bound
 * runs as the job's owner, so it is not in scope, but the row of verify_walks
 * stays locked.
 */
static bool
next_chunk(EcJob *job, const EcSubject *subject, Chunk *chunk, EcKeyRange *range)
{
	bool more = true;
	Handout handout;

	lock_handout(job->id, &handout);
	if (chunk->is_open)
		handout.open_chunks--;
	chunk->is_open = false;
	if (!handout.is_handed_out)
	{
		range->lower = ec_bound_values(range, handout.upto);
		ec_range_end(subject, range, job->row_limit);
		chunk->is_open = true;
		chunk->lower = handout.upto;
		chunk->upper = ec_bound_texts(range, range->upper);
		handout.upto = chunk->upper;
		handout.is_handed_out = chunk->upper == NULL;
		handout.open_chunks++;
	}
	else if (handout.open_chunks == 0)
		more = false;
	else if (!adopt_chunk(job, chunk))
	{
		job->throttled_by = "other workers";
		job->pause_ms = SIBLINGS_PAUSE_MS;
	}
	save_handout(job->id, &handout, range->count);
	return more;
}

static void
report_activity(const EcJob *job, const Walk *walk)
{
	char activity[256];

	snprintf(activity, sizeof(activity),
			 "verification of %s: job " INT64_FORMAT ", look %d, keys after %s",
			 job->relation_name, job->id, walk->looks + 1,
			 walk->chunk.lower ? walk->chunk.lower[0] : "the beginning");
	pgstat_report_activity(STATE_RUNNING, activity);
}

/*
 * Compares the chunk.  Returns false if it has to be compared again.  The
 * comparison takes only ACCESS SHARE locks, and gives way to sessions that
 * wait for them, so it has no time limit.
 */
static bool
look_at_chunk(EcJob *job, Walk *walk, const EcSubject *subject,
			  EcKeyRange *range, EcComparison *comparison)
{
	EcVerification so_far;
	EcCompareOptions options = {.range = range, .suspects = &walk->suspects};

	if (!ec_record_read(walk->verification, &so_far))
		elog(ERROR, "verification " INT64_FORMAT " is gone", walk->verification);
	options.max_mismatches = Max(0, ec_max_mismatches - so_far.recorded);
	range->lower = ec_bound_values(range, walk->chunk.lower);
	range->upper = ec_bound_values(range, walk->chunk.upper);

	report_activity(job, walk);
	ec_deadline_end();
	(void) ec_give_way(true);
	PushActiveSnapshot(GetTransactionSnapshot());
	ec_compare(subject, &options, comparison);
	PopActiveSnapshot();
	(void) ec_give_way(false);

	walk->looks++;
	if (walk->suspects.pending == 0 || walk->looks >= MAX_LOOKS)
		return true;
	ec_suspects_look(&walk->suspects, job->memory);
	job->throttled_by = "rows that differ";
	job->pause_ms =
		Min(LONGEST_PAUSE_MS, FIRST_LOOK_PAUSE_MS << (walk->looks - 1));
	return false;
}

bool
ec_verification_batch(EcJob *job, const EcSubject *subject)
{
	Walk *walk = job->private;
	EcKeyRange range;
	bool more;

	ec_range_init(&range, subject);
	if (walk->chunk.is_open)
	{
		EcComparison comparison = {0};
		int64 rows;

		if (!look_at_chunk(job, walk, subject, &range, &comparison))
		{
			job->position = save_chunk(&walk->chunk, range.count);
			return true;
		}
		ec_record_add(walk->verification, &comparison);
		rows = Max(comparison.source.rows, comparison.target.rows);
		job->rows_written = rows;
		job->rows_done += rows;
		job->work_done += rows;
	}
	job->work_total = Max(job->work_done, estimate_rows(subject));
	more = next_chunk(job, subject, &walk->chunk, &range);
	walk->looks = 0;
	ec_suspects_forget(&walk->suspects, job->memory);
	job->position = save_chunk(&walk->chunk, range.count);
	keep_chunk(walk, job->position);
	if (!more)
		ec_record_end(walk->verification);
	return more;
}

bool
ec_verification_of_job(const EcJob *job, EcVerification *verification)
{
	const Walk *walk = job->private;

	return ec_record_read(walk->verification, verification);
}
