/*
 * definition.c
 *		What a backfill does: SET list and predicate, checked at submission.
 *
 * Everything that can be known before the first batch is an error of the
 * submitting statement, with a position in the caller's text where there is
 * one.  Analysis runs as the caller, as the worker later will.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parser.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/ruleutils.h"
#include "catalog/pg_type.h"

#include "backfill/batch.h"
#include "backfill/copy/copy_definition.h"
#include "backfill/definition.h"
#include "core/catalog.h"
#include "core/expression.h"
#include "core/json.h"
#include "core/own_table.h"
#include "core/planned.h"
#include "expand_contract.h"

#define ASSIGNMENTS_HINT                                                       \
	"Give what follows SET in an UPDATE, as in \"email = lower(name), seen = true\"; the condition goes into the argument predicate."

/* The position of an error in our statement is one in an internal query. */
static void
statement_error_callback(void *arg)
{
	int position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery((const char *) arg);
	}
}

static void
refuse_assignments(const char *assignments, const char *reason)
{
	ereport(ERROR, (errcode(ERRCODE_SYNTAX_ERROR),
					errmsg("assignments are not the SET list of one UPDATE"),
					errdetail("\"%s\" %s.", assignments, reason),
					errhint(ASSIGNMENTS_HINT)));
}

static void
assignments_error_callback(void *arg)
{
	const char *assignments = arg;

	errdetail("\"%s\" is not the SET list of one UPDATE.", assignments);
	errhint(ASSIGNMENTS_HINT);
}

static bool
contains_default(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, SetToDefault))
		return true;
	return raw_expression_tree_walker(node, contains_default, context);
}

/*
 * The SET list goes into a statement of ours, so on its own it has to be a
 * SET list, whole and nothing else.  True if it assigns a DEFAULT.
 */
static bool
check_assignments(const char *assignments)
{
	ErrorContextCallback position;
	ErrorContextCallback callback;
	UpdateStmt *update;
	List *parsed;
	char *sql;

	if (assignments[strspn(assignments, " \t\r\n\f")] == '\0')
		refuse_assignments(assignments, "is empty");
	sql = psprintf("UPDATE t SET %s\n", assignments);
	position.callback = statement_error_callback;
	position.arg = sql;
	position.previous = error_context_stack;
	callback.callback = assignments_error_callback;
	callback.arg = unconstify(char *, assignments);
	callback.previous = &position;
	error_context_stack = &callback;
	parsed = raw_parser(sql, RAW_PARSE_DEFAULT);
	error_context_stack = position.previous;

	if (list_length(parsed) != 1)
		refuse_assignments(assignments, "holds more than one statement");
	update = (UpdateStmt *) linitial_node(RawStmt, parsed)->stmt;
	if (!IsA(update, UpdateStmt) || update->fromClause != NIL ||
		update->whereClause != NULL || ec_update_has_returning(update))
		refuse_assignments(assignments, "goes on after the SET list");
	return contains_default((Node *) update->targetList, NULL);
}

/* Parse, analyse and rewrite a statement of one query. */
static Query *
analyse(const char *sql)
{
	ErrorContextCallback callback;
	List *parsed;
	List *queries;

	callback.callback = statement_error_callback;
	callback.arg = unconstify(char *, sql);
	callback.previous = error_context_stack;
	error_context_stack = &callback;
	parsed = raw_parser(sql, RAW_PARSE_DEFAULT);
	queries = pg_analyze_and_rewrite_fixedparams(linitial_node(RawStmt, parsed),
												 sql, NULL, 0, NULL);
	error_context_stack = callback.previous;
	if (list_length(queries) != 1)
		elog(ERROR, "unexpected number of queries");
	return linitial_node(Query, queries);
}

typedef struct ReadColumns
{
	Index table; /* range table index of the target */
	int depth;   /* of sub-selects */
	Bitmapset *columns;
} ReadColumns;

static bool
collect_read_columns(Node *node, ReadColumns *read)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var *var = (Var *) node;

		if (var->varno == read->table && var->varlevelsup == read->depth)
			read->columns =
				bms_add_member(read->columns,
							   var->varattno - FirstLowInvalidHeapAttributeNumber);
		return false;
	}
	if (IsA(node, Query))
	{
		bool result;

		read->depth++;
		result = query_tree_walker((Query *) node, collect_read_columns, read, 0);
		read->depth--;
		return result;
	}
	return expression_tree_walker(node, collect_read_columns, read);
}

/* Columns of the target that an expression reads, whole rows as all. */
static Bitmapset *
columns_read(Query *query, Node *expression)
{
	ReadColumns read = {query->resultRelation, 0, NULL};

	(void) collect_read_columns(expression, &read);
	if (bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, read.columns))
		read.columns =
			bms_add_range(read.columns, 1 - FirstLowInvalidHeapAttributeNumber,
						  MaxHeapAttributeNumber);
	return read.columns;
}

static Bitmapset *
columns_assigned(Query *query)
{
	Bitmapset *assigned = NULL;
	ListCell *cell;

	foreach (cell, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);

		if (!entry->resjunk)
			assigned =
				bms_add_member(assigned,
							   entry->resno - FirstLowInvalidHeapAttributeNumber);
	}
	return assigned;
}

static char *
column_names(Relation relation, Bitmapset *columns)
{
	StringInfoData names;
	int member = -1;

	initStringInfo(&names);
	while ((member = bms_next_member(columns, member)) >= 0)
	{
		AttrNumber number = member + FirstLowInvalidHeapAttributeNumber;

		if (number < 1 || number > RelationGetNumberOfAttributes(relation))
			continue;
		appendStringInfo(&names, "%s\"%s\"", names.len > 0 ? ", " : "",
						 NameStr(TupleDescAttr(RelationGetDescr(relation), number - 1)
									 ->attname));
	}
	return names.data;
}

static void
want_predicate(Relation relation, const char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("this backfill of table \"%s\" needs a predicate",
					RelationGetRelationName(relation)),
			 errdetail("%s, so comparing the column with its expression cannot tell which rows are done.",
					   reason),
			 errhint("Give a predicate that holds for the rows still to be done and no longer holds once they are updated, as in \"new_column IS NULL\".")));
}

static bool
is_not_plain(Node *node, void *context)
{
	if (node == NULL)
		return false;
	/* columns set together from a sub-select, or a part of a value */
	if (IsA(node, Param))
		return true;
	return expression_tree_walker(node, is_not_plain, context);
}

/* What gives another value in each batch, though it is called stable. */
static bool
is_time_function(Oid function, void *context)
{
	return function == F_NOW || function == F_TRANSACTION_TIMESTAMP ||
		   function == F_STATEMENT_TIMESTAMP;
}

static bool
reads_clock(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_time_function, context))
		return true;
	if (IsA(node, SQLValueFunction))
	{
		SQLValueFunctionOp op = ((SQLValueFunction *) node)->op;

		return op >= SVFOP_CURRENT_DATE && op <= SVFOP_LOCALTIMESTAMP_N;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, reads_clock, context, 0);
	return expression_tree_walker(node, reads_clock, context);
}

bool
ec_reads_clock(Node *expression)
{
	return reads_clock(expression, NULL);
}

/* Does a sub-select read the table itself, which each batch changes? */
static bool
reads_table(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return ((RangeTblEntry *) node)->relid == *(Oid *) context;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, reads_table, context,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, reads_table, context);
}

/*
 * The predicate for a backfill that has none: some column's image differs
 * from that of its new value.  Images, because an equality that says "done"
 * to a value the update would not have stored never ends, and not every type
 * has one.
 */
static char *
automatic_predicate(Relation relation, Query *query)
{
	List *context = deparse_context_for(RelationGetRelationName(relation),
										RelationGetRelid(relation));
	Bitmapset *both;
	StringInfoData sql;
	ListCell *cell;

	if (contain_volatile_functions((Node *) query->targetList))
		want_predicate(relation, "An assigned expression is volatile");
	if (reads_clock((Node *) query->targetList, NULL))
		want_predicate(relation, "An assigned expression reads the clock");
	if (reads_table((Node *) query->targetList, &RelationGetRelid(relation)))
		want_predicate(relation, "A sub-select reads the table that is updated");
	both = bms_intersect(columns_assigned(query),
						 columns_read(query, (Node *) query->targetList));
	if (!bms_is_empty(both))
		want_predicate(relation, psprintf("Column %s is both assigned and read",
										  column_names(relation, both)));

	initStringInfo(&sql);
	foreach (cell, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);
		Form_pg_attribute column;

		if (is_not_plain((Node *) entry->expr, NULL))
			want_predicate(relation,
						   "Several columns are assigned from one sub-select");
		if (entry->resjunk)
			continue;
		column = TupleDescAttr(RelationGetDescr(relation), entry->resno - 1);
		/* schema expand_contract is open to everyone for this function */
		appendStringInfo(&sql, "%sexpand_contract.differs(%s, CAST(%s AS %s))",
						 sql.len > 0 ? " OR " : "",
						 quote_identifier(NameStr(column->attname)),
						 deparse_expression((Node *) entry->expr, context,
											false, false),
						 format_type_extended(column->atttypid, column->atttypmod,
											  FORMAT_TYPE_TYPEMOD_GIVEN |
												  FORMAT_TYPE_FORCE_QUALIFY));
	}
	return sql.data;
}

static Bitmapset *
generated_columns(TupleDesc columns)
{
	Bitmapset *generated = NULL;

	for (int i = 0; i < columns->natts; i++)
		if (TupleDescAttr(columns, i)->attgenerated)
			generated = bms_add_member(generated,
									   i + 1 - FirstLowInvalidHeapAttributeNumber);
	return generated;
}

/*
 * A predicate that looks at nothing that the update changes holds after it as
 * it did before.  A trigger or a generated column may change what it looks at,
 * and a sub-select what it sees; then the first batch will tell.
 */
static void
check_predicate_can_change(Relation relation, Query *query, const char *predicate)
{
	TupleDesc columns = RelationGetDescr(relation);
	Node *condition = query->jointree->quals;
	Bitmapset *read = columns_read(query, condition);

	if (contain_volatile_functions(condition))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("predicate must not be volatile"),
				 errdetail("\"%s\" may say something else each time, so the job could not know when it is done.",
						   predicate),
				 errhint("Use only the row's own columns and immutable or stable functions.")));
	if (query->hasSubLinks || bms_overlap(read, columns_assigned(query)) ||
		bms_overlap(read, generated_columns(columns)) ||
		(relation->trigdesc && relation->trigdesc->trig_update_before_row))
		return;
	ereport(ERROR,
			(errcode(EC_ERRCODE_NOT_CONVERGING),
			 errmsg("backfill cannot converge: the predicate reads no column that is assigned"),
			 errdetail("Assigned: %s. The predicate \"%s\" holds after the update as it did before.",
					   column_names(relation, columns_assigned(query)), predicate),
			 errhint("Add a condition that the update makes false, as in \"AND %s IS NULL\".",
					 quote_identifier(NameStr(
						 TupleDescAttr(columns, linitial_node(TargetEntry, query->targetList)
														->resno -
													1)
							 ->attname)))));
}

/* A subtransaction that is rolled back lets its locks go. */
void
ec_probe(void (*look)(void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		look(arg);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL)
		ReThrowError(error);
}

/*
 * EXPLAIN plans the very statement and checks the caller's rights on all that
 * it touches, without running any of it.
 */
void
ec_explain(const char *statement, int nargs, const char *search_path)
{
	int guc_level = ec_planning_begin(search_path);
	Oid types[2] = {TIDOID, TIDOID};
	ItemPointerData tid;
	Datum values[2] = {PointerGetDatum(&tid), PointerGetDatum(&tid)};

	ItemPointerSet(&tid, 0, 1);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute_with_args(psprintf("EXPLAIN %s", statement), nargs, types,
							  values, NULL, false, 0) < 0)
		elog(ERROR, "could not explain \"%s\"", statement);
	SPI_finish();
	ec_planning_end(guc_level);
}

void
ec_check_statement(Relation relation, const EcBackfill *backfill)
{
	/* a right to lock rows is not one to read them */
	if (backfill->copy != NULL)
		ec_explain(ec_batch_lock_statement(relation, backfill), 2,
				   backfill->search_path);
	ec_explain(ec_batch_statement(relation, backfill), 2, backfill->search_path);
}

void
ec_check_any_statement(Relation root, const EcBackfill *backfill)
{
	ec_explain(ec_any_statement(root, backfill), 0, backfill->search_path);
}

void
ec_define_backfill(Relation relation, const char *assignments,
				   const char *predicate, EcBackfill *backfill)
{
	StringInfoData sql;
	Query *query;

	memset(backfill, 0, sizeof(*backfill));
	backfill->uses_default = check_assignments(assignments);
	if (predicate != NULL)
		ec_check_expression(predicate, "predicate");

	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE ONLY %s SET %s\n",
					 ec_relation_name(RelationGetRelid(relation)), assignments);
	if (predicate != NULL)
	{
		appendStringInfoString(&sql, " WHERE ");
		ec_append_expression(&sql, predicate);
	}
	query = analyse(sql.data);
	/* the rewriter drops "generated = DEFAULT" */
	if (columns_assigned(query) == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("backfill of table \"%s\" assigns nothing",
							   RelationGetRelationName(relation)),
						errdetail("The server computes generated columns itself."),
						errhint("Assign a column that is not generated.")));
	if (predicate != NULL)
		check_predicate_can_change(relation, query, predicate);

	backfill->assignments = pstrdup(assignments);
	backfill->predicate =
		predicate ? pstrdup(predicate) : automatic_predicate(relation, query);
	backfill->columns = columns_assigned(query);
	backfill->updates_key =
		bms_overlap(backfill->columns,
					RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_KEY));
	ec_check_statement(relation, backfill);
}

typedef struct Estimate
{
	const char *sql;
	double rows;
} Estimate;

static void
plan_estimate(void *arg)
{
	Estimate *estimate = arg;
	SPIPlanPtr plan;
	CachedPlan *cached;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = SPI_prepare(estimate->sql, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed for \"%s\"", estimate->sql);
	cached = SPI_plan_get_cached_plan(plan);
	estimate->rows =
		linitial_node(PlannedStmt, cached->stmt_list)->planTree->plan_rows;
	/* the plan is not saved, so no resource owner holds it */
	ReleaseCachedPlan(cached, NULL);
	SPI_finish();
}

int64
ec_estimate_backfill(Relation relation, const char *predicate)
{
	Estimate estimate;
	StringInfoData sql;

	/* with partitions and children, if there are any */
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT FROM %s",
					 ec_relation_name(RelationGetRelid(relation)));
	if (predicate != NULL)
	{
		appendStringInfoString(&sql, " WHERE ");
		ec_append_expression(&sql, predicate);
	}
	estimate.sql = sql.data;
	ec_probe(plan_estimate, &estimate);
	return (int64) estimate.rows;
}

/* Attribute numbers, since they outlast a rename. */
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

Jsonb *
ec_backfill_to_json(const EcBackfill *backfill)
{
	EcJsonWriter writer;

	ec_json_begin(&writer);
	ec_json_int8(&writer, "method", backfill->method);
	if (backfill->copy != NULL)
	{
		ec_copy_to_json(backfill->copy, &writer);
		return ec_json_end(&writer);
	}
	ec_json_text(&writer, "assignments", backfill->assignments);
	ec_json_text(&writer, "predicate", backfill->predicate);
	ec_json_text(&writer, "columns", columns_to_text(backfill->columns));
	ec_json_int8(&writer, "updates_key", backfill->updates_key);
	return ec_json_end(&writer);
}

void
ec_backfill_from_json(const Jsonb *json, EcBackfill *backfill)
{
	char *columns;

	memset(backfill, 0, sizeof(*backfill));
	backfill->method = ec_json_get_int8(json, "method", EC_METHOD_AUTO);
	backfill->copy = ec_copy_from_json(json);
	if (backfill->copy != NULL)
		return;
	backfill->assignments = ec_json_get_text(json, "assignments");
	backfill->predicate = ec_json_get_text(json, "predicate");
	columns = ec_json_get_text(json, "columns");
	backfill->updates_key = ec_json_get_int8(json, "updates_key", 0) != 0;
	if (backfill->assignments == NULL || backfill->predicate == NULL ||
		columns == NULL)
		ec_refuse_row("jobs", "The parameters are of no backfill.");
	backfill->columns = columns_from_text(columns);
}
