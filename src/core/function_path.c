/*
 * function_path.c
 *		The search_path that a function SETs.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "utils/array.h"
#include "utils/syscache.h"

#include "core/arguments.h"
#include "core/function_path.h"

#define SETTING "search_path="

char *
ec_function_path(Oid function)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	char *path = NULL;
	Datum settings;
	bool isnull;
	ListCell *cell;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	settings = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_proconfig, &isnull);
	foreach (cell, ec_text_list(isnull ? NULL : DatumGetArrayTypeP(settings),
								"proconfig"))
		if (strncmp(lfirst(cell), SETTING, strlen(SETTING)) == 0)
			path = (char *) lfirst(cell) + strlen(SETTING);
	ReleaseSysCache(tuple);
	return path;
}
