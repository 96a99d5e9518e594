/*
 * differs.c
 *		Compares values by image, for predicates that the engine builds.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(ec_differs);

/*
 * expand_contract.differs(anyelement, anyelement) → boolean
 *
 * Do two values of the same type have different images?  Two NULLs do not
 * differ, and the result is never NULL.
 */
Datum
ec_differs(PG_FUNCTION_ARGS)
{
	TypeCacheEntry *type = fcinfo->flinfo->fn_extra;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_BOOL(PG_ARGISNULL(0) != PG_ARGISNULL(1));
	if (type == NULL)
	{
		Oid type_oid = get_fn_expr_argtype(fcinfo->flinfo, 0);

		if (!OidIsValid(type_oid))
			elog(ERROR, "could not determine the type of the argument");
		type = lookup_type_cache(type_oid, 0);
		fcinfo->flinfo->fn_extra = type;
	}
	PG_RETURN_BOOL(!datum_image_eq(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1),
								   type->typbyval, type->typlen));
}
