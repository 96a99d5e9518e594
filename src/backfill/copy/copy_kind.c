/*
 * copy_kind.c
 *		Jobs of kind "copy": sweeps that write rows of another table.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"

#include "backfill/batch.h"
#include "backfill/copy/copy_foreign.h"
#include "backfill/copy/copy_kind.h"
#include "backfill/copy/copy_plan.h"
#include "backfill/copy/copy_statement.h"
#include "backfill/statement.h"
#include "backfill/sweep_job.h"
#include "backfill/sweep_rows.h"
#include "backfill/target.h"
#include "core/catalog.h"
#include "core/planned.h"
#include "expand_contract.h"
#include "worker/jobs/registry.h"

static void
save(const EcBackfill *backfill, EcJsonWriter *writer)
{
	ec_copy_to_json(backfill->copy, writer);
}

static void
load(EcBackfill *backfill, const Jsonb *parameters)
{
	backfill->copy = ec_copy_from_json(parameters);
	/* the mapping was analysed and is stored with qualified names */
	backfill->search_path = EC_OWN_SEARCH_PATH;
}

static Relation
open_table(const EcJob *job, EcBackfill *backfill, int stage)
{
	const EcCopy *copy = backfill->copy;
	Relation source = ec_open_job_table(job, copy->source, job->relation_name);
	Relation target = ec_open_job_table(job, copy->target, copy->target_name);
	Relation swept = stage == EC_COPY_WRITE ? source : target;

	ec_check_copy_source(source);
	ec_check_copy_target(target);
	ec_check_tables_differ(source, target);
	ec_copy_begin_stage(backfill, stage);
	table_close(swept == source ? target : source, NoLock);
	if (swept->rd_rel->relkind != RELKIND_FOREIGN_TABLE)
		ec_check_target(swept, backfill->kind);
	return swept;
}

/* Rows of the source are locked against UPDATE and DELETE. */
static LockTupleMode
lock_mode(const EcBackfill *backfill)
{
	return backfill->stage == EC_COPY_WRITE ? LockTupleShare : LockTupleExclusive;
}

/* Rows that have just been locked need no further check before the INSERT. */
static char *
write_statement(Relation leaf, const EcBackfill *backfill, const char *rows,
				bool are_locked)
{
	StringInfoData condition;

	initStringInfo(&condition);
	if (are_locked && backfill->stage == EC_COPY_WRITE)
		appendStringInfoString(&condition, rows);
	else
		ec_append_condition(&condition, backfill, rows);
	return ec_copy_write_statement(RelationGetRelid(leaf), backfill, condition.data);
}

/* Can triggers change the rows that we write into the target? */
static bool
has_triggers(Oid table)
{
	Relation relation = table_open(table, NoLock);
	bool found = relation->trigdesc != NULL ||
				 relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;

	table_close(relation, NoLock);
	return found;
}

/*
 * A trigger on the target may have written other values than we did, or
 * nothing.  Then some rows are still to be done.  If written and remaining
 * rows are more than the locked ones, a written row is among the remaining
 * ones.
 */
static void
check_written(Relation leaf, const EcBackfill *backfill,
			  const EcBatchRows *locked, int64 written)
{
	char *example;

	if (written > 0 && backfill->stage == EC_COPY_WRITE &&
		has_triggers(backfill->copy->target) &&
		written + ec_batch_count(leaf, backfill, locked, &example) > locked->count)
		ec_refuse_unstable_copy(backfill->copy, example);
}

static void
check_all(const EcBackfill *backfill)
{
	if (backfill->stage == EC_COPY_WRITE && !backfill->copy->has_unique_keys)
		ec_refuse_duplicates(backfill->copy);
}

static void
refuse_suppressed(const EcBackfill *backfill, int64 rows, const char *example)
{
	ereport(ERROR,
			(errcode(EC_ERRCODE_NOT_CONVERGING),
			 errmsg("copy does not converge: a trigger keeps rows from being written or deleted"),
			 errdetail("A sweep over the table could not correct rows that differ, " INT64_FORMAT
					   " in number; one is the row %s.",
					   rows, example ? example : "unknown"),
			 errhint("Change the trigger on %s.",
					 ec_relation_name(backfill->copy->target))));
}

const EcSweepKind ec_copy_sweep = {
	.command = CMD_UPDATE, /* rows are locked as by an UPDATE */
	.function = "ec_copy",
	.refusal = "cannot be copied",
	.noun = "copy",
	.privileges = "SELECT, UPDATE",
	.locks_first = true,
	.late_rows_hint =
		"Keep the tables in step from now on, by dual write (ec_expand) or a trigger. The job goes on until no such row is left.",
	.own_rows_hint = "Change the trigger that makes them.",
	.save = save,
	.load = load,
	.last_stage = ec_copy_last_stage,
	.open = open_table,
	.lock_mode = lock_mode,
	.write_statement = write_statement,
	.path_rule = ec_copy_path_rule,
	.check_written = check_written,
	.check_all = check_all,
	.write_from_foreign = ec_copy_from_foreign,
	.refuse_suppressed = refuse_suppressed,
};

static void
begin(EcJob *job)
{
	ec_sweep_begin(job, &ec_copy_sweep);
}

/* no table_bytes, because the table that a copy sweeps does not grow */
const EcJobKind ec_copy_kind = {
	.name = "copy",
	.begin = begin,
	.batch = ec_sweep_batch,
	.resume = ec_sweep_resume,
	.finds_failures = true,
	.runs_as_table_owner = true,
};
