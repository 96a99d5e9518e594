/*
 * holders.c
 *		Who holds a lock.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/backend_status.h"

#include "core/catalog.h"
#include "core/holders.h"
#include "core/query.h"
#include "expand_contract.h"

char *
ec_lock_holders(Oid relation)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	StringInfoData lines;
	uint64 count;

	/* what the transaction has read of pg_stat_activity before is old now */
	pgstat_clear_backend_activity_snapshot();

	initStringInfo(&lines);
	ec_catalog_begin(&scope);
	ec_arg_oid(&args, MyDatabaseId);
	ec_arg_oid(&args, relation);
	ec_arg_int4(&args, EC_LOCK_MIGRATION);
	count =
		ec_query("SELECT l.pid, coalesce(nullif(a.application_name, ''),"
				 "         a.backend_type, 'unknown'),"
				 "       extract(epoch FROM clock_timestamp() - a.xact_start)::bigint,"
				 "       left(regexp_replace(a.query, '\\s+', ' ', 'g'), 200)"
				 "  FROM (SELECT DISTINCT pid FROM pg_locks"
				 "         WHERE granted AND database = $1"
				 "           AND pid IS DISTINCT FROM pg_backend_pid()"
				 "           AND CASE WHEN $2 IS NULL"
				 "               THEN locktype = 'advisory' AND classid = 0"
				 "                AND objid = 0 AND objsubid = $3"
				 "               ELSE locktype = 'relation' AND relation = $2 END) l"
				 "  LEFT JOIN pg_stat_activity a USING (pid)"
				 " ORDER BY a.xact_start, l.pid",
				 &args);
	for (uint64 row = 0; row < count; row++)
	{
		if (row > 0)
			appendStringInfoString(&lines, "; ");
		if (ec_is_null(row, 1))
		{
			appendStringInfoString(&lines, "a prepared transaction");
			continue;
		}
		appendStringInfo(&lines, "pid %d (%s)", ec_get_int4(row, 1, 0),
						 ec_get_text(row, 2));
		if (!ec_is_null(row, 3))
			appendStringInfo(&lines, ", transaction age " INT64_FORMAT " s",
							 ec_get_int8(row, 3, 0));
		if (!ec_is_null(row, 4))
			appendStringInfo(&lines, ", query: %s", ec_get_text(row, 4));
	}
	ec_catalog_end(&scope);
	return count > 0 ? lines.data : NULL;
}
