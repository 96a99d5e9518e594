/*
 * batch.c
 *		The statements of one batch, over a range of tuple identifiers.
 *
 * The fast path is one plain UPDATE with a TID range, as a saved generic plan.
 * Left to itself the planner may prefer an index on the predicate's column and
 * use the range as a mere filter, and then each batch reads half of an index.
 * So while our statements are planned, a hook drops every path of the target
 * table but the scan by TID; joins and sub-selects stay the planner's.
 *
 * When a row lock stood in the way, the rows of the range are first locked
 * with SKIP LOCKED and then updated by their TIDs, all in one transaction.
 *
 * All of it runs as the job's owner with his search_path.  What we add to his
 * text is quoted, or spelled out with its schema.
 */
#include "postgres.h"

#include "access/sysattr.h"
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
#include "core/expression.h"
#include "expand_contract.h"

/* A prepared statement, made again when its text changes (a rename, say). */
typedef struct Statement
{
	char *sql;
	SPIPlanPtr plan;
} Statement;

static Statement update_range;
static Statement count_range;
static Statement lock_range;
static Statement update_locked;

/* The table whose scans must go by TID, while our statements are planned. */
static Oid scan_by_tid = InvalidOid;
static set_rel_pathlist_hook_type previous_pathlist_hook = NULL;

static void
keep_only_tid_scans(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	List *tid_paths = NIL;
	ListCell *cell;

	if (previous_pathlist_hook)
		previous_pathlist_hook(root, rel, rti, rte);
	if (!OidIsValid(scan_by_tid) || rte->relid != scan_by_tid)
		return;
	foreach (cell, rel->pathlist)
		if (IsA(lfirst(cell), TidRangePath) || IsA(lfirst(cell), TidPath))
			tid_paths = lappend(tid_paths, lfirst(cell));

	/* the user's own SQL may read the table as it likes */
	if (tid_paths == NIL)
		return;
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
	hooked = true;
}

static char *
qualified_name(Relation relation)
{
	return quote_qualified_identifier(get_namespace_name(
										  RelationGetNamespace(relation)),
									  RelationGetRelationName(relation));
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

static void
append_range(StringInfo sql)
{
	appendStringInfoString(sql, " WHERE ctid OPERATOR(pg_catalog.>=) $1"
								" AND ctid OPERATOR(pg_catalog.<) $2 AND ");
}

static void
append_update(StringInfo sql, Relation relation, const EcBackfill *backfill)
{
	appendStringInfo(sql, "UPDATE ONLY %s SET %s\n", qualified_name(relation),
					 backfill->assignments);
}

static void
append_returning(StringInfo sql, Relation relation, const EcBackfill *backfill)
{
	appendStringInfoString(sql, " RETURNING ");
	ec_append_expression(sql, backfill->predicate);
	append_key_columns(sql, relation);
}

char *
ec_batch_statement(Relation relation, const EcBackfill *backfill)
{
	StringInfoData sql;

	initStringInfo(&sql);
	append_update(&sql, relation, backfill);
	append_range(&sql);
	ec_append_expression(&sql, backfill->predicate);
	append_returning(&sql, relation, backfill);
	return sql.data;
}

static char *
count_statement(Relation relation, const EcBackfill *backfill)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT true");
	append_key_columns(&sql, relation);
	appendStringInfo(&sql, " FROM ONLY %s", qualified_name(relation));
	append_range(&sql);
	ec_append_expression(&sql, backfill->predicate);
	return sql.data;
}

/*
 * A column that a foreign key of others may point to needs the stronger lock
 * for its update; taking the weaker first would mean to wait later.
 */
static char *
lock_statement(Relation relation, const EcBackfill *backfill)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT ctid FROM ONLY %s", qualified_name(relation));
	append_range(&sql);
	ec_append_expression(&sql, backfill->predicate);
	appendStringInfo(&sql, " FOR %s SKIP LOCKED",
					 backfill->updates_key ? "UPDATE" : "NO KEY UPDATE");
	return sql.data;
}

static char *
update_locked_statement(Relation relation, const EcBackfill *backfill)
{
	StringInfoData sql;

	initStringInfo(&sql);
	append_update(&sql, relation, backfill);
	appendStringInfoString(&sql, " WHERE ctid OPERATOR(pg_catalog.=) ANY ($1) AND ");
	ec_append_expression(&sql, backfill->predicate);
	append_returning(&sql, relation, backfill);
	return sql.data;
}

static SPIPlanPtr
prepare(Statement *statement, char *sql, int nargs, Oid *types)
{
	SPIPlanPtr plan;

	if (statement->plan != NULL && strcmp(statement->sql, sql) == 0)
		return statement->plan;
	if (statement->plan != NULL)
	{
		SPI_freeplan(statement->plan);
		statement->plan = NULL;
		pfree(statement->sql);
	}
	plan = SPI_prepare_cursor(sql, nargs, types, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare_cursor failed for \"%s\": %s", sql,
			 SPI_result_code_string(SPI_result));
	statement->sql = MemoryContextStrdup(TopMemoryContext, sql);
	SPI_keepplan(plan);
	statement->plan = plan;
	return plan;
}

/* Counts the rows of a statement, and keeps what we need of them. */
typedef struct Receiver
{
	DestReceiver base;
	int64 rows;
	bool check;            /* the first column must not be true */
	char *example;         /* names the first row, if not check */
	ArrayBuildState *tids; /* collects the first column, if a TID */
	MemoryContext context; /* of what is kept */
} Receiver;

/* "(id) = (17)", or where no primary key is, words. */
static char *
name_row(TupleTableSlot *slot)
{
	TupleDesc columns = slot->tts_tupleDescriptor;
	StringInfoData names;
	StringInfoData values;

	if (columns->natts < 2)
		return pstrdup("of a table without a primary key");
	initStringInfo(&names);
	initStringInfo(&values);
	for (int i = 2; i <= columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i - 1);
		bool isnull;
		Datum value = slot_getattr(slot, i, &isnull);
		Oid output;
		bool is_varlena;

		getTypeOutputInfo(column->atttypid, &output, &is_varlena);
		appendStringInfo(&names, "%s%s", i > 2 ? ", " : "",
						 quote_identifier(NameStr(column->attname)));
		appendStringInfo(&values, "%s%s", i > 2 ? ", " : "",
						 isnull ? "null" : OidOutputFunctionCall(output, value));
	}
	return psprintf("(%s)=(%s)", names.data, values.data);
}

static void
refuse_row(TupleTableSlot *slot)
{
	ereport(ERROR,
			(errcode(EC_ERRCODE_NOT_CONVERGING),
			 errmsg("backfill does not converge: the predicate still holds for a row that was just updated"),
			 errdetail("Row %s.", name_row(slot)),
			 errhint("The update has to make the predicate false for every row. Exclude rows whose new value satisfies it again, as in \"new_column IS NULL AND old_column IS NOT NULL\".")));
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	Receiver *receiver = (Receiver *) self;
	bool isnull;
	Datum first = slot_getattr(slot, 1, &isnull);

	receiver->rows++;
	if (receiver->check)
	{
		if (!isnull && DatumGetBool(first))
			refuse_row(slot);
	}
	else if (receiver->tids != NULL)
		receiver->tids = accumArrayResult(receiver->tids, first, isnull, TIDOID,
										  receiver->context);
	else if (receiver->example == NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(receiver->context);

		receiver->example = name_row(slot);
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
init_receiver(Receiver *receiver)
{
	memset(receiver, 0, sizeof(*receiver));
	receiver->base.receiveSlot = receive_row;
	receiver->base.rStartup = receiver_startup;
	receiver->base.rShutdown = receiver_end;
	receiver->base.rDestroy = receiver_end;
	receiver->base.mydest = DestNone;
	receiver->context = CurrentMemoryContext;
}

static void
execute(SPIPlanPtr plan, int nargs, Oid *types, Datum *values, bool read_only,
		Receiver *receiver)
{
	SPIExecuteOptions options = {0};
	int code;

	options.params = makeParamList(nargs);
	for (int i = 0; i < nargs; i++)
	{
		ParamExternData *parameter = &options.params->params[i];

		parameter->value = values[i];
		parameter->isnull = false;
		parameter->pflags = PARAM_FLAG_CONST;
		parameter->ptype = types[i];
	}
	options.read_only = read_only;
	options.dest = (DestReceiver *) receiver;
	code = SPI_execute_plan_extended(plan, &options);
	if (code < 0)
		elog(ERROR, "SPI_execute_plan_extended failed: %s",
			 SPI_result_code_string(code));
}

/* Run one of the statements over a range. */
static void
run_over_range(Statement *statement, char *sql, Relation relation,
			   const EcRange *range, Receiver *receiver)
{
	Oid types[2] = {TIDOID, TIDOID};
	Datum values[2] = {PointerGetDatum(&range->from), PointerGetDatum(&range->to)};

	scan_by_tid = RelationGetRelid(relation);
	execute(prepare(statement, sql, 2, types), 2, types, values, false, receiver);
	scan_by_tid = InvalidOid;
}

static void
connect(void)
{
	/* left over from a batch that failed while planning */
	scan_by_tid = InvalidOid;
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

int64
ec_batch_update(Relation relation, const EcBackfill *backfill, const EcRange *range)
{
	Receiver receiver;

	init_receiver(&receiver);
	receiver.check = true;
	connect();
	run_over_range(&update_range, ec_batch_statement(relation, backfill),
				   relation, range, &receiver);
	SPI_finish();
	return receiver.rows;
}

int64
ec_batch_count(Relation relation, const EcBackfill *backfill,
			   const EcRange *range, char **example)
{
	Receiver receiver;

	init_receiver(&receiver);
	connect();
	run_over_range(&count_range, count_statement(relation, backfill), relation,
				   range, &receiver);
	SPI_finish();
	if (example != NULL)
		*example = receiver.example;
	return receiver.rows;
}

int64
ec_batch_update_unlocked(Relation relation, const EcBackfill *backfill,
						 const EcRange *range, int64 *skipped)
{
	int64 candidates = ec_batch_count(relation, backfill, range, NULL);
	Receiver locked;
	Receiver updated;
	Oid types[1] = {TIDARRAYOID};
	Datum values[1];

	*skipped = 0;
	if (candidates == 0)
		return 0;

	init_receiver(&locked);
	locked.tids = initArrayResult(TIDOID, CurrentMemoryContext, false);
	init_receiver(&updated);
	updated.check = true;
	connect();
	run_over_range(&lock_range, lock_statement(relation, backfill), relation,
				   range, &locked);
	*skipped = Max(0, candidates - locked.rows);
	if (locked.rows > 0)
	{
		values[0] = makeArrayResult(locked.tids, CurrentMemoryContext);
		scan_by_tid = RelationGetRelid(relation);
		execute(prepare(&update_locked,
						update_locked_statement(relation, backfill), 1, types),
				1, types, values, false, &updated);
		scan_by_tid = InvalidOid;
	}
	SPI_finish();
	return updated.rows;
}
