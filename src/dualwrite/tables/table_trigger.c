/*
 * table_trigger.c
 *		The triggers that keep two tables in step.
 *
 * They are statement triggers, on each table of the change and on all its
 * descendants: AFTER INSERT, UPDATE and DELETE with transition tables, and
 * BEFORE TRUNCATE, which has none.  Each carries over what its statement has
 * done, with at most one DELETE and one upsert.  Partitions have a row trigger
 * as well, for rows whose identity changes (see moves.h).
 *
 * Locks: the statement has locked the source's rows.  That protects the
 * target's rows too, since no other writer of the source can have the same
 * keys.  The target is written in the order in which the statement has written
 * the rows.
 */
#include "postgres.h"

#include "access/table.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "core/hint.h"
#include "core/guc.h"
#include "dualwrite/no_change.h"
#include "dualwrite/queue/discrepancy.h"
#include "dualwrite/tables/identity.h"
#include "dualwrite/tables/moves.h"
#include "dualwrite/tables/nested.h"
#include "dualwrite/tables/route.h"
#include "dualwrite/tables/route_write.h"
#include "dualwrite/tables/row_versions.h"
#include "dualwrite/safe.h"
#include "dualwrite/tables/table_reconcile.h"
#include "expand_contract.h"

PG_FUNCTION_INFO_V1(ec_dual_write_table);

static bool
is_right_trigger(const TriggerData *data)
{
	TriggerEvent event = data->tg_event;

	if (data->tg_trigger->tgnargs != 1)
		return false;
	if (TRIGGER_FIRED_FOR_ROW(event))
		return TRIGGER_FIRED_BEFORE(event) && TRIGGER_FIRED_BY_UPDATE(event);
	if (TRIGGER_FIRED_BY_TRUNCATE(event))
		return TRIGGER_FIRED_BEFORE(event);
	return TRIGGER_FIRED_AFTER(event) &&
		   (TRIGGER_FIRED_BY_INSERT(event) || data->tg_oldtable != NULL) &&
		   (TRIGGER_FIRED_BY_DELETE(event) || data->tg_newtable != NULL);
}

static int
event_of(TriggerEvent event)
{
	return TRIGGER_FIRED_BY_INSERT(event)   ? EC_EVENT_INSERT
		   : TRIGGER_FIRED_BY_UPDATE(event) ? EC_EVENT_UPDATE
		   : TRIGGER_FIRED_BY_DELETE(event) ? EC_EVENT_DELETE
											: 0;
}

/*
 * Locks the target, so that nobody alters it between the compilation of the
 * route and the write.
 */
static EcRoute *
find_route(Relation source, const char *change)
{
	EcRoute *route = ec_route(source, change);

	if (!route->is_found)
		return route;
	LockRelationOid(route->target, RowExclusiveLock);
	return ec_route(source, change);
}

typedef struct Preparation
{
	EcRoute *route;
	Relation source;
} Preparation;

static void
prepare(void *arg)
{
	Preparation *preparation = arg;

	ec_route_prepare(preparation->route, preparation->source);
}

/*
 * Returns why the expressions do not compile (any more), if that may be
 * recorded.
 */
static ErrorData *
prepare_route(EcRoute *route, Relation source)
{
	Preparation preparation = {route, source};

	if (!ec_route_needs_prepare(route))
		return NULL;
	if (route->records)
		return ec_try(prepare, &preparation);
	prepare(&preparation);
	return NULL;
}

/*
 * a row that triggers of the statement have written again; its current version
 * counts
 */
typedef struct StaleRow
{
	EcRoute *route;
	EcRowSet *rows;
	TupleTableSlot *slot;
} StaleRow;

static void
follow(void *arg)
{
	StaleRow *row = arg;

	ec_table_follow_row(row->route, row->slot);
}

static void
follow_stale(void *arg, TupleTableSlot *slot)
{
	StaleRow *row = arg;
	ErrorData *error;

	row->slot = slot;
	if (!row->route->records)
	{
		follow(row);
		return;
	}
	error = ec_try(follow, row);
	if (error != NULL)
	{
		EcFailure failure = {error->sqlerrcode,
							 error->message ? error->message : ""};

		ec_discrepancy_record(&row->route->queue, row->route->direction, slot,
							  row->rows->operation, &failure, false, NULL);
	}
}

/*
 * Carries over a row whose identity the statement has changed: the current
 * versions of both identities.
 */
static void
follow_move(const EcMove *move, const char *change, EcRowSet *rows)
{
	Relation leaf = table_open(move->leaf, NoLock);
	EcRoute *route = find_route(leaf, change);
	TupleTableSlot *slot =
		MakeSingleTupleTableSlot(RelationGetDescr(leaf), &TTSOpsMinimalTuple);
	StaleRow stale = {route, rows};

	if (route->is_found)
	{
		(void) prepare_route(route, leaf);
		ExecStoreMinimalTuple(move->was, slot, false);
		follow_stale(&stale, slot);
		ec_note_nested_write(ec_identity_of(route, leaf, slot));
		ExecStoreMinimalTuple(move->is, slot, false);
		follow_stale(&stale, slot);
		ec_note_nested_write(ec_identity_of(route, leaf, slot));
	}
	ExecDropSingleTupleTableSlot(slot);
	table_close(leaf, NoLock);
}

static void
write_rows(EcRoute *route, EcRowSet *rows, const ErrorData *failure)
{
	StaleRow stale = {route, rows};

	if (route->records)
		ec_route_write_or_record(route, rows, failure);
	else
		ec_route_write(route, rows);
	ec_row_set_each_stale(rows, follow_stale, &stale);
	ec_row_set_note_nested(rows);
}

static void
carry_over(TriggerData *data, EcRoute *route)
{
	ErrorData *failure = prepare_route(route, data->tg_relation);
	EcRowSet *rows = ec_statement_rows(data, route, failure != NULL);
	List *moves =
		TRIGGER_FIRED_BY_UPDATE(data->tg_event) ? ec_take_moves(route) : NIL;

	if (ec_row_set_are_none(rows) && moves == NIL)
		;
	else if (!ec_enable_modern_write || !route->is_on)
		ec_gap_record(&route->queue, ec_enable_modern_write
										 ? "ec_dual_write"
										 : "enable_modern_write");
	else
	{
		const char *change = data->tg_trigger->tgargs[0];
		ListCell *cell;

		write_rows(route, rows, failure);
		foreach (cell, moves)
		{
			follow_move(lfirst(cell), change, rows);
		}
	}
	ec_row_set_end(rows);
}

/*
 * The row trigger records the move, and the statement trigger carries it over.
 */
static void
note_move(TriggerData *data)
{
	EcRoute *route = find_route(data->tg_relation, data->tg_trigger->tgargs[0]);
	TupleTableSlot *was = data->tg_trigslot;
	TupleTableSlot *is = data->tg_newslot;

	if (!route->is_found)
		return;
	(void) prepare_route(route, data->tg_relation);
	ec_note_move(route, data->tg_relation, was, is);
}

/*
 * Handles a statement of ours that runs inside a trigger of the application.
 * The outer statement may have written the same rows, and its statement
 * triggers have not fired yet.  Without a trigger of the application the depth
 * is 2.
 */
static void
note_ours(TriggerData *data, const char *change)
{
	EcRoute *route;
	EcRowSet *rows;

	if (DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0)) <= 2)
		return;
	route = find_route(data->tg_relation, change);
	if (!route->is_found || prepare_route(route, data->tg_relation) != NULL)
		return;
	rows = ec_statement_rows(data, route, false);
	ec_row_set_note_nested(rows);
	ec_row_set_end(rows);
}

/*
 * expand_contract.dual_write_table(change)
 */
Datum
ec_dual_write_table(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	const char *change;
	EcRoute *route;
	MemoryContext caller;
	MemoryContext memory;

	if (!CALLED_AS_TRIGGER(fcinfo) || !is_right_trigger(data))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("dual_write_table must be an AFTER trigger for each statement, with its transition tables, or BEFORE TRUNCATE, or BEFORE UPDATE for each row"),
				 ec_errhint("Use ec_expand, which creates them.")));
	change = data->tg_trigger->tgargs[0];
	if (TRIGGER_FIRED_FOR_ROW(data->tg_event))
	{
		note_move(data);
		return PointerGetDatum(data->tg_newtuple);
	}
	if (ec_write_is_ours(change, event_of(data->tg_event)))
	{
		note_ours(data, change);
		return PointerGetDatum(NULL);
	}
	memory = AllocSetContextCreate(CurrentMemoryContext, "expand_contract statement",
								   ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(memory);
	route = find_route(data->tg_relation, change);
	if (route->is_found)
		carry_over(data, route);
	else
		ec_pass_without_change(data->tg_trigger, data->tg_relation,
							   route->has_warned, &route->queue.gap_transaction);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(memory);
	return PointerGetDatum(NULL);
}
