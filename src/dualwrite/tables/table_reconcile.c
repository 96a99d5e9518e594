/*
 * table_reconcile.c
 *		Retries a failed write to another table.
 *
 * The queue identifies a row of the source.  If the row exists, it is locked,
 * as a writer would lock it, and put.  If not, another session may be
 * inserting it again at this moment, and would write the target too.  So the
 * target's row is locked before the source is read again: either that session
 * has written the target, and its source row is visible now, or it waits for
 * our lock.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "core/callers_path.h"
#include "core/catalog.h"
#include "core/json.h"
#include "core/planned.h"
#include "core/query.h"
#include "dualwrite/queue/discrepancy.h"
#include "dualwrite/tables/route.h"
#include "dualwrite/tables/route_write.h"
#include "dualwrite/tables/table_reconcile.h"
#include "expand_contract.h"

typedef struct Lookup
{
	EcRowSet rows; /* must be first */
	EcRoute *route;
	Relation source;
	const Jsonb *key;
	EcArgs args;          /* the identity, in the order of its attribute
						   * numbers */
	TupleTableSlot *slot; /* holds the columns that the expressions read */
	bool is_there;
} Lookup;

static Form_pg_attribute
column_of(const Lookup *lookup, AttrNumber attnum)
{
	return TupleDescAttr(RelationGetDescr(lookup->source), attnum - 1);
}

static char *
parameter(const Lookup *lookup, AttrNumber attnum, int number)
{
	Form_pg_attribute column = column_of(lookup, attnum);

	return psprintf("CAST($%d AS %s)", number,
					format_type_extended(column->atttypid, column->atttypmod,
										 FORMAT_TYPE_TYPEMOD_GIVEN |
											 FORMAT_TYPE_FORCE_QUALIFY));
}

static void
append_condition(StringInfo sql, const Lookup *lookup, AttrNumber attnum, int number)
{
	Form_pg_attribute column = column_of(lookup, attnum);
	const char *name = quote_identifier(NameStr(column->attname));
	Oid equality = lookup_type_cache(column->atttypid, TYPECACHE_EQ_OPR)->eq_opr;

	if (!column->attnotnull)
		appendStringInfo(sql, "($%d IS NULL AND s.%s IS NULL OR ", number, name);
	generate_operator_clause(sql, psprintf("s.%s", name), column->atttypid,
							 equality, parameter(lookup, attnum, number),
							 column->atttypid);
	if (!column->attnotnull)
		appendStringInfoChar(sql, ')');
}

/*
 * SELECT the columns that the expressions read FROM source WHERE identity FOR
 * SHARE
 */
static char *
source_query(const Lookup *lookup)
{
	StringInfoData sql;
	int attnum = -1;
	int number = 0;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	while ((attnum = bms_next_member(lookup->route->reads, attnum)) >= 0)
		appendStringInfo(&sql, "%ss.%s", number++ > 0 ? ", " : "",
						 quote_identifier(
							 NameStr(column_of(lookup, attnum)->attname)));
	appendStringInfo(&sql, " FROM %s AS s WHERE ",
					 ec_relation_name(RelationGetRelid(lookup->source)));
	attnum = -1;
	number = 0;
	while ((attnum = bms_next_member(lookup->route->identity, attnum)) >= 0)
	{
		if (number > 0)
			appendStringInfoString(&sql, " AND ");
		append_condition(&sql, lookup, attnum, ++number);
	}
	appendStringInfoString(&sql, " FOR SHARE");
	return sql.data;
}

/* SELECT the identity in the types of the source */
static char *
identity_query(const Lookup *lookup)
{
	StringInfoData sql;
	int attnum = -1;
	int number = 0;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	while ((attnum = bms_next_member(lookup->route->identity, attnum)) >= 0)
	{
		appendStringInfoString(&sql, number > 0 ? ", " : "");
		number++;
		appendStringInfoString(&sql, parameter(lookup, attnum, number));
	}
	return sql.data;
}

/* Runs one of these queries and stores the first row in the slot. */
static bool
fetch(Lookup *lookup, const char *sql, const Bitmapset *columns)
{
	TupleTableSlot *slot = lookup->slot;
	SPIPlanPtr plan;
	bool found;
	int attnum = -1;
	int column = 0;

	int guc_level = ec_planning_begin(EC_OWN_SEARCH_PATH);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	plan = SPI_prepare(sql, lookup->args.count, lookup->args.types);
	if (plan == NULL ||
		SPI_execute_snapshot(plan, lookup->args.values, lookup->args.nulls,
							 GetLatestSnapshot(), InvalidSnapshot, false, true,
							 0) != SPI_OK_SELECT)
		elog(ERROR, "could not run \"%s\"", sql);
	found = SPI_processed > 0;
	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
	while (found && (attnum = bms_next_member(columns, attnum)) >= 0)
	{
		Form_pg_attribute attribute = column_of(lookup, attnum);
		Datum value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									++column, &slot->tts_isnull[attnum - 1]);

		if (!slot->tts_isnull[attnum - 1])
			slot->tts_values[attnum - 1] =
				SPI_datumTransfer(value, attribute->attbyval, attribute->attlen);
	}
	if (found)
		ExecStoreVirtualTuple(slot);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	ec_planning_end(guc_level);
	return found;
}

static void
visit_put(EcRowSet *rows, EcRowVisitor visit, void *arg)
{
	Lookup *lookup = (Lookup *) rows;

	if (lookup->is_there)
		visit(arg, lookup->slot);
}

static void
visit_gone(EcRowSet *rows, EcRowVisitor visit, void *arg)
{
	Lookup *lookup = (Lookup *) rows;

	if (!lookup->is_there)
		visit(arg, lookup->slot);
}

static void
look_up(Lookup *lookup)
{
	const Bitmapset *identity = lookup->route->identity;
	char *source = source_query(lookup);
	int attnum = -1;

	while ((attnum = bms_next_member(identity, attnum)) >= 0)
		ec_arg_text(&lookup->args,
					ec_json_get_scalar(lookup->key,
									   strVal(list_nth(lookup->route->names,
													   attnum - 1))));
	lookup->is_there = fetch(lookup, source, lookup->route->reads);
	if (lookup->is_there)
		return;
	(void) fetch(lookup, identity_query(lookup), identity);
	ec_route_lock_gone(lookup->route, &lookup->rows);
	lookup->is_there = fetch(lookup, source, lookup->route->reads);
	if (!lookup->is_there)
		(void) fetch(lookup, identity_query(lookup), identity);
}

static void
refuse_missing(const char *change)
{
	ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
					errmsg("a table or column of change \"%s\" does not exist any more",
						   change),
					errhint("Restore it, or end the change.")));
}

/*
 * Writes the target's row; or, with a transaction, only tells whether the row
 * that would be changed was written since.
 */
static bool
bring(const char *change, Oid source, Oid target, const Jsonb *key,
	  const char *transaction)
{
	Lookup lookup = {{visit_gone, visit_put, "reconcile"}};
	bool written = false;

	lookup.key = key;
	lookup.source = try_table_open(source, RowExclusiveLock);
	if (lookup.source == NULL)
		refuse_missing(change);
	LockRelationOid(target, RowExclusiveLock);
	lookup.route = ec_route(lookup.source, change);
	if (!lookup.route->is_found)
		refuse_missing(change);
	ec_route_prepare(lookup.route, lookup.source);
	lookup.slot = MakeSingleTupleTableSlot(CreateTupleDescCopy(
											   RelationGetDescr(lookup.source)),
										   &TTSOpsVirtual);
	look_up(&lookup);
	if (transaction != NULL)
		written = ec_route_written_since(lookup.route, &lookup.rows, transaction);
	else
		ec_route_write(lookup.route, &lookup.rows);
	table_close(lookup.source, NoLock);
	return written;
}

void
ec_table_reconcile_row(const EcChange *change, const Jsonb *key, bool forward)
{
	(void) bring(change->name, forward ? change->relation : change->target,
				 forward ? change->target : change->relation, key, NULL);
}

bool
ec_table_written_since(const EcChange *change, const Jsonb *key, bool forward,
					   const char *transaction)
{
	return bring(change->name, forward ? change->relation : change->target,
				 forward ? change->target : change->relation, key, transaction);
}

void
ec_table_follow_row(const EcRoute *route, TupleTableSlot *slot)
{
	Jsonb *key = ec_discrepancy_key(&route->queue, slot);
	int guc_level = NewGUCNestLevel();
	int security_context;
	Oid userid;

	GetUserIdAndSecContext(&userid, &security_context);
	SetUserIdAndSecContext(route->owner, security_context |
											 SECURITY_LOCAL_USERID_CHANGE |
											 SECURITY_NOFORCE_RLS);
	ec_use_own_path();
	(void) bring(route->queue.change, route->source_root, route->target, key, NULL);
	AtEOXact_GUC(false, guc_level);
	SetUserIdAndSecContext(userid, security_context);
}
