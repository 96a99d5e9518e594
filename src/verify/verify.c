/*
 * verify.c
 *		ec_verify: compares, stores and returns the result.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"

#include "core/distributed.h"
#include "core/hint.h"
#include "core/arguments.h"
#include "core/guc.h"
#include "core/own.h"
#include "verify/verify.h"

PG_FUNCTION_INFO_V1(ec_verify);
PG_FUNCTION_INFO_V1(ec_verify_tables);

#define EXAMPLE                                                                \
	"Call it as in ec_verify('users', '{\"email\": \"lower(legacy_email)\"}')."

static bool
is_verifiable(char relkind, bool is_source_only)
{
	switch (relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_MATVIEW:
			return true;
		case RELKIND_FOREIGN_TABLE:
			return is_source_only;
	}
	return false;
}

Relation
ec_open_verified(Oid oid, bool is_source_only)
{
	Relation relation = try_relation_open(oid, AccessShareLock);

	if (relation == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", oid),
						errhint("Give the table by its name, as in 'users'.")));
	if (!is_verifiable(relation->rd_rel->relkind, is_source_only))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(relation)),
				 errdetail_relkind_not_supported(relation->rd_rel->relkind),
				 errhint("Verify a table, a partitioned table or a materialized view.")));
	if (RELATION_IS_OTHER_TEMP(relation))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot access temporary tables of other sessions"),
				 errdetail("\"%s\" is one.", RelationGetRelationName(relation)),
				 ec_errhint("Call ec_verify in the session that created it.")));
	ec_refuse_distributed(oid);
	return relation;
}

void
ec_verify_now(const EcSubject *subject, const Jsonb *mapping,
			  const char *change, Oid caller, EcVerification *result)
{
	EcCompareOptions options = {.max_mismatches = ec_max_mismatches};
	EcComparison comparison = {0};
	int64 id = ec_record_begin(subject, mapping, change, caller);
	bool own_before = ec_own_reads;

	/*
	 * ec_verify is volatile, so it sees what its transaction has written
	 * before
	 */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	ec_own_reads = true;
	PG_TRY();
	{
		ec_compare(subject, &options, &comparison);
	}
	PG_FINALLY();
	{
		ec_own_reads = own_before;
	}
	PG_END_TRY();
	PopActiveSnapshot();
	ec_record_add(id, &comparison);
	tuplestore_end(comparison.mismatches);
	ec_record_end(id);
	if (!ec_record_read(id, result))
		elog(ERROR, "verification " INT64_FORMAT " is gone", id);
}

Datum
ec_verification_row(FunctionCallInfo fcinfo, const EcVerification *verification)
{
	TupleDesc desc;
	Datum values[11];
	bool nulls[11] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != lengthof(values))
		elog(ERROR, "the result must be of type ec_verification");
	values[0] = Int64GetDatum(verification->id);
	values[1] = BoolGetDatum(ec_verification_ok(verification));
	values[2] = Int64GetDatum(verification->source.rows);
	values[3] = Int64GetDatum(verification->target.rows);
	values[4] = Int64GetDatum(verification->missing);
	values[5] = Int64GetDatum(verification->extra);
	values[6] = Int64GetDatum(verification->different);
	values[7] = CStringGetTextDatum(ec_checksum_text(&verification->source));
	values[8] = CStringGetTextDatum(ec_checksum_text(&verification->target));
	values[9] = TimestampTzGetDatum(verification->started_at);
	values[10] = TimestampTzGetDatum(verification->finished_at);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* ec_verify(relation regclass, mapping jsonb) → ec_verification */
Datum
ec_verify(PG_FUNCTION_ARGS)
{
	EcSubject subject = {0};
	EcVerification verification;
	Jsonb *mapping;

	ec_require_argument(fcinfo, 0, "relation", EXAMPLE);
	ec_require_argument(fcinfo, 1, "mapping", EXAMPLE);
	PreventCommandIfReadOnly("ec_verify()");

	mapping = PG_GETARG_JSONB_P(1);
	subject.target = ec_open_verified(PG_GETARG_OID(0), false);
	subject.source = subject.target;
	subject.columns = ec_mapping_columns(subject.target, mapping, "mapping");
	ec_verify_now(&subject, mapping, NULL, GetUserId(), &verification);
	relation_close(subject.target, NoLock);
	PG_RETURN_DATUM(ec_verification_row(fcinfo, &verification));
}

/*
 * ec_verify(source regclass, target regclass, mapping jsonb, key text[])
 * → ec_verification
 */
Datum
ec_verify_tables(PG_FUNCTION_ARGS)
{
	EcSubject subject = {0};
	EcVerification verification;
	Jsonb *mapping;

	ec_require_argument(fcinfo, 0, "source", EXAMPLE);
	ec_require_argument(fcinfo, 1, "target", EXAMPLE);
	ec_require_argument(fcinfo, 2, "mapping", EXAMPLE);
	PreventCommandIfReadOnly("ec_verify()");

	mapping = PG_GETARG_JSONB_P(2);
	subject.source = ec_open_verified(PG_GETARG_OID(0), true);
	subject.target = ec_open_verified(PG_GETARG_OID(1), false);
	subject.columns = ec_mapping_columns(subject.target, mapping, "mapping");
	ec_mapping_take_key(&subject, ec_key_argument(fcinfo, 3));
	ec_verify_now(&subject, mapping, NULL, GetUserId(), &verification);
	relation_close(subject.source, NoLock);
	relation_close(subject.target, NoLock);
	PG_RETURN_DATUM(ec_verification_row(fcinfo, &verification));
}
