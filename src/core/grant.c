/*
 * grant.c
 *		ec_grant: grants EXECUTE on the functions that PUBLIC may not execute.
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/arguments.h"
#include "core/catalog.h"
#include "core/query.h"

static void
run(const char *command)
{
	if (SPI_execute(command, false, 0) != SPI_OK_UTILITY)
		elog(ERROR, "could not run \"%s\"", command);
}

PG_FUNCTION_INFO_V1(ec_grant);

/*
 * ec_grant(role) → void
 *
 * Grants USAGE on the extension's schema if the role lacks it, and EXECUTE on
 * every function and procedure of the extension that PUBLIC may not execute.
 * It leaves out what is in schema expand_contract, which only the extension
 * calls, and ec_grant itself: only the extension's owner decides who may hand
 * on these rights.  Raises 42501 unless the caller is a member of the
 * extension's owner.
 */
Datum
ec_grant(PG_FUNCTION_ARGS)
{
	EcExtension extension;
	EcCatalogScope scope;
	EcArgs args = {0};
	char *role;
	uint64 found;

	ec_require_argument(fcinfo, 0, "role", NULL);
	if (!ec_extension_lookup(&extension) ||
		!has_privs_of_role(GetUserId(), extension.owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for function ec_grant"),
				 errdetail(
					 "Only the owner of extension \"expand_contract\" can grant its functions.")));
	role = pstrdup(quote_identifier(GetUserNameFromId(PG_GETARG_OID(0), false)));

	ec_arg_oid(&args, extension.oid);
	ec_catalog_begin(&scope);
	if (!ec_may_use_schema(extension.schema, PG_GETARG_OID(0)))
		run(psprintf("GRANT USAGE ON SCHEMA %s TO %s",
					 quote_identifier(get_namespace_name(extension.schema)), role));
	found = ec_query("SELECT p.oid::regprocedure::text, p.prokind = 'p' "
					 "FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid "
					 "AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e' "
					 "AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = $1 "
					 "WHERE p.proname <> 'ec_grant' AND p.proacl IS NOT NULL "
					 "AND p.pronamespace <> 'expand_contract'::regnamespace "
					 "AND NOT EXISTS (SELECT FROM aclexplode(p.proacl) a "
					 "WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE') "
					 "ORDER BY 1",
					 &args);
	{
		SPITupleTable *functions = SPI_tuptable;

		for (uint64 row = 0; row < found; row++)
		{
			bool isnull;
			char *signature =
				SPI_getvalue(functions->vals[row], functions->tupdesc, 1);
			bool is_procedure =
				DatumGetBool(SPI_getbinval(functions->vals[row],
										   functions->tupdesc, 2, &isnull));

			run(psprintf("GRANT EXECUTE ON %s %s TO %s",
						 is_procedure ? "PROCEDURE" : "FUNCTION", signature, role));
		}
	}
	ec_catalog_end(&scope);
	PG_RETURN_VOID();
}
