/*
 * lag.c
 *		How far the standbys are behind.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

#include "core/catalog.h"
#include "core/guc.h"
#include "core/query.h"

PG_FUNCTION_INFO_V1(ec_sql_replication_lag);

/*
 * expand_contract.replication_lag() → interval
 *
 * The lag of the slowest physical standby, zero when there is none, NULL when
 * one is there (or has left its slot behind) whose lag nobody can tell: an
 * unknown lag is never shown as none.  replay_lag is NULL for a standby that
 * has nothing to replay, so a distance of zero counts as no lag.  Read as the
 * extension's owner, since others do not see pg_stat_replication.
 */
Datum
ec_sql_replication_lag(PG_FUNCTION_ARGS)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool known;
	Interval *lag = NULL;

	ec_arg_text(&args, ec_ignore_standbys);
	ec_catalog_begin(&scope);
	ec_query("WITH ignored AS (SELECT array_agg(btrim(n)) AS names "
			 "FROM unnest(string_to_array($1, ',')) n), lags AS ("
			 "SELECT CASE WHEN r.replay_lsn >= l.lsn THEN interval '0' "
			 "ELSE r.replay_lag END AS lag "
			 "FROM pg_stat_replication r "
			 "CROSS JOIN (SELECT CASE WHEN NOT pg_is_in_recovery() "
			 "THEN pg_current_wal_lsn() ELSE pg_last_wal_replay_lsn() END AS lsn) l "
			 "WHERE r.state <> 'backup' AND NOT EXISTS (SELECT FROM ignored "
			 "WHERE r.application_name = ANY (names)) "
			 "AND NOT EXISTS (SELECT FROM pg_replication_slots s "
			 "WHERE s.active_pid = r.pid AND s.slot_type = 'logical') "
			 "UNION ALL SELECT NULL FROM pg_replication_slots s "
			 "WHERE s.slot_type = 'physical' AND NOT s.active "
			 "AND s.restart_lsn IS NOT NULL AND NOT EXISTS (SELECT FROM ignored "
			 "WHERE s.slot_name::text = ANY (names))) "
			 "SELECT coalesce(bool_and(lag IS NOT NULL), true), "
			 "coalesce(max(lag), interval '0') FROM lags",
			 &args);
	known = ec_get_bool(0, 1, false);
	if (known)
	{
		bool isnull;
		Datum value = SPI_getbinval(SPI_tuptable->vals[0],
									SPI_tuptable->tupdesc, 2, &isnull);

		lag = SPI_palloc(sizeof(Interval));
		memcpy(lag, DatumGetIntervalP(value), sizeof(Interval));
	}
	ec_catalog_end(&scope);
	if (!known)
		PG_RETURN_NULL();
	PG_RETURN_INTERVAL_P(lag);
}
