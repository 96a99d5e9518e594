/*
 * verify_change.c
 *		ec_verify_change and ec_verify_job: check whether every row of a change
 *		is in step.
 *
 * They use the stored expressions and settings of the dual writes, so they
 * verify exactly what is written.  With a backward mapping more rows count as
 * right, see instep.h.
 *
 * For a change to another table, the old table is compared with the new table
 * in every phase.  The phase only decides which of them a repair would write.
 */
#include "postgres.h"

#include "access/relation.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "core/hint.h"
#include "core/arguments.h"
#include "lifecycle/verify_change.h"
#include "core/json.h"
#include "core/pinned.h"
#include "model/change.h"
#include "dualwrite/mapping.h"
#include "model/owner.h"
#include "dualwrite/columns/statement.h"
#include "verify/background.h"
#include "verify/verify.h"
#include "worker/jobs/pace.h"
#include "worker/jobs/registry.h"

PG_FUNCTION_INFO_V1(ec_verify_change);
PG_FUNCTION_INFO_V1(ec_verify_job);

/* Returns the table that has the columns of a side. */
static Oid
table_of(const EcChange *change, EcSide side)
{
	return OidIsValid(change->target) && side == EC_SIDE_NEW ? change->target
															 : change->relation;
}

static AttrNumber
present_attnum(const EcChange *change, const EcChangeColumn *column)
{
	Oid table = table_of(change, column->side);
	AttrNumber attnum = column->attnum;
	const char *name = attnum > 0 ? get_attname(table, attnum, true) : NULL;

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of change \"%s\" does not exist any more",
						column->name, change->name),
				 errdetail("It was a column of table \"%s\".", get_rel_name(table)),
				 errhint("There is nothing to verify once a column is dropped.")));
	return attnum;
}

/* Returns the column names that the stored expressions over a table use. */
static List *
names_of_that_day(const EcChange *change, Relation relation)
{
	List *names = NIL;
	ListCell *cell;

	for (int i = 0; i < RelationGetNumberOfAttributes(relation); i++)
		names = lappend(names, makeString(pstrdup("")));
	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);

		if (table_of(change, column->side) != RelationGetRelid(relation))
			continue;
		lfirst(list_nth_cell(names, present_attnum(change, column) - 1)) =
			makeString(column->name);
	}
	return names;
}

/* Deparses an expression with the current names, for the SQL of a repair. */
static char *
written_out(Relation relation, Node *expression)
{
	List *context = deparse_context_for(RelationGetRelationName(relation),
										RelationGetRelid(relation));
	int guc_level = ec_pin_text();
	char *text;

	text = deparse_expression(expression, context, false, false);
	AtEOXact_GUC(false, guc_level);
	return text;
}

/*
 * Returns the columns of a side that dual writes assign, computed from a row
 * of relation read.
 */
static List *
mapped_columns(const EcChange *change, Relation written, EcSide side, Relation read)
{
	List *names = names_of_that_day(change, read);
	List *columns = NIL;
	ListCell *cell;

	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);
		EcMappedColumn *mapped;

		if (column->side != side || column->expression == NULL)
			continue;
		mapped = palloc0_object(EcMappedColumn);
		mapped->attnum = present_attnum(change, column);
		mapped->name =
			get_attname(RelationGetRelid(written), mapped->attnum, false);
		mapped->analysed = ec_mapping_reparse(read, list_copy(names), written,
											  mapped->attnum, column);
		mapped->expression = written_out(read, mapped->analysed);
		columns = lappend(columns, mapped);
	}
	return columns;
}

static int
by_key_position(const ListCell *left, const ListCell *right)
{
	const EcChangeColumn *left_column = lfirst(left);
	const EcChangeColumn *right_column = lfirst(right);

	return left_column->key_position - right_column->key_position;
}

/*
 * Returns the current names of the key columns that identify the rows of a
 * table; NIL: use the primary key.
 */
static List *
key_names(const EcChange *change, Oid table)
{
	List *columns = NIL;
	List *names = NIL;
	ListCell *cell;

	foreach (cell, change->columns)
	{
		EcChangeColumn *column = lfirst(cell);

		if (column->key_position > 0 && table_of(change, column->side) == table)
			columns = lappend(columns, column);
	}
	list_sort(columns, by_key_position);
	foreach (cell, columns)
		names = lappend(names,
						get_attname(table, present_attnum(change, lfirst(cell)),
									false));
	return names;
}

static Relation
open_table(const EcChange *change, EcSide side)
{
	Oid table = table_of(change, side);

	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(table)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the %s of change \"%s\" does not exist any more",
						table == change->relation ? "table" : "target table",
						change->name),
				 errdetail("There are no rows to verify."),
				 ec_errhint("Use ec_cancel to end a job that was verifying it.")));
	return ec_open_verified(table, false);
}

static void
open_subject(const EcChange *change, EcSubject *subject)
{
	List *key;

	ec_change_require_active(change);
	memset(subject, 0, sizeof(*subject));
	subject->source = open_table(change, EC_SIDE_OLD);
	subject->target = OidIsValid(change->target) ? open_table(change, EC_SIDE_NEW)
												 : subject->source;
	subject->columns =
		mapped_columns(change, subject->target, EC_SIDE_NEW, subject->source);
	subject->backward =
		mapped_columns(change, subject->source, EC_SIDE_OLD, subject->target);
	key = key_names(change, RelationGetRelid(subject->target));
	if (OidIsValid(change->target))
		ec_match_by(subject, key);
	else
		subject->walk = key;
	subject->is_of_change = true;
	subject->new_is_right = !ec_old_is_authority(change);
	/* dual writes compare so, and store what the mapping gives */
	subject->by_image = true;
}

/* keeps the locks until commit */
static void
close_subject(const EcSubject *subject)
{
	if (subject->source != subject->target)
		relation_close(subject->source, NoLock);
	relation_close(subject->target, NoLock);
}

/*
 * The expressions run as the tables' owner.  If a table is missing,
 * open_subject raises the error.
 */
static void
begin_as_owner(const EcChange *change, EcRights *outer)
{
	bool is_there =
		get_rel_name(change->relation) != NULL &&
		(!OidIsValid(change->target) || get_rel_name(change->target) != NULL);

	ec_change_require_active(change);
	ec_become(outer, is_there ? ec_change_require_role(change) : GetUserId());
}

/*
 * A change counts as verified as long as its last verification found no
 * difference.  After cutover the phase is not changed here.
 */
static void
settle_phase(const EcChange *change, const EcVerification *verification)
{
	bool was_verified = strcmp(change->phase, EC_PHASE_VERIFIED) == 0;
	bool is_ok = ec_verification_ok(verification);

	if (is_ok && (strcmp(change->phase, EC_PHASE_DUAL_WRITE) == 0 ||
				  strcmp(change->phase, EC_PHASE_BACKFILLED) == 0 ||
				  strcmp(change->phase, EC_PHASE_PREPARED) == 0))
		ec_change_set_phase(change->name, EC_PHASE_VERIFIED);
	else if (!is_ok && was_verified)
		ec_change_set_phase(change->name, EC_PHASE_BACKFILLED);
}

/*
 * ec_verify_change(change text) → ec_verification
 *
 * Compares every row under one snapshot, as the owner of the table.  The
 * caller must be that role or a member of it (42501).  Raises 42704 if there
 * is no such change; 55000 if the owner of its tables has changed since
 * ec_expand.  A row whose forward expression fails is different, and one whose
 * backward expression fails is not explained by it.
 */
Datum
ec_verify_change(PG_FUNCTION_ARGS)
{
	char *name = ec_change_full_name(ec_text_argument(fcinfo, 0, "change"));
	EcVerification verification;
	EcSubject subject;
	EcChange change;
	EcRights outer;
	int guc_level;

	PreventCommandIfReadOnly("ec_verify_change()");
	ec_change_get(name, &change);
	begin_as_owner(&change, &outer);
	guc_level = ec_pin_settings(change.settings);
	open_subject(&change, &subject);
	ec_verify_now(&subject, change.forward, name, outer.userid, &verification);
	AtEOXact_GUC(false, guc_level);
	ec_become_caller(&outer);
	settle_phase(&change, &verification);
	close_subject(&subject);
	PG_RETURN_DATUM(ec_verification_row(fcinfo, &verification));
}

/*
 * ec_verify_job(change, batch_size, delay_ms, workers, start_at, run_window,
 *			 max_lag) → the job's number
 *
 * Does the same as ec_verify_change as a job, in chunks with one snapshot
 * each. batch_size is the number of rows of a chunk; NULL means ten times
 * expand_contract.batch_size.  The table must have a key with an index, along
 * which the job walks (55000); two tables must have the same key.
 */
Datum
ec_verify_job(PG_FUNCTION_ARGS)
{
	char *name = ec_change_full_name(ec_text_argument(fcinfo, 0, "change"));
	EcJobSpec spec = {.change = name};
	EcSubject subject;
	EcChange change;
	EcRights outer;
	int guc_level;
	int64 job;

	ec_read_pace_arguments(fcinfo, 1, true, &spec, NULL);
	ec_change_get(name, &change);
	spec.owner = GetUserId();
	if (PG_ARGISNULL(1))
		spec.batch_size = ec_verification_chunk_rows();
	begin_as_owner(&change, &outer);
	guc_level = ec_pin_settings(change.settings);
	open_subject(&change, &subject);
	job = ec_verification_submit(&spec, &subject, change.forward);
	AtEOXact_GUC(false, guc_level);
	ec_become_caller(&outer);
	close_subject(&subject);
	PG_RETURN_INT64(job);
}

static bool
verification_batch(EcJob *job)
{
	EcVerification verification;
	EcSubject subject;
	EcChange change;
	int guc_level;
	bool more;

	ec_change_get(job->change, &change);
	guc_level = ec_pin_settings(change.settings);
	open_subject(&change, &subject);
	more = ec_verification_batch(job, &subject);
	close_subject(&subject);
	AtEOXact_GUC(false, guc_level);
	if (!more && ec_verification_of_job(job, &verification))
		settle_phase(&change, &verification);
	return more;
}

const EcJobKind ec_verify_kind = {.name = "verify",
								  .begin = ec_verification_begin,
								  .batch = verification_batch,
								  .runs_as_table_owner = true};
