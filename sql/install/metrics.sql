-- For monitoring: each label is a text that is neither NULL nor empty ("-" stands
-- for what there is not), and everything else a number: seconds, bytes, rows, the
-- Unix time of a moment (…_epoch), 1 or 0.  A number is NULL where it is not known.
-- Reading waits for no lock on users' tables.

-- A table's name that does not depend on the reader's search_path.
CREATE FUNCTION expand_contract.label_of(relation oid, otherwise text) RETURNS text
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
BEGIN ATOMIC
SELECT coalesce((SELECT format('%I.%I', n.nspname, c.relname)
                   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.oid = relation),
                nullif(otherwise, ''), '-');
END;
COMMENT ON FUNCTION expand_contract.label_of(oid, text) IS 'schema and name of a table, or what to call it otherwise; never NULL';

CREATE FUNCTION expand_contract.epoch(moment timestamptz) RETURNS float8
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
RETURN CASE WHEN isfinite(moment) THEN extract(epoch FROM moment)::float8 END;
COMMENT ON FUNCTION expand_contract.epoch(timestamptz) IS 'the Unix time of a moment; NULL of none';

CREATE FUNCTION expand_contract.seconds_since(moment timestamptz) RETURNS float8
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL SAFE
RETURN CASE WHEN isfinite(moment) THEN greatest(extract(epoch FROM clock_timestamp() - moment)::float8, 0) END;
COMMENT ON FUNCTION expand_contract.seconds_since(timestamptz) IS 'the time that has passed, at least 0; NULL since none';

CREATE VIEW @extschema@.ec_metrics_jobs WITH (security_barrier) AS
SELECT p.job,
    p.kind,
    coalesce(nullif(p.change, ''), '-') AS change,
    expand_contract.label_of(p.relation, p.relation_name) AS relation,
    pg_get_userbyid(p.owner)::text AS owner,
    coalesce(nullif(p.migration, ''), '-') AS migration,
    p.state,
    CASE p.state
        WHEN 'running' THEN coalesce(p.throttle, 'none')
        WHEN 'queued' THEN expand_contract.throttle_code(p.throttled_by)
        WHEN 'paused' THEN 'paused'
        ELSE 'none'
    END AS throttle,
    p.throttled_by,
    coalesce(p.error_code, '-') AS error_code,
    expand_contract.epoch(p.state_since) AS state_epoch,
    expand_contract.seconds_since(p.state_since) AS state_seconds,
    p.workers,
    p.rows_done,
    p.rows_total_estimate AS rows_estimate,
    (p.percent / 100)::float8 AS done_ratio,
    p.rows_per_second::float8 AS rows_per_second,
    extract(epoch FROM p.eta)::float8 AS eta_seconds,
    p.skipped_locked AS rows_skipped_locked,
    p.rows_failed,
    p.wal_bytes,
    p.table_growth::float8 AS table_growth_ratio,
    expand_contract.epoch(p.submitted_at) AS submitted_epoch,
    expand_contract.epoch(p.started_at) AS started_epoch,
    expand_contract.epoch(p.finished_at) AS finished_epoch
FROM expand_contract.progress p
WHERE pg_has_role(p.owner, 'USAGE') OR pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW @extschema@.ec_metrics_jobs IS 'ec_progress as labels and numbers, for monitoring';
GRANT SELECT ON @extschema@.ec_metrics_jobs TO PUBLIC;

CREATE VIEW @extschema@.ec_metrics_changes WITH (security_barrier) AS
SELECT c.change,
    coalesce(nullif(c.scope, ''), '-') AS scope,
    expand_contract.label_of(c.relation, NULL) AS relation,
    expand_contract.label_of(c.target, NULL) AS target,
    c.phase,
    expand_contract.epoch(c.since) AS phase_epoch,
    expand_contract.seconds_since(c.since) AS phase_seconds,
    c.dual_write::integer AS dual_write,
    c.flag::integer AS flag,
    c.is_gone::integer AS is_gone,
    d.rows AS discrepancies,
    d.writes AS discrepancy_writes,
    d.attempts AS discrepancy_attempts,
    coalesce(expand_contract.seconds_since(d.oldest), 0) AS oldest_discrepancy_seconds,
    g.gaps,
    coalesce(expand_contract.seconds_since(g.oldest), 0) AS oldest_gap_seconds,
    expand_contract.epoch(v.finished_at) AS verified_epoch,
    v.mismatches,
    expand_contract.epoch(c.quarantine_until) AS quarantine_until_epoch,
    c.auto_drop::integer AS auto_drop
FROM @extschema@.ec_changes c,
    LATERAL (SELECT count(DISTINCT q.key) AS rows,
            coalesce(sum(q.writes), 0)::bigint AS writes,
            coalesce(max(q.attempts), 0) AS attempts,
            min(coalesce(q.first_at, q.at)) AS oldest
        FROM expand_contract.discrepancies q WHERE q.change = c.change COLLATE "C") d,
    LATERAL (SELECT count(*) AS gaps, min(u.at) AS oldest
        FROM expand_contract.gaps u WHERE u.change = c.change COLLATE "C" AND u.repaired_by IS NULL) g
    LEFT JOIN LATERAL (SELECT w.finished_at, w.missing + w.extra + w.different AS mismatches
        FROM expand_contract.verifications w
        WHERE w.change = c.change COLLATE "C" AND w.finished_at IS NOT NULL
        ORDER BY w.started_at DESC, w.id DESC LIMIT 1) v ON true;
COMMENT ON VIEW @extschema@.ec_metrics_changes IS 'ec_changes as labels and numbers, for monitoring';
GRANT SELECT ON @extschema@.ec_metrics_changes TO PUBLIC;

-- Apart, because looking at gates takes longer than all the rest.
CREATE VIEW @extschema@.ec_metrics_gates WITH (security_barrier) AS
SELECT c.change, n.step, n.gate, (NOT n.passed)::integer AS closed
  FROM @extschema@.ec_changes c, LATERAL expand_contract.next_gates(c.change) n
 WHERE NOT c.is_gone;
COMMENT ON VIEW @extschema@.ec_metrics_gates IS 'the gates of the next step of each change, as labels and numbers, for monitoring';
GRANT SELECT ON @extschema@.ec_metrics_gates TO PUBLIC;

CREATE VIEW @extschema@.ec_metrics_usage WITH (security_barrier) AS
SELECT expand_contract.label_of(u.relation, NULL) AS relation,
    u.column_name,
    u.reads,
    u.writes,
    expand_contract.epoch(u.last_read) AS last_read_epoch,
    expand_contract.epoch(u.last_write) AS last_write_epoch,
    expand_contract.epoch(u.tracked_since) AS tracked_since_epoch,
    (u.unknown_since IS NOT NULL AND u.unknown_until IS NULL)::integer AS is_unknown,
    expand_contract.epoch(u.unknown_until) AS unknown_until_epoch
FROM expand_contract.column_usage() u;
COMMENT ON VIEW @extschema@.ec_metrics_usage IS 'ec_column_usage as labels and numbers, for monitoring';
GRANT SELECT ON @extschema@.ec_metrics_usage TO PUBLIC;

CREATE VIEW @extschema@.ec_metrics_server WITH (security_barrier) AS
SELECT e.extversion AS version,
    h.is_preloaded::integer AS preloaded,
    (h.running_since IS NOT NULL)::integer AS launcher_running,
    expand_contract.seconds_since(h.running_since) AS launcher_seconds,
    h.visits AS database_workers_started,
    h.failed_visits AS database_workers_failed,
    h.visiting AS database_workers_running,
    coalesce(expand_contract.seconds_since(h.oldest_visit), 0) AS oldest_database_worker_seconds,
    h.troubled_databases AS databases_failing,
    p.places AS workers_allowed,
    p.taken AS workers_running,
    (current_setting('expand_contract.enable_modern_write', true)::boolean IS DISTINCT FROM false)::integer AS modern_write,
    extract(epoch FROM expand_contract.replication_lag())::float8 AS replication_lag_seconds,
    u.columns AS tracked_columns,
    CASE WHEN u.columns > 0 THEN
        (SELECT expand_contract.seconds_since(f.flushed_at) FROM expand_contract.usage_flush f)
    END AS usage_flush_seconds
FROM pg_catalog.pg_extension e,
    expand_contract.launcher_health() h,
    expand_contract.places() p,
    (SELECT count(*) AS columns FROM expand_contract.usage) u
WHERE e.extname = 'expand_contract' AND pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW @extschema@.ec_metrics_server IS 'the launcher and the workers, as numbers, for pg_monitor';
GRANT SELECT ON @extschema@.ec_metrics_server TO PUBLIC;
