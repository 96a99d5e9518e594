/*
 * key.c
 *		Walking over a table in the order of a unique key.
 *
 * For tables whose row identifiers say nothing of where a row is, and for heap
 * tables on request.  The key is that of the primary key's index, or of another
 * unique index over columns that are not null, in the index's own order: its
 * operators, collations and directions.  The walk remembers the last key that
 * it has seen, as text, so it does not matter where rows are stored.
 *
 * A statement reads a bounded number of rows behind that key, whether or not
 * the predicate holds for them, so that it never takes long.  It is planned
 * with the scans of that index alone, as a hook sees to: a plan that sorted the
 * rest of the table for each batch would never end.
 *
 * The rows it finds are then updated by their row identifiers.  One that has
 * moved in between is missed, and left to the next sweep.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/relation.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "nodes/params.h"
#include "optimizer/paths.h"
#include "tcop/dest.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "backfill/copy_statement.h"
#include "backfill/key.h"
#include "core/catalog.h"
#include "core/compat.h"
#include "core/expression.h"
#include "core/json.h"
#include "core/query.h"

/* Rows that one statement reads at most. */
#define ROWS_TO_READ 1000

typedef struct KeyColumn
{
	AttrNumber number;
	char *name; /* quoted */
	Oid type;
	bool nulls_first; /* in the index; there are none */
	char *before;     /* the operator that orders the index, as OPERATOR(…) */
	char *after;      /* its commutator */
	char *equal;
} KeyColumn;

typedef struct Key
{
	Oid index;
	int count;
	KeyColumn columns[EC_MAX_KEY_COLUMNS];
} Key;

/* The table, and the one index to scan it by while our statement is planned. */
static Oid scanned_table = InvalidOid;
static Oid scan_by_index = InvalidOid;
static set_rel_pathlist_hook_type previous_pathlist_hook = NULL;

static void
keep_only_key_scans(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	List *key_paths = NIL;
	ListCell *cell;

	if (previous_pathlist_hook)
		previous_pathlist_hook(root, rel, rti, rte);
	if (!OidIsValid(scan_by_index) || rte->relid != scanned_table ||
		root->parent_root != NULL)
		return;
	foreach (cell, rel->pathlist)
	{
		IndexPath *path = lfirst(cell);

		if (IsA(path, IndexPath) && path->indexinfo->indexoid == scan_by_index)
			key_paths = lappend(key_paths, path);
	}
	if (key_paths == NIL)
		return;
	rel->pathlist = key_paths;
	rel->partial_pathlist = NIL;
}

void
ec_key_init(void)
{
	static bool hooked = false;

	if (hooked)
		return;
	previous_pathlist_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = keep_only_key_scans;
	hooked = true;
}

/* "OPERATOR(pg_catalog.>)", or NULL if the index's order has none such. */
static char *
operator_name(Relation index, int column, int strategy)
{
	Oid family = index->rd_opfamily[column];
	Oid type = index->rd_opcintype[column];
	Oid oid = get_opfamily_member(family, type, type, strategy);
	HeapTuple tuple;
	Form_pg_operator form;
	char *name;

	if (!OidIsValid(oid))
		return NULL;
	tuple = SearchSysCache1(OPEROID, ObjectIdGetDatum(oid));
	if (!HeapTupleIsValid(tuple))
		return NULL;
	form = (Form_pg_operator) GETSTRUCT(tuple);
	name = psprintf("OPERATOR(%s.%s)",
					quote_identifier(get_namespace_name(form->oprnamespace)),
					NameStr(form->oprname));
	ReleaseSysCache(tuple);
	return name;
}

static bool
set_key_column(Relation relation, Relation index, int i, KeyColumn *column)
{
	AttrNumber number = index->rd_index->indkey.values[i];
	int16 option = index->rd_indoption[i];
	bool descending = (option & INDOPTION_DESC) != 0;
	Form_pg_attribute attribute;

	if (number <= 0)
		return false;
	attribute = TupleDescAttr(RelationGetDescr(relation), number - 1);
	if (!ec_column_is_not_null(RelationGetDescr(relation), number) ||
		attribute->attcollation != index->rd_indcollation[i])
		return false;
	column->number = number;
	column->name = pstrdup(quote_identifier(NameStr(attribute->attname)));
	column->type = attribute->atttypid;
	column->nulls_first = (option & INDOPTION_NULLS_FIRST) != 0;
	column->before = operator_name(index, i,
								   descending ? BTGreaterStrategyNumber
											  : BTLessStrategyNumber);
	column->after = operator_name(index, i,
								  descending ? BTLessStrategyNumber
											 : BTGreaterStrategyNumber);
	column->equal = operator_name(index, i, BTEqualStrategyNumber);
	return column->before && column->after && column->equal;
}

static bool
read_key(Relation relation, Oid oid, Key *key)
{
	Relation index = relation_open(oid, AccessShareLock);
	Form_pg_index form = index->rd_index;
	bool usable = form->indisunique && form->indimmediate && form->indisvalid &&
				  index->rd_rel->relam == BTREE_AM_OID &&
				  heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL);

	key->index = oid;
	key->count = form->indnkeyatts;
	for (int i = 0; usable && i < key->count; i++)
		usable = set_key_column(relation, index, i, &key->columns[i]);
	relation_close(index, NoLock);
	return usable;
}

/* The primary key, or else the oldest unique index that will do. */
static bool
find_key(Relation relation, Key *key)
{
	List *indexes = RelationGetIndexList(relation);
	ListCell *cell;

	if (OidIsValid(relation->rd_pkindex) &&
		read_key(relation, relation->rd_pkindex, key))
		return true;
	foreach (cell, indexes)
		if (read_key(relation, lfirst_oid(cell), key))
			return true;
	return false;
}

static void
need_key(Relation relation, Key *key)
{
	if (!find_key(relation, key))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no key that a backfill could follow",
						RelationGetRelationName(relation)),
				 errdetail("It takes a primary key, or a unique index that is valid, not deferrable and not partial, over columns that are NOT NULL."),
				 errhint("Create one, or for a heap table use method => 'blocks'.")));
}

void
ec_key_check(Relation relation)
{
	Key key;

	need_key(relation, &key);
}

void
ec_key_load(EcKeyWalk *walk, EcChunk *met, const Jsonb *position)
{
	memset(walk, 0, sizeof(*walk));
	memset(met, 0, sizeof(*met));
	met->sweep = ec_json_get_int8(position, "sweep", 1);
	met->is_check = ec_json_get_int8(position, "check", 0) != 0;
	met->phase = ec_json_get_int8(position, "phase", 0);
	met->changed = ec_json_get_int8(position, "changed", 0);
	met->skipped = ec_json_get_int8(position, "skipped", 0);
	met->suppressed = ec_json_get_int8(position, "suppressed", 0);
	met->example = ec_json_get_text(position, "example");
	walk->columns = ec_json_get_text(position, "columns");
	walk->empty_sweeps = ec_json_get_int8(position, "empty_sweeps", 0);
	walk->count = ec_json_get_int8(position, "count", 0);
	for (int i = 0; i < walk->count; i++)
		walk->values[i] = ec_json_get_text(position, psprintf("key_%d", i));
}

Jsonb *
ec_key_save(const EcKeyWalk *walk, const EcChunk *met)
{
	EcJsonWriter writer;

	ec_json_begin(&writer);
	ec_json_int8(&writer, "sweep", met->sweep);
	ec_json_int8(&writer, "check", met->is_check);
	ec_json_int8(&writer, "phase", met->phase);
	ec_json_int8(&writer, "changed", met->changed);
	ec_json_int8(&writer, "skipped", met->skipped);
	ec_json_int8(&writer, "suppressed", met->suppressed);
	ec_json_text(&writer, "example", met->example);
	ec_json_text(&writer, "columns", walk->columns);
	ec_json_int8(&writer, "empty_sweeps", walk->empty_sweeps);
	ec_json_int8(&writer, "count", walk->count);
	for (int i = 0; i < walk->count; i++)
		ec_json_text(&writer, psprintf("key_%d", i), walk->values[i]);
	return ec_json_end(&writer);
}

void
ec_key_resume(int64 job)
{
	EcArgs args = {0};

	ec_arg_int8(&args, job);
	ec_query("UPDATE expand_contract.job_slots SET position = position || "
			 "'{\"empty_sweeps\": 0, \"suppressed\": 0}' "
			 "WHERE job = $1 AND position ? 'empty_sweeps'",
			 &args);
}

int
ec_begin_text(void)
{
	int guc_level = NewGUCNestLevel();

	(void) set_config_option("datestyle", "ISO", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("intervalstyle", "postgres", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("extra_float_digits", "3", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return guc_level;
}

static bool
is_uniform(const Key *key)
{
	for (int i = 1; i < key->count; i++)
		if (strcmp(key->columns[i].after, key->columns[0].after) != 0)
			return false;
	return true;
}

/*
 * "(a, b) > ($1, $2)", which an index can be searched for.  Where columns go in
 * different directions there is no such thing, and only the first is searched
 * for.
 */
static void
append_behind(StringInfo sql, const Key *key)
{
	appendStringInfoString(sql, " WHERE ");
	if (is_uniform(key))
	{
		for (int i = 0; i < key->count; i++)
			appendStringInfo(sql, "%s%s", i == 0 ? "ROW(" : ", ",
							 key->columns[i].name);
		appendStringInfo(sql, ") %s ", key->columns[0].after);
		for (int i = 0; i < key->count; i++)
			appendStringInfo(sql, "%s$%d", i == 0 ? "ROW(" : ", ", i + 1);
		appendStringInfoChar(sql, ')');
		return;
	}
	/* not before the first column's value; the operators have no "or equal" here */
	appendStringInfo(sql, "NOT %s %s $1", key->columns[0].name,
					 key->columns[0].before);
	for (int i = 0; i < key->count; i++)
	{
		const KeyColumn *column = &key->columns[i];

		appendStringInfo(sql, " AND (%s %s $%d OR (%s %s $%d", column->name,
						 column->after, i + 1, column->name, column->equal, i + 1);
	}
	appendStringInfoString(sql, " AND false");
	for (int i = 0; i < key->count; i++)
		appendStringInfoString(sql, "))");
}

static char *
find_statement(Relation relation, const EcBackfill *backfill, const Key *key,
			   bool is_begin)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	ec_append_expression(&sql, backfill->predicate);
	appendStringInfoString(&sql, ", ctid");
	for (int i = 0; i < key->count; i++)
		appendStringInfo(&sql, ", %s", key->columns[i].name);
	appendStringInfo(&sql, " FROM ONLY %s",
					 ec_relation_name(RelationGetRelid(relation)));
	if (backfill->alias != NULL)
		appendStringInfo(&sql, " AS %s", quote_identifier(backfill->alias));
	if (!is_begin)
		append_behind(&sql, key);
	for (int i = 0; i < key->count; i++)
		appendStringInfo(&sql, "%s%s USING %s NULLS %s",
						 i == 0 ? " ORDER BY " : ", ", key->columns[i].name,
						 key->columns[i].before,
						 key->columns[i].nulls_first ? "FIRST" : "LAST");
	appendStringInfo(&sql, " LIMIT %d", ROWS_TO_READ);
	return sql.data;
}

/* Collects the rows to update, and the key of the last row it has seen. */
typedef struct Finder
{
	DestReceiver base;
	int limit;
	int seen;
	int found;
	ArrayBuildState *tids;
	char *values[EC_MAX_KEY_COLUMNS];
	TupleTableSlot *last; /* a copy */
	MemoryContext context;
} Finder;

static bool
find_row(TupleTableSlot *slot, DestReceiver *self)
{
	Finder *finder = (Finder *) self;
	MemoryContext old_context = MemoryContextSwitchTo(finder->context);
	bool isnull;
	Datum holds = slot_getattr(slot, 1, &isnull);

	finder->seen++;
	if (finder->last == NULL)
		finder->last =
			MakeSingleTupleTableSlot(CreateTupleDescCopy(slot->tts_tupleDescriptor),
									 &TTSOpsVirtual);
	ExecCopySlot(finder->last, slot);
	if (!isnull && DatumGetBool(holds))
	{
		Datum tid = slot_getattr(slot, 2, &isnull);

		finder->tids =
			accumArrayResult(finder->tids, tid, isnull, TIDOID, finder->context);
		finder->found++;
	}
	MemoryContextSwitchTo(old_context);
	return finder->found < finder->limit;
}

static void
finder_startup(DestReceiver *self, int operation, TupleDesc columns)
{
}

static void
finder_end(DestReceiver *self)
{
}

static void
init_finder(Finder *finder, int limit)
{
	memset(finder, 0, sizeof(*finder));
	finder->base.receiveSlot = find_row;
	finder->base.rStartup = finder_startup;
	finder->base.rShutdown = finder_end;
	finder->base.rDestroy = finder_end;
	finder->base.mydest = DestNone;
	finder->limit = limit;
	finder->context = CurrentMemoryContext;
	finder->tids = initArrayResult(TIDOID, CurrentMemoryContext, false);
}

static ParamListInfo
key_parameters(const Key *key, const EcKeyWalk *walk)
{
	ParamListInfo parameters = makeParamList(walk->count);
	int guc_level = ec_begin_text();

	for (int i = 0; i < walk->count; i++)
	{
		Oid type = key->columns[i].type;
		Oid input;
		Oid io_parameter;

		getTypeInputInfo(type, &input, &io_parameter);
		parameters->params[i].value =
			OidInputFunctionCall(input, walk->values[i], io_parameter, -1);
		parameters->params[i].isnull = false;
		parameters->params[i].pflags = PARAM_FLAG_CONST;
		parameters->params[i].ptype = type;
	}
	AtEOXact_GUC(false, guc_level);
	return parameters;
}

/* A prepared statement, made again when its text changes. */
static SPIPlanPtr
prepare(const char *sql, const Key *key, bool is_begin)
{
	static char *prepared_sql[2];
	static SPIPlanPtr plans[2];
	Oid types[EC_MAX_KEY_COLUMNS];
	SPIPlanPtr plan;

	if (plans[is_begin] != NULL && strcmp(prepared_sql[is_begin], sql) == 0)
		return plans[is_begin];
	if (plans[is_begin] != NULL)
	{
		SPI_freeplan(plans[is_begin]);
		plans[is_begin] = NULL;
		pfree(prepared_sql[is_begin]);
	}
	for (int i = 0; i < key->count; i++)
		types[i] = key->columns[i].type;
	plan = SPI_prepare_cursor(sql, is_begin ? 0 : key->count, types,
							  CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare_cursor failed for \"%s\": %s", sql,
			 SPI_result_code_string(SPI_result));
	prepared_sql[is_begin] = MemoryContextStrdup(TopMemoryContext, sql);
	SPI_keepplan(plan);
	plans[is_begin] = plan;
	return plan;
}

static char *
columns_of(const Key *key)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < key->count; i++)
		appendStringInfo(&text, "%d:%u%s ", key->columns[i].number,
						 key->columns[i].type, key->columns[i].before);
	return text.data;
}

static void
remember(EcKeyWalk *walk, const Key *key, const Finder *finder, MemoryContext context)
{
	int guc_level = ec_begin_text();
	MemoryContext old_context = MemoryContextSwitchTo(context);

	for (int i = 0; i < key->count; i++)
	{
		Oid output;
		bool is_varlena;
		bool isnull;
		Datum value = slot_getattr(finder->last, i + 3, &isnull);

		getTypeOutputInfo(key->columns[i].type, &output, &is_varlena);
		if (i < walk->count)
			pfree(walk->values[i]);
		walk->values[i] = OidOutputFunctionCall(output, value);
	}
	walk->count = key->count;
	MemoryContextSwitchTo(old_context);
	AtEOXact_GUC(false, guc_level);
}

/* A key of other columns, or of other types, has another order. */
static void
follow_key(EcKeyWalk *walk, const Key *key, MemoryContext context)
{
	char *columns = columns_of(key);

	if (walk->columns == NULL || strcmp(walk->columns, columns) != 0)
	{
		walk->columns = MemoryContextStrdup(context, columns);
		walk->count = 0;
	}
	pfree(columns);
}

bool
ec_next_keys(Relation relation, const EcBackfill *backfill, EcKeyWalk *walk,
			 MemoryContext context, int limit, EcRows *rows)
{
	SPIExecuteOptions options = {0};
	Finder finder;
	bool is_begin;
	Key key;
	int code;

	need_key(relation, &key);
	follow_key(walk, &key, context);
	is_begin = walk->count == 0;
	init_finder(&finder, limit);
	options.dest = (DestReceiver *) &finder;
	options.params = key_parameters(&key, walk);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	/* executing may plan again, so the hook is on all the time */
	scanned_table = RelationGetRelid(relation);
	scan_by_index = key.index;
	ec_copy_plan_begin(backfill);
	code = SPI_execute_plan_extended(prepare(find_statement(relation, backfill,
															&key, is_begin),
											 &key, is_begin),
									 &options);
	if (code < 0)
		elog(ERROR, "SPI_execute_plan_extended failed: %s",
			 SPI_result_code_string(code));
	scan_by_index = InvalidOid;
	(void) ec_copy_plan_end();
	SPI_finish();

	if (finder.seen > 0)
		remember(walk, &key, &finder, context);
	rows->is_list = true;
	rows->count = finder.found;
	rows->list = makeArrayResult(finder.tids, CurrentMemoryContext);
	if (finder.last != NULL)
		ExecDropSingleTupleTableSlot(finder.last);
	return finder.seen > 0;
}
