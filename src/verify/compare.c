/*
 * compare.c
 *		Rows against a mapping: one scan, one snapshot.
 *
 * The query is built as a tree, not as text: the user's expressions are
 * analysed in the scope of the table and coerced as an assignment to the
 * column coerces, which no cast written in SQL does.  Each expression is
 * evaluated once a row.  A receiver of our own then compares, hashes and
 * collects, so counts, checksums and the recorded rows are of one snapshot.
 *
 * Locks: AccessShareLock on the table, taken by the caller.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_expr.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/compat.h"
#include "verify/compare.h"
#include "verify/equality.h"
#include "verify/hasher.h"
#include "verify/mismatch.h"

/* A mapped column while rows come in. */
typedef struct ComparedColumn
{
	EcMappedColumn *mapped;
	EcHasher hasher;
	EcEquality equality;
} ComparedColumn;

typedef struct CompareReceiver
{
	DestReceiver pub;
	int count;
	ComparedColumn *columns;
	EcRowKey *key;
	int max_mismatches;
	EcComparison *result;
	MemoryContext row_memory; /* reset for each row */
} CompareReceiver;

/* A reference that counts for permissions, as one in a statement does. */
static Node *
column_reference(ParseState *pstate, const char *name)
{
	ColumnRef *reference = makeNode(ColumnRef);

	reference->fields = list_make1(makeString(pstrdup(name)));
	reference->location = -1;
	return transformExpr(pstate, (Node *) reference, EXPR_KIND_SELECT_TARGET);
}

static List *
append_target(List *targets, Node *expression)
{
	return lappend(targets, makeTargetEntry((Expr *) expression,
											list_length(targets) + 1, NULL, false));
}

/* SELECT source, target, source, target, ..., key columns FROM relation */
static Query *
compare_query(Relation relation, List *columns, EcRowKey *key)
{
	ParseState *pstate = make_parsestate(NULL);
	Query *query = makeNode(Query);
	ListCell *cell;

	addNSItemToQuery(pstate,
					 addRangeTableEntryForRelation(pstate, relation, AccessShareLock,
												   NULL, true, true),
					 true, true, true);
	foreach (cell, columns)
	{
		EcMappedColumn *column = lfirst(cell);

		query->targetList =
			append_target(query->targetList,
						  ec_mapped_expression(pstate, relation, column));
		query->targetList = append_target(query->targetList,
										  column_reference(pstate, column->name));
	}
	for (int i = 0; i < key->count; i++)
		query->targetList = append_target(query->targetList,
										  column_reference(pstate, key->names[i]));

	query->commandType = CMD_SELECT;
	query->querySource = QSRC_ORIGINAL;
	query->canSetTag = true;
	query->rtable = pstate->p_rtable;
#if PG_VERSION_NUM >= 160000
	query->rteperminfos = pstate->p_rteperminfos;
#endif
	query->jointree = makeFromExpr(pstate->p_joinlist, NULL);
	query->hasSubLinks = pstate->p_hasSubLinks;
	query->stmt_location = -1;
	free_parsestate(pstate);
	return query;
}

/*
 * Recorded values may come from any relation that an expression's sub-selects
 * name; who may see them depends on all of these.
 */
static bool
collect_relations(Node *node, List **relations)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *entry = (RangeTblEntry *) node;

		if (entry->rtekind == RTE_RELATION)
			*relations = list_append_unique_oid(*relations, entry->relid);
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, collect_relations, relations,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, collect_relations, relations);
}

static void
feed_side(CompareReceiver *receiver, TupleTableSlot *slot, int side, EcLanes *lanes)
{
	EcNullMask mask = {0};

	ec_lanes_start(lanes);
	for (int i = 0; i < receiver->count; i++)
		ec_feed_next(&receiver->columns[i].hasher, lanes, &mask,
					 slot->tts_values[2 * i + side],
					 slot->tts_isnull[2 * i + side]);
	ec_feed_end(lanes, &mask);
	ec_lanes_finish(lanes);
}

static bool
column_differs(ComparedColumn *column, TupleTableSlot *slot, int source)
{
	bool null_source = slot->tts_isnull[source];
	bool null_target = slot->tts_isnull[source + 1];

	if (null_source || null_target)
		return null_source != null_target;
	return !ec_equal(&column->equality, slot->tts_values[source],
					 slot->tts_values[source + 1]);
}

/* Most rows are right to the byte: then one hash serves both sides. */
static bool
row_is_identical(CompareReceiver *receiver, TupleTableSlot *slot)
{
	for (int i = 0; i < receiver->count; i++)
	{
		bool null_source = slot->tts_isnull[2 * i];

		if (null_source != slot->tts_isnull[2 * i + 1])
			return false;
		if (!null_source &&
			!ec_identical(&receiver->columns[i].equality,
						  slot->tts_values[2 * i], slot->tts_values[2 * i + 1]))
			return false;
	}
	return true;
}

static void
examine_row(CompareReceiver *receiver, TupleTableSlot *slot)
{
	EcComparison *result = receiver->result;
	bool differs = false;

	for (int i = 0; i < receiver->count && !differs; i++)
		differs = column_differs(&receiver->columns[i], slot, 2 * i);
	if (!differs)
		return;

	if (result->different++ < receiver->max_mismatches)
		for (int i = 0; i < receiver->count; i++)
			if (column_differs(&receiver->columns[i], slot, 2 * i))
				ec_mismatch_put(result->mismatches, receiver->key,
								receiver->columns[i].mapped->name, slot, 2 * i);
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	CompareReceiver *receiver = (CompareReceiver *) self;
	MemoryContext old;
	EcLanes source;
	EcLanes target;

	slot_getallattrs(slot);
	old = MemoryContextSwitchTo(receiver->row_memory);
	feed_side(receiver, slot, 0, &source);
	if (row_is_identical(receiver, slot))
		target = source;
	else
	{
		feed_side(receiver, slot, 1, &target);
		examine_row(receiver, slot);
	}
	ec_checksum_add(&receiver->result->source, &source);
	ec_checksum_add(&receiver->result->target, &target);
	MemoryContextSwitchTo(old);
	MemoryContextReset(receiver->row_memory);
	return true;
}

static void
start_receiving(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
stop_receiving(DestReceiver *self)
{
}

/*
 * The hasher would refuse it too, but its way out, a COLLATE clause, is not
 * open to a column.
 */
static void
refuse_nondeterministic_column(Form_pg_attribute attribute)
{
	if (!OidIsValid(attribute->attcollation) ||
		get_collation_isdeterministic(attribute->attcollation))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("nondeterministic collations are not supported by ec_verify"),
			 errdetail("Column \"%s\" has collation \"%s\", under which different strings are equal.",
					   NameStr(attribute->attname),
					   get_collation_name(attribute->attcollation)),
			 errhint("Compare ec_checksum of the column and of the expression, each with COLLATE \"C\".")));
}

static void
init_receiver(CompareReceiver *receiver, Relation relation, List *columns)
{
	MemoryContext memory = CurrentMemoryContext;
	ListCell *cell;

	receiver->pub.receiveSlot = receive_row;
	receiver->pub.rStartup = start_receiving;
	receiver->pub.rShutdown = stop_receiving;
	receiver->pub.rDestroy = stop_receiving;
	receiver->pub.mydest = DestNone;
	receiver->row_memory =
		AllocSetContextCreate(memory, "ec_verify row", ALLOCSET_DEFAULT_SIZES);
	receiver->columns = palloc0_array(ComparedColumn, list_length(columns));
	foreach (cell, columns)
	{
		ComparedColumn *column = &receiver->columns[receiver->count++];
		Form_pg_attribute attribute;

		column->mapped = lfirst(cell);
		attribute =
			TupleDescAttr(RelationGetDescr(relation), column->mapped->attnum - 1);
		refuse_nondeterministic_column(attribute);
		ec_hasher_init(&column->hasher, attribute->atttypid,
					   attribute->attcollation, memory);
		ec_equality_init(&column->equality, &column->hasher);
	}
}

static bool
is_user_function(Oid function, void *context)
{
	return function >= FirstNormalObjectId;
}

/* A function that somebody wrote may read what the query does not name. */
static bool
calls_user_functions(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_user_function, context))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, calls_user_functions, context, 0);
	return expression_tree_walker(node, calls_user_functions, context);
}

static void
run_query(Query *query, DestReceiver *receiver)
{
	static const char *const source_text = "ec_verify";
	List *rewritten = pg_rewrite_query(query);
	PlannedStmt *plan =
		pg_plan_query(linitial_node(Query, rewritten), source_text, 0, NULL);
	QueryDesc *desc = CreateQueryDesc(plan, source_text, GetActiveSnapshot(),
									  InvalidSnapshot, receiver, NULL, NULL, 0);

	ExecutorStart(desc, 0);
	ec_ExecutorRun(desc, ForwardScanDirection, 0);
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);
}

void
ec_compare_columns(Relation relation, List *columns, int max_mismatches,
				   EcComparison *comparison)
{
	CompareReceiver receiver = {.max_mismatches = max_mismatches,
								.result = comparison};
	Query *query;
	int guc_level;

	memset(comparison, 0, sizeof(EcComparison));
	receiver.key = ec_row_key(relation);
	comparison->mismatches = tuplestore_begin_heap(false, false, work_mem);
	init_receiver(&receiver, relation, columns);

	/* a policy that hides rows would make the verification a lie */
	guc_level = NewGUCNestLevel();
	(void) set_config_option("row_security", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);

	/* volatile, like any function that writes: it sees what came before it */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	query = compare_query(relation, columns, receiver.key);
	(void) collect_relations((Node *) query, &comparison->reads);
	comparison->is_opaque = calls_user_functions((Node *) query, NULL);
	run_query(query, &receiver.pub);
	PopActiveSnapshot();

	AtEOXact_GUC(true, guc_level);
	MemoryContextDelete(receiver.row_memory);
}
