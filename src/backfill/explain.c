/*
 * explain.c
 *		Checks statements before any of them is run.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/itemptr.h"
#include "utils/plancache.h"

#include "backfill/explain.h"
#include "backfill/statement.h"
#include "core/catalog.h"
#include "core/expression.h"
#include "core/planned.h"
#include "core/subtransaction.h"

void
ec_probe(void (*look)(void *arg), void *arg)
{
	ErrorData *error = ec_subtransaction_undone(look, arg);

	if (error != NULL)
		ReThrowError(error);
}

/*
 * EXPLAIN plans exactly this statement, and checks the caller's privileges on
 * all relations in it, without running it.
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
	/*
	 * the privilege to lock rows does not include the privilege to read them
	 */
	if (backfill->kind->locks_first)
		ec_explain(ec_lock_statement(relation, backfill, false, false), 2,
				   backfill->search_path);
	ec_explain(ec_write_statement(relation, backfill, false), 2,
			   backfill->search_path);
}

void
ec_check_any_statement(Relation root, const EcBackfill *backfill)
{
	ec_explain(ec_any_statement(root, backfill, "", 1), 0, backfill->search_path);
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
	/* the plan is not saved, so its reference belongs to no resource owner */
	ReleaseCachedPlan(cached, NULL);
	SPI_finish();
}

int64
ec_estimate_rows(Relation relation, const char *predicate)
{
	Estimate estimate;
	StringInfoData sql;

	/* without ONLY, to include partitions and children */
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
