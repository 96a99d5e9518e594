/*
 * usage_import.c
 *		ec_import_usage: takes over the figures of a standby.
 *
 * A standby counts in its own memory and cannot write tables.  So a user
 * passes the result of ec_export_usage on the standby to ec_import_usage on
 * the primary.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "core/hint.h"
#include "core/arguments.h"
#include "core/catalog.h"
#include "core/query.h"

static void
refuse(const char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("argument \"usage\" is not column usage of a standby of this server"),
			 errdetail_internal("%s", reason),
			 ec_errhint(
				 "Pass the result of SELECT ec_export_usage() in this database on the standby.")));
}

static void
check_origin(Jsonb *usage)
{
	EcArgs args = {0};

	ec_arg_jsonb(&args, usage);
	ec_arg_text(&args, psprintf(UINT64_FORMAT, GetSystemIdentifier()));
	ec_arg_oid(&args, MyDatabaseId);
	ec_query("SELECT coalesce($1 ->> 'system_identifier' = $2, false), "
			 "coalesce($1 ->> 'database' = (SELECT datname FROM pg_database WHERE oid = $3), false), "
			 "coalesce($1 -> 'in_recovery' = 'true', false), "
			 "coalesce((SELECT jsonb_typeof($1 -> 'columns') = 'array'), false)",
			 &args);
	if (!ec_get_bool(0, 1, false))
		refuse("The system identifier differs.");
	if (!ec_get_bool(0, 2, false))
		refuse("The database differs.");
	if (!ec_get_bool(0, 3, false))
		refuse("It was not taken on a standby.");
	if (!ec_get_bool(0, 4, false))
		refuse("It has no list of columns.");
}

PG_FUNCTION_INFO_V1(ec_import_usage);

/*
 * ec_import_usage(standby, usage) → columns recorded
 *
 * Records the columns of tables that the caller owns.  A later import for the
 * same standby replaces the earlier one.
 */
Datum
ec_import_usage(PG_FUNCTION_ARGS)
{
	Oid caller = GetUserId();
	EcCatalogScope scope;
	EcArgs args = {0};
	Jsonb *usage;
	char *standby;
	uint64 count;

	standby = ec_text_argument(fcinfo, 0, "standby");
	ec_require_argument(fcinfo, 1, "usage", NULL);
	/* an application_name or the name of a slot, and an index entry */
	if (standby[0] == '\0' || strlen(standby) >= NAMEDATALEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("name of a standby must have 1 to %d bytes", NAMEDATALEN - 1),
				 errdetail("This one has %zu.", strlen(standby)),
				 errhint("Use its application_name in pg_stat_replication, or the name of its slot.")));
	usage = PG_GETARG_JSONB_P(1);

	ec_catalog_begin(&scope);
	check_origin(usage);
	ec_arg_text(&args, standby);
	ec_arg_jsonb(&args, usage);
	ec_arg_oid(&args, caller);
	count =
		ec_query("INSERT INTO expand_contract.standby_usage AS s (standby, relation, attnum, "
				 "reads, last_read, last_reader, counting_since, unknown_until, taken_at) "
				 "SELECT $1, u.relation, u.attnum, c.reads, c.last_read, left(c.last_reader, 200), "
				 "c.tracked_since, c.unknown_until, ($2 ->> 'taken_at')::timestamptz "
				 "FROM jsonb_to_recordset($2 -> 'columns') AS c (relation text, column_name text, "
				 "reads bigint, last_read timestamptz, last_reader text, tracked_since timestamptz, "
				 "unknown_until timestamptz) "
				 "JOIN pg_class t ON t.oid = to_regclass(c.relation) "
				 "JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = c.column_name "
				 "JOIN expand_contract.usage u ON u.relation = t.oid AND u.attnum = a.attnum "
				 "WHERE pg_has_role($3, t.relowner, 'USAGE') "
				 "ON CONFLICT (standby, relation, attnum) DO UPDATE SET reads = excluded.reads, "
				 "last_read = excluded.last_read, last_reader = excluded.last_reader, "
				 "counting_since = excluded.counting_since, "
				 "unknown_until = excluded.unknown_until, taken_at = excluded.taken_at "
				 "WHERE s.taken_at <= excluded.taken_at",
				 &args);
	ec_catalog_end(&scope);
	PG_RETURN_INT32((int32) count);
}
