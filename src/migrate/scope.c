/*
 * scope.c
 *		Scopes: separate histories of migrations in one database.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "core/guc.h"
#include "migrate/scope.h"

#define MAX_SCOPE_BYTES 255

static void
check_scope(const char *scope)
{
	if (strlen(scope) > MAX_SCOPE_BYTES)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("scope of a migration is too long"),
						errdetail("The scope has %zu bytes; the limit is %d.",
								  strlen(scope), MAX_SCOPE_BYTES),
						errhint("Use the name of a service or of a schema.")));
	for (const char *c = scope; *c; c++)
	{
		if ((unsigned char) *c < ' ' || *c == '\x7F')
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("scope of a migration has a control character"),
							errhint("Use the name of a service or of a schema.")));
	}
}

char *
ec_scope_argument(FunctionCallInfo fcinfo, int n)
{
	char *scope = n < PG_NARGS() && !PG_ARGISNULL(n)
					  ? text_to_cstring(PG_GETARG_TEXT_PP(n))
					  : pstrdup(ec_scope);

	check_scope(scope);
	return scope;
}

char *
ec_migration_name(const char *scope, const char *version)
{
	return *scope == '\0'
			   ? psprintf("migration \"%s\"", version)
			   : psprintf("migration \"%s\" of scope \"%s\"", version, scope);
}
