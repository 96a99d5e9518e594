/*
 * queued.c
 *		Is a row of a change in the queue?
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"

#include "core/catalog.h"
#include "core/pinned.h"
#include "core/query.h"
#include "dualwrite/queue/discrepancy.h"

PG_FUNCTION_INFO_V1(ec_is_queued);

/* As the queue has it, see ec_discrepancy_key. */
static Jsonb *
key_of(FunctionCallInfo fcinfo, ArrayType *name_array)
{
	int guc_level = ec_pin_text();
	StringInfoData json;
	Datum *names;
	bool *nulls;
	int count;

	deconstruct_array(name_array, TEXTOID, -1, false, TYPALIGN_INT, &names,
					  &nulls, &count);
	if (count != PG_NARGS() - 2)
		elog(ERROR, "is_queued has %d names for %d values", count, PG_NARGS() - 2);
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			elog(ERROR, "a name for is_queued is null");
		if (i > 0)
			appendStringInfoString(&json, ", ");
		escape_json(&json, TextDatumGetCString(names[i]));
		appendStringInfoString(&json, ": ");
		ec_append_key_value(&json, get_fn_expr_argtype(fcinfo->flinfo, i + 2),
							PG_GETARG_DATUM(i + 2), PG_ARGISNULL(i + 2));
	}
	appendStringInfoChar(&json, '}');
	AtEOXact_GUC(false, guc_level);
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

/*
 * expand_contract.is_queued(change, names, VARIADIC values) → boolean
 *
 * Whether a failed write of the row with that key is in the queue of a change.
 * Only owners of the change's table are told of any.
 */
Datum
ec_is_queued(PG_FUNCTION_ARGS)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	Oid asking = GetUserId();
	Jsonb *key;
	bool found;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_BOOL(false);
	if (get_fn_expr_variadic(fcinfo->flinfo))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("is_queued does not take its values as an array"),
						errhint("Give each value of the key as an argument.")));
	key = key_of(fcinfo, PG_GETARG_ARRAYTYPE_P(1));
	ec_arg_text(&args, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	ec_arg_jsonb(&args, key);
	ec_arg_oid(&args, asking);
	ec_catalog_begin(&scope);
	found = ec_query("SELECT FROM expand_contract.discrepancies d"
					 "  JOIN expand_contract.changes c ON c.name = d.change"
					 "  JOIN pg_class t ON t.oid = c.relation"
					 " WHERE d.change = $1 AND d.key = $2"
					 "   AND pg_has_role($3, t.relowner, 'USAGE') LIMIT 1",
					 &args) > 0;
	ec_catalog_end(&scope);
	PG_RETURN_BOOL(found);
}
