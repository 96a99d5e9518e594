/*
 * verify.c
 *		ec_verify(relation, mapping): compare, record, return.
 *
 * Reading runs as the caller, recording as the extension's owner.  Nothing of
 * the user's is evaluated while recording: by then there is only text.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/catalog.h"
#include "core/guc.h"
#include "core/own.h"
#include "core/query.h"
#include "verify/compare.h"

PG_FUNCTION_INFO_V1(ec_verify);

static void
require_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("argument \"%s\" of ec_verify must not be null", name),
				 errhint("Call it as in ec_verify('users', '{\"email\": \"lower(legacy_email)\"}').")));
}

/* A table, with AccessShareLock, that the caller could read with SELECT. */
static Relation
open_table(Oid oid)
{
	Relation relation = try_relation_open(oid, AccessShareLock);

	if (relation == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", oid),
						errhint("Give the table by its name, as in 'users'.")));
	switch (relation->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_MATVIEW:
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("\"%s\" is not a table",
							RelationGetRelationName(relation)),
					 errdetail_relkind_not_supported(relation->rd_rel->relkind),
					 errhint("Verify a table, a partitioned table or a materialized view.")));
	}
	if (RELATION_IS_OTHER_TEMP(relation))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot access temporary tables of other sessions"),
				 errdetail("\"%s\" is one.", RelationGetRelationName(relation)),
				 errhint("Call ec_verify in the session that created it.")));
	return relation;
}

static void
record_mismatches(int64 verification, Tuplestorestate *mismatches)
{
	TupleTableSlot *slot =
		MakeSingleTupleTableSlot(ec_mismatch_desc(), &TTSOpsMinimalTuple);

	while (tuplestore_gettupleslot(mismatches, true, false, slot))
	{
		EcArgs args = {0};

		slot_getallattrs(slot);
		ec_arg_int8(&args, verification);
		for (int i = 0; i < EC_MISMATCH_COLUMNS; i++)
			ec_arg(&args, TEXTOID, slot->tts_values[i], slot->tts_isnull[i]);
		ec_query("INSERT INTO expand_contract.mismatches "
				 "(verification, key, column_name, source_value, target_value) "
				 "VALUES ($1, $2::jsonb, $3, $4, $5)",
				 &args);
	}
	ExecDropSingleTupleTableSlot(slot);
}

static Datum
oid_array(List *oids)
{
	Datum *elements = palloc_array(Datum, list_length(oids));
	int count = 0;
	ListCell *cell;

	foreach (cell, oids)
		elements[count++] = ObjectIdGetDatum(lfirst_oid(cell));
	return PointerGetDatum(construct_array(elements, count, OIDOID, sizeof(Oid),
										   true, TYPALIGN_INT));
}

/* Returns the verification's id. */
static int64
record(Relation relation, const Jsonb *mapping, EcComparison *comparison,
	   TimestampTz started_at, TimestampTz finished_at)
{
	char *name = ec_relation_name(RelationGetRelid(relation));
	Oid caller = GetUserId();
	EcCatalogScope scope;
	EcArgs args = {0};
	int64 id;

	ec_catalog_begin(&scope);
	ec_arg_oid(&args, RelationGetRelid(relation));
	ec_arg_text(&args, name);
	ec_arg(&args, OIDARRAYOID, oid_array(comparison->reads), false);
	ec_arg_jsonb(&args, mapping);
	ec_arg_oid(&args, caller);
	ec_arg_int8(&args, comparison->source.rows);
	ec_arg_int8(&args, comparison->target.rows);
	ec_arg_int8(&args, comparison->different);
	ec_arg_text(&args, ec_checksum_text(&comparison->source));
	ec_arg_text(&args, ec_checksum_text(&comparison->target));
	ec_arg_timestamptz(&args, started_at);
	ec_arg_timestamptz(&args, finished_at);
	ec_arg_bool(&args, comparison->is_opaque);
	ec_query("INSERT INTO expand_contract.verifications "
			 "(relation, relation_name, reads, mapping, verified_by, "
			 "rows_source, rows_target, missing, extra, different, "
			 "checksum_source, checksum_target, started_at, finished_at, opaque) "
			 "VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, $8, $9, $10, $11, $12, $13) "
			 "RETURNING id",
			 &args);
	id = ec_get_int8(0, 1, 0);
	record_mismatches(id, comparison->mismatches);
	ec_catalog_end(&scope);
	return id;
}

static Datum
verification_row(FunctionCallInfo fcinfo, int64 id, const EcComparison *comparison,
				 TimestampTz started_at, TimestampTz finished_at)
{
	TupleDesc desc;
	Datum values[11];
	bool nulls[11] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != lengthof(values))
		elog(ERROR, "ec_verify must return ec_verification");
	values[0] = Int64GetDatum(id);
	values[1] = BoolGetDatum(comparison->different == 0);
	values[2] = Int64GetDatum(comparison->source.rows);
	values[3] = Int64GetDatum(comparison->target.rows);
	/* the two sides of a row cannot be without each other */
	values[4] = Int64GetDatum(0);
	values[5] = Int64GetDatum(0);
	values[6] = Int64GetDatum(comparison->different);
	values[7] = CStringGetTextDatum(ec_checksum_text(&comparison->source));
	values[8] = CStringGetTextDatum(ec_checksum_text(&comparison->target));
	values[9] = TimestampTzGetDatum(started_at);
	values[10] = TimestampTzGetDatum(finished_at);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* ec_verify(relation regclass, mapping jsonb) → ec_verification */
Datum
ec_verify(PG_FUNCTION_ARGS)
{
	TimestampTz started_at = GetCurrentTimestamp();
	TimestampTz finished_at;
	EcComparison comparison;
	Relation relation;
	Jsonb *mapping;
	bool own_before = ec_own_reads;
	int64 id;

	require_argument(fcinfo, 0, "relation");
	require_argument(fcinfo, 1, "mapping");
	PreventCommandIfReadOnly("ec_verify()");

	mapping = PG_GETARG_JSONB_P(1);
	relation = open_table(PG_GETARG_OID(0));
	ec_own_reads = true;
	PG_TRY();
	{
		ec_compare_columns(relation, ec_mapping_columns(relation, mapping),
						   ec_max_mismatches, &comparison);
	}
	PG_FINALLY();
	{
		ec_own_reads = own_before;
	}
	PG_END_TRY();
	finished_at = GetCurrentTimestamp();
	id = record(relation, mapping, &comparison, started_at, finished_at);
	tuplestore_end(comparison.mismatches);
	relation_close(relation, NoLock);
	PG_RETURN_DATUM(
		verification_row(fcinfo, id, &comparison, started_at, finished_at));
}
