/*
 * arguments.c
 *		Reads the arguments of SQL functions.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "expand_contract.h"
#include "core/arguments.h"

static void
require_value(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("argument \"%s\" must not be null", name)));
}

char *
ec_text_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	require_value(fcinfo, n, name);
	return text_to_cstring(PG_GETARG_TEXT_PP(n));
}

char *
ec_text_or_null(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

bool
ec_bool_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	require_value(fcinfo, n, name);
	return PG_GETARG_BOOL(n);
}

Datum
ec_text_array_argument(FunctionCallInfo fcinfo, int n, const char *name,
					   List **elements)
{
	ArrayType *array;
	Datum *values;
	bool *nulls;
	int count;

	*elements = NIL;
	if (PG_ARGISNULL(n))
		return PointerGetDatum(construct_empty_array(TEXTOID));

	array = PG_GETARG_ARRAYTYPE_P(n);
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls,
					  &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not have null elements", name)));
		*elements = lappend(*elements, TextDatumGetCString(values[i]));
	}
	return PointerGetDatum(array);
}
