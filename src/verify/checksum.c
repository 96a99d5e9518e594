/*
 * checksum.c
 *		The aggregate ec_checksum(VARIADIC "any").
 *
 * Its transition function runs for every row of large tables.  So everything
 * about the columns is prepared once per call site, in fn_extra, and the state
 * is two sums and a count.  Memory for values is allocated in the executor's
 * per-tuple context, which nodeAgg and nodeWindowAgg reset before the next
 * row.  Only the state is in the aggregate's context.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"

#include "core/compat.h"
#include "verify/checksum.h"
#include "verify/hasher.h"

PG_FUNCTION_INFO_V1(ec_checksum_step);
PG_FUNCTION_INFO_V1(ec_checksum_combine);
PG_FUNCTION_INFO_V1(ec_checksum_serialize);
PG_FUNCTION_INFO_V1(ec_checksum_deserialize);
PG_FUNCTION_INFO_V1(ec_checksum_final);

typedef struct ColumnPlan
{
	int count;
	EcHasher hashers[FLEXIBLE_ARRAY_MEMBER];
} ColumnPlan;

void
ec_checksum_merge(EcChecksum *checksum, const EcChecksum *other)
{
	checksum->rows += other->rows;
	checksum->sum_a += other->sum_a;
	checksum->sum_b += other->sum_b;
}

char *
ec_checksum_text(const EcChecksum *checksum)
{
	return psprintf(INT64_FORMAT ":%08x%08x%08x%08x", checksum->rows,
					(uint32) (checksum->sum_a >> 32), (uint32) checksum->sum_a,
					(uint32) (checksum->sum_b >> 32), (uint32) checksum->sum_b);
}

void
ec_checksum_parse(const char *text, EcChecksum *checksum)
{
	uint32 words[4];
	long long rows;

	if (sscanf(text, "%lld:%8x%8x%8x%8x", &rows, &words[0], &words[1],
			   &words[2], &words[3]) != 5)
		elog(ERROR, "invalid checksum \"%s\"", text);
	checksum->rows = rows;
	checksum->sum_a = (uint64) words[0] << 32 | words[1];
	checksum->sum_b = (uint64) words[2] << 32 | words[3];
}

static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "ec_checksum function called in non-aggregate context");
	return context;
}

/*
 * The collation of the call is one for all columns, and InvalidOid if they
 * differ.  So use the collation of each argument.  For a window aggregate the
 * arguments are not available.
 */
static Oid
argument_collation(FunctionCallInfo fcinfo, int argument)
{
	Aggref *aggref = AggGetAggref(fcinfo);

	if (aggref == NULL || argument >= list_length(aggref->args))
		return PG_GET_COLLATION();
	return exprCollation(
		(Node *) list_nth_node(TargetEntry, aggref->args, argument)->expr);
}

static ColumnPlan *
plan_columns(FunctionCallInfo fcinfo)
{
	FmgrInfo *flinfo = fcinfo->flinfo;
	int count = PG_NARGS() - 1;
	ColumnPlan *plan;

	if (get_fn_expr_variadic(flinfo))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("ec_checksum cannot take its columns from a VARIADIC array"),
				 errdetail("Each argument is one column, with a type of its own."),
				 errhint("Leave VARIADIC out to hash the array as one column.")));

	plan = MemoryContextAllocZero(flinfo->fn_mcxt, offsetof(ColumnPlan, hashers) +
													   count * sizeof(EcHasher));
	for (int i = 0; i < count; i++)
	{
		Oid type = get_fn_expr_argtype(flinfo, i + 1);

		if (!OidIsValid(type))
			elog(ERROR, "could not determine the type of argument %d of ec_checksum",
				 i + 1);
		ec_hasher_init(&plan->hashers[i], type, argument_collation(fcinfo, i),
					   flinfo->fn_mcxt);
	}
	plan->count = count;
	flinfo->fn_extra = plan;
	return plan;
}

/* ec_checksum_step(internal, VARIADIC "any"): add one row. */
Datum
ec_checksum_step(PG_FUNCTION_ARGS)
{
	ColumnPlan *plan = fcinfo->flinfo->fn_extra;
	EcChecksum *checksum;
	EcLanes lanes;
	EcNullMask mask = {0};

	if (PG_ARGISNULL(0))
		checksum =
			MemoryContextAllocZero(aggregate_context(fcinfo), sizeof(EcChecksum));
	else
		checksum = (EcChecksum *) PG_GETARG_POINTER(0);
	if (plan == NULL)
		plan = plan_columns(fcinfo);

	ec_lanes_start(&lanes);
	for (int i = 0; i < plan->count; i++)
	{
		NullableDatum *argument = &fcinfo->args[i + 1];

		ec_feed_next(&plan->hashers[i], &lanes, &mask, argument->value,
					 argument->isnull);
	}
	ec_feed_end(&lanes, &mask);
	ec_lanes_finish(&lanes);
	ec_checksum_add(checksum, &lanes);
	PG_RETURN_POINTER(checksum);
}

/* ec_checksum_combine(internal, internal): a NULL state stands for no rows. */
Datum
ec_checksum_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	EcChecksum *checksum;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	if (PG_ARGISNULL(0))
		checksum = MemoryContextAllocZero(context, sizeof(EcChecksum));
	else
		checksum = (EcChecksum *) PG_GETARG_POINTER(0);
	ec_checksum_merge(checksum, (EcChecksum *) PG_GETARG_POINTER(1));
	PG_RETURN_POINTER(checksum);
}

/* Strict.  The bytes go to another process of the same server only. */
Datum
ec_checksum_serialize(PG_FUNCTION_ARGS)
{
	bytea *serialized = palloc(VARHDRSZ + sizeof(EcChecksum));

	(void) aggregate_context(fcinfo);
	SET_VARSIZE(serialized, VARHDRSZ + sizeof(EcChecksum));
	memcpy(VARDATA(serialized), PG_GETARG_POINTER(0), sizeof(EcChecksum));
	PG_RETURN_BYTEA_P(serialized);
}

Datum
ec_checksum_deserialize(PG_FUNCTION_ARGS)
{
	bytea *serialized = PG_GETARG_BYTEA_PP(0);
	EcChecksum *checksum = palloc(sizeof(EcChecksum));

	(void) aggregate_context(fcinfo);
	if (VARSIZE_ANY_EXHDR(serialized) != sizeof(EcChecksum))
		elog(ERROR, "invalid serialized state of ec_checksum");
	memcpy(checksum, VARDATA_ANY(serialized), sizeof(EcChecksum));
	PG_RETURN_POINTER(checksum);
}

/* Not strict, because an empty set of rows has a checksum, too. */
Datum
ec_checksum_final(PG_FUNCTION_ARGS)
{
	EcChecksum none = {0};
	EcChecksum *checksum =
		PG_ARGISNULL(0) ? &none : (EcChecksum *) PG_GETARG_POINTER(0);

	PG_RETURN_TEXT_P(cstring_to_text(ec_checksum_text(checksum)));
}
