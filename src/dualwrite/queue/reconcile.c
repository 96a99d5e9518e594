/*
 * reconcile.c
 *		ec_reconcile: retries failed dual writes.
 *
 * A retry computes the values from the current row, in the direction of the
 * failed write, because the side that it reads is what the application has
 * stored. An entry is removed without a write if the row has come into step or
 * has been deleted; or if its new columns were unset when the write failed,
 * and have been set since.  All entries of one row are merged into the newest.
 *
 * If a row is out of step, and was written in a gap after its write had failed,
 * a later write may have cured it before the gap.  Then the side that is the
 * authority is newer.  If the failed write was to that side, nobody can tell
 * which side is newer: the entry stays until the row is written again.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "lib/stringinfo.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "core/hint.h"
#include "core/catalog.h"
#include "core/clip.h"
#include "core/json.h"
#include "core/own.h"
#include "core/pinned.h"
#include "core/planned.h"
#include "core/query.h"
#include "model/owner.h"
#include "model/change.h"
#include "dualwrite/columns/compiled.h"
#include "dualwrite/queue/discrepancy.h"
#include "dualwrite/queue/reconcile.h"
#include "dualwrite/safe.h"
#include "dualwrite/columns/statement.h"
#include "dualwrite/tables/table_reconcile.h"
#include "expand_contract.h"

PG_FUNCTION_INFO_V1(ec_reconcile);

/* how a failed write is retried */
typedef enum Way
{
	BACKWARD,
	FORWARD,
	FILL, /* forward, if the new columns are still unset */
	WAYS
} Way;

/* a row of the table, with all its entries in the queue */
typedef struct Entry
{
	Jsonb *key;
	Way way;
	int64 newest; /* id of the newest entry; entries with a higher one were
				   * added since */
	char *gap; /* the oldest transaction in a gap since that entry, or NULL */
} Entry;

typedef struct Reconciliation
{
	const EcChange *change;
	List *key; /* column names at registration (char *) */
	char *statements[WAYS];
	char *written; /* finds the row if it was written in a gap or later, and is
				    * out of step */
} Reconciliation;

/*
 * Entries and gaps are sorted by time together, since there may be many of both.
 * A transaction of the future comes from another cluster, which was dumped: each
 * row may have been written since then, and 2 is older than all.
 */
static List *
read_queue(const EcChange *change, bool only_due, int limit)
{
	List *entries = NIL;
	MemoryContext memory = CurrentMemoryContext;
	EcCatalogScope scope;
	EcArgs args = {0};
	uint64 count;

	ec_catalog_begin(&scope);
	ec_arg_text(&args, change->name);
	ec_arg_bool(&args, only_due);
	ec_arg_int4(&args, limit);
	count =
		ec_query("SELECT key, (array_agg(way ORDER BY id DESC))[1], max(id),"
				 "       (array_agg(gap ORDER BY id DESC))[1]"
				 "  FROM (SELECT key, id, way, attempts, next_attempt_at,"
				 "               CASE WHEN min(writer) OVER since >= pg_snapshot_xmax(pg_current_snapshot()) THEN '2'"
				 "                    ELSE CAST(CAST(min(writer) OVER since AS xid) AS text) END AS gap"
				 "          FROM (SELECT key, id, attempts, next_attempt_at, at, CAST(NULL AS xid8) AS writer,"
				 "                       CASE WHEN direction = 'backward' THEN 0"
				 "                            WHEN NOT is_unset THEN 1 ELSE 2 END AS way"
				 "                  FROM expand_contract.discrepancies WHERE change = $1"
				 "                UNION ALL"
				 "                SELECT NULL, NULL, NULL, NULL, at, writer, NULL"
				 "                  FROM expand_contract.gaps WHERE change = $1) b"
				 "        WINDOW since AS (ORDER BY at DESC)) d"
				 " WHERE key IS NOT NULL"
				 " GROUP BY key"
				 " HAVING NOT $2 OR coalesce(max(next_attempt_at), '-infinity') <= clock_timestamp()"
				 " ORDER BY max(attempts), max(id) LIMIT $3",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		MemoryContext caller = MemoryContextSwitchTo(memory);
		Entry *entry = palloc0_object(Entry);

		entry->key = ec_get_jsonb(row, 1);
		entry->way = ec_get_int4(row, 2, FORWARD);
		entry->newest = ec_get_int8(row, 3, 0);
		entry->gap = ec_get_text(row, 4);
		entries = lappend(entries, entry);
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
	return entries;
}

static void
remove_entries(const EcChange *change, const Entry *entry)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_text(&args, change->name);
	ec_arg_jsonb(&args, entry->key);
	ec_arg_int8(&args, entry->newest);
	(void) ec_query("DELETE FROM expand_contract.discrepancies"
					" WHERE change = $1 AND key = $2 AND id <= $3",
					&args);
	ec_catalog_end(&scope);
}

/* The delay until the next attempt doubles, from a second to an hour. */
static void
fold_entries(const EcChange *change, const Entry *entry, const ErrorData *error)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_text(&args, change->name);
	ec_arg_jsonb(&args, entry->key);
	ec_arg_int8(&args, entry->newest);
	ec_arg_text(&args, unpack_sql_state(error->sqlerrcode));
	ec_arg_text(&args, error->message ? ec_clip(error->message, EC_MAX_TEXT) : "");
	(void) ec_query("WITH folded AS ("
					"   SELECT sum(writes) AS writes, min(coalesce(first_at, at)) AS first_at,"
					"          max(attempts) AS attempts"
					"     FROM expand_contract.discrepancies"
					"    WHERE change = $1 AND key = $2 AND id <= $3),"
					" older AS ("
					"   DELETE FROM expand_contract.discrepancies"
					"    WHERE change = $1 AND key = $2 AND id < $3)"
					" UPDATE expand_contract.discrepancies d"
					"    SET writes = f.writes, first_at = f.first_at,"
					"        attempts = f.attempts + 1, error_code = $4, error = $5,"
					"        next_attempt_at = clock_timestamp() + least("
					"            make_interval(secs => 2 ^ least(f.attempts, 12)), '1 hour')"
					"   FROM folded f"
					"  WHERE d.change = $1 AND d.key = $2 AND d.id = $3",
					&args);
	ec_catalog_end(&scope);
}

/*
 * Appends "id = CAST($1 AS integer) AND ", and collects the names that the
 * queue uses.
 */
static void
append_key(StringInfo condition, Reconciliation *work, Relation relation,
		   const AttrNumber *attnums, int position)
{
	ListCell *cell;
	int i = 0;

	foreach (cell, work->change->columns)
	{
		EcChangeColumn *column = lfirst(cell);
		AttrNumber attnum = attnums[i++];
		Form_pg_attribute attribute;

		if (column->key_position != position)
			continue;
		attribute = TupleDescAttr(RelationGetDescr(relation), attnum - 1);
		appendStringInfo(condition, "%s %s CAST($%d AS %s) AND ",
						 quote_identifier(NameStr(attribute->attname)),
						 ec_equality_name(attribute->atttypid), position,
						 format_type_extended(attribute->atttypid, attribute->atttypmod,
											  FORMAT_TYPE_TYPEMOD_GIVEN |
												  FORMAT_TYPE_FORCE_QUALIFY));
		work->key = lappend(work->key, column->name);
		append_key(condition, work, relation, attnums, position + 1);
		return;
	}
}

/*
 * Builds UPDATE table SET ... WHERE key = ... AND the row is not in step, or
 * is still unset.
 */
static void
make_statements(Reconciliation *work, Relation relation)
{
	const EcChange *change = work->change;
	AttrNumber *attnums =
		palloc0(sizeof(AttrNumber) * (list_length(change->columns) + 1));
	StringInfoData condition;

	if (!ec_change_find_columns(relation, change, attnums))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_COLUMN),
						errmsg("a column of change \"%s\" does not exist any more",
							   change->name),
						errhint("Restore it, or end the change.")));
	initStringInfo(&condition);
	append_key(&condition, work, relation, attnums, 1);
	for (Way way = BACKWARD; way < WAYS; way++)
	{
		EcChangeSql sql;

		if (way == BACKWARD && !ec_has_backward(change))
			continue;
		ec_change_sql(relation, change, way != BACKWARD, &sql);
		work->statements[way] =
			psprintf("UPDATE %s SET %s WHERE %s(%s)",
					 ec_relation_name(RelationGetRelid(relation)), sql.assignments,
					 condition.data, way == FILL ? sql.fill : sql.not_in_step);
		work->written =
			psprintf("SELECT FROM %s WHERE %sCASE WHEN " EC_WRITTEN_SINCE
					 " THEN %s ELSE false END FOR NO KEY UPDATE",
					 ec_relation_name(RelationGetRelid(relation)), condition.data,
					 "xmin", psprintf("$%d", list_length(work->key) + 1),
					 sql.not_in_step);
	}
}

/*
 * Runs a statement about the row, and returns whether it has found one.  The
 * table's triggers run with the caller's search_path.
 */
static bool
run_for_row(const Reconciliation *work, const Entry *entry, const char *sql)
{
	int count = list_length(work->key);
	ParamListInfo parameters = makeParamList(count + 1);
	Oid types[INDEX_MAX_KEYS + 1];
	SPIPlanPtr plan;
	bool found;

	for (int i = 0; i <= count; i++)
	{
		char *value =
			i == count ? entry->gap
					   : ec_json_get_scalar(entry->key, list_nth(work->key, i));

		types[i] = TEXTOID;
		parameters->params[i].ptype = TEXTOID;
		parameters->params[i].pflags = PARAM_FLAG_CONST;
		parameters->params[i].isnull = value == NULL;
		parameters->params[i].value =
			value != NULL ? CStringGetTextDatum(value) : (Datum) 0;
	}
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = ec_prepare_planned(sql, count + 1, types, 0, EC_OWN_SEARCH_PATH);
	found = ec_execute_planned(plan, parameters, EC_OWN_SEARCH_PATH, NULL) > 0;
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	return found;
}

/* Is the row out of step, and written in a gap since the failure, or later? */
static bool
written_since(const Reconciliation *work, const Entry *entry)
{
	if (entry->gap == NULL)
		return false;
	if (OidIsValid(work->change->target))
		return ec_table_written_since(work->change, entry->key,
									  entry->way != BACKWARD, entry->gap);
	return run_for_row(work, entry, work->written);
}

/* The change's own trigger is bypassed; all other triggers fire. */
static bool
write_in(const Reconciliation *work, const Entry *entry, Way way)
{
	if (!OidIsValid(work->change->target))
		return run_for_row(work, entry, work->statements[way]);
	ec_table_reconcile_row(work->change, entry->key, way != BACKWARD);
	return true;
}

static void
write_row(const Reconciliation *work, const Entry *entry)
{
	Way authority = ec_old_is_authority(work->change) ? FORWARD : BACKWARD;

	if (entry->way == FILL)
	{
		if (!write_in(work, entry, FILL) && ec_has_backward(work->change) &&
			written_since(work, entry))
			(void) write_in(work, entry, authority);
		return;
	}
	if (entry->way != authority && written_since(work, entry))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the row was written while dual writes were off, so either side may be the newer one")));
	(void) write_in(work, entry, entry->way);
}

typedef struct RowTry
{
	const Reconciliation *work;
	const Entry *entry;
} RowTry;

static void
write_tried_row(void *arg)
{
	const RowTry *row = arg;

	write_row(row->work, row->entry);
}

static void
try_row(const Reconciliation *work, const Entry *entry)
{
	RowTry row = {work, entry};
	ErrorData *error = ec_try(write_tried_row, &row);

	if (error == NULL)
		remove_entries(work->change, entry);
	else
		fold_entries(work->change, entry, error);
}

static void
try_rows(const Reconciliation *work, List *entries)
{
	ListCell *cell;

	foreach (cell, entries)
	{
		CHECK_FOR_INTERRUPTS();
		try_row(work, lfirst(cell));
	}
}

/*
 * A separate function, since local variables of the caller would be clobbered
 * by PG_TRY's longjmp.
 */
static pg_noinline void
try_rows_exempt(const Reconciliation *work, List *entries)
{
	bool own_before = ec_own_reads;

	ec_exempt_change(work->change->name);
	ec_own_reads = true;
	PG_TRY();
	{
		try_rows(work, entries);
	}
	PG_FINALLY();
	{
		ec_exempt_change(NULL);
		ec_own_reads = own_before;
	}
	PG_END_TRY();
}

int
ec_reconcile_rows(const EcChange *change, bool only_due, int limit)
{
	List *entries = read_queue(change, only_due, limit);
	Reconciliation work = {change};
	int count = list_length(entries);
	Relation relation;
	EcRights outer;
	int guc_level;

	if (entries == NIL)
		return 0;
	relation = try_table_open(change->relation, RowExclusiveLock);
	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("the table of change \"%s\" does not exist any more",
						change->name),
				 errhint("Its rows no longer exist, so nothing is left to be written.")));
	if (OidIsValid(change->target) && get_rel_name(change->target) == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("the target table of change \"%s\" does not exist any more",
							   change->name),
						ec_errhint("End the change with ec_revert.")));
	ec_become(&outer, ec_change_require_role(change));
	guc_level = ec_pin_settings(change->settings);
	if (!OidIsValid(change->target))
		make_statements(&work, relation);
	try_rows_exempt(&work, entries);
	AtEOXact_GUC(false, guc_level);
	ec_become_caller(&outer);
	table_close(relation, NoLock);
	return count;
}

int64
ec_discrepancies_left(const char *change)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	int64 left;

	ec_catalog_begin(&scope);
	ec_arg_text(&args, change);
	(void) ec_query("SELECT count(DISTINCT key) FROM expand_contract.discrepancies"
					" WHERE change = $1",
					&args);
	left = ec_get_int8(0, 1, 0);
	ec_catalog_end(&scope);
	return left;
}

/* Returns the names (char *) of the changes that have entries in the queue. */
static List *
changes_with_queues(void)
{
	MemoryContext memory = CurrentMemoryContext;
	List *names = NIL;
	EcCatalogScope scope;
	uint64 count;

	ec_catalog_begin(&scope);
	count = ec_query("SELECT DISTINCT change FROM expand_contract.discrepancies ORDER BY 1",
					 NULL);
	for (uint64 row = 0; row < count; row++)
	{
		MemoryContext caller = MemoryContextSwitchTo(memory);

		names = lappend(names, ec_get_text(row, 1));
		MemoryContextSwitchTo(caller);
	}
	ec_catalog_end(&scope);
	return names;
}

static int64
reconcile(const EcChange *change)
{
	(void) ec_reconcile_rows(change, false, PG_INT32_MAX);
	return ec_discrepancies_left(change->name);
}

/*
 * ec_reconcile(change) → number of rows left in the queue
 *
 * Retries the dual writes in the queue, as the owner of the table, in the
 * caller's transaction.  NULL: those of all changes whose tables the caller
 * owns.  A write that fails again stays in the queue with the new error, and
 * raises none.
 *
 * Only the owner of the table may call it (42501).  Raises 42704 if there is
 * no such change.
 */
Datum
ec_reconcile(PG_FUNCTION_ARGS)
{
	EcChange change;
	int64 left = 0;
	ListCell *cell;

	if (!PG_ARGISNULL(0))
	{
		ec_change_get(ec_change_argument(fcinfo, 0), &change);
		PG_RETURN_INT64(reconcile(&change));
	}
	foreach (cell, changes_with_queues())
	{
		/* If a table was dropped, there are no rows to reconcile. */
		if (ec_change_load(lfirst(cell), &change) &&
			get_rel_name(change.relation) != NULL && ec_change_is_mine(&change))
			left += reconcile(&change);
	}
	PG_RETURN_INT64(left);
}
