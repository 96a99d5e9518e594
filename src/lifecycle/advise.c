/*
 * advise.c
 *		ec_advise: compares the ways of changing a table.
 *
 * The sizes come from the table's files, and the other figures from the
 * statistics, so no row is read.  The times are rough estimates for current
 * hardware, good enough to tell seconds from hours.
 */
#include "postgres.h"

#include "access/table.h"
#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/syscache.h"
#include "utils/tuplestore.h"

#include "core/catalog.h"
#include "core/guc.h"
#include "core/lock_retry.h"
#include "core/query.h"
#include "core/unique_key.h"

#define REWRITTEN_BYTES_PER_SECOND (50.0 * 1024 * 1024)
#define FILLED_ROWS_PER_SECOND     150000.0

/* the longest time for which an application may be blocked */
#define BEARABLE_SECONDS 1.0

typedef struct Facts
{
	Oid relation;
	double heap_bytes; /* of all leaf tables, including TOAST */
	double index_bytes;
	double rows;
	int64 tables; /* leaf tables */
	int64 indexes;
	double writes_per_second; /* since the statistics were reset; < 0: the
							   * reset was too recent */
	int64 replicas;
	bool has_key; /* the table has a key that identifies a row */
} Facts;

PG_FUNCTION_INFO_V1(ec_advise);

/*
 * Takes no lock, because it would be held until the end of the transaction.
 * Everybody may call ec_advise, and a role without rights on a table must not
 * block its migrations.
 */
static void
check_relation(Oid oid)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(oid));
	Form_pg_class form;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", oid),
						errhint("Ask for a table or a partitioned table.")));
	form = (Form_pg_class) GETSTRUCT(tuple);
	if (form->relkind != RELKIND_RELATION && form->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a table", NameStr(form->relname)),
						errdetail_relkind_not_supported(form->relkind),
						errhint("Ask for a table or a partitioned table.")));
	ReleaseSysCache(tuple);
}

static bool
has_key(Oid oid)
{
	Relation relation = table_open(oid, AccessShareLock);
	bool result = ec_find_keys(relation) != NIL;

	table_close(relation, AccessShareLock);
	return result;
}

static void
gather_facts(void *arg)
{
	Facts *facts = arg;
	Oid relation = facts->relation;
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_oid(&args, relation);
	ec_query("WITH leaves AS (SELECT c.oid, c.reltuples FROM pg_class c "
			 "WHERE c.relkind = 'r' AND (c.oid = $1 OR c.oid IN "
			 "(SELECT relid FROM pg_partition_tree($1) WHERE isleaf))) "
			 "SELECT coalesce(sum(pg_table_size(l.oid)), 0)::float8, "
			 "coalesce(sum(pg_indexes_size(l.oid)), 0)::float8, "
			 "coalesce(sum(greatest(l.reltuples, s.n_live_tup, 0)), 0)::float8, "
			 "count(*), "
			 "(SELECT count(*) FROM pg_index i WHERE i.indrelid = $1), "
			 "coalesce(sum(s.n_tup_ins + s.n_tup_upd + s.n_tup_del), 0)::float8 / "
			 "(SELECT extract(epoch FROM w.age)::float8 FROM (SELECT clock_timestamp() - "
			 "coalesce(d.stats_reset, pg_postmaster_start_time()) FROM pg_stat_database d "
			 "WHERE d.datname = current_database()) w (age) WHERE w.age > '1 hour'), "
			 "(SELECT count(*) FROM pg_stat_replication) "
			 "FROM leaves l LEFT JOIN pg_stat_all_tables s ON s.relid = l.oid",
			 &args);
	facts->heap_bytes = ec_get_float8(0, 1, 0);
	facts->index_bytes = ec_get_float8(0, 2, 0);
	facts->rows = ec_get_float8(0, 3, 0);
	facts->tables = ec_get_int8(0, 4, 0);
	facts->indexes = ec_get_int8(0, 5, 0);
	facts->writes_per_second = ec_get_float8(0, 6, -1);
	facts->replicas = ec_get_int8(0, 7, 0);
	ec_catalog_end(&scope);
	facts->has_key = has_key(relation);
}

static char *
as_duration(double seconds)
{
	if (seconds < 1)
		return pstrdup("less than a second");
	if (seconds < 120)
		return psprintf("about %.0f s", seconds);
	if (seconds < 2 * 3600)
		return psprintf("about %.0f min", seconds / 60);
	return psprintf("about %.1f h", seconds / 3600);
}

static char *
as_size(double bytes)
{
	if (bytes < 10.0 * 1024 * 1024)
		return psprintf("%.0f kB", bytes / 1024);
	if (bytes < 10.0 * 1024 * 1024 * 1024)
		return psprintf("%.0f MB", bytes / 1024 / 1024);
	return psprintf("%.0f GB", bytes / 1024 / 1024 / 1024);
}

static double
rewrite_seconds(const Facts *facts)
{
	return (facts->heap_bytes + facts->index_bytes) / REWRITTEN_BYTES_PER_SECOND;
}

/* Assumes the pace that a job gets by default. */
static double
fill_seconds(const Facts *facts)
{
	double pauses = 0;

	if (ec_batch_size > 0)
		pauses = facts->rows / ec_batch_size * ec_backfill_delay / 1000.0;
	return facts->rows / FILLED_ROWS_PER_SECOND + pauses;
}

static void
put_row(ReturnSetInfo *result, const char *approach, bool recommended,
		const char *why, const char *cost)
{
	Datum values[4];
	bool nulls[4] = {false};

	values[0] = CStringGetTextDatum(approach);
	values[1] = BoolGetDatum(recommended);
	values[2] = CStringGetTextDatum(why);
	values[3] = CStringGetTextDatum(cost);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* an ALTER TABLE that rewrites the table under ACCESS EXCLUSIVE */
static void
advise_window(ReturnSetInfo *result, const Facts *facts, bool recommended)
{
	StringInfoData why;
	StringInfoData cost;

	initStringInfo(&why);
	initStringInfo(&cost);
	if (recommended)
		appendStringInfo(&why,
						 "The table and its indexes are small (%s), so a rewrite is short.",
						 as_size(facts->heap_bytes + facts->index_bytes));
	else
		appendStringInfo(&why,
						 "Only in a maintenance window: %s would be rewritten while all readers and writers wait.",
						 as_size(facts->heap_bytes + facts->index_bytes));
	appendStringInfo(&cost, "ACCESS EXCLUSIVE for %s, on %lld table(s)",
					 as_duration(rewrite_seconds(facts)),
					 (long long) facts->tables);
	if (facts->writes_per_second > 0)
		appendStringInfo(&cost, "; about %.0f writes would queue up",
						 ceil(facts->writes_per_second * rewrite_seconds(facts)));
	if (facts->replicas > 0)
		appendStringInfo(&cost,
						 "; %lld standby(s) replay it in one piece and lag meanwhile",
						 (long long) facts->replicas);
	put_row(result, "direct DDL in a window", recommended, why.data, cost.data);
}

/* new columns in the same table: ec_expand without a target */
static void
advise_columns(ReturnSetInfo *result, const Facts *facts, bool recommended)
{
	StringInfoData why;
	StringInfoData cost;

	initStringInfo(&why);
	initStringInfo(&cost);
	appendStringInfoString(&why,
						   recommended
							   ? "The table is too big to be rewritten under a lock, and new columns need no copy of it."
							   : "Works at any size; useful where the old columns must stay readable for a while.");
	if (facts->tables > 1)
		appendStringInfoString(&why, " The partition key cannot change this way.");
	appendStringInfo(&cost,
					 "ACCESS EXCLUSIVE for a moment to add the columns; then a backfill of %s at the default pace, "
					 "in which the table grows by about a fifth (%s)",
					 as_duration(fill_seconds(facts)),
					 as_size(facts->heap_bytes / 5));
	if (facts->indexes > 0)
		appendStringInfoString(&cost, "; index the new columns after it");
	put_row(result, "expand/contract with new columns", recommended, why.data,
			cost.data);
}

/* a new table: ec_expand with a target */
static void
advise_table(ReturnSetInfo *result, const Facts *facts)
{
	StringInfoData why;
	StringInfoData cost;

	initStringInfo(&why);
	initStringInfo(&cost);
	appendStringInfoString(&why,
						   "For changes that new columns cannot express: another key or partitioning, splitting or merging a table, changing most columns.");
	if (!facts->has_key)
		appendStringInfoString(&why,
							   " First the table needs a key: a unique index over NOT NULL columns.");
	appendStringInfo(&cost,
					 "no lock beyond a moment; a copy of %s at the default pace, room for another %s, "
					 "and every write is made twice until the end",
					 as_duration(fill_seconds(facts)),
					 as_size(facts->heap_bytes + facts->index_bytes));
	if (facts->writes_per_second > 0)
		appendStringInfo(&cost, " (about %.0f a second)",
						 ceil(facts->writes_per_second));
	put_row(result, "expand/contract with a new table", false, why.data, cost.data);
}

/*
 * ec_advise(relation regclass) -> SETOF (approach, recommended, why, cost)
 *
 * Returns one row for each approach.  Exactly one of them is recommended.
 */
Datum
ec_advise(PG_FUNCTION_ARGS)
{
	Oid relation = PG_GETARG_OID(0);
	Facts facts = {0};
	ErrorData *error;
	bool is_small;

	check_relation(relation);
	InitMaterializedSRF(fcinfo, 0);
	facts.relation = relation;
	error = ec_look(gather_facts, &facts);
	if (error != NULL)
		ec_raise_lock_timeout(error, relation, "Ask again when it is not locked.");
	is_small = rewrite_seconds(&facts) < BEARABLE_SECONDS;
	advise_window((ReturnSetInfo *) fcinfo->resultinfo, &facts, is_small);
	advise_columns((ReturnSetInfo *) fcinfo->resultinfo, &facts, !is_small);
	advise_table((ReturnSetInfo *) fcinfo->resultinfo, &facts);
	return (Datum) 0;
}
