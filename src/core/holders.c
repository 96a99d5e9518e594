/*
 * holders.c
 *		The sessions that hold a lock.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "pgstat.h"
#include "utils/backend_status.h"
#include "utils/guc.h"

#include "core/callers_path.h"
#include "core/holders.h"
#include "core/query.h"

/*
 * Runs with the caller's rights, not in a catalog scope: an error must not
 * show what pg_stat_activity hides from the caller.
 */
char *
ec_lock_holders(Oid relation)
{
	int guc_level = NewGUCNestLevel();
	EcArgs args = {0};
	StringInfoData lines;
	uint64 count;

	/*
	 * pg_stat_activity is cached for the transaction; discard what it has read
	 * before
	 */
	pgstat_clear_backend_activity_snapshot();

	initStringInfo(&lines);
	ec_use_own_path();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	ec_arg(&args, OIDOID, ObjectIdGetDatum(relation), false);
	count = ec_query("SELECT pid, application_name,"
					 "       extract(epoch FROM transaction_age)::bigint,"
					 "       left(regexp_replace(query, '[[:space:]]+', ' ', 'g'), 200)"
					 "  FROM expand_contract.blockers($1) WHERE granted",
					 &args);
	for (uint64 row = 0; row < count; row++)
	{
		if (row > 0)
			appendStringInfoString(&lines, "; ");
		if (ec_is_null(row, 1))
		{
			appendStringInfoString(&lines, ec_get_text(row, 2));
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
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	AtEOXact_GUC(false, guc_level);
	return count > 0 ? lines.data : NULL;
}
