/*
 * sweep_rows.c
 *		The state of a sweep that the workers of a job share, in
 *		expand_contract.job_sweeps and job_leaves.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "backfill/sweep_rows.h"
#include "core/query.h"

void
ec_sweep_lock(int64 job, EcSweep *sweep)
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
	sweep->stage = ec_get_int4(0, 16, 0);
}

void
ec_sweep_save(const EcSweep *sweep)
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
	ec_arg_int4(&args, sweep->stage);
	ec_query("UPDATE expand_contract.job_sweeps SET sweep = $2, "
			 "total_blocks = $3, all_blocks = $4, open_chunks = $5, "
			 "changed = $6, skipped = $7, suppressed = $8, "
			 "empty_sweeps = $9, example = $10, is_checked = $11, "
			 "found = $12, late_sweeps = $13, holder = $14, "
			 "known_holder = $15, began = $16, phase = $17 WHERE job = $1",
			 &args);
}

/* Passes leaves as three arrays: their OIDs, filenodes and blocks. */
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

int64
ec_sum_blocks(const EcLeaf *leaves, int count)
{
	int64 sum = 0;

	for (int i = 0; i < count; i++)
		sum += leaves[i].blocks;
	return sum;
}

void
ec_sweep_start(EcSweep *sweep, const EcLeaf *leaves, int count)
{
	EcArgs args = {0};

	sweep->sweep++;
	sweep->total_blocks = ec_sum_blocks(leaves, count);
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
ec_swept_leaf_save(const EcSweep *sweep, const EcSweptLeaf *swept)
{
	EcArgs args = {0};

	ec_arg_int8(&args, sweep->job);
	ec_arg_oid(&args, swept->relation);
	ec_arg_int8(&args, swept->filenode); /* 0 for a foreign table, so not
										  * passed as an OID */
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

int
ec_swept_leaves(const EcSweep *sweep, Oid after, EcSweptLeaf *leaves)
{
	EcArgs args = {0};
	int found;

	ec_arg_int8(&args, sweep->job);
	ec_arg_int4(&args, sweep->sweep);
	ec_arg_int8(&args, after);
	ec_arg_int4(&args, EC_LEAVES_TO_TRY);
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

void
ec_sweep_resume(int64 job)
{
	EcArgs args = {0};

	ec_arg_int8(&args, job);
	ec_query("UPDATE expand_contract.job_sweeps SET empty_sweeps = 0, suppressed = 0 "
			 "WHERE job = $1",
			 &args);
}
