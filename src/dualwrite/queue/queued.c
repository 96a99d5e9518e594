/*
 * queued.c
 *		Tells whether a row of a change is in the queue.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

#include "core/arguments.h"
#include "core/catalog.h"
#include "core/pinned.h"
#include "core/query.h"
#include "dualwrite/queue/discrepancy.h"

PG_FUNCTION_INFO_V1(ec_is_queued);

/* hashes of the keys in a queue when the statement began */
typedef struct Queue
{
	char *change;
	uint64 count;
	int32 *hashes; /* sorted */
} Queue;

/* Returns the key in the form that ec_discrepancy_key yields. */
static Jsonb *
key_of(FunctionCallInfo fcinfo)
{
	List *names = ec_text_list_argument(fcinfo, 2, "names");
	int guc_level = ec_pin_text();
	StringInfoData json;
	int count = list_length(names);

	if (count != PG_NARGS() - 3)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("is_queued has %d names for %d values", count,
							   PG_NARGS() - 3)));
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoString(&json, ", ");
		escape_json(&json, list_nth(names, i));
		appendStringInfoString(&json, ": ");
		ec_append_key_value(&json, get_fn_expr_argtype(fcinfo->flinfo, i + 3),
							PG_GETARG_DATUM(i + 3), PG_ARGISNULL(i + 3));
	}
	appendStringInfoChar(&json, '}');
	AtEOXact_GUC(false, guc_level);
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

static int
compare_hashes(const void *left, const void *right)
{
	int32 a = *(const int32 *) left;
	int32 b = *(const int32 *) right;

	return (a > b) - (a < b);
}

/*
 * Loads the queue of a change if the role is the owner of its table; otherwise
 * the result is empty.
 */
static const Queue *
load_queue(const char *change, Oid asking, MemoryContext memory)
{
	Queue *queue = MemoryContextAllocZero(memory, sizeof(Queue));
	EcCatalogScope scope;
	EcArgs args = {0};
	uint64 count;

	queue->change = MemoryContextStrdup(memory, change);
	ec_arg_text(&args, change);
	ec_arg_oid(&args, asking);
	ec_catalog_begin(&scope);
	count = ec_query("SELECT DISTINCT pg_catalog.jsonb_hash(d.key)"
					 "  FROM expand_contract.discrepancies d"
					 "  JOIN expand_contract.changes c ON c.name = d.change"
					 "  JOIN pg_class t ON t.oid = c.relation"
					 " WHERE d.change = $1 AND pg_has_role($2, t.relowner, 'USAGE')",
					 &args);
	queue->hashes = MemoryContextAllocHuge(memory, sizeof(int32) * Max(1, count));
	for (uint64 row = 0; row < count; row++)
		queue->hashes[row] = ec_get_int4(row, 1, 0);
	queue->count = count;
	ec_catalog_end(&scope);
	qsort(queue->hashes, count, sizeof(int32), compare_hashes);
	return queue;
}

/*
 * A cheap test first: a statement checks every row of a table, and few rows
 * are in the queue.
 */
static bool
may_be_queued(FunctionCallInfo fcinfo, const char *change, Oid asking)
{
	const Queue *queue = fcinfo->flinfo->fn_extra;
	int32 hash;

	if (queue == NULL || strcmp(queue->change, change) != 0)
	{
		queue = load_queue(change, asking, fcinfo->flinfo->fn_mcxt);
		fcinfo->flinfo->fn_extra = unconstify(Queue *, queue);
	}
	if (queue->count == 0)
		return false;
	hash = DatumGetInt32(
		DirectFunctionCall1(jsonb_hash, JsonbPGetDatum(key_of(fcinfo))));
	return bsearch(&hash, queue->hashes, queue->count, sizeof(int32),
				   compare_hashes) != NULL;
}

static bool
is_queued_now(FunctionCallInfo fcinfo, const char *change, Oid asking)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool found;

	ec_arg_text(&args, change);
	ec_arg_jsonb(&args, key_of(fcinfo));
	ec_arg_oid(&args, asking);
	ec_catalog_begin(&scope);
	found = ec_query("SELECT FROM expand_contract.discrepancies d"
					 "  JOIN expand_contract.changes c ON c.name = d.change"
					 "  JOIN pg_class t ON t.oid = c.relation"
					 " WHERE d.change = $1 AND d.key = $2"
					 "   AND pg_has_role($3, t.relowner, 'USAGE') LIMIT 1",
					 &args) > 0;
	ec_catalog_end(&scope);
	return found;
}

/*
 * expand_contract.is_queued(change, now, names, VARIADIC values) → boolean
 *
 * True if the queue of a change has a failed write of the row with that key,
 * as of the first row of the statement or, with now, at this moment.  Always
 * false unless the caller owns the change's table.
 */
Datum
ec_is_queued(PG_FUNCTION_ARGS)
{
	Oid asking = GetUserId();
	char *change;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_BOOL(false);
	if (get_fn_expr_variadic(fcinfo->flinfo))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("is_queued does not take its values as an array"),
						errhint("Give each value of the key as an argument.")));
	change = text_to_cstring(PG_GETARG_TEXT_PP(0));
	PG_RETURN_BOOL(PG_GETARG_BOOL(1) ? is_queued_now(fcinfo, change, asking)
									 : may_be_queued(fcinfo, change, asking) &&
										   is_queued_now(fcinfo, change, asking));
}
