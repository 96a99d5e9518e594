/*
 * record.c
 *		Stores the results of verifications in expand_contract.verifications.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/catalog.h"
#include "core/guc.h"
#include "core/own_table.h"
#include "core/query.h"
#include "verify/mismatch.h"
#include "verify/record.h"

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

static Datum
name_array(List *columns)
{
	Datum *elements = palloc_array(Datum, list_length(columns));
	int count = 0;
	ListCell *cell;

	foreach (cell, columns)
	{
		EcMappedColumn *column = lfirst(cell);

		elements[count++] = CStringGetTextDatum(column->name);
	}
	return PointerGetDatum(
		construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

int64
ec_record_begin(const EcSubject *subject, const Jsonb *mapping,
				const char *change, Oid caller)
{
	Oid source = RelationGetRelid(subject->source);
	Oid target = RelationGetRelid(subject->target);
	EcChecksum none = {0};
	EcCatalogScope scope;
	EcArgs args = {0};
	int64 id;

	ec_arg_oid(&args, source);
	ec_arg_text(&args, ec_relation_name(source));
	ec_arg_oid(&args, target);
	ec_arg_text(&args, ec_relation_name(target));
	ec_arg_jsonb(&args, mapping);
	ec_arg(&args, TEXTARRAYOID, name_array(subject->key), false);
	ec_arg_text(&args, change);
	ec_arg_oid(&args, caller);
	ec_arg_text(&args, GetUserNameFromId(caller, false));
	ec_arg_text(&args, ec_checksum_text(&none));
	ec_catalog_begin(&scope);
	ec_pass_own_rows("verifications");
	ec_pass_own_rows("mismatches");
	ec_query("INSERT INTO expand_contract.verifications (source, source_name, "
			 "target, target_name, mapping, key, change, verified_by, "
			 "verified_by_name, checksum_source, checksum_target, started_at) "
			 "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, "
			 "clock_timestamp()) RETURNING id",
			 &args);
	id = ec_get_int8(0, 1, 0);
	ec_catalog_end(&scope);
	return id;
}

void
ec_record_set_job(int64 verification, int64 job)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_int8(&args, verification);
	ec_arg_int8(&args, job);
	ec_catalog_begin(&scope);
	ec_query("UPDATE expand_contract.verifications SET job = $2 WHERE id = $1",
			 &args);
	ec_catalog_end(&scope);
}

/* Call in scope. */
static bool
read_verification(int64 id, EcVerification *result)
{
	EcArgs args = {0};

	ec_arg_int8(&args, id);
	if (ec_query("SELECT missing, extra, different, recorded, checksum_source, "
				 "checksum_target, started_at, finished_at "
				 "FROM expand_contract.verifications WHERE id = $1",
				 &args) == 0)
		return false;
	memset(result, 0, sizeof(*result));
	result->id = id;
	result->missing = ec_get_int8(0, 1, 0);
	result->extra = ec_get_int8(0, 2, 0);
	result->different = ec_get_int8(0, 3, 0);
	result->recorded = ec_get_int8(0, 4, 0);
	ec_checksum_parse(ec_get_text(0, 5), &result->source);
	ec_checksum_parse(ec_get_text(0, 6), &result->target);
	result->started_at = ec_get_timestamptz(0, 7, 0);
	result->finished_at = ec_get_timestamptz(0, 8, 0);
	return true;
}

bool
ec_record_read(int64 verification, EcVerification *result)
{
	EcCatalogScope scope;
	bool found;

	ec_catalog_begin(&scope);
	found = read_verification(verification, result);
	ec_catalog_end(&scope);
	return found;
}

/* The lines of one row are adjacent and have the same row number. */
static void
record_mismatches(EcVerification *verification, Tuplestorestate *mismatches)
{
	TupleTableSlot *slot =
		MakeSingleTupleTableSlot(ec_mismatch_desc(), &TTSOpsMinimalTuple);
	int64 row = -1;

	while (tuplestore_gettupleslot(mismatches, true, false, slot))
	{
		EcArgs args = {0};

		slot_getallattrs(slot);
		if (DatumGetInt64(slot->tts_values[EC_MISMATCH_COLUMNS]) != row)
		{
			if (verification->recorded >= ec_max_mismatches)
				break;
			verification->recorded++;
			row = DatumGetInt64(slot->tts_values[EC_MISMATCH_COLUMNS]);
		}
		ec_arg_int8(&args, verification->id);
		for (int i = 0; i < EC_MISMATCH_COLUMNS; i++)
			ec_arg(&args, TEXTOID, slot->tts_values[i], slot->tts_isnull[i]);
		ec_query("INSERT INTO expand_contract.mismatches (verification, key, "
				 "difference, column_name, source_value, target_value, repair) "
				 "VALUES ($1, $2::jsonb, $3, $4, $5, $6, $7)",
				 &args);
	}
	ExecDropSingleTupleTableSlot(slot);
}

void
ec_record_add(int64 id, const EcComparison *comparison)
{
	EcVerification verification;
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_catalog_begin(&scope);
	ec_arg_int8(&args, id);
	ec_query("SELECT FROM expand_contract.verifications WHERE id = $1 FOR UPDATE",
			 &args);
	if (!read_verification(id, &verification))
		elog(ERROR, "verification " INT64_FORMAT " is gone", id);
	ec_checksum_merge(&verification.source, &comparison->source);
	ec_checksum_merge(&verification.target, &comparison->target);
	record_mismatches(&verification, comparison->mismatches);

	ec_arg_int8(&args, comparison->missing);
	ec_arg_int8(&args, comparison->extra);
	ec_arg_int8(&args, comparison->different);
	ec_arg_int8(&args, verification.recorded);
	ec_arg_text(&args, ec_checksum_text(&verification.source));
	ec_arg_text(&args, ec_checksum_text(&verification.target));
	ec_arg_int8(&args, verification.source.rows);
	ec_arg_int8(&args, verification.target.rows);
	ec_arg(&args, OIDARRAYOID, oid_array(comparison->reads), false);
	ec_arg_bool(&args, comparison->is_opaque);
	ec_arg(&args, PG_SNAPSHOTOID, comparison->snapshot, false);
	ec_query("UPDATE expand_contract.verifications SET missing = missing + $2, "
			 "extra = extra + $3, different = different + $4, recorded = $5, "
			 "checksum_source = $6, checksum_target = $7, rows_source = $8, "
			 "rows_target = $9, reads = $10, opaque = opaque OR $11, "
			 "first_snapshot = coalesce(first_snapshot, $12), "
			 "last_snapshot = $12 "
			 "WHERE id = $1",
			 &args);
	ec_catalog_end(&scope);
}

void
ec_record_end(int64 id)
{
	EcCatalogScope scope;
	EcArgs args = {0};

	ec_arg_int8(&args, id);
	ec_catalog_begin(&scope);
	ec_query("UPDATE expand_contract.verifications "
			 "SET finished_at = clock_timestamp() "
			 "WHERE id = $1 AND finished_at IS NULL",
			 &args);
	ec_catalog_end(&scope);
}
