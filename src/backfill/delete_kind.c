/*
 * delete_kind.c
 *		Jobs of kind "delete": sweeps that delete the swept rows.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "backfill/delete_kind.h"
#include "backfill/leaves.h"
#include "backfill/statement.h"
#include "backfill/sweep_job.h"
#include "backfill/sweep_rows.h"
#include "backfill/target.h"
#include "core/own_table.h"
#include "expand_contract.h"

static void
save(const EcBackfill *backfill, EcJsonWriter *writer)
{
	ec_json_text(writer, "predicate", backfill->predicate);
}

static void
load(EcBackfill *backfill, const Jsonb *parameters)
{
	backfill->predicate = ec_json_get_text(parameters, "predicate");
	backfill->any_predicate = backfill->predicate;
	if (backfill->predicate == NULL)
		ec_refuse_row("jobs", "The parameters are of no ec_delete.");
}

static Relation
open_table(const EcJob *job, EcBackfill *backfill, int stage)
{
	Relation table = ec_open_job_table(job, job->relation, job->relation_name);

	ec_check_target(table, backfill->kind);
	return table;
}

static void
set_leaf(Relation root, Relation leaf, EcBackfill *backfill)
{
	backfill->alias = RelationGetRelationName(root);
}

static LockTupleMode
lock_mode(const EcBackfill *backfill)
{
	return LockTupleExclusive;
}

/*
 * RETURNING has the columns that the batch expects: false, because the
 * predicate cannot hold for a row that is gone, and the row's identifier.
 */
static char *
write_statement(Relation leaf, const EcBackfill *backfill, const char *rows,
				bool are_locked)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "DELETE FROM ");
	ec_append_target(&sql, leaf, backfill);
	ec_append_condition(&sql, backfill, rows);
	appendStringInfoString(&sql, " RETURNING false, ctid");
	return sql.data;
}

static void
refuse_suppressed(const EcBackfill *backfill, int64 rows, const char *example)
{
	ereport(ERROR,
			(errcode(EC_ERRCODE_NOT_CONVERGING),
			 errmsg("delete does not converge: a trigger keeps rows from being deleted"),
			 errdetail("A sweep over the table could delete none of the " INT64_FORMAT
					   " rows that satisfy the predicate; one is the row %s.",
					   rows, example ? example : "unknown"),
			 errhint("Exclude these rows in the predicate, or change the trigger.")));
}

const EcSweepKind ec_delete_sweep = {
	.command = CMD_DELETE,
	.function = "ec_delete",
	.refusal = "cannot be deleted from in batches",
	.noun = "delete",
	.privileges = "SELECT, DELETE",
	.writes_swept_rows = true,
	.late_rows_hint =
		"Have the predicate exclude the rows that are inserted from now on, as in \"AND created_at < '2026-01-01'\". The job goes on until no such row is left.",
	.own_rows_hint =
		"Exclude the rows that the trigger makes in the predicate, or change the trigger.",
	.save = save,
	.load = load,
	.open = open_table,
	.set_leaf = set_leaf,
	.lock_mode = lock_mode,
	.write_statement = write_statement,
	.refuse_suppressed = refuse_suppressed,
};

static void
begin(EcJob *job)
{
	ec_sweep_begin(job, &ec_delete_sweep);
}

/* no table_bytes, because a delete does not make its table grow */
const EcJobKind ec_delete_kind = {
	.name = "delete",
	.begin = begin,
	.batch = ec_sweep_batch,
	.resume = ec_sweep_resume,
	.finds_failures = true,
};
