/*
 * batch.c
 *		The statements of one batch, over a range of tuple identifiers.
 *
 * The fast path is one plain UPDATE with a TID range, as a saved generic plan.
 * Left to itself the planner may prefer an index on the predicate's column and
 * use the range as a mere filter, and then each batch reads half of an index.
 * So while our statements are planned, a hook leaves the target table no path
 * but the scan by TID; joins and sub-selects stay the planner's.
 *
 * When a row lock stood in the way, the rows of the range are first locked
 * with SKIP LOCKED and then updated by their TIDs, all in one transaction.
 *
 * All of it runs as the job's owner, or the owner of a change's tables, and his
 * text is looked up in his search_path; what we add to it is quoted, or spelled
 * out with its schema.  What ec_expand or ec_copy has analysed is looked up in
 * pg_catalog; triggers and functions have his search_path all the same, see
 * core/planned.h.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "nodes/params.h"
#include "optimizer/paths.h"
#include "tcop/dest.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "backfill/batch.h"
#include "backfill/copy/copy_statement.h"
#include "core/catalog.h"
#include "core/expression.h"
#include "core/planned.h"
#include "expand_contract.h"
#include "worker/process/flush.h"

/* A prepared statement, made again when its text changes (a rename, say). */
typedef struct Statement
{
	char *sql;
	SPIPlanPtr plan;
} Statement;

/* each over a range [0] and over a list [1] */
static Statement update_rows[2];
static Statement count_rows[2];
static Statement lock_rows[2];
static Statement wait_for_rows[2];

/* The table whose scans must go by TID, while our statements are planned. */
static Oid scan_by_tid = InvalidOid;
static set_rel_pathlist_hook_type previous_pathlist_hook = NULL;

static bool
is_plain_tid_scan(const Path *path)
{
	return (IsA(path, TidRangePath) || IsA(path, TidPath)) &&
		   path->param_info == NULL;
}

/*
 * The paths that we find here are those that the planner has kept: a scan by
 * TID that looked dearer than another way is gone already.  So they are made
 * again, without competition.
 */
static void
keep_only_tid_scans(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	List *all_paths;
	List *tid_paths = NIL;
	ListCell *cell;

	if (previous_pathlist_hook)
		previous_pathlist_hook(root, rel, rti, rte);
	if (!OidIsValid(scan_by_tid) || rte->relid != scan_by_tid)
		return;
	all_paths = rel->pathlist;
	rel->pathlist = NIL;
	(void) create_tidscan_paths(root, rel);
	foreach (cell, rel->pathlist)
		if (is_plain_tid_scan(lfirst(cell)))
			tid_paths = lappend(tid_paths, lfirst(cell));

	/* the user's own SQL may read the table as it likes */
	if (tid_paths == NIL)
	{
		rel->pathlist = all_paths;
		return;
	}
	rel->pathlist = tid_paths;
	rel->partial_pathlist = NIL;
}

void
ec_batch_init(void)
{
	static bool hooked = false;

	if (hooked)
		return;
	previous_pathlist_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = keep_only_tid_scans;
	ec_copy_plan_init();
	hooked = true;
}

/* ", id, region": the primary key's columns, so that errors can name a row. */
static void
append_key_columns(StringInfo sql, Relation relation)
{
	Bitmapset *key =
		RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);
	int member = -1;

	while ((member = bms_next_member(key, member)) >= 0)
	{
		AttrNumber number = member + FirstLowInvalidHeapAttributeNumber;
		Form_pg_attribute attribute =
			TupleDescAttr(RelationGetDescr(relation), number - 1);

		appendStringInfo(sql, ", %s",
						 quote_identifier(NameStr(attribute->attname)));
	}
}

/*
 * The table, under the name that the caller's text may know it by: that of the
 * partitioned table, if this is a partition.
 */
static void
append_target(StringInfo sql, Relation relation, const EcBackfill *backfill)
{
	appendStringInfo(sql, "ONLY %s", ec_relation_name(RelationGetRelid(relation)));
	if (backfill->alias != NULL)
		appendStringInfo(sql, " AS %s", quote_identifier(backfill->alias));
}

/* " WHERE" the row is one of the batch and still to be done. */
static void
append_condition(StringInfo sql, const EcBackfill *backfill, bool is_list)
{
	appendStringInfoString(sql, is_list
									? " WHERE ctid OPERATOR(pg_catalog.=) ANY ($1) AND "
									: " WHERE ctid OPERATOR(pg_catalog.>=) $1"
									  " AND ctid OPERATOR(pg_catalog.<) $2 AND ");
	ec_append_expression(sql, backfill->predicate);
}

static char *
update_statement(Relation relation, const EcBackfill *backfill, bool is_list)
{
	StringInfoData sql;

	initStringInfo(&sql);
	if (backfill->copy != NULL)
	{
		/* rows that are locked need no other look before an INSERT */
		if (is_list && backfill->stage == EC_COPY_WRITE)
			appendStringInfoString(&sql,
								   " WHERE ctid OPERATOR(pg_catalog.=) ANY ($1)");
		else
			append_condition(&sql, backfill, is_list);
		return ec_copy_write_statement(RelationGetRelid(relation), backfill,
									   sql.data);
	}
	appendStringInfoString(&sql, "UPDATE ");
	append_target(&sql, relation, backfill);
	appendStringInfo(&sql, " SET %s\n", backfill->assignments);
	append_condition(&sql, backfill, is_list);
	appendStringInfoString(&sql, " RETURNING ");
	ec_append_expression(&sql, backfill->predicate);
	appendStringInfoString(&sql, ", ctid");
	append_key_columns(&sql, relation);
	return sql.data;
}

char *
ec_batch_statement(Relation relation, const EcBackfill *backfill)
{
	return update_statement(relation, backfill, false);
}

static char *
count_statement(Relation relation, const EcBackfill *backfill, bool is_list)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT true, ctid");
	append_key_columns(&sql, relation);
	appendStringInfoString(&sql, " FROM ");
	append_target(&sql, relation, backfill);
	append_condition(&sql, backfill, is_list);
	return sql.data;
}

/*
 * A column that a foreign key of others may point to needs the stronger lock
 * for its update; taking the weaker first would mean to wait later.  A copy
 * keeps its source rows from being updated or deleted while it writes theirs.
 */
LockTupleMode
ec_batch_lock_mode(const EcBackfill *backfill)
{
	if (backfill->copy == NULL)
		return backfill->updates_key ? LockTupleExclusive : LockTupleNoKeyExclusive;
	return backfill->stage == EC_COPY_WRITE ? LockTupleShare : LockTupleExclusive;
}

static const char *
lock_strength(const EcBackfill *backfill)
{
	switch (ec_batch_lock_mode(backfill))
	{
		case LockTupleShare:
			return "SHARE";
		case LockTupleNoKeyExclusive:
			return "NO KEY UPDATE";
		default:
			return "UPDATE";
	}
}

static char *
lock_statement(Relation relation, const EcBackfill *backfill, bool is_list,
			   bool skip_locked)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ctid FROM ");
	append_target(&sql, relation, backfill);
	append_condition(&sql, backfill, is_list);
	appendStringInfo(&sql, " FOR %s%s", lock_strength(backfill),
					 skip_locked ? " SKIP LOCKED" : "");
	return sql.data;
}

char *
ec_batch_lock_statement(Relation relation, const EcBackfill *backfill)
{
	return lock_statement(relation, backfill, false, false);
}

static SPIPlanPtr
prepare(Statement *statement, char *sql, bool is_list, const char *search_path)
{
	Oid range_types[2] = {TIDOID, TIDOID};
	Oid list_types[1] = {TIDARRAYOID};
	SPIPlanPtr plan;

	if (statement->plan != NULL && strcmp(statement->sql, sql) == 0)
		return statement->plan;
	if (statement->plan != NULL)
	{
		SPI_freeplan(statement->plan);
		statement->plan = NULL;
		pfree(statement->sql);
	}
	plan = ec_prepare_planned(sql, is_list ? 1 : 2,
							  is_list ? list_types : range_types,
							  CURSOR_OPT_GENERIC_PLAN, search_path);
	statement->sql = MemoryContextStrdup(TopMemoryContext, sql);
	SPI_keepplan(plan);
	statement->plan = plan;
	return plan;
}

/* Counts the rows of a statement, and keeps what we need of them. */
typedef struct Receiver
{
	DestReceiver base;
	const EcBatchRows *from; /* the rows that the statement is about */
	EcWritten written;
	Relation leaf;  /* to name with a row, or NULL if that says nothing */
	bool is_update; /* the first column must not be true */
	char *example;  /* names the first row, if no update */
	ArrayBuildState *tids; /* collects the first column, if a TID */
	MemoryContext context; /* of what is kept */
} Receiver;

/* The key is what comes after the predicate and the row's place. */
#define KEY_COLUMNS_AFTER 2

/* "(id) = (17)", or where no primary key is, words. */
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

/* To a page where it takes room that was not its own? */
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
receiver_startup(DestReceiver *self, int operation, TupleDesc columns)
{
}

static void
receiver_end(DestReceiver *self)
{
}

static void
init_receiver(Receiver *receiver, Relation relation, const EcBackfill *backfill,
			  const EcBatchRows *rows)
{
	memset(receiver, 0, sizeof(*receiver));
	receiver->from = rows;
	receiver->leaf = backfill->alias ? relation : NULL;
	receiver->base.receiveSlot = receive_row;
	receiver->base.rStartup = receiver_startup;
	receiver->base.rShutdown = receiver_end;
	receiver->base.rDestroy = receiver_end;
	receiver->base.mydest = DestNone;
	receiver->context = CurrentMemoryContext;
}

static void
set_parameter(ParamListInfo parameters, int number, Oid type, Datum value)
{
	ParamExternData *parameter = &parameters->params[number];

	parameter->value = value;
	parameter->isnull = false;
	parameter->pflags = PARAM_FLAG_CONST;
	parameter->ptype = type;
}

/*
 * Run one of the statements, which has a plan for ranges and one for lists.
 * Returns the rows that it gave or changed.
 */
static uint64
run(Statement *statements, char *sql, Relation relation,
	const EcBackfill *backfill, const EcBatchRows *rows, Receiver *receiver)
{
	ParamListInfo parameters = makeParamList(rows->is_list ? 1 : 2);
	SPIPlanPtr plan;
	uint64 processed;

	if (rows->is_list)
		set_parameter(parameters, 0, TIDARRAYOID, rows->list);
	else
	{
		set_parameter(parameters, 0, TIDOID, PointerGetDatum(&rows->from));
		set_parameter(parameters, 1, TIDOID, PointerGetDatum(&rows->to));
	}
	/* executing may plan again, so the hook is on all the time */
	scan_by_tid = RelationGetRelid(relation);
	ec_copy_plan_begin(backfill);
	plan = prepare(&statements[rows->is_list], sql, rows->is_list,
				   backfill->search_path);
	processed = ec_execute_planned(plan, parameters, backfill->search_path,
								   (DestReceiver *) receiver);
	scan_by_tid = InvalidOid;
	(void) ec_copy_plan_end();
	return processed;
}

static void
connect(void)
{
	/* left over from a batch that failed while planning */
	scan_by_tid = InvalidOid;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

static EcWritten
update(Relation relation, const EcBackfill *backfill, const EcBatchRows *rows)
{
	Receiver receiver;
	EcWritten written;
	uint64 processed;

	init_receiver(&receiver, relation, backfill, rows);
	receiver.is_update = true;
	connect();
	processed =
		run(update_rows, update_statement(relation, backfill, rows->is_list),
			relation, backfill, rows, &receiver);
	written = receiver.written;
	/* what a copy writes comes back without a word */
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
	(void) run(count_rows, count_statement(relation, backfill, rows->is_list),
			   relation, backfill, rows, &receiver);
	SPI_finish();
	if (example != NULL)
		*example = receiver.example;
	return receiver.written.rows;
}

/* Lock those of the rows that are still to be done; they become a list. */
static void
lock(Relation relation, const EcBackfill *backfill, const EcBatchRows *rows,
	 bool skip_locked, EcBatchRows *locked)
{
	Receiver receiver;

	init_receiver(&receiver, relation, backfill, rows);
	receiver.tids = initArrayResult(TIDOID, CurrentMemoryContext, false);
	connect();
	(void) run(skip_locked ? lock_rows : wait_for_rows,
			   lock_statement(relation, backfill, rows->is_list, skip_locked),
			   relation, backfill, rows, &receiver);
	SPI_finish();
	*locked = *rows;
	locked->is_list = true;
	locked->count = receiver.written.rows;
	locked->list = makeArrayResult(receiver.tids, CurrentMemoryContext);
}

/* Can the target's rows become others than we say? */
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
 * Write the rows of a copy, which are locked.  A trigger on the target may have
 * written something else than we said, or nothing: then rows are to be done
 * still, and if we have written more than all others, one of ours is among
 * them.
 */
static EcWritten
write_copies(Relation relation, const EcBackfill *backfill, const EcBatchRows *locked)
{
	EcWritten written = update(relation, backfill, locked);
	char *example;

	if (written.rows > 0 && backfill->stage == EC_COPY_WRITE &&
		has_triggers(backfill->copy->target) &&
		written.rows + ec_batch_count(relation, backfill, locked, &example) >
			locked->count)
		ec_refuse_unstable_copy(backfill->copy, example);
	return written;
}

static EcWritten
update_locked(Relation relation, const EcBackfill *backfill, const EcBatchRows *locked)
{
	EcWritten written = {0};

	if (locked->count > 0)
		written = backfill->copy ? write_copies(relation, backfill, locked)
								 : update(relation, backfill, locked);
	written.locked = locked->count;
	return written;
}

/*
 * What a copy writes depends on two tables, so it locks the rows before the
 * statement that writes takes its snapshot: nobody else changes them then.
 */
EcWritten
ec_batch_update(Relation relation, const EcBackfill *backfill,
				const EcBatchRows *rows)
{
	EcBatchRows locked;

	if (backfill->copy == NULL)
		return update(relation, backfill, rows);
	lock(relation, backfill, rows, false, &locked);
	return update_locked(relation, backfill, &locked);
}

EcWritten
ec_batch_update_unlocked(Relation relation, const EcBackfill *backfill,
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
	return update_locked(relation, backfill, &locked);
}

char *
ec_any_statement(Relation root, const EcBackfill *backfill)
{
	StringInfoData sql;

	initStringInfo(&sql);
	/* without ONLY: all leaves under one snapshot */
	appendStringInfo(&sql, "SELECT true FROM %s",
					 ec_relation_name(RelationGetRelid(root)));
	if (backfill->copy != NULL)
		appendStringInfo(&sql, " AS %s", backfill->alias);
	appendStringInfoString(&sql, " WHERE ");
	ec_append_expression(&sql, backfill->copy ? backfill->any_predicate
											  : backfill->predicate);
	appendStringInfoString(&sql, " LIMIT 1");
	return sql.data;
}

bool
ec_batch_any(Relation root, const EcBackfill *backfill)
{
	bool any;

	connect();
	if (backfill->copy != NULL && backfill->stage == EC_COPY_WRITE &&
		!backfill->copy->has_unique_keys)
		ec_refuse_duplicates(backfill->copy);
	any = ec_first_row_planned(ec_any_statement(root, backfill),
							   backfill->search_path) != NULL;
	SPI_finish();
	return any;
}
