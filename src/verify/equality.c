/*
 * equality.c
 *		Compares two values of a type.
 */
#include "postgres.h"

#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "core/compat.h"
#include "verify/equality.h"

void
ec_equality_init(EcEquality *equality, EcHasher *hasher)
{
	TypeCacheEntry *entry = lookup_type_cache(hasher->type, TYPECACHE_EQ_OPR);
	FmgrInfo *flinfo;
	RegProcedure function;

	memset(equality, 0, sizeof(EcEquality));
	equality->hasher = hasher;
	equality->length = hasher->length;
	equality->by_value = hasher->by_value;
	if (!OidIsValid(entry->eq_opr))
		return;

	function = get_opcode(entry->eq_opr);
	flinfo = MemoryContextAlloc(hasher->memory, sizeof(FmgrInfo));
	fmgr_info_cxt(function, flinfo, hasher->memory);
	equality->call =
		MemoryContextAllocZero(hasher->memory, SizeForFunctionCallInfo(2));
	InitFunctionCallInfoData(*equality->call, flinfo, 2, hasher->collation,
							 NULL, NULL);
}

static bool
same_words(EcHasher *hasher, Datum left, Datum right)
{
	EcLanes left_lanes;
	EcLanes right_lanes;

	ec_lanes_start(&left_lanes);
	ec_lanes_start(&right_lanes);
	hasher->feed(hasher, &left_lanes, left);
	hasher->feed(hasher, &right_lanes, right);
	return ec_same_lanes(&left_lanes, &right_lanes);
}

bool
ec_equal(EcEquality *equality, Datum left, Datum right)
{
	FunctionCallInfo call = equality->call;
	Datum result;

	if (call == NULL)
		return same_words(equality->hasher, left, right);
	call->args[0].value = left;
	call->args[1].value = right;
	call->isnull = false;
	result = FunctionCallInvoke(call);
	return !call->isnull && DatumGetBool(result);
}

bool
ec_identical(const EcEquality *equality, Datum left, Datum right)
{
	const void *left_bytes = DatumGetPointer(left);
	const void *right_bytes = DatumGetPointer(right);

	if (equality->by_value)
		return left == right;
	if (equality->length > 0)
		return memcmp(left_bytes, right_bytes, equality->length) == 0;
	if (equality->length == -1 && !VARATT_IS_EXTERNAL(left_bytes) &&
		!VARATT_IS_EXTERNAL(right_bytes) && !VARATT_IS_COMPRESSED(left_bytes) &&
		!VARATT_IS_COMPRESSED(right_bytes))
		return VARSIZE_ANY_EXHDR(left_bytes) == VARSIZE_ANY_EXHDR(right_bytes) &&
			   memcmp(VARDATA_ANY(left_bytes), VARDATA_ANY(right_bytes),
					  VARSIZE_ANY_EXHDR(left_bytes)) == 0;
	return false;
}
