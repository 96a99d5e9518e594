/*
 * row_versions.c
 *		Determines what a statement has done to a table, from its transition
 *		tables.
 *
 * An UPDATE adds the old and the new version of a row to the two tables at the
 * same time, so they are read in pairs.  A pair with the same identity is a
 * put of the row.  A pair with different identities is a gone of the old one
 * and a put of the new one.  Updates by foreign key cascades share their
 * transition tables, so a row may be in them more than once.  The last event
 * of each identity counts: since the source has a unique key that is checked
 * immediately, a version can only take an identity that is free.
 *
 * In a partitioned table a pair may consist of unrelated rows, see moves.h.
 * Such rows are reported as stale, and the caller reads their current
 * versions.
 *
 * In one case there are no pairs: if a row was to move to another partition
 * and a BEFORE trigger suppressed the insert, the new table lacks it.  Then
 * rows that are only in the old table are gone.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "storage/bufmgr.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "dualwrite/tables/identity.h"
#include "dualwrite/tables/moves.h"
#include "dualwrite/tables/nested.h"
#include "dualwrite/tables/row_versions.h"
#include "expand_contract.h"

/* the last event of an identity */
typedef struct LastEntry
{
	EcIdentity identity;
	int64 event;
	char status;
} LastEntry;

#define SH_PREFIX             last
#define SH_ELEMENT_TYPE       LastEntry
#define SH_KEY_TYPE           EcIdentity
#define SH_KEY                identity
#define SH_HASH_KEY(table, i) ((uint32) (i).low)
#define SH_EQUAL(table, a, b) ((a).low == (b).low && (a).high == (b).high)
#define SH_SCOPE              static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct StatementRows
{
	EcRowSet rows; /* must be first */
	Relation relation;
	const EcRoute *route;
	bool all;
	Tuplestorestate *old_rows;
	Tuplestorestate *new_rows;
	int old_pointer;
	int new_pointer;
	TupleTableSlot *old_slot;
	TupleTableSlot *new_slot;
	last_hash *last; /* only for an UPDATE of more than one row */
	bool has_gone;
	bool has_nested;     /* nested statements may have written some of the
						  * rows again */
	last_hash *doubtful; /* rows of pairs that may be unrelated */
} StatementRows;

/* Receives the events of an UPDATE; event counts them in their order. */
typedef void (*EventVisitor)(StatementRows *statement, TupleTableSlot *slot,
							 bool is_put, int64 event, void *arg);

/* Compares the stored bytes first, which avoids fetching a long value. */
static bool
is_same(Form_pg_attribute attribute, Datum left, Datum right)
{
	return datumIsEqual(left, right, attribute->attbyval, attribute->attlen) ||
		   (attribute->attlen == -1 &&
			datum_image_eq(left, right, attribute->attbyval, attribute->attlen));
}

static bool
differ(StatementRows *statement, const Bitmapset *columns)
{
	int attnum = -1;

	while ((attnum = bms_next_member(columns, attnum)) >= 0)
	{
		bool was_null;
		bool is_null;
		Datum was = slot_getattr(statement->old_slot, attnum, &was_null);
		Datum is = slot_getattr(statement->new_slot, attnum, &is_null);

		if (was_null != is_null)
			return true;
		if (!was_null &&
			!is_same(TupleDescAttr(RelationGetDescr(statement->relation), attnum - 1),
					 was, is))
			return true;
	}
	return false;
}

static EcIdentity
identity_of(const StatementRows *statement, TupleTableSlot *slot)
{
	return ec_identity_of(statement->route, statement->relation, slot);
}

/* True if the current row may differ from what this statement has written. */
static bool
is_stale(const StatementRows *statement, TupleTableSlot *slot)
{
	EcIdentity identity;

	if (!statement->has_nested && statement->doubtful == NULL)
		return false;
	identity = identity_of(statement, slot);
	return (statement->has_nested && ec_was_written_deeper(identity)) ||
		   (statement->doubtful != NULL &&
			last_lookup(statement->doubtful, identity) != NULL);
}

static void
rewind_rows(Tuplestorestate *rows, int pointer)
{
	tuplestore_select_read_pointer(rows, pointer);
	tuplestore_rescan(rows);
}

static bool
next_row(Tuplestorestate *rows, int pointer, TupleTableSlot *slot)
{
	tuplestore_select_read_pointer(rows, pointer);
	return tuplestore_gettupleslot(rows, true, false, slot);
}

static void
visit_all(const StatementRows *statement, Tuplestorestate *rows, int pointer,
		  TupleTableSlot *slot, EcRowVisitor visit, void *arg)
{
	rewind_rows(rows, pointer);
	while (next_row(rows, pointer, slot))
		if (!is_stale(statement, slot))
			visit(arg, slot);
	ExecClearTuple(slot);
}

static void
visit_pairs(StatementRows *statement, EventVisitor visit, void *arg)
{
	int64 event = 0;

	rewind_rows(statement->old_rows, statement->old_pointer);
	rewind_rows(statement->new_rows, statement->new_pointer);
	while (next_row(statement->old_rows, statement->old_pointer, statement->old_slot) &&
		   next_row(statement->new_rows, statement->new_pointer, statement->new_slot))
	{
		event += 2;
		if (!statement->all && !differ(statement, statement->route->reads))
			continue;
		if (differ(statement, statement->route->identity))
			visit(statement, statement->old_slot, false, event, arg);
		visit(statement, statement->new_slot, true, event + 1, arg);
	}
}

static void
visit_apart(StatementRows *statement, EventVisitor visit, void *arg)
{
	int64 event = 0;

	rewind_rows(statement->old_rows, statement->old_pointer);
	while (next_row(statement->old_rows, statement->old_pointer, statement->old_slot))
		visit(statement, statement->old_slot, false, ++event, arg);
	rewind_rows(statement->new_rows, statement->new_pointer);
	while (next_row(statement->new_rows, statement->new_pointer, statement->new_slot))
		visit(statement, statement->new_slot, true, ++event, arg);
}

static void
visit_events(StatementRows *statement, EventVisitor visit, void *arg)
{
	if (tuplestore_tuple_count(statement->old_rows) ==
		tuplestore_tuple_count(statement->new_rows))
		visit_pairs(statement, visit, arg);
	else
		visit_apart(statement, visit, arg);
	ExecClearTuple(statement->old_slot);
	ExecClearTuple(statement->new_slot);
}

static void
note_event(StatementRows *statement, TupleTableSlot *slot, bool is_put,
		   int64 event, void *arg)
{
	bool found;

	last_insert(arg, identity_of(statement, slot), &found)->event = event;
	statement->has_gone |= !is_put;
}

/* visits only the last events, of one kind */
typedef struct Filter
{
	EcRowVisitor visit;
	void *arg;
	bool is_put;
} Filter;

static void
filter_event(StatementRows *statement, TupleTableSlot *slot, bool is_put,
			 int64 event, void *arg)
{
	Filter *filter = arg;

	if (is_put == filter->is_put && !is_stale(statement, slot) &&
		last_lookup(statement->last, identity_of(statement, slot))->event == event)
		filter->visit(filter->arg, slot);
}

static void
visit_updated(EcRowSet *rows, bool is_put, EcRowVisitor visit, void *arg)
{
	StatementRows *statement = (StatementRows *) rows;
	Filter filter = {visit, arg, is_put};

	if (statement->last == NULL)
	{
		last_hash *last =
			last_create(GetMemoryChunkContext(statement),
						tuplestore_tuple_count(statement->new_rows), NULL);

		visit_events(statement, note_event, last);
		statement->last = last;
	}
	if (is_put || statement->has_gone)
		visit_events(statement, filter_event, &filter);
}

static void
gone_of_update(EcRowSet *rows, EcRowVisitor visit, void *arg)
{
	visit_updated(rows, false, visit, arg);
}

static void
put_of_update(EcRowSet *rows, EcRowVisitor visit, void *arg)
{
	visit_updated(rows, true, visit, arg);
}

static void
put_of_insert(EcRowSet *rows, EcRowVisitor visit, void *arg)
{
	StatementRows *statement = (StatementRows *) rows;

	visit_all(statement, statement->new_rows, statement->new_pointer,
			  statement->new_slot, visit, arg);
}

static void
gone_of_delete(EcRowSet *rows, EcRowVisitor visit, void *arg)
{
	StatementRows *statement = (StatementRows *) rows;

	visit_all(statement, statement->old_rows, statement->old_pointer,
			  statement->old_slot, visit, arg);
}

/*
 * Visits all rows that a TRUNCATE is about to remove.  The table is locked
 * exclusively, so the latest snapshot shows all of them.
 */
static void
gone_of_truncate(EcRowSet *rows, EcRowVisitor visit, void *arg)
{
	StatementRows *statement = (StatementRows *) rows;
	Snapshot snapshot;
	TableScanDesc scan;
	TupleTableSlot *slot;

	if (!RELKIND_HAS_STORAGE(statement->relation->rd_rel->relkind))
		return; /* The partitions have triggers of their own. */
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	slot = table_slot_create(statement->relation, NULL);
	scan = table_beginscan(statement->relation, snapshot, 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		visit(arg, slot);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
}

static void
add_doubtful(StatementRows *statement, EcIdentity identity)
{
	bool found;

	if (statement->doubtful == NULL)
		statement->doubtful =
			last_create(GetMemoryChunkContext(statement), 64, NULL);
	(void) last_insert(statement->doubtful, identity, &found);
}

/*
 * In a partitioned table, two rows of a pair are versions of one row only if
 * they have the same identity, or the row trigger has recorded the move; see
 * moves.h.
 */
static void
find_doubtful(StatementRows *statement)
{
	rewind_rows(statement->old_rows, statement->old_pointer);
	rewind_rows(statement->new_rows, statement->new_pointer);
	while (next_row(statement->old_rows, statement->old_pointer, statement->old_slot) &&
		   next_row(statement->new_rows, statement->new_pointer, statement->new_slot))
	{
		EcIdentity was;
		EcIdentity is;

		if (!differ(statement, statement->route->identity))
			continue;
		was = identity_of(statement, statement->old_slot);
		is = identity_of(statement, statement->new_slot);
		if (ec_take_move(statement->route, was, is))
			continue;
		add_doubtful(statement, was);
		add_doubtful(statement, is);
	}
	ExecClearTuple(statement->old_slot);
	ExecClearTuple(statement->new_slot);
}

static void
none(EcRowSet *rows, EcRowVisitor visit, void *arg)
{
}

static int
start_reading(StatementRows *statement, Tuplestorestate *rows, TupleTableSlot **slot)
{
	if (rows == NULL)
		return 0;
	*slot = MakeSingleTupleTableSlot(RelationGetDescr(statement->relation),
									 &TTSOpsMinimalTuple);
	return tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND);
}

EcRowSet *
ec_statement_rows(TriggerData *data, const EcRoute *route, bool all)
{
	StatementRows *statement = palloc0_object(StatementRows);
	EcRowSet *rows = &statement->rows;
	TriggerEvent event = data->tg_event;

	statement->relation = data->tg_relation;
	statement->route = route;
	statement->all = all;
	statement->old_rows = data->tg_oldtable;
	statement->new_rows = data->tg_newtable;
	statement->old_pointer =
		start_reading(statement, statement->old_rows, &statement->old_slot);
	statement->new_pointer =
		start_reading(statement, statement->new_rows, &statement->new_slot);
	statement->has_nested = ec_any_nested_writes();
	rows->each_gone = TRIGGER_FIRED_BY_UPDATE(event)     ? gone_of_update
					  : TRIGGER_FIRED_BY_DELETE(event)   ? gone_of_delete
					  : TRIGGER_FIRED_BY_TRUNCATE(event) ? gone_of_truncate
														 : none;
	rows->each_put = TRIGGER_FIRED_BY_UPDATE(event)   ? put_of_update
					 : TRIGGER_FIRED_BY_INSERT(event) ? put_of_insert
													  : none;
	rows->operation = TRIGGER_FIRED_BY_UPDATE(event)     ? "update"
					  : TRIGGER_FIRED_BY_DELETE(event)   ? "delete"
					  : TRIGGER_FIRED_BY_TRUNCATE(event) ? "truncate"
														 : "insert";
	if (TRIGGER_FIRED_BY_UPDATE(event) &&
		statement->relation->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		find_doubtful(statement);
	return rows;
}

void
ec_row_set_end(EcRowSet *rows)
{
	StatementRows *statement = (StatementRows *) rows;

	if (statement->old_slot != NULL)
		ExecDropSingleTupleTableSlot(statement->old_slot);
	if (statement->new_slot != NULL)
		ExecDropSingleTupleTableSlot(statement->new_slot);
}

/* Visits all rows in the transition tables, old and new. */
static void
visit_every(StatementRows *statement, EventVisitor visit, void *arg)
{
	if (statement->old_rows != NULL && statement->new_rows != NULL)
	{
		visit_events(statement, visit, arg);
		return;
	}
	if (statement->old_rows != NULL)
	{
		rewind_rows(statement->old_rows, statement->old_pointer);
		while (next_row(statement->old_rows, statement->old_pointer,
						statement->old_slot))
			visit(statement, statement->old_slot, false, 0, arg);
	}
	if (statement->new_rows != NULL)
	{
		rewind_rows(statement->new_rows, statement->new_pointer);
		while (next_row(statement->new_rows, statement->new_pointer,
						statement->new_slot))
			visit(statement, statement->new_slot, true, 0, arg);
	}
}

static void
visit_stale(StatementRows *statement, TupleTableSlot *slot, bool is_put,
			int64 event, void *arg)
{
	Filter *filter = arg;

	if (is_stale(statement, slot))
		filter->visit(filter->arg, slot);
}

void
ec_row_set_each_stale(EcRowSet *rows, EcRowVisitor visit, void *arg)
{
	StatementRows *statement = (StatementRows *) rows;
	Filter filter = {visit, arg};

	if (statement->has_nested || statement->doubtful != NULL)
		visit_every(statement, visit_stale, &filter);
}

static void
note_written(StatementRows *statement, TupleTableSlot *slot, bool is_put,
			 int64 event, void *arg)
{
	ec_note_nested_write(identity_of(statement, slot));
}

void
ec_row_set_note_nested(EcRowSet *rows)
{
	if (DatumGetInt32(DirectFunctionCall1(pg_trigger_depth, (Datum) 0)) > 1)
		visit_every((StatementRows *) rows, note_written, NULL);
}

static void
note_any(StatementRows *statement, TupleTableSlot *slot, bool is_put,
		 int64 event, void *arg)
{
	*(bool *) arg = true;
}

bool
ec_row_set_are_none(EcRowSet *rows)
{
	StatementRows *statement = (StatementRows *) rows;
	bool any = false;

	if (statement->old_rows != NULL && statement->new_rows != NULL)
		visit_events(statement, note_any, &any);
	else if (statement->old_rows != NULL)
		any = tuplestore_tuple_count(statement->old_rows) > 0;
	else if (statement->new_rows != NULL)
		any = tuplestore_tuple_count(statement->new_rows) > 0;
	else
		any = RELKIND_HAS_STORAGE(statement->relation->rd_rel->relkind) &&
			  RelationGetNumberOfBlocks(statement->relation) > 0;
	return !any;
}
