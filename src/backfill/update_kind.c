/*
 * update_kind.c
 *		Jobs of kind "backfill": sweeps that update the swept rows.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "utils/builtins.h"

#include "backfill/leaves.h"
#include "backfill/statement.h"
#include "backfill/sweep_job.h"
#include "backfill/sweep_rows.h"
#include "backfill/target.h"
#include "backfill/update_kind.h"
#include "core/expression.h"
#include "core/own_table.h"
#include "expand_contract.h"
#include "worker/jobs/registry.h"

/* Stores attribute numbers, because a rename does not change them. */
static char *
columns_to_text(Bitmapset *columns)
{
	StringInfoData text;
	int member = -1;

	initStringInfo(&text);
	while ((member = bms_next_member(columns, member)) >= 0)
		appendStringInfo(&text, "%s%d", text.len > 0 ? " " : "",
						 member + FirstLowInvalidHeapAttributeNumber);
	return text.data;
}

static Bitmapset *
columns_from_text(const char *text)
{
	Bitmapset *columns = NULL;
	char *end;

	for (long number = strtol(text, &end, 10); end != text;
		 text = end, number = strtol(text, &end, 10))
	{
		if (number < 1 || number > MaxHeapAttributeNumber)
			ec_refuse_row("jobs", "The parameters are of no backfill.");
		columns =
			bms_add_member(columns, number - FirstLowInvalidHeapAttributeNumber);
	}
	return columns;
}

static void
save(const EcBackfill *backfill, EcJsonWriter *writer)
{
	ec_json_text(writer, "assignments", backfill->assignments);
	ec_json_text(writer, "predicate", backfill->predicate);
	ec_json_text(writer, "columns", columns_to_text(backfill->columns));
	ec_json_int8(writer, "updates_key", backfill->updates_key);
}

static void
load(EcBackfill *backfill, const Jsonb *parameters)
{
	char *columns = ec_json_get_text(parameters, "columns");

	backfill->assignments = ec_json_get_text(parameters, "assignments");
	backfill->predicate = ec_json_get_text(parameters, "predicate");
	backfill->any_predicate = backfill->predicate;
	backfill->updates_key = ec_json_get_int8(parameters, "updates_key", 0) != 0;
	if (backfill->assignments == NULL || backfill->predicate == NULL ||
		columns == NULL)
		ec_refuse_row("jobs", "The parameters are of no backfill.");
	backfill->columns = columns_from_text(columns);
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
	backfill->columns = ec_columns_by_name(root, leaf, backfill->columns);
	backfill->updates_key =
		bms_overlap(backfill->columns,
					RelationGetIndexAttrBitmap(leaf, INDEX_ATTR_BITMAP_KEY));
}

/*
 * Updating a column that a foreign key may refer to needs the stronger lock.
 * If the weaker lock were taken first, the update would have to wait later.
 */
static LockTupleMode
lock_mode(const EcBackfill *backfill)
{
	return backfill->updates_key ? LockTupleExclusive : LockTupleNoKeyExclusive;
}

static char *
write_statement(Relation leaf, const EcBackfill *backfill, const char *rows,
				bool are_locked)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "UPDATE ");
	ec_append_target(&sql, leaf, backfill);
	appendStringInfo(&sql, " SET %s\n", backfill->assignments);
	ec_append_condition(&sql, backfill, rows);
	appendStringInfoString(&sql, " RETURNING ");
	ec_append_expression(&sql, backfill->predicate);
	appendStringInfoString(&sql, ", ctid");
	ec_append_key_columns(&sql, leaf);
	return sql.data;
}

static void
refuse_suppressed(const EcBackfill *backfill, int64 rows, const char *example)
{
	ereport(ERROR,
			(errcode(EC_ERRCODE_NOT_CONVERGING),
			 errmsg("backfill does not converge: a trigger keeps rows from being updated"),
			 errdetail("A sweep over the table could update none of the " INT64_FORMAT
					   " rows that satisfy the predicate; one is the row %s.",
					   rows, example ? example : "unknown"),
			 errhint("Exclude these rows in the predicate, or change the trigger.")));
}

const EcSweepKind ec_update_sweep = {
	.command = CMD_UPDATE,
	.function = "ec_backfill",
	.refusal = "cannot be backfilled",
	.noun = "backfill",
	.privileges = "SELECT, UPDATE",
	.writes_swept_rows = true,
	.late_rows_hint =
		"Keep the columns in step from now on: by dual write (ec_expand), a trigger or a default. The job goes on until no such row is left.",
	.own_rows_hint =
		"Exclude the rows that the trigger creates in the predicate, or let it create them with the values that the backfill sets.",
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
	ec_sweep_begin(job, &ec_update_sweep);
}

const EcJobKind ec_backfill_kind = {
	.name = "backfill",
	.begin = begin,
	.batch = ec_sweep_batch,
	.resume = ec_sweep_resume,
	.table_bytes = ec_bytes_of_leaves,
	.finds_failures = true,
	.runs_as_table_owner = true,
};
