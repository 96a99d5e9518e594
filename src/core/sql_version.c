/*
 * sql_version.c
 *		Which version of the extension's SQL a database has, and whether this
 *		library runs with it.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/regproc.h"

#include "core/sql_version.h"

PG_FUNCTION_INFO_V1(ec_sql_require_library);

bool ec_sql_is_older = false;

EcSqlVersion
ec_sql_version_of(const char *extversion)
{
	if (strcmp(extversion, EC_VERSION) == 0)
		return EC_SQL_CURRENT;
	if (strcmp(extversion, "0.9") == 0)
		return EC_SQL_0_9;
	return EC_SQL_UNKNOWN;
}

static bool
is_older(const char *version, const char *than)
{
	int a[2] = {0};
	int b[2] = {0};

	(void) sscanf(version, "%d.%d", &a[0], &a[1]);
	(void) sscanf(than, "%d.%d", &b[0], &b[1]);
	return a[0] < b[0] || (a[0] == b[0] && a[1] < b[1]);
}

void
ec_refuse_sql_version(const char *extversion)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the library of expand_contract does not run with the SQL of its version %s",
					extversion),
			 errdetail("This session runs the library of version " EC_VERSION "."),
			 is_older(extversion, EC_VERSION)
				 ? errhint("Use ALTER EXTENSION expand_contract UPDATE.")
				 : errhint("Install the library of version %s if it is not. "
						   "Then connect again or, if shared_preload_libraries names it, restart the server.",
						   extversion)));
}

void
ec_hint_at_update(void *argument)
{
	switch (geterrcode())
	{
		case ERRCODE_UNDEFINED_COLUMN:
		case ERRCODE_UNDEFINED_TABLE:
		case ERRCODE_UNDEFINED_FUNCTION:
		case ERRCODE_UNDEFINED_OBJECT:
		case ERRCODE_CHECK_VIOLATION:
			errhint("The library of expand_contract is of version " EC_VERSION
					", and its SQL in this database is older. "
					"Use ALTER EXTENSION expand_contract UPDATE.");
			break;
		default:
			break;
	}
}

/*
 * expand_contract.require_library(version text)
 *
 * An update script calls this in its first statement, to make sure that the
 * server runs the library that belongs to it.
 */
Datum
ec_sql_require_library(PG_FUNCTION_ARGS)
{
	char *version = text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (strcmp(version, EC_VERSION) != 0)
		ec_refuse_sql_version(version);
	PG_RETURN_VOID();
}

/* Functions of version 0.9 that 1.0 no longer has. */
static Datum
refuse_retired(FunctionCallInfo fcinfo)
{
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("function %s is not part of expand_contract " EC_VERSION,
						   format_procedure(fcinfo->flinfo->fn_oid)),
					errhint("Use ALTER EXTENSION expand_contract UPDATE.")));
}

PG_FUNCTION_INFO_V1(ec_sql_batch_sizes);

Datum
ec_sql_batch_sizes(PG_FUNCTION_ARGS)
{
	return refuse_retired(fcinfo);
}
