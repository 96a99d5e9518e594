/*
 * arguments.c
 *		Reads the arguments of SQL functions.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "expand_contract.h"
#include "core/hint.h"
#include "core/arguments.h"

void
ec_require_argument(FunctionCallInfo fcinfo, int n, const char *name,
					const char *hint)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("argument \"%s\" must not be null", name),
						hint == NULL ? 0 : errhint("%s", ec_qualified(hint))));
}

char *
ec_text_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	ec_require_argument(fcinfo, n, name, NULL);
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
	ec_require_argument(fcinfo, n, name, NULL);
	return PG_GETARG_BOOL(n);
}

bool
ec_is_second_choice(FunctionCallInfo fcinfo, int n, const char *name,
					const char *first, const char *second)
{
	const char *value = n >= PG_NARGS() || PG_ARGISNULL(n)
							? first
							: text_to_cstring(PG_GETARG_TEXT_PP(n));

	if (strcmp(value, first) != 0 && strcmp(value, second) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown value \"%s\" for argument \"%s\"", value, name),
				 errhint("Use '%s' or '%s'.", first, second)));
	return strcmp(value, second) == 0;
}

List *
ec_text_list(ArrayType *array, const char *name)
{
	List *elements = NIL;
	Datum *values;
	bool *nulls;
	int count;

	if (array == NULL)
		return NIL;
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls,
					  &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument \"%s\" must not contain nulls", name)));
		elements = lappend(elements, TextDatumGetCString(values[i]));
	}
	return elements;
}

List *
ec_text_list_argument(FunctionCallInfo fcinfo, int n, const char *name)
{
	return PG_ARGISNULL(n) ? NIL : ec_text_list(PG_GETARG_ARRAYTYPE_P(n), name);
}

List *
ec_key_argument(FunctionCallInfo fcinfo, int n)
{
	List *names = ec_text_list_argument(fcinfo, n, "key");

	if (names == NIL && !PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"key\" must not be empty"),
				 errhint("Name columns, as in key => '{id}', or leave the argument out for the target's primary key.")));
	return names;
}
