/*
 * lag.c
 *		Reads how far the standbys are behind.
 *
 * Physical standbys count.  So do inactive physical slots, each of which
 * belongs to a standby that is not connected.  Base backups and logical
 * replication do not count.  The query runs as the extension's owner, because
 * other roles do not see pg_stat_replication.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

#include "core/catalog.h"
#include "core/guc.h"
#include "core/query.h"
#include "worker/throttle/lag.h"

/* Does expand_contract.ignore_standbys contain the name? */
bool
ec_is_ignored_standby(const char *name)
{
	return ec_list_has_name(ec_ignore_standbys, name);
}

static XLogRecPtr
get_lsn(uint64 row, int column)
{
	bool isnull;
	Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
								column, &isnull);

	return isnull ? InvalidXLogRecPtr : DatumGetLSN(value);
}

int
ec_read_standbys(EcStandby **standbys, XLogRecPtr *flushed)
{
	uint64 found;
	int count = 0;

	/*
	 * the first row is not a standby; it is always there and has this server's
	 * LSN
	 */
	found = ec_query("WITH here AS (SELECT CASE WHEN pg_is_in_recovery() "
					 "THEN pg_last_wal_replay_lsn() "
					 "ELSE pg_current_wal_flush_lsn() END AS lsn) "
					 "SELECT NULL, NULL, NULL, h.lsn, false, NULL::bigint FROM here h "
					 "UNION ALL "
					 "SELECT r.application_name, host(r.client_addr), s.slot_name, "
					 "coalesce(r.replay_lsn, r.flush_lsn, r.write_lsn), "
					 "r.replay_lsn IS NOT NULL, "
					 "(extract(epoch FROM r.replay_lag) * 1000)::bigint "
					 "FROM pg_stat_replication r "
					 "LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid "
					 "WHERE r.state <> 'backup' "
					 "AND r.application_name <> 'pg_basebackup' "
					 "AND s.slot_type IS DISTINCT FROM 'logical' "
					 "UNION ALL "
					 "SELECT s.slot_name, NULL, s.slot_name, NULL, false, NULL "
					 "FROM pg_replication_slots s "
					 "WHERE s.slot_type = 'physical' AND NOT s.active "
					 "AND s.restart_lsn IS NOT NULL",
					 NULL);
	*flushed = get_lsn(0, 4);
	*standbys = SPI_palloc(found * sizeof(EcStandby));
	for (uint64 row = 1; row < found; row++)
	{
		EcStandby *standby = &(*standbys)[count];
		char *slot = ec_get_text(row, 3);

		standby->name = ec_get_text(row, 1);
		if (standby->name == NULL)
			standby->name = slot;
		standby->address = ec_get_text(row, 2);
		standby->lsn = get_lsn(row, 4);
		standby->replays = ec_get_bool(row, 5, false);
		standby->reported_lag = ec_get_int8(row, 6, -1);
		if (!ec_is_ignored_standby(standby->name) &&
			(slot == NULL || !ec_is_ignored_standby(slot)))
			count++;
	}
	return count;
}

PG_FUNCTION_INFO_V1(ec_sql_replication_lag);

static bool
owns_jobs(Oid role)
{
	EcCatalogScope scope;
	EcArgs args = {0};
	bool owns;

	ec_arg_oid(&args, role);
	ec_catalog_begin(&scope);
	owns = ec_query("SELECT FROM expand_contract.jobs"
					" WHERE EXISTS (SELECT FROM pg_roles r WHERE r.oid = owner)"
					"   AND pg_has_role($1, owner, 'USAGE') LIMIT 1",
					&args) > 0;
	ec_catalog_end(&scope);
	return owns;
}

/*
 * expand_contract.replication_lag() → interval
 *
 * For roles that may monitor and for owners of jobs; NULL for others.
 *
 * Returns the lag of the slowest physical standby, and zero if there is none.
 * Returns NULL if a standby's lag is unknown, or if a standby has disappeared
 * and left its slot, because an unknown lag must not look like no lag.
 * replay_lag is NULL for a standby that has replayed everything, so the LSN is
 * compared first.
 */
Datum
ec_sql_replication_lag(PG_FUNCTION_ARGS)
{
	EcCatalogScope scope;
	EcStandby *standbys;
	XLogRecPtr flushed;
	int64 slowest = 0;
	bool known = true;
	Interval *lag = palloc0(sizeof(Interval));
	int count;

	/*
	 * anyone may execute this, because ec_progress runs it with its reader's
	 * rights
	 */
	if (!ec_may_monitor() && !owns_jobs(GetUserId()))
		PG_RETURN_NULL();
	ec_catalog_begin(&scope);
	count = ec_read_standbys(&standbys, &flushed);
	ec_catalog_end(&scope);
	for (int i = 0; i < count; i++)
	{
		if (standbys[i].lsn != InvalidXLogRecPtr && standbys[i].lsn >= flushed)
			continue;
		known = known && standbys[i].reported_lag >= 0;
		slowest = Max(slowest, standbys[i].reported_lag);
	}
	if (!known)
		PG_RETURN_NULL();
	lag->time = slowest * 1000;
	PG_RETURN_INTERVAL_P(lag);
}
