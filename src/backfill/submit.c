/*
 * submit.c
 *		ec_backfill and ec_delete: check the arguments and insert the job.
 */
#include "postgres.h"

#include "access/relation.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "core/arguments.h"
#include "core/rights.h"
#include "backfill/assignments.h"
#include "backfill/delete_kind.h"
#include "backfill/delete_predicate.h"
#include "backfill/explain.h"
#include "backfill/predicate.h"
#include "backfill/update_kind.h"
#include "backfill/leaves.h"
#include "backfill/submit.h"
#include "backfill/target.h"
#include "worker/jobs/job.h"
#include "worker/jobs/pace.h"

#define BACKFILL_HINT                                                          \
	"As in SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL')."
#define DELETE_HINT                                                            \
	"As in SELECT ec_delete('users', 'email IS NULL'). The predicate of all rows is 'true'."

static Relation
open_target(Oid table, const char *method, EcBackfill *backfill)
{
	Relation relation = try_relation_open(table, RowExclusiveLock);

	backfill->method = ec_parse_method(method);
	if (relation == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", table)));
	ec_check_target(relation, backfill->kind);
	ec_check_method(relation, backfill->method);
	return relation;
}

/*
 * What the planner evaluates, such as constants in the expression of an index,
 * is evaluated with the rights that the job has.
 */
static void
begin_work(const EcJobSpec *spec, EcRights *outer)
{
	GetUserIdAndSecContext(&outer->userid, &outer->security_context);
	if (OidIsValid(spec->role))
		ec_become(outer, spec->role);
}

/* Keeps the lock until commit, so that the table stays as it was checked. */
static int64
submit(EcJobSpec *spec, Relation relation, const EcBackfill *backfill,
	   const char *predicate)
{
	EcRights outer;

	ec_check_leaves(relation, backfill);
	spec->kind = backfill->kind->noun;
	spec->relation = RelationGetRelid(relation);
	spec->parameters = ec_backfill_to_json(backfill, spec);
	begin_work(spec, &outer);
	spec->rows_estimate = ec_estimate_rows(relation, predicate);
	ec_become_caller(&outer);
	relation_close(relation, NoLock);
	return ec_job_submit(spec);
}

/*
 * Makes all checks that are possible before the first batch, so that the
 * submitting statement raises the errors.  Runs as the caller, as the worker
 * will.
 */
static void
define_backfill(Relation relation, const char *assignments,
				const char *predicate, EcBackfill *backfill)
{
	Query *query = ec_analyse_assignments(relation, assignments, predicate,
										  &backfill->uses_default);

	/* empty if the rewriter has removed "generated = DEFAULT" */
	backfill->columns = ec_columns_assigned(query);
	if (backfill->columns == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("backfill of table \"%s\" assigns nothing",
							   RelationGetRelationName(relation)),
						errdetail("The server computes generated columns itself."),
						errhint("Assign a column that is not generated.")));
	if (predicate != NULL)
		ec_check_predicate(relation, query, predicate);

	backfill->assignments = pstrdup(assignments);
	backfill->predicate = predicate ? pstrdup(predicate)
									: ec_automatic_predicate(relation, query);
	backfill->any_predicate = backfill->predicate;
	backfill->updates_key =
		bms_overlap(backfill->columns,
					RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_KEY));
	ec_check_statement(relation, backfill);
}

int64
ec_submit_backfill(EcJobSpec *spec, Oid table, const char *assignments,
				   const char *predicate, const char *method)
{
	EcBackfill backfill = {.kind = &ec_update_sweep};
	Relation relation = open_target(table, method, &backfill);
	EcRights outer;

	if (ec_job_is_part_of == EC_PART_OF_TABLE)
		spec->role = ec_require_table_owner(table);
	begin_work(spec, &outer);
	define_backfill(relation, assignments, predicate, &backfill);
	ec_become_caller(&outer);
	return submit(spec, relation, &backfill, predicate);
}

PG_FUNCTION_INFO_V1(ec_backfill);

/*
 * ec_backfill(relation, assignments, predicate, batch_size, delay_ms, workers,
 *			   method, start_at, run_window, max_lag) → the job's number
 *
 * Updates the rows for which predicate holds with the SET list assignments, in
 * a background worker, as the caller.  If predicate is NULL, updates the rows
 * in which a column differs from its expression.  batch_size is the largest
 * number of rows that one transaction writes (0: sized by time), and delay_ms
 * the pause after it; NULL means the settings expand_contract.batch_size and
 * backfill_delay.  The worker starts when the transaction commits, but not
 * before start_at or outside of run_window.  It waits while a standby is more
 * than max_lag behind (NULL: expand_contract.max_replication_lag).
 *
 * Needs SELECT on the table and UPDATE on the assigned columns.  Errors: 42809
 * if it is not a table, 42601 if it is not a SET list or an expression, 22023
 * for values out of range or a missing predicate, XE010 for a predicate that
 * the update cannot make false, 55000 for a schedule without a running
 * launcher, 0A000 for what is not supported, and the server's errors for the
 * UPDATE itself.
 */
Datum
ec_backfill(PG_FUNCTION_ARGS)
{
	EcJobSpec spec = {0};
	char *assignments;
	char *predicate;
	const char *method;

	ec_require_argument(fcinfo, 0, "relation", BACKFILL_HINT);
	ec_require_argument(fcinfo, 1, "assignments", BACKFILL_HINT);
	ec_read_pace_arguments(fcinfo, 3, true, &spec, &method);
	assignments = text_to_cstring(PG_GETARG_TEXT_PP(1));
	predicate = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));

	PG_RETURN_INT64(ec_submit_backfill(&spec, PG_GETARG_OID(0), assignments,
									   predicate, method));
}

PG_FUNCTION_INFO_V1(ec_delete);

/*
 * ec_delete(relation, predicate, batch_size, delay_ms, workers, method,
 *			 start_at, run_window, max_lag) → the job's number
 *
 * Deletes the rows for which predicate holds, in a background worker, as the
 * caller.  Functions in the predicate that read the clock have the time of
 * this call.  The other arguments are those of ec_backfill.
 *
 * Needs SELECT and DELETE on the table.  Errors: 22004 for no predicate, 42809
 * if it is not a table, 42601 if the predicate is not an expression, 22023 for
 * values out of range or a volatile predicate, 55000 for a schedule without a
 * running launcher, 0A000 for a predicate that reads the table in a sub-select
 * and for what else is not supported, and the server's errors for the DELETE
 * itself.
 */
Datum
ec_delete(PG_FUNCTION_ARGS)
{
	EcBackfill backfill = {.kind = &ec_delete_sweep};
	EcJobSpec spec = {0};
	const char *method;
	Relation relation;

	ec_require_argument(fcinfo, 0, "relation", DELETE_HINT);
	ec_require_argument(fcinfo, 1, "predicate", DELETE_HINT);
	ec_read_pace_arguments(fcinfo, 2, true, &spec, &method);
	relation = open_target(PG_GETARG_OID(0), method, &backfill);
	backfill.predicate =
		ec_delete_predicate(relation, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	backfill.any_predicate = backfill.predicate;
	ec_check_statement(relation, &backfill);

	PG_RETURN_INT64(submit(&spec, relation, &backfill, backfill.predicate));
}
