/*
 * batch.c
 *		Runs the statements of one batch.
 *
 * The usual way is one UPDATE with a TID range, with a saved generic plan.  By
 * itself the planner might prefer an index on a column of the predicate and
 * use the range only as a filter, so that each batch would read half of an
 * index.  So while our statements are planned, a rule allows only TID scans of
 * the target table; joins and sub-selects are planned as usual.
 *
 * If a row lock was in the way, the rows of the range are first locked with
 * SKIP LOCKED, and then updated by their TIDs, in the same transaction.
 *
 * All statements run as the job's owner, or as the owner of a change's
 * tables.  Names in the user's text are looked up in the user's search_path;
 * names that we add are quoted, or qualified with their schema.  Text that
 * ec_expand or ec_copy has analysed is looked up in pg_catalog only.  Triggers
 * and functions run with the user's search_path in any case; see
 * core/planned.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "optimizer/paths.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "backfill/batch.h"
#include "backfill/prepared.h"
#include "backfill/statement.h"
#include "core/catalog.h"
#include "core/planned.h"
#include "core/receiver.h"
#include "expand_contract.h"
#include "worker/process/flush.h"

/* [0] for a range of rows, [1] for a list */
static EcPrepared write_rows[2];
static EcPrepared count_rows[2];
static EcPrepared lock_rows[2];
static EcPrepared wait_for_rows[2];

/*
 * The table that must be read with TID scans.  User SQL that is planned
 * meanwhile is not affected.
 */
static Oid scanned_table = InvalidOid;

static bool
is_scanned(PlannerInfo *root, RelOptInfo *rel, const RangeTblEntry *rte)
{
	return rte->relid == scanned_table;
}

static void
make_tid_scans(PlannerInfo *root, RelOptInfo *rel)
{
	(void) create_tidscan_paths(root, rel);
}

static bool
is_plain_tid_scan(const Path *path)
{
	return (IsA(path, TidRangePath) || IsA(path, TidPath)) &&
		   path->param_info == NULL;
}

static EcPathRule by_tid = {is_scanned, make_tid_scans, is_plain_tid_scan};

/*
 * Receives the rows that a statement returns: counts them and keeps what we
 * need.
 */
typedef struct Receiver
{
	DestReceiver base;
	const EcBatchRows *from; /* the rows that the statement processes */
	EcWritten written;
	Relation leaf;         /* mentioned with a row, or NULL if not needed */
	bool is_update;        /* the first column must not be true in any row */
	char *example;         /* describes the first row, if no update */
	ArrayBuildState *tids; /* collects the first column, if it is a TID */
	MemoryContext context; /* for what is kept */
} Receiver;

/* The key's columns follow the predicate and the row's TID. */
#define KEY_COLUMNS_AFTER 2

/* Returns "(id)=(17)", or a text if there is no primary key. */
static char *
name_row(TupleTableSlot *slot, Relation leaf)
{
	TupleDesc columns = slot->tts_tupleDescriptor;
	StringInfoData names;
	StringInfoData values;

	if (columns->natts <= KEY_COLUMNS_AFTER)
		return leaf ? psprintf("of table %s, which has no primary key",
							   ec_relation_name(RelationGetRelid(leaf)))
					: pstrdup("of a table without a primary key");
	initStringInfo(&names);
	initStringInfo(&values);
	for (int i = KEY_COLUMNS_AFTER + 1; i <= columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i - 1);
		bool isnull;
		Datum value = slot_getattr(slot, i, &isnull);
		Oid output;
		bool is_varlena;

		getTypeOutputInfo(column->atttypid, &output, &is_varlena);
		appendStringInfo(&names, "%s%s", i > KEY_COLUMNS_AFTER + 1 ? ", " : "",
						 quote_identifier(NameStr(column->attname)));
		appendStringInfo(&values, "%s%s", i > KEY_COLUMNS_AFTER + 1 ? ", " : "",
						 isnull ? "null" : OidOutputFunctionCall(output, value));
	}
	if (leaf)
		appendStringInfo(&values, ") of table %s",
						 ec_relation_name(RelationGetRelid(leaf)));
	return psprintf("(%s)=(%s%s", names.data, values.data, leaf ? "" : ")");
}

static void
refuse_row(TupleTableSlot *slot, Relation leaf)
{
	ereport(ERROR,
			(errcode(EC_ERRCODE_NOT_CONVERGING),
			 errmsg("backfill does not converge: the predicate still holds for a row that was just updated"),
			 errdetail("Row %s.", name_row(slot, leaf)),
			 errhint("The update has to make the predicate false for every row. Exclude rows whose new value satisfies it again, as in \"new_column IS NULL AND old_column IS NOT NULL\".")));
}

/*
 * Has the row moved to a page outside of the chunk, so that the table grows?
 */
static bool
has_moved(TupleTableSlot *slot, const EcBatchRows *from)
{
	bool isnull;
	ItemPointer place =
		(ItemPointer) DatumGetPointer(slot_getattr(slot, 2, &isnull));
	BlockNumber block = ItemPointerGetBlockNumber(place);

	return block < from->first || block >= from->end;
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver *receiver = (Receiver *) self;
	bool isnull;
	Datum first = slot_getattr(slot, 1, &isnull);

	receiver->written.rows++;
	if (receiver->is_update)
	{
		if (!isnull && DatumGetBool(first))
			refuse_row(slot, receiver->leaf);
		if (has_moved(slot, receiver->from))
			receiver->written.moved++;
		ec_flush_piece();
	}
	else if (receiver->tids != NULL)
		receiver->tids = accumArrayResult(receiver->tids, first, isnull, TIDOID,
										  receiver->context);
	else if (receiver->example == NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(receiver->context);

		receiver->example = name_row(slot, receiver->leaf);
		MemoryContextSwitchTo(old_context);
	}
	return true;
}

static void
init_receiver(Receiver *receiver, Relation relation, const EcBackfill *backfill,
			  const EcBatchRows *rows)
{
	memset(receiver, 0, sizeof(*receiver));
	ec_init_receiver(&receiver->base, receive_row);
	receiver->from = rows;
	receiver->leaf = backfill->alias ? relation : NULL;
	receiver->context = CurrentMemoryContext;
}

/*
 * Runs one of the statements, which has one plan for ranges and one for
 * lists.  Returns the number of rows that it returned or changed.
 */
static uint64
run(EcPrepared *statements, char *sql, Relation relation,
	const EcBackfill *backfill, const EcBatchRows *rows, Receiver *receiver)
{
	const EcSweepKind *kind = backfill->kind;
	ParamListInfo parameters = ec_parameters(2);

	if (rows->is_list)
		ec_add_parameter(parameters, TIDARRAYOID, rows->list);
	else
	{
		ec_add_parameter(parameters, TIDOID, PointerGetDatum(&rows->from));
		ec_add_parameter(parameters, TIDOID, PointerGetDatum(&rows->to));
	}
	scanned_table = RelationGetRelid(relation);
	return ec_run_prepared(&statements[rows->is_list], sql, parameters,
						   backfill->search_path, &receiver->base, &by_tid,
						   kind->path_rule ? kind->path_rule(backfill) : NULL);
}

static void
connect(void)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

static EcWritten
write_batch(Relation relation, const EcBackfill *backfill, const EcBatchRows *rows)
{
	Receiver receiver;
	EcWritten written;
	uint64 processed;

	init_receiver(&receiver, relation, backfill, rows);
	receiver.is_update = true;
	connect();
	processed =
		run(write_rows, ec_write_statement(relation, backfill, rows->is_list),
			relation, backfill, rows, &receiver);
	written = receiver.written;
	/* a statement that writes another table returns no rows to the receiver */
	written.rows = processed;
	SPI_finish();
	return written;
}

int64
ec_batch_count(Relation relation, const EcBackfill *backfill,
			   const EcBatchRows *rows, char **example)
{
	Receiver receiver;

	init_receiver(&receiver, relation, backfill, rows);
	connect();
	(void) run(count_rows, ec_count_statement(relation, backfill, rows->is_list),
			   relation, backfill, rows, &receiver);
	SPI_finish();
	if (example != NULL)
		*example = receiver.example;
	return receiver.written.rows;
}

/* Locks the rows that are still to be done, and makes a list of them. */
static void
lock(Relation relation, const EcBackfill *backfill, const EcBatchRows *rows,
	 bool skip_locked, EcBatchRows *locked)
{
	Receiver receiver;

	init_receiver(&receiver, relation, backfill, rows);
	receiver.tids = initArrayResult(TIDOID, CurrentMemoryContext, false);
	connect();
	(void) run(skip_locked ? lock_rows : wait_for_rows,
			   ec_lock_statement(relation, backfill, rows->is_list, skip_locked),
			   relation, backfill, rows, &receiver);
	SPI_finish();
	*locked = *rows;
	locked->is_list = true;
	locked->count = receiver.written.rows;
	locked->list = makeArrayResult(receiver.tids, CurrentMemoryContext);
}

static EcWritten
write_locked(Relation relation, const EcBackfill *backfill, const EcBatchRows *locked)
{
	EcWritten written = {0};

	if (locked->count > 0)
	{
		written = write_batch(relation, backfill, locked);
		if (backfill->kind->check_written != NULL)
			backfill->kind->check_written(relation, backfill, locked, written.rows);
	}
	written.locked = locked->count;
	return written;
}

/*
 * If the statement depends on two tables, the rows are locked before it takes
 * its snapshot, so that no one else can change them in between.
 */
EcWritten
ec_batch_write(Relation relation, const EcBackfill *backfill, const EcBatchRows *rows)
{
	EcBatchRows locked;

	if (!backfill->kind->locks_first)
		return write_batch(relation, backfill, rows);
	lock(relation, backfill, rows, false, &locked);
	return write_locked(relation, backfill, &locked);
}

EcWritten
ec_batch_write_unlocked(Relation relation, const EcBackfill *backfill,
						const EcBatchRows *rows, int64 *skipped)
{
	int64 candidates = ec_batch_count(relation, backfill, rows, NULL);
	EcBatchRows locked;
	EcWritten nothing = {0};

	*skipped = 0;
	if (candidates == 0)
		return nothing;
	lock(relation, backfill, rows, true, &locked);
	*skipped = Max(0, candidates - locked.count);
	return write_locked(relation, backfill, &locked);
}

bool
ec_batch_any(Relation root, const EcBackfill *backfill)
{
	bool any;

	connect();
	if (backfill->kind->check_all != NULL)
		backfill->kind->check_all(backfill);
	any = ec_first_row_planned(ec_any_statement(root, backfill, "", 1),
							   backfill->search_path) != NULL;
	SPI_finish();
	return any;
}
