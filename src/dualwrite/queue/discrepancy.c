/*
 * discrepancy.c
 *		The queue of failed dual writes, and the gaps left by skipped ones.
 *
 * Writers only insert into both tables.  If writers updated a shared row, they
 * would wait for each other, and fail in REPEATABLE READ.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

#include "core/catalog.h"
#include "core/clip.h"
#include "core/pinned.h"
#include "core/query.h"
#include "dualwrite/queue/discrepancy.h"
#include "dualwrite/queue/proposed.h"
#include "expand_contract.h"

static bool
is_json_number(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

void
ec_append_key_value(StringInfo json, Oid type, Datum value, bool isnull)
{
	Oid function;
	bool is_varlena;
	char *text;

	if (isnull)
	{
		appendStringInfoString(json, "null");
		return;
	}
	getTypeOutputInfo(type, &function, &is_varlena);
	text = OidOutputFunctionCall(function, value);
	if (is_json_number(type))
		appendStringInfoString(json, text);
	else
		escape_json(json, text);
}

/*
 * Returns for example {"id": 7}.  Runs as the writer, since a type's output
 * function may be user-defined.  An entry is found by this text.
 */
Jsonb *
ec_discrepancy_key(const EcQueueKey *queue, TupleTableSlot *slot)
{
	int guc_level = ec_pin_text();
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < queue->count; i++)
	{
		const EcQueueColumn *column = &queue->columns[i];
		Oid type =
			TupleDescAttr(slot->tts_tupleDescriptor, column->attnum - 1)->atttypid;
		bool isnull;
		Datum value = slot_getattr(slot, column->attnum, &isnull);

		if (i > 0)
			appendStringInfoString(&json, ", ");
		/*
		 * Uses the name at registration, so that a rename does not hide the
		 * row.
		 */
		escape_json(&json, column->known_as);
		appendStringInfoString(&json, ": ");
		ec_append_key_value(&json, type, value, isnull);
	}
	appendStringInfoChar(&json, '}');
	AtEOXact_GUC(false, guc_level);
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

/* Runs a statement that adds at most one entry, for the row in slot. */
static void
add_entry(const char *sql, EcArgs *args, const EcQueueKey *queue,
		  TupleTableSlot *slot, const EcProposal *proposal)
{
	bool isnull;

	if (proposal == NULL || ec_sql_is_older)
		(void) ec_query(sql, args);
	else if (ec_query_in_trigger(psprintf("%s RETURNING salt", sql), args) > 0)
		ec_await_row(DatumGetUUIDP(SPI_getbinval(SPI_tuptable->vals[0],
												 SPI_tuptable->tupdesc, 1, &isnull)),
					 proposal, queue, slot);
}

void
ec_discrepancy_record(const EcQueueKey *queue, const char *direction,
					  TupleTableSlot *slot, const char *operation,
					  const EcFailure *failure, bool is_unset,
					  const EcProposal *proposal)
{
	Jsonb *key = ec_discrepancy_key(queue, slot);
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_text(&args, queue->change);
	ec_arg_jsonb(&args, key);
	ec_arg_text(&args, operation);
	ec_arg_text(&args, direction);
	ec_arg_text(&args, unpack_sql_state(failure->code));
	ec_arg_text(&args, ec_clip(failure->message, EC_MAX_TEXT));
	ec_arg_bool(&args, is_unset);
	add_entry("INSERT INTO expand_contract.discrepancies"
			  "       (change, key, operation, direction, error_code, error, is_unset)"
			  " VALUES ($1, $2, $3, $4, $5, $6, $7)",
			  &args, queue, slot, proposal);
	ec_catalog_end(&scope);
}

void
ec_discrepancy_follow(const EcQueueKey *queue, TupleTableSlot *old_slot,
					  TupleTableSlot *slot, const EcProposal *proposal)
{
	Jsonb *old_key = ec_discrepancy_key(queue, old_slot);
	Jsonb *key = ec_discrepancy_key(queue, slot);
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_text(&args, queue->change);
	ec_arg_jsonb(&args, old_key);
	ec_arg_jsonb(&args, key);
	add_entry("INSERT INTO expand_contract.discrepancies"
			  "       (change, key, operation, direction, error_code, error, is_unset)"
			  " SELECT change, $3, operation, direction, error_code, error, is_unset"
			  "   FROM expand_contract.discrepancies"
			  "  WHERE change = $1 AND key = $2 ORDER BY id DESC LIMIT 1",
			  &args, queue, slot, proposal);
	ec_catalog_end(&scope);
}

void
ec_gap_record(EcQueueKey *queue, const char *reason)
{
	FullTransactionId transaction = GetCurrentFullTransactionId();
	EcCatalogScope scope;
	EcArgs args = {0};

	if (FullTransactionIdEquals(queue->gap_transaction, transaction))
		return;
	ec_catalog_begin(&scope);
	ec_arg_text(&args, queue->change);
	ec_arg_text(&args, reason);
	(void) ec_query("INSERT INTO expand_contract.gaps (change, reason) VALUES ($1, $2)",
					&args);
	ec_catalog_end(&scope);
	queue->gap_transaction = transaction;
}
