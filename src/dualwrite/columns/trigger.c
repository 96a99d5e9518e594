/*
 * trigger.c
 *		The trigger that keeps the columns of one table in step.
 *
 * It is a BEFORE ROW trigger whose name sorts after all others.  The direction
 * is derived from the statement, never from a setting:
 *
 *		UPDATE	old changed, new did not	forward
 *				new changed, old did not	backward
 *				both changed, or neither	the row is left as it is
 *		INSERT	new not named				forward
 *				new named, old not			backward
 *				both named					the row is left as it is
 *
 * If the named columns cannot be determined (rows of a subscription), a side
 * counts as named if a column of it is set: neither NULL nor equal to a
 * constant default.
 *
 * The expressions are evaluated as the writer, on the row in its slot, under
 * the settings stored by ec_expand.  With on_error => 'record', an expression
 * that can fail is evaluated in a subtransaction, and NOT NULL and CHECK
 * constraints are tested before the row is stored.  A failure is queued, and
 * the row is stored without the computed values.
 *
 * Rows that the change's own job writes are exempt, because the job computes
 * them.
 *
 * Where the change keeps the names of columns (ec_change_type), the direction
 * is that of its phase: the columns that have the names are right, and the
 * others follow.  A statement that gives the others another value is refused,
 * because nobody should know them: it is an INSERT without a list of columns,
 * which takes them for the columns at the same places.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

#include "core/hint.h"
#include "core/guc.h"
#include "dualwrite/columns/compiled.h"
#include "dualwrite/columns/image.h"
#include "dualwrite/columns/moved.h"
#include "dualwrite/columns/named.h"
#include "dualwrite/no_change.h"
#include "dualwrite/queue/discrepancy.h"
#include "dualwrite/queue/proposed.h"
#include "dualwrite/queue/reconcile.h"
#include "dualwrite/safe.h"
#include "expand_contract.h"
#include "worker/jobs/registry.h"

PG_FUNCTION_INFO_V1(ec_dual_write_row);

/* state for all rows that one statement writes to one table */
typedef struct Statement
{
	EcCompiled *compiled;
	bool has_asked;
	EcNamed named;
} Statement;

/* the row that is being written */
typedef struct Write
{
	Statement *statement;
	MemoryContext rows; /* the statement's context, parent of the per-tuple
						 * context */
	EcCompiled *compiled;
	Relation relation;
	TupleTableSlot *old_slot; /* NULL for INSERT */
	TupleTableSlot *slot;
	HeapTuple tuple;
	const EcDirection *direction;
} Write;

static bool
has_changed(const Write *write, const EcCompiledColumn *columns, int count)
{
	for (int i = 0; i < count; i++)
	{
		bool was_null;
		bool is_null;
		Datum was = slot_getattr(write->old_slot, columns[i].attnum, &was_null);
		Datum is = slot_getattr(write->slot, columns[i].attnum, &is_null);

		if (!ec_is_same(&columns[i], was, was_null, is, is_null))
			return true;
	}
	return false;
}

/*
 * True if all columns are NULL or equal to a constant default, which does not
 * show whether the statement has named them.
 */
static bool
is_unset(const Write *write, const EcDirection *direction)
{
	for (int i = 0; i < direction->count; i++)
	{
		const EcCompiledColumn *column = &direction->columns[i];
		bool isnull;
		Datum value = slot_getattr(write->slot, column->attnum, &isnull);

		if (!isnull &&
			!(column->has_default &&
			  ec_is_same(column, value, false, column->default_value, false)))
			return false;
	}
	return true;
}

/*
 * Derives the direction from the values, because the named columns are
 * unknown.
 */
static const EcDirection *
direction_of_values(const Write *write)
{
	const EcCompiled *compiled = write->compiled;

	if (is_unset(write, &compiled->forward))
		return &compiled->forward;
	return compiled->backward.count > 0 && is_unset(write, &compiled->backward)
			   ? &compiled->backward
			   : NULL;
}

static const EcDirection *
direction_of_insert(const Write *write)
{
	const EcCompiled *compiled = write->compiled;
	const EcNamed *named = &write->statement->named;
	bool several = named->source == EC_SOURCE_INSERTS;
	bool knows_new;
	bool knows_old;

	if (named->source == EC_SOURCE_UNKNOWN)
		return direction_of_values(write);
	/*
	 * The row's UPDATE has already fired the trigger in its previous
	 * partition.
	 */
	if (named->source == EC_SOURCE_UPDATE ||
		(named->may_move && ec_is_moved_row(write->rows, compiled, write->slot)))
		return NULL;
	/* Another INSERT action of the same MERGE may be the one that names it. */
	knows_new =
		named->forward && !(several && is_unset(write, &compiled->forward));
	knows_old =
		named->backward && !(several && is_unset(write, &compiled->backward));
	if (!knows_new && (named->old_side || !named->new_side))
		return &compiled->forward;
	return !knows_old && compiled->backward.count > 0 ? &compiled->backward : NULL;
}

/* The direction from the columns that have the names to the others. */
static const EcDirection *
direction_of_phase(const EcCompiled *compiled)
{
	return compiled->old_is_right ? &compiled->forward : &compiled->backward;
}

static bool
has_null(const Write *write, const EcDirection *direction)
{
	for (int i = 0; i < direction->count; i++)
		if (slot_attisnull(write->slot, direction->attnums[i]))
			return true;
	return false;
}

/* Does the statement give a value to a column that only follows? */
static bool
sets_follower(const Write *write)
{
	const EcDirection *direction = direction_of_phase(write->compiled);

	if (write->old_slot != NULL)
		return has_changed(write, direction->columns, direction->count);
	for (int i = 0; i < direction->count; i++)
		if (!slot_attisnull(write->slot, direction->attnums[i]))
			return true;
	return false;
}

/* Likewise; rows of before the backfill get their values here, too. */
static const EcDirection *
find_direction_of_kept_names(const Write *write)
{
	const EcCompiled *compiled = write->compiled;
	const EcDirection *direction = direction_of_phase(compiled);
	const EcNamed *named = &write->statement->named;
	bool old = compiled->old_is_right;

	if (write->old_slot == NULL)
		return named->source == EC_SOURCE_UPDATE ||
					   (named->may_move &&
						ec_is_moved_row(write->rows, compiled, write->slot))
				   ? NULL
				   : direction;
	return sets_follower(write) || has_null(write, direction) ||
				   has_changed(write,
							   old ? compiled->old_columns : compiled->new_columns,
							   old ? compiled->old_count : compiled->new_count)
			   ? direction
			   : NULL;
}

/* Returns NULL if the row is to be left as it is. */
static const EcDirection *
find_direction(const Write *write)
{
	const EcCompiled *compiled = write->compiled;
	bool old_changed;
	bool new_changed;

	if (compiled->keeps_names)
		return find_direction_of_kept_names(write);
	if (write->old_slot == NULL)
		return direction_of_insert(write);
	old_changed = has_changed(write, compiled->old_columns, compiled->old_count);
	new_changed = has_changed(write, compiled->new_columns, compiled->new_count);
	if (old_changed && !new_changed)
		return &compiled->forward;
	return new_changed && !old_changed && compiled->backward.count > 0
			   ? &compiled->backward
			   : NULL;
}

/*
 * Like heap_modify_tuple, but uses the columns that the slot has already
 * deformed.
 */
static HeapTuple
form_tuple(const Write *write, Datum *values, bool *nulls)
{
	TupleTableSlot *slot = write->slot;
	int count = slot->tts_tupleDescriptor->natts;
	Datum *row = palloc(count * sizeof(Datum));
	bool *row_nulls = palloc(count * sizeof(bool));
	HeapTuple tuple;

	slot_getallattrs(slot);
	memcpy(row, slot->tts_values, count * sizeof(Datum));
	memcpy(row_nulls, slot->tts_isnull, count * sizeof(bool));
	for (int i = 0; i < write->direction->count; i++)
	{
		row[write->direction->attnums[i] - 1] = values[i];
		row_nulls[write->direction->attnums[i] - 1] = nulls[i];
	}
	tuple = heap_form_tuple(slot->tts_tupleDescriptor, row, row_nulls);
	tuple->t_data->t_ctid = write->tuple->t_data->t_ctid;
	tuple->t_self = write->tuple->t_self;
	tuple->t_tableOid = write->tuple->t_tableOid;
	pfree(row);
	pfree(row_nulls);
	return tuple;
}

/* Returns the row with these values; the same tuple if it has them already. */
static HeapTuple
with_values(const Write *write, Datum *values, bool *nulls)
{
	const EcDirection *direction = write->direction;
	bool same = true;

	for (int i = 0; i < direction->count && same; i++)
	{
		bool isnull;
		Datum value = slot_getattr(write->slot, direction->attnums[i], &isnull);

		same = ec_is_same(&direction->columns[i], value, isnull, values[i],
						  nulls[i]);
	}
	return same ? write->tuple : form_tuple(write, values, nulls);
}

/*
 * Tests the constraints on the written columns as the server will test them.
 */
static void
check(const Write *write, HeapTuple tuple, bool *nulls, EcFailure *failure)
{
	const EcDirection *direction = write->direction;
	ExprContext *econtext = write->compiled->econtext;

	for (int i = 0; i < direction->count; i++)
		if (nulls[i] && direction->columns[i].is_not_null)
		{
			failure->code = ERRCODE_NOT_NULL_VIOLATION;
			failure->message =
				psprintf("null value in column \"%s\" violates not-null constraint",
						 direction->columns[i].name);
			return;
		}
	if (direction->check_count == 0)
		return;
	ExecStoreHeapTuple(tuple, write->compiled->trial, false);
	econtext->ecxt_scantuple = write->compiled->trial;
	for (int i = 0; i < direction->check_count && failure->code == 0; i++)
		if (!ExecCheck(direction->checks[i].state, econtext))
		{
			failure->code = ERRCODE_CHECK_VIOLATION;
			failure->message =
				psprintf("new row for relation \"%s\" violates check constraint \"%s\"",
						 RelationGetRelationName(write->relation),
						 direction->checks[i].name);
		}
	ExecClearTuple(write->compiled->trial);
}

/* Returns the row as it should be, allocated in the current memory context. */
typedef HeapTuple (*Computation)(const Write *write, EcFailure *failure);

static HeapTuple
compute_mapping(const Write *write, EcFailure *failure)
{
	const EcDirection *direction = write->direction;
	ExprContext *econtext = write->compiled->econtext;
	Datum *values = palloc(sizeof(Datum) * direction->count);
	bool *nulls = palloc(sizeof(bool) * direction->count);
	HeapTuple tuple;
	int guc_level;

	/* Expressions that cannot fail do not depend on settings. */
	guc_level = direction->can_fail ? ec_pinned_begin(write->compiled->pinned) : 0;
	econtext->ecxt_scantuple = write->slot;
	for (int i = 0; i < direction->count; i++)
		values[i] = ExecEvalExprSwitchContext(direction->columns[i].value,
											  econtext, &nulls[i]);
	ec_pinned_end(guc_level);
	tuple = with_values(write, values, nulls);
	/* Otherwise the server checks the row and raises the usual error. */
	if (write->compiled->records)
		check(write, tuple, nulls, failure);
	return tuple;
}

/*
 * The server checks a domain where a value is coerced, not where it is stored.
 */
static void
check_domain(const Write *write, AttrNumber attnum, Datum value, bool isnull)
{
	Oid type =
		TupleDescAttr(RelationGetDescr(write->relation), attnum - 1)->atttypid;

	if (get_typtype(type) == TYPTYPE_DOMAIN)
		domain_check(value, isnull, type, NULL, NULL);
}

static HeapTuple
compute_unset(const Write *write, EcFailure *failure)
{
	const EcDirection *direction = write->direction;
	Datum *values = palloc(sizeof(Datum) * direction->count);
	bool *nulls = palloc(sizeof(bool) * direction->count);
	HeapTuple tuple;

	for (int i = 0; i < direction->count; i++)
	{
		nulls[i] = !direction->columns[i].has_default;
		values[i] = direction->columns[i].default_value;
		check_domain(write, direction->attnums[i], values[i], nulls[i]);
	}
	tuple = with_values(write, values, nulls);
	check(write, tuple, nulls, failure);
	return tuple;
}

typedef struct Attempt
{
	Computation compute;
	const Write *write;
	EcFailure *failure;
	HeapTuple tuple;
} Attempt;

static void
compute_attempt(void *arg)
{
	Attempt *attempt = arg;

	attempt->tuple = attempt->compute(attempt->write, attempt->failure);
}

/* Computes the row in a subtransaction, so that an error becomes a failure. */
static HeapTuple
try_to(Computation compute, const Write *write, EcFailure *failure)
{
	Attempt attempt = {compute, write, failure, NULL};
	ErrorData *error = ec_try(compute_attempt, &attempt);

	if (error == NULL)
		return attempt.tuple;
	failure->code = error->sqlerrcode;
	failure->message = error->message ? error->message : "";
	ec_compiled_reset(write->compiled, write->relation);
	return NULL;
}

/*
 * Expressions that cannot fail call no user-defined functions.  Others might
 * write to the same table and so enter this trigger again while its memory is
 * in use; is_busy detects that.
 */
static HeapTuple
run(Computation compute, const Write *write, EcFailure *failure)
{
	EcCompiled *compiled = write->compiled;
	volatile HeapTuple tuple = NULL;

	if (!write->direction->can_fail)
		return compute(write, failure);
	compiled->is_busy = true;
	PG_TRY();
	{
		tuple = compiled->records ? try_to(compute, write, failure)
								  : compute(write, failure);
	}
	PG_FINALLY();
	{
		compiled->is_busy = false;
	}
	PG_END_TRY();
	return tuple;
}

/* A later BEFORE trigger, or ON CONFLICT, may still discard the row. */
static EcProposal
proposal_of(const Write *write)
{
	EcProposal proposal = {write->relation, write->old_slot == NULL,
						   ec_running_command(write->rows)};

	return proposal;
}

/*
 * The server's own error would only say that the column must not be null, not
 * why it is.
 */
static void
refuse_null(const Write *write, HeapTuple tuple, const EcFailure *failure)
{
	const EcDirection *direction = write->direction;

	for (int i = 0; i < direction->count; i++)
		if (direction->columns[i].is_not_null &&
			heap_attisnull(tuple, direction->attnums[i],
						   RelationGetDescr(write->relation)))
			ereport(ERROR,
					(errcode(failure->code), errmsg("%s", failure->message),
					 errdetail("Column \"%s\" of table \"%s\" is NOT NULL, and the mapping \"%s\" of change \"%s\" fails to give it a value.",
							   direction->columns[i].name,
							   RelationGetRelationName(write->relation),
							   direction->name, write->compiled->queue.change),
					 errhint("Name the column in the statement too, write what the mapping can take, or drop NOT NULL.")));
}

/*
 * Queues the row and lets the write proceed.  New columns, which are wrong
 * now, are unset where possible.  Old columns are kept, because older
 * application versions read them.
 */
static HeapTuple
pass_without(const Write *write, const EcFailure *failure)
{
	EcFailure again = {0};
	EcProposal proposal = proposal_of(write);
	HeapTuple tuple = write->tuple;
	bool is_forward = write->direction == &write->compiled->forward;
	bool is_unset = is_forward && write->old_slot == NULL;

	if (is_forward && write->compiled->error == NULL)
	{
		ResetExprContext(write->compiled->econtext);
		tuple = run(compute_unset, write, &again);
		if (again.code == 0)
			is_unset = true;
		else
			tuple = write->tuple;
	}
	refuse_null(write, tuple, failure);
	ec_discrepancy_record(&write->compiled->queue, write->direction->name,
						  write->slot, write->old_slot ? "update" : "insert",
						  failure, is_unset, &proposal);
	return tuple;
}

static HeapTuple
carry_over(const Write *write)
{
	EcCompiled *compiled = write->compiled;
	EcFailure failure = {0};
	HeapTuple tuple = NULL;

	if (compiled->error != NULL)
	{
		if (!compiled->records)
			ReThrowError(compiled->error);
		failure.code = compiled->error->sqlerrcode;
		failure.message = compiled->error->message;
	}
	else
	{
		ResetExprContext(compiled->econtext);
		tuple = run(compute_mapping, write, &failure);
	}
	return failure.code == 0 ? tuple : pass_without(write, &failure);
}

/*
 * The computed values have changed the key, because an old column is part of
 * it.
 */
static void
follow_computed_key(const Write *write, HeapTuple tuple)
{
	TupleTableSlot *computed = write->compiled->trial;
	EcProposal proposal = proposal_of(write);

	ExecStoreHeapTuple(tuple, computed, false);
	ec_discrepancy_follow(&write->compiled->queue, write->slot, computed, &proposal);
	ExecClearTuple(computed);
}

static void
follow_key(const Write *write)
{
	EcProposal proposal = proposal_of(write);

	ec_discrepancy_follow(&write->compiled->queue, write->old_slot, write->slot,
						  &proposal);
}

/*
 * the change that ec_reconcile exempts, and the trigger depth at which its own
 * statement fires triggers
 */
static const char *exempt_change = NULL;
static int exempt_depth = 0;

static int
trigger_depth(void)
{
	return DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0));
}

void
ec_exempt_change(const char *change)
{
	exempt_change = change;
	exempt_depth = trigger_depth() + 1;
}

/*
 * A user's trigger fired by our statement may write the table again; those
 * writes are deeper and not exempt.
 */
static bool
is_exempt(const EcCompiled *compiled)
{
	const char *change = exempt_change ? exempt_change : ec_running_change();

	return change != NULL && strcmp(change, compiled->queue.change) == 0 &&
		   trigger_depth() == (exempt_change ? exempt_depth : 1);
}

static Statement *
statement_of(FmgrInfo *function)
{
	if (function->fn_extra == NULL)
		function->fn_extra =
			MemoryContextAllocZero(function->fn_mcxt, sizeof(Statement));
	return function->fn_extra;
}

static inline void
ask_statement(const Write *write, const TriggerData *data)
{
	if (write->statement->has_asked)
		return;
	ec_find_named(data, write->rows, write->compiled, &write->statement->named);
	write->statement->has_asked = true;
}

/*
 * If the row leaves its partition, the trigger is called for it once more, as
 * for an INSERT.
 */
static void
note_updated(const Write *write, HeapTuple tuple)
{
	TupleTableSlot *slot = write->slot;

	if (write->old_slot == NULL || !write->statement->named.may_move)
		return;
	if (tuple != write->tuple)
		slot = ExecStoreHeapTuple(tuple, write->compiled->trial, false);
	ec_note_updated_row(write->rows, write->compiled, slot);
	if (slot != write->slot)
		ExecClearTuple(slot);
}

/* A column that only follows may be set to what it would be set to anyway. */
static void
refuse_other_value(const Write *write, HeapTuple tuple)
{
	const EcDirection *direction = write->direction;

	for (int i = 0; i < direction->count; i++)
	{
		const EcCompiledColumn *column = &direction->columns[i];
		bool given_null;
		bool right_null;
		Datum given = slot_getattr(write->slot, column->attnum, &given_null);
		Datum right = heap_getattr(tuple, column->attnum,
								   RelationGetDescr(write->relation), &right_null);

		if (given_null || ec_is_same(column, given, false, right, right_null))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION),
				 errmsg("column \"%s\" of table \"%s\" cannot have a value of its own",
						column->name, RelationGetRelationName(write->relation)),
				 errdetail("Change \"%s\" computes it from the column whose name it keeps.",
						   write->compiled->queue.change),
				 errhint("Leave it out. INSERT and COPY need a list of columns while the change lasts.")));
	}
}

/*
 * expand_contract.dual_write(change)
 */
Datum
ec_dual_write_row(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	Write write = {0};
	HeapTuple tuple;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(data->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		TRIGGER_FIRED_BY_DELETE(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("dual_write must be a BEFORE INSERT OR UPDATE trigger for each row"),
				 ec_errhint("Use ec_expand, which creates it.")));
	write.relation = data->tg_relation;
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
	{
		write.old_slot = data->tg_trigslot;
		write.slot = data->tg_newslot;
		write.tuple = data->tg_newtuple;
	}
	else
	{
		write.slot = data->tg_trigslot;
		write.tuple = data->tg_trigtuple;
	}
	write.rows = MemoryContextGetParent(CurrentMemoryContext);
	write.statement = statement_of(fcinfo->flinfo);
	write.compiled =
		ec_compiled(write.relation, data->tg_trigger, write.statement->compiled);
	write.statement->compiled = write.compiled;
	if (!write.compiled->is_found)
	{
		ec_pass_without_change(data->tg_trigger, write.relation,
							   &write.compiled->has_warned,
							   &write.compiled->queue.gap_transaction);
		return PointerGetDatum(write.tuple);
	}
	if (is_exempt(write.compiled))
		return PointerGetDatum(write.tuple);
	if (write.old_slot == NULL || write.relation->rd_rel->relispartition)
		ask_statement(&write, data);
	if (write.old_slot != NULL && write.compiled->records &&
		has_changed(&write, write.compiled->key, write.compiled->key_count))
		follow_key(&write);
	write.direction = find_direction(&write);
	if (write.direction == NULL)
	{
		note_updated(&write, write.tuple);
		return PointerGetDatum(write.tuple);
	}
	if (!write.compiled->keeps_names &&
		(!ec_enable_modern_write || !write.compiled->is_on))
	{
		ec_gap_record(&write.compiled->queue, ec_enable_modern_write
												  ? "ec_dual_write"
												  : "enable_modern_write");
		return PointerGetDatum(write.tuple);
	}
	tuple = carry_over(&write);
	if (write.compiled->keeps_names && tuple != write.tuple && sets_follower(&write))
		refuse_other_value(&write, tuple);
	if (write.old_slot != NULL && write.compiled->records &&
		write.direction->writes_key && tuple != write.tuple)
		follow_computed_key(&write, tuple);
	note_updated(&write, tuple);
	return PointerGetDatum(tuple);
}
