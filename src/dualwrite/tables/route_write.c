/*
 * route_write.c
 *		Writes the target of a route, with a DELETE by key and an upsert.
 *
 * The expressions are evaluated here, under the settings stored by ec_expand,
 * into tuplestores that the two statements read.  So the plans do not depend
 * on an estimate of the number of rows.  The DELETE comes first, because a row
 * may take over the key of a deleted row.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/plancache.h"
#include "utils/queryenvironment.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "core/callers_path.h"
#include "core/own.h"
#include "core/sequence.h"
#include "dualwrite/queue/discrepancy.h"
#include "dualwrite/tables/round_trip.h"
#include "dualwrite/tables/route_write.h"
#include "dualwrite/safe.h"
#include "expand_contract.h"
#include "worker/jobs/registry.h"

/* the state to restore after writing as the target's owner */
typedef struct Owner
{
	Oid userid;
	int security_context;
	int guc_level;
} Owner;

typedef struct Writing
{
	EcRoute *route;
	EcRowSet *rows;
	TupleTableSlot *slot; /* the only row, if there is just one; is_put
						   * tells its kind */
	bool is_put;

	const char *since; /* for lock_set */
	bool found;

	MemoryContext memory; /* for the members below */
	MemoryContext caller;
	ExprContext *econtext;
	ExprState **states;
	ExprState **unpadded;         /* of key columns; elements may be NULL */
	EcRoundTripState *round_trip; /* or NULL */
	Datum *values;
	bool *nulls;
	Tuplestorestate *put;
	Tuplestorestate *gone;
} Writing;

/*
 * The statement of ours that is running, and the trigger events of it that
 * have not fired yet.  Statements of the target's triggers have a greater
 * trigger depth and are not ours.
 */
typedef struct OwnStatement
{
	const char *change;
	int trigger_depth;
	int pending;
} OwnStatement;

static OwnStatement own_statement = {0};

static int
trigger_depth(void)
{
	return DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0));
}

bool
ec_write_is_ours(const char *change, int event)
{
	const char *job = ec_running_change();

	if (job != NULL && strcmp(job, change) == 0 && trigger_depth() == 1)
		return true;
	if (own_statement.change == NULL || strcmp(own_statement.change, change) != 0 ||
		own_statement.trigger_depth != trigger_depth() ||
		(own_statement.pending & event) == 0)
		return false;
	own_statement.pending &= ~event;
	return true;
}

/* After an error, the abort of the (sub)transaction restores the state. */
static void
become_owner(const EcRoute *route, Owner *outer)
{
	GetUserIdAndSecContext(&outer->userid, &outer->security_context);
	outer->guc_level = NewGUCNestLevel();
	SetUserIdAndSecContext(route->owner, outer->security_context |
											 SECURITY_LOCAL_USERID_CHANGE |
											 SECURITY_NOFORCE_RLS);
	ec_use_own_path();
}

static void
become_writer(const Owner *outer)
{
	AtEOXact_GUC(false, outer->guc_level);
	SetUserIdAndSecContext(outer->userid, outer->security_context);
}

/* Runs once per route.  Constant parts of the expressions are computed here. */
static void
prepare_round_trip(EcRoute *route)
{
	int guc_level = ec_pinned_begin(route->pinned);
	MemoryContext caller = MemoryContextSwitchTo(route->memory);
	Relation source = table_open(route->source, AccessShareLock);
	Relation target = table_open(route->target, AccessShareLock);

	route->round_trip = ec_round_trip(route, source, target);
	route->knows_round_trip = true;
	table_close(target, NoLock);
	table_close(source, NoLock);
	MemoryContextSwitchTo(caller);
	ec_pinned_end(guc_level);
}

/*
 * Expressions are initialized as the owner, because his rights are checked
 * then.
 */
static void
begin_writing(Writing *writing)
{
	EcRoute *route = writing->route;

	if (!route->knows_round_trip)
		prepare_round_trip(route);
	writing->caller = MemoryContextSwitchTo(writing->memory);
	writing->econtext = CreateStandaloneExprContext();
	writing->states = palloc(sizeof(ExprState *) * route->column_count);
	writing->unpadded = palloc(sizeof(ExprState *) * route->column_count);
	for (int i = 0; i < route->column_count; i++)
	{
		writing->states[i] = ExecInitExpr(route->columns[i].expression, NULL);
		writing->unpadded[i] = route->columns[i].unpadded == NULL
								   ? NULL
								   : ExecInitExpr(route->columns[i].unpadded, NULL);
	}
	writing->round_trip = ec_round_trip_begin(route);
	writing->values = palloc(sizeof(Datum) * route->column_count);
	writing->nulls = palloc(sizeof(bool) * route->column_count);
	writing->put = tuplestore_begin_heap(false, false, work_mem);
	writing->gone = tuplestore_begin_heap(false, false, work_mem);
	for (int i = 0; i < route->sequence_count; i++)
		route->sequences[i].is_known = false;
}

static void
end_writing(Writing *writing)
{
	tuplestore_end(writing->put);
	tuplestore_end(writing->gone);
	FreeExprContext(writing->econtext, true);
	MemoryContextSwitchTo(writing->caller);
}

/*
 * True if the cast to char(n) would remove trailing spaces of the key, so that
 * it could equal another key.
 */
static bool
loses_spaces(Writing *writing, int column)
{
	bool isnull;
	Datum value;
	struct varlena *text;
	int length;

	if (writing->unpadded[column] == NULL)
		return false;
	value = ExecEvalExprSwitchContext(writing->unpadded[column],
									  writing->econtext, &isnull);
	if (isnull)
		return false;
	text = PG_DETOAST_DATUM_PACKED(value);
	length = VARSIZE_ANY_EXHDR(text);
	return length > 0 && VARDATA_ANY(text)[length - 1] == ' ';
}

static bool
any_loses_spaces(Writing *writing, TupleTableSlot *slot)
{
	writing->econtext->ecxt_scantuple = slot;
	for (int i = 0; i < writing->route->key_count; i++)
		if (loses_spaces(writing, i))
			return true;
	return false;
}

static int64
as_int8(Datum value, int length)
{
	return length == sizeof(int16)   ? DatumGetInt16(value)
		   : length == sizeof(int32) ? DatumGetInt32(value)
									 : DatumGetInt64(value);
}

/* Records the farthest numbers of the computed row. */
static void
note_numbers(Writing *writing)
{
	EcRoute *route = writing->route;

	for (int i = 0; i < route->sequence_count; i++)
	{
		EcRouteSequence *sequence = &route->sequences[i];
		int column = sequence->column;
		int64 number;

		if (writing->nulls[column])
			continue;
		number = as_int8(writing->values[column],
						 TupleDescAttr(route->put, column)->attlen);
		if (!sequence->is_known ||
			(sequence->is_descending ? number < sequence->farthest
									 : number > sequence->farthest))
			sequence->farthest = number;
		sequence->is_known = true;
	}
}

/* False, and nothing is kept, if the key is that of another row. */
static bool
compute(Writing *writing, TupleTableSlot *slot, int count,
		Tuplestorestate *store, TupleDesc description)
{
	bool is_own;

	writing->econtext->ecxt_scantuple = slot;
	for (int i = 0; i < count; i++)
		writing->values[i] =
			ExecEvalExprSwitchContext(writing->states[i], writing->econtext,
									  &writing->nulls[i]);
	is_own = writing->round_trip == NULL ||
			 ec_leads_back(writing->round_trip, writing->econtext, slot,
						   writing->values, writing->nulls, count);
	if (is_own)
		tuplestore_putvalues(store, description, writing->values, writing->nulls);
	if (is_own && store == writing->put)
		note_numbers(writing);
	ResetExprContext(writing->econtext);
	CHECK_FOR_INTERRUPTS();
	return is_own;
}

/*
 * Advances the target's own sequences, so that they do not give these numbers
 * again.  Like nextval(), this is not undone by a rollback.
 */
static void
bring_forward(EcRoute *route)
{
	for (int i = 0; i < route->sequence_count; i++)
		if (route->sequences[i].is_known)
			ec_sequence_advance(route->sequences[i].oid,
								route->sequences[i].farthest);
}

static void
compute_put(void *arg, TupleTableSlot *slot)
{
	Writing *writing = arg;

	if (any_loses_spaces(writing, slot))
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("key for table \"%s\" ends with spaces",
						get_rel_name(writing->route->target)),
				 errdetail("Type character ignores them, so the key could equal that of another row."),
				 errhint("Make the target's key text or varchar, or remove the spaces.")));
	if (!compute(writing, slot, writing->route->column_count, writing->put,
				 writing->route->put))
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("key for table \"%s\" does not map back to its row",
						get_rel_name(writing->route->target)),
				 errdetail("The mapping \"%s\" computes from it the key of another row of table \"%s\", to which the row of \"%s\" corresponds.",
						   writing->route->is_forward ? "backward" : "forward",
						   get_rel_name(writing->route->source_root),
						   get_rel_name(writing->route->target)),
				 errhint("Map keys so that the mappings are inverse to each other, or change the row's key.")));
}

static void
compute_gone(void *arg, TupleTableSlot *slot)
{
	Writing *writing = arg;

	/* Such a key has no row in the target. */
	if (any_loses_spaces(writing, slot))
		return;
	(void) compute(writing, slot, writing->route->key_count, writing->gone,
				   writing->route->gone);
}

static void
register_rows(const char *name, TupleDesc description, Tuplestorestate *store)
{
	EphemeralNamedRelation rows = palloc0(sizeof(EphemeralNamedRelationData));

	rows->md.name = unconstify(char *, name);
	rows->md.reliddesc = InvalidOid;
	rows->md.tupdesc = description;
	rows->md.enrtype = ENR_NAMED_TUPLESTORE;
	rows->md.enrtuples = 1;
	rows->reldata = store;
	if (SPI_register_relation(rows) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register \"%s\"", name);
}

static SPIPlanPtr
prepare(const char *sql)
{
	SPIPlanPtr plan = SPI_prepare(sql, 0, NULL);

	if (plan == NULL || SPI_keepplan(plan) != 0)
		elog(ERROR, "could not prepare \"%s\"", sql);
	return plan;
}

/*
 * Makes the plan use the key's index.  The plan is cached while a copy fills
 * the target, which may be empty now.  The settings apply to planning only, so
 * triggers of the target do not see them.
 */
static void
plan_by_key(SPIPlanPtr plan)
{
	static const char *const settings[] = {"enable_seqscan", "enable_hashjoin",
										   "enable_mergejoin"};
	int guc_level = NewGUCNestLevel();
	CachedPlan *cached;

	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	cached = SPI_plan_get_cached_plan(plan);
	if (cached != NULL)
		ReleaseCachedPlan(cached, CurrentResourceOwner);
	AtEOXact_GUC(false, guc_level);
}

/*
 * Uses the latest snapshot even in REPEATABLE READ, as foreign key checks do.
 * Otherwise a target row that a job has inserted meanwhile would raise a
 * serialization failure in the application.
 */
static void
execute(const EcRoute *route, SPIPlanPtr plan, int events)
{
	OwnStatement outer = own_statement;
	Snapshot snapshot =
		IsolationUsesXactSnapshot() ? GetLatestSnapshot() : InvalidSnapshot;
	int code;

	own_statement.change = route->queue.change;
	own_statement.trigger_depth = trigger_depth() + 1;
	own_statement.pending = events;
	PG_TRY();
	{
		code = SPI_execute_snapshot(plan, NULL, NULL, snapshot, InvalidSnapshot,
									false, true, 0);
	}
	PG_FINALLY();
	{
		own_statement = outer;
	}
	PG_END_TRY();
	if (code < 0)
		elog(ERROR, "could not write to relation %u: %s", route->target,
			 SPI_result_code_string(code));
}

/*
 * Checks after the write, which skips such a row, because another session may
 * have inserted it while we waited for it.
 */
static void
refuse_clash(EcRoute *route)
{
	if (route->clash_plan == NULL)
		route->clash_plan = prepare(route->clash_sql);
	execute(route, route->clash_plan, 0);
	if (SPI_processed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("another row of table \"%s\" has an equal key",
						get_rel_name(route->target)),
				 errdetail("Keys that are not equal in table \"%s\" are equal there.",
						   get_rel_name(route->source_root)),
				 errhint("Give the target's key the type and collation of the source's, or make the keys of these rows differ.")));
}

static void
execute_all(const Writing *writing)
{
	EcRoute *route = writing->route;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	register_rows(EC_PUT_ROWS, route->put, writing->put);
	register_rows(EC_GONE_ROWS, route->gone, writing->gone);
	if (tuplestore_tuple_count(writing->gone) > 0)
	{
		if (route->gone_plan == NULL)
			route->gone_plan = prepare(route->gone_sql);
		plan_by_key(route->gone_plan);
		execute(route, route->gone_plan, EC_EVENT_DELETE);
	}
	if (tuplestore_tuple_count(writing->put) > 0)
	{
		if (route->put_plan == NULL)
			route->put_plan = prepare(route->put_sql);
		execute(route, route->put_plan, EC_EVENT_INSERT | EC_EVENT_UPDATE);
		if (route->by_image)
			refuse_clash(route);
		bring_forward(route);
	}
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}

static void
write_set(void *arg)
{
	Writing *writing = arg;
	Owner outer;
	int guc_level;

	become_owner(writing->route, &outer);
	begin_writing(writing);
	guc_level = ec_pinned_begin(writing->route->pinned);
	writing->rows->each_gone(writing->rows, compute_gone, writing);
	writing->rows->each_put(writing->rows, compute_put, writing);
	ec_pinned_end(guc_level);
	execute_all(writing);
	end_writing(writing);
	become_writer(&outer);
}

static void
write_row(void *arg)
{
	Writing *writing = arg;
	Owner outer;
	int guc_level;

	become_owner(writing->route, &outer);
	begin_writing(writing);
	guc_level = ec_pinned_begin(writing->route->pinned);
	if (writing->is_put)
		compute_put(writing, writing->slot);
	else
		compute_gone(writing, writing->slot);
	ec_pinned_end(guc_level);
	execute_all(writing);
	end_writing(writing);
	become_writer(&outer);
}

/*
 * Runs work in a memory context of its own, so that an error leaks nothing.
 * Reads and writes by these statements do not count as uses of a column.
 */
static ErrorData *
run(void (*work)(void *arg), Writing *writing, bool in_subtransaction)
{
	MemoryContext memory =
		AllocSetContextCreate(CurrentMemoryContext, "expand_contract write",
							  ALLOCSET_DEFAULT_SIZES);
	bool own_before = ec_own_reads;
	ErrorData *volatile error = NULL;

	writing->memory = memory;
	ec_own_reads = true;
	PG_TRY();
	{
		if (in_subtransaction)
			error = ec_try(work, writing);
		else
			work(writing);
	}
	PG_FINALLY();
	{
		ec_own_reads = own_before;
	}
	PG_END_TRY();
	MemoryContextDelete(memory);
	return error;
}

/*
 * The target is written as its owner, so the server's DETAIL shows the whole
 * failing row.  It is hidden from a writer who may not read the target.
 */
static bool
may_read(Oid table, Oid role)
{
	return pg_class_aclcheck(table, role, ACL_SELECT) == ACLCHECK_OK &&
		   check_enable_rls(table, role, true) != RLS_ENABLED;
}

static void
run_or_raise(void (*work)(void *arg), Writing *writing)
{
	MemoryContext memory = CurrentMemoryContext;
	Oid writer = GetUserId();
	Oid target = writing->route->target;

	PG_TRY();
	{
		(void) run(work, writing, false);
	}
	PG_CATCH();
	{
		ErrorData *error;

		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		if (error->detail == NULL || may_read(target, writer))
			PG_RE_THROW();
		FlushErrorState();
		/* The server log keeps the detail. */
		if (error->detail_log == NULL)
			error->detail_log = error->detail;
		error->detail = NULL;
		ReThrowError(error);
	}
	PG_END_TRY();
}

void
ec_route_write(EcRoute *route, EcRowSet *rows)
{
	Writing writing = {route, rows};

	run_or_raise(write_set, &writing);
}

/* Runs SELECT ... FOR UPDATE, and returns whether it has found rows. */
static bool
lock_rows(const EcRoute *route, const char *sql)
{
	SPIPlanPtr plan = SPI_prepare(sql, 0, NULL);

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\"", sql);
	execute(route, plan, 0);
	return SPI_processed > 0;
}

/* Locks the rows that are to be deleted, or looks for rows written since. */
static void
lock_set(void *arg)
{
	Writing *writing = arg;
	EcRoute *route = writing->route;
	Owner outer;
	int guc_level;

	become_owner(route, &outer);
	begin_writing(writing);
	guc_level = ec_pinned_begin(route->pinned);
	writing->rows->each_gone(writing->rows, compute_gone, writing);
	if (writing->since != NULL)
		writing->rows->each_put(writing->rows, compute_put, writing);
	ec_pinned_end(guc_level);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	register_rows(EC_PUT_ROWS, route->put, writing->put);
	register_rows(EC_GONE_ROWS, route->gone, writing->gone);
	if (writing->since == NULL)
		(void) lock_rows(route, psprintf("%s FOR UPDATE OF t", route->gone_rows));
	else
	{
		char *since = psprintf(" AND " EC_WRITTEN_SINCE " FOR UPDATE OF t",
							   "t.xmin", quote_literal_cstr(writing->since));

		writing->found =
			lock_rows(route, psprintf("%s%s", route->gone_rows, since)) ||
			lock_rows(route, psprintf("%s%s", route->changed_rows, since));
	}
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	end_writing(writing);
	become_writer(&outer);
}

void
ec_route_lock_gone(EcRoute *route, EcRowSet *rows)
{
	Writing writing = {route, rows};

	run_or_raise(lock_set, &writing);
}

bool
ec_route_written_since(EcRoute *route, EcRowSet *rows, const char *transaction)
{
	Writing writing = {route, rows, .since = transaction};

	run_or_raise(lock_set, &writing);
	return writing.found;
}

typedef struct Retry
{
	Writing writing;
	const ErrorData *failure; /* the error of the attempt with all rows */
	MemoryContext memory;     /* for a single row */
} Retry;

static void
retry_row(Retry *retry, TupleTableSlot *slot)
{
	Writing *writing = &retry->writing;
	MemoryContext caller = MemoryContextSwitchTo(retry->memory);
	const ErrorData *error = retry->failure;

	writing->slot = slot;
	if (error == NULL)
		error = run(write_row, writing, true);
	if (error != NULL)
	{
		EcFailure failure = {error->sqlerrcode,
							 error->message ? error->message : ""};

		ec_discrepancy_record(&writing->route->queue, writing->route->direction,
							  slot, writing->rows->operation, &failure, false,
							  NULL);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(retry->memory);
}

static void
retry_put(void *arg, TupleTableSlot *slot)
{
	Retry *retry = arg;

	retry->writing.is_put = true;
	retry_row(retry, slot);
}

static void
retry_gone(void *arg, TupleTableSlot *slot)
{
	Retry *retry = arg;

	retry->writing.is_put = false;
	retry_row(retry, slot);
}

void
ec_route_write_or_record(EcRoute *route, EcRowSet *rows, const ErrorData *failure)
{
	Retry retry = {{route, rows}, failure};

	if (failure == NULL && run(write_set, &retry.writing, true) == NULL)
		return;
	retry.memory = AllocSetContextCreate(CurrentMemoryContext, "expand_contract row",
										 ALLOCSET_DEFAULT_SIZES);
	rows->each_gone(rows, retry_gone, &retry);
	rows->each_put(rows, retry_put, &retry);
	MemoryContextDelete(retry.memory);
}
