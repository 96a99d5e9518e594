/*
 * job_notices.c
 *		Messages of a job that cannot complete yet.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "utils/memutils.h"

#include "backfill/holder.h"
#include "backfill/job_notices.h"
#include "core/hint.h"
#include "core/query.h"

static void
log_holder(const EcJob *job, int holder, int64 rows)
{
	EcArgs args = {0};

	if (holder == EC_HOLDER_PREPARED)
	{
		ereport(LOG,
				(errmsg("expand_contract job " INT64_FORMAT
						" waits for rows that a prepared transaction has locked",
						job->id),
				 errdetail("Rows: " INT64_FORMAT ". pg_prepared_xacts lists them.",
						   rows)));
		return;
	}
	ec_arg_int4(&args, holder);
	if (ec_query("SELECT application_name, state, "
				 "date_trunc('second', clock_timestamp() - xact_start)::text "
				 "FROM pg_stat_get_activity($1)",
				 &args) == 0)
		return; /* the session has ended meanwhile */
	ereport(LOG, (errmsg("expand_contract job " INT64_FORMAT
						 " waits for rows that pid %d has locked",
						 job->id, holder),
				  errdetail("Rows: " INT64_FORMAT
							". Application \"%s\" is %s, in a transaction for %s.",
							rows, ec_get_text(0, 1), ec_get_text(0, 2),
							ec_get_text(0, 3))));
}

void
ec_tell_of_locked_rows(EcJob *job, int holder, int known, int64 rows)
{
	/* outlives our SPI connection, but not the batch */
	char *reason = SPI_palloc(64);

	if (holder == 0)
		strcpy(reason, "locked rows");
	else if (holder == EC_HOLDER_PREPARED)
		strcpy(reason, "locked rows of a prepared transaction");
	else
		snprintf(reason, 64, "locked rows of pid %d", holder);
	if (holder != 0 && holder != known)
		log_holder(job, holder, rows);
	job->throttled_by = reason;
	job->pause_ms = EC_LOCKED_ROWS_PAUSE_MS;
}

void
ec_tell_of_late_rows(EcJob *job, const EcBackfill *backfill, int sweep, int64 rows)
{
	const char *hint = backfill->kind->late_rows_hint;
	const char *table =
		backfill->swept_name ? backfill->swept_name : job->relation_name;

	if (job->notice == NULL)
		ereport(LOG,
				(errmsg("expand_contract job " INT64_FORMAT
						": table %s keeps receiving rows that are to be done",
						job->id, table),
				 errdetail("Sweep %d has found " INT64_FORMAT " more.", sweep, rows),
				 errhint("%s", ec_qualified(hint))));
	job->notice =
		MemoryContextStrdup(job->memory,
							psprintf("the table keeps receiving rows that are to be done: sweep %d has found " INT64_FORMAT
									 " more. HINT: %s",
									 sweep, rows, hint));
}
