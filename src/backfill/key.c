/*
 * key.c
 *		Reads a table in the order of a unique key.
 *
 * This is for tables whose row identifiers do not tell where a row is stored,
 * and for heap tables on request.  A position is a key as text, so the place
 * where rows are stored does not matter.
 *
 * A statement reads a limited number of rows after that key, whether or not
 * the predicate holds for them, so that it does not take long.  A path rule
 * allows only scans of the key's index.  A plan that sorted the rest of the
 * table for each batch would take far too long.
 *
 * The rows that it finds are then updated by their row identifiers.  A row
 * that has moved in between is missed; the next sweep finds it.
 */
#include "postgres.h"

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

#include "backfill/key.h"
#include "backfill/prepared.h"
#include "core/catalog.h"
#include "core/planned.h"
#include "core/expression.h"
#include "core/json.h"
#include "core/own_table.h"
#include "core/receiver.h"

/*
 * The largest number of rows that one statement reads.  If evaluating the
 * predicate is so slow that batches exceed their time limit, batches become
 * smaller, and a statement reads fewer rows as well.
 */
#define ROWS_TO_READ    1000
#define READS_PER_WRITE 10

/* The table, and the only index by which it may be scanned. */
static Oid scanned_table = InvalidOid;
static Oid scan_by_index = InvalidOid;

static bool
is_scanned(PlannerInfo *root, RelOptInfo *rel, const RangeTblEntry *rte)
{
	return rte->relid == scanned_table && root->parent_root == NULL;
}

static bool
is_key_scan(const Path *path)
{
	const IndexPath *index_path = (const IndexPath *) path;

	return IsA(path, IndexPath) && index_path->indexinfo->indexoid == scan_by_index;
}

static EcPathRule by_key = {is_scanned, NULL, is_key_scan};

void
ec_place_to_json(const EcPlace *place, const char *prefix, EcJsonWriter *writer)
{
	ec_json_text(writer, psprintf("%s_columns", prefix), place->columns);
	ec_json_int8(writer, psprintf("%s_count", prefix), place->count);
	for (int i = 0; i < place->count; i++)
		ec_json_text(writer, psprintf("%s_%d", prefix, i), place->values[i]);
}

void
ec_place_from_json(EcPlace *place, const char *prefix, const Jsonb *json)
{
	char name[NAMEDATALEN]; /* use no palloc but for the values, which are
							 * kept */
	int64 count;

	memset(place, 0, sizeof(*place));
	snprintf(name, sizeof(name), "%s_columns", prefix);
	place->columns = ec_json_get_text(json, name);
	snprintf(name, sizeof(name), "%s_count", prefix);
	count = ec_json_get_int8(json, name, 0);
	if (count < 0 || count > EC_MAX_KEY_COLUMNS)
		ec_refuse_row("job_slots", "The position is at no place of a key.");
	place->count = count;
	for (int i = 0; i < place->count; i++)
	{
		snprintf(name, sizeof(name), "%s_%d", prefix, i);
		place->values[i] = ec_json_get_text(json, name);
		if (place->values[i] == NULL)
			ec_refuse_row("job_slots", "The position is at no place of a key.");
	}
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
is_uniform(const EcKey *key)
{
	for (int i = 1; i < key->count; i++)
		if (strcmp(key->columns[i].after, key->columns[0].after) != 0)
			return false;
	return true;
}

/*
 * A parameter has its type's default collation, which may differ from the
 * column's.
 */
static void
append_value(StringInfo sql, const EcKey *key, int i, int first)
{
	appendStringInfo(sql, "$%d", first + i);
	if (key->columns[i].collation != NULL)
		appendStringInfo(sql, " COLLATE %s", key->columns[i].collation);
}

/*
 * Appends "(a, b) > ($1, $2)", for which an index can be used; first is the
 * number of the first parameter.  If columns have different directions, a row
 * comparison is not possible, and the index is used for the first column only.
 */
static void
append_behind(StringInfo sql, const EcKey *key, int first)
{
	if (is_uniform(key))
	{
		for (int i = 0; i < key->count; i++)
			appendStringInfo(sql, "%s%s", i == 0 ? "ROW(" : ", ",
							 key->columns[i].name);
		appendStringInfo(sql, ") %s ", key->columns[0].after);
		for (int i = 0; i < key->count; i++)
		{
			appendStringInfoString(sql, i == 0 ? "ROW(" : ", ");
			append_value(sql, key, i, first);
		}
		appendStringInfoChar(sql, ')');
		return;
	}
	/*
	 * first column >= $1, written with NOT because there is no such operator
	 * here
	 */
	appendStringInfo(sql, "NOT %s %s ", key->columns[0].name,
					 key->columns[0].before);
	append_value(sql, key, 0, first);
	for (int i = 0; i < key->count; i++)
	{
		const EcKeyColumn *column = &key->columns[i];

		appendStringInfo(sql, " AND (%s %s ", column->name, column->after);
		append_value(sql, key, i, first);
		appendStringInfo(sql, " OR (%s %s ", column->name, column->equal);
		append_value(sql, key, i, first);
	}
	appendStringInfoString(sql, " AND false");
	for (int i = 0; i < key->count; i++)
		appendStringInfoString(sql, "))");
}

/*
 * Appends " FROM" the table, after the key in $1 and so on, in the order of
 * the key.
 */
static void
append_walk(StringInfo sql, Relation relation, const char *alias,
			const EcKey *key, bool is_begin)
{
	for (int i = 0; i < key->count; i++)
		appendStringInfo(sql, ", %s", key->columns[i].name);
	appendStringInfo(sql, " FROM ONLY %s",
					 ec_relation_name(RelationGetRelid(relation)));
	if (alias != NULL)
		appendStringInfo(sql, " AS %s", quote_identifier(alias));
	if (!is_begin)
	{
		appendStringInfoString(sql, " WHERE ");
		append_behind(sql, key, 1);
	}
	for (int i = 0; i < key->count; i++)
		appendStringInfo(sql, "%s%s USING %s NULLS %s", i == 0 ? " ORDER BY " : ", ",
						 key->columns[i].name, key->columns[i].before,
						 key->columns[i].nulls_first ? "FIRST" : "LAST");
}

/*
 * Returns for each row: is it to be done, its TID, is it after the end, and
 * its key.
 */
static char *
find_statement(Relation relation, const EcBackfill *backfill, const EcKey *key,
			   bool is_begin, bool has_end)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	ec_append_expression(&sql, backfill->predicate);
	appendStringInfoString(&sql, ", ctid, ");
	if (has_end)
		append_behind(&sql, key, is_begin ? 1 : key->count + 1);
	else
		appendStringInfoString(&sql, "false");
	append_walk(&sql, relation, backfill->alias, key, is_begin);
	appendStringInfo(&sql, " LIMIT %d", ROWS_TO_READ);
	return sql.data;
}

/*
 * Returns the same columns as find_statement, so that they share a receiver.
 */
static char *
ahead_statement(Relation relation, const EcKey *key, bool is_begin, bool has_last)
{
	int next = is_begin ? 1 : key->count + 1;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT false, NULL::pg_catalog.tid, ");
	if (has_last)
		append_behind(&sql, key, next);
	else
		appendStringInfoString(&sql, "false");
	append_walk(&sql, relation, NULL, key, is_begin);
	appendStringInfo(&sql, " LIMIT $%d", next + (has_last ? key->count : 0));
	return sql.data;
}

/* Likewise. */
static char *
last_statement(Relation relation, const EcKey *key)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT false, NULL::pg_catalog.tid, false");
	for (int i = 0; i < key->count; i++)
		appendStringInfo(&sql, ", %s", key->columns[i].name);
	appendStringInfo(&sql, " FROM ONLY %s",
					 ec_relation_name(RelationGetRelid(relation)));
	for (int i = 0; i < key->count; i++)
		appendStringInfo(&sql, "%s%s USING %s NULLS %s",
						 i == 0 ? " ORDER BY " : ", ", key->columns[i].name,
						 key->columns[i].after,
						 key->columns[i].nulls_first ? "LAST" : "FIRST");
	appendStringInfoString(&sql, " LIMIT 1");
	return sql.data;
}

/* Number of columns before the key in the results of these statements. */
#define COLUMNS_BEFORE_KEY 3

/* Collects the rows to update, and the key of the last row that was read. */
typedef struct Finder
{
	DestReceiver base;
	int64 most_seen;
	int most_found;
	int seen;
	int found;
	ArrayBuildState *tids;
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
	bool is_null_too;

	if (DatumGetBool(slot_getattr(slot, 3, &is_null_too)))
	{
		MemoryContextSwitchTo(old_context);
		return false;
	}
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
	return finder->found < finder->most_found && finder->seen < finder->most_seen;
}

static void
init_finder(Finder *finder, int limit)
{
	memset(finder, 0, sizeof(*finder));
	ec_init_receiver(&finder->base, find_row);
	finder->most_seen = (int) Min(ROWS_TO_READ, (int64) limit * READS_PER_WRITE);
	finder->most_found = limit;
	finder->context = CurrentMemoryContext;
	finder->tids = initArrayResult(TIDOID, CurrentMemoryContext, false);
}

/*
 * Adds the place's values; none if it is the beginning or no place.  A domain
 * may have got constraints that existing rows violate, so values are read with
 * the input function of its base type.
 */
static void
append_place(ParamListInfo parameters, const EcKey *key, const EcPlace *place)
{
	int guc_level = ec_begin_text();

	for (int i = 0; i < place->count; i++)
	{
		Oid type = key->columns[i].type;
		Oid input;
		Oid io_parameter;

		getTypeInputInfo(getBaseType(type), &input, &io_parameter);
		ec_add_parameter(parameters, type,
						 OidInputFunctionCall(input, place->values[i],
											  io_parameter, -1));
	}
	AtEOXact_GUC(false, guc_level);
}

static EcPrepared find[2][2];  /* [from the beginning][up to an end] */
static EcPrepared ahead[2][2]; /* likewise */
static EcPrepared last_row;

static void
run(Relation relation, const EcKey *key, EcPrepared *prepared, char *sql,
	ParamListInfo parameters, const char *search_path, Finder *finder,
	EcPathRule *rule)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scanned_table = RelationGetRelid(relation);
	scan_by_index = key->index;
	(void) ec_run_prepared(prepared, sql, parameters, search_path,
						   &finder->base, &by_key, rule);
	SPI_finish();
}

static char *
columns_of(const EcKey *key)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < key->count; i++)
		appendStringInfo(&text, "%d:%u%s ", key->columns[i].number,
						 key->columns[i].type, key->columns[i].before);
	return text.data;
}

/* Sets the place to the last row that was read. */
static void
remember(EcPlace *place, const EcKey *key, Finder *finder, MemoryContext context)
{
	int guc_level = ec_begin_text();
	MemoryContext old_context = MemoryContextSwitchTo(context);

	for (int i = 0; i < key->count; i++)
	{
		Oid output;
		bool is_varlena;
		bool isnull;
		Datum value =
			slot_getattr(finder->last, COLUMNS_BEFORE_KEY + i + 1, &isnull);

		getTypeOutputInfo(key->columns[i].type, &output, &is_varlena);
		if (i < place->count)
			pfree(place->values[i]);
		place->values[i] = OidOutputFunctionCall(output, value);
	}
	place->count = key->count;
	if (place->columns == NULL)
		place->columns = columns_of(key);
	MemoryContextSwitchTo(old_context);
	AtEOXact_GUC(false, guc_level);
	ExecDropSingleTupleTableSlot(finder->last);
	finder->last = NULL;
}

/* A key with other columns or other types has a different order. */
bool
ec_place_fits(const EcPlace *place, Relation relation)
{
	EcKey key;

	/* its key is that of the mapping */
	if (relation->rd_rel->relkind == RELKIND_FOREIGN_TABLE)
		return true;
	ec_need_key(relation, &key);
	return place->count == 0 || (place->columns != NULL &&
								 strcmp(place->columns, columns_of(&key)) == 0);
}

bool
ec_place_ahead(Relation relation, const EcPlace *from, const EcPlace *last,
			   int64 rows, EcPlace *place, MemoryContext context)
{
	ParamListInfo parameters = ec_parameters(2 * EC_MAX_KEY_COLUMNS + 1);
	bool is_begin = from->count == 0;
	bool has_last = last->count > 0;
	Finder finder;
	EcKey key;

	memset(place, 0, sizeof(*place));
	ec_need_key(relation, &key);
	init_finder(&finder, 1);
	append_place(parameters, &key, from);
	append_place(parameters, &key, last);
	finder.most_seen = rows;
	ec_add_parameter(parameters, INT8OID, Int64GetDatum(rows));
	run(relation, &key, &ahead[is_begin][has_last],
		ahead_statement(relation, &key, is_begin, has_last), parameters,
		EC_OWN_SEARCH_PATH, &finder, NULL);
	if (finder.seen > 0)
		remember(place, &key, &finder, context);
	return finder.seen == rows;
}

void
ec_place_last(Relation relation, EcPlace *place, MemoryContext context)
{
	Finder finder;
	EcKey key;

	memset(place, 0, sizeof(*place));
	ec_need_key(relation, &key);
	init_finder(&finder, 1);
	run(relation, &key, &last_row, last_statement(relation, &key),
		ec_parameters(1), EC_OWN_SEARCH_PATH, &finder, NULL);
	if (finder.seen > 0)
		remember(place, &key, &finder, context);
}

int
ec_next_keys(Relation relation, const EcBackfill *backfill, EcPlace *place,
			 const EcPlace *end, MemoryContext context, int limit, EcBatchRows *rows)
{
	const EcSweepKind *kind = backfill->kind;
	ParamListInfo parameters = ec_parameters(2 * EC_MAX_KEY_COLUMNS);
	bool is_begin = place->count == 0;
	bool has_end = end->count > 0;
	Finder finder;
	EcKey key;

	ec_need_key(relation, &key);
	init_finder(&finder, limit);
	append_place(parameters, &key, place);
	append_place(parameters, &key, end);
	run(relation, &key, &find[is_begin][has_end],
		find_statement(relation, backfill, &key, is_begin, has_end), parameters,
		backfill->search_path, &finder,
		kind->path_rule ? kind->path_rule(backfill) : NULL);
	rows->is_list = true;
	rows->count = finder.found;
	rows->list = makeArrayResult(finder.tids, CurrentMemoryContext);
	if (finder.seen > 0)
		remember(place, &key, &finder, context);
	return finder.seen;
}
