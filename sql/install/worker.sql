CREATE FUNCTION expand_contract.live_slots(OUT job bigint, OUT slot integer, OUT pid integer)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ec_sql_live_slots' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION expand_contract.live_slots() IS 'the workers that run jobs of this database, known by the locks they hold';

-- The jobs and the ledger of the cluster that pg_upgrade has made this one from
-- are this one's.  In one statement, so that others see all of it or nothing.
CREATE FUNCTION expand_contract.adopt_upgraded() RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
WITH here AS (
    SELECT s.system_identifier AS system, s.catalog_version_no AS version, d.oid AS database
      FROM pg_control_system() s JOIN pg_database d ON d.datname = current_database()
), earlier AS (
    DELETE FROM expand_contract.origin o USING here
     WHERE o.database = here.database AND o.system_identifier <> here.system
    RETURNING o.system_identifier AS system, o.database, here.system AS new_system,
        o.catalog_version <> here.version AS is_upgraded
), adopted_jobs AS (
    UPDATE expand_contract.jobs j SET system_identifier = e.new_system FROM earlier e
     WHERE e.is_upgraded AND j.system_identifier = e.system AND j.database = e.database
), adopted_ledger AS (
    UPDATE expand_contract.schema_migrations m SET down_system = e.new_system FROM earlier e
     WHERE e.is_upgraded AND m.down_system = e.system
), adopted_steps AS (
    UPDATE expand_contract.migration_steps s
       SET target = jsonb_set(s.target, '{system}', to_jsonb(e.new_system::text)) FROM earlier e
     WHERE e.is_upgraded AND s.target ->> 'system' = e.system::text AND s.target ->> 'database' = e.database::text
)
INSERT INTO expand_contract.origin (system_identifier, database, catalog_version)
SELECT here.system, here.database, here.version FROM here
 WHERE NOT EXISTS (SELECT FROM expand_contract.origin o WHERE o.system_identifier = here.system AND o.database = here.database);
END;
COMMENT ON FUNCTION expand_contract.adopt_upgraded() IS 'takes over the unfinished jobs of the cluster from which pg_upgrade made this one';
REVOKE EXECUTE ON FUNCTION expand_contract.adopt_upgraded() FROM PUBLIC;

CREATE FUNCTION expand_contract.is_interrupted(job bigint) RETURNS boolean
AS 'MODULE_PATHNAME', 'ec_sql_is_interrupted' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION expand_contract.is_interrupted(bigint) IS 'whether a running job has lost its workers';

CREATE FUNCTION expand_contract.launcher_running() RETURNS boolean
AS 'MODULE_PATHNAME', 'ec_sql_launcher_running' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION expand_contract.launcher_running() IS 'whether the library is preloaded and its launcher runs';

CREATE FUNCTION expand_contract.no_worker_is_free() RETURNS text
AS 'MODULE_PATHNAME', 'ec_sql_no_worker_is_free' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION expand_contract.no_worker_is_free() IS 'the roles and databases that use all workers of the cluster; NULL if a worker is free';

CREATE FUNCTION expand_contract.replication_lag() RETURNS interval
AS 'MODULE_PATHNAME', 'ec_sql_replication_lag' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION expand_contract.replication_lag() IS 'lag of the slowest standby; zero without standbys, NULL while one is unknown';

CREATE FUNCTION expand_contract.next_run(start_at timestamptz, run_window text, time_zone text, at timestamptz)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'ec_sql_next_run' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION expand_contract.next_run(timestamptz, text, text, timestamptz)
    IS 'the first moment from a point in time on at which a job with this schedule may run';

-- Anyone may execute them, as ec_metrics_server runs them with its reader's rights.
CREATE FUNCTION expand_contract.launcher_health(OUT is_preloaded boolean, OUT running_since timestamptz,
    OUT visits bigint, OUT failed_visits bigint, OUT visiting integer, OUT oldest_visit timestamptz,
    OUT troubled_databases integer)
AS 'MODULE_PATHNAME', 'ec_sql_launcher_health' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION expand_contract.launcher_health() IS 'the launcher and its database workers; NULL for roles that may not monitor';

CREATE FUNCTION expand_contract.places(OUT places integer, OUT taken integer)
AS 'MODULE_PATHNAME', 'ec_sql_places' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION expand_contract.places() IS 'how many workers the cluster may have, and how many it has';

-- One word for each reason to wait that a worker, or the view progress, gives.
CREATE FUNCTION expand_contract.throttle_code(reason text) RETURNS text
LANGUAGE sql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
RETURN CASE
    WHEN reason IS NULL THEN 'none'
    WHEN reason LIKE 'delay%' OR reason LIKE ' until %' THEN 'delay'
    WHEN reason LIKE 'replica lag%' THEN 'lag'
    WHEN reason LIKE 'locked rows%' THEN 'locked_rows'
    WHEN reason LIKE 'lock%' THEN 'lock'
    WHEN reason LIKE 'old snapshot of slot %' THEN 'slot'
    WHEN reason LIKE 'old snapshot of prepared transaction %' THEN 'prepared_transaction'
    WHEN reason LIKE 'old snapshot%' THEN 'snapshot'
    WHEN reason LIKE 'autovacuum%' OR reason LIKE 'vacuum%' THEN 'vacuum'
    WHEN reason LIKE 'checkpoint%' THEN 'checkpoint'
    WHEN reason LIKE 'WAL rate%' THEN 'wal'
    WHEN reason LIKE 'backoff%' THEN 'backoff'
    WHEN reason LIKE 'deadlock%' THEN 'deadlock'
    WHEN reason LIKE 'rows that differ%' THEN 'differing_rows'
    WHEN reason LIKE 'other workers%' THEN 'other_workers'
    WHEN reason LIKE 'no worker is free%' THEN 'no_worker'
    WHEN reason LIKE 'waits for job %' THEN 'other_job'
    WHEN reason LIKE 'gate%' THEN 'gate'
    WHEN reason LIKE 'start at %' THEN 'start'
    WHEN reason LIKE 'run window opens %' THEN 'window'
    ELSE 'other'
END;
COMMENT ON FUNCTION expand_contract.throttle_code(text) IS 'a fixed word for what ec_progress.throttled_by says; ''none'' for NULL';

CREATE FUNCTION @extschema@.ec_pause(job bigint) RETURNS text
AS 'MODULE_PATHNAME', 'ec_pause' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_pause(bigint) IS 'stops a job, and rolls its current batch back; ec_resume goes on from there';

CREATE FUNCTION @extschema@.ec_resume(job bigint) RETURNS text
AS 'MODULE_PATHNAME', 'ec_resume' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_resume(bigint) IS 'goes on with a paused, interrupted or failed job where it stopped';

CREATE FUNCTION @extschema@.ec_cancel(job bigint) RETURNS text
AS 'MODULE_PATHNAME', 'ec_cancel' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_cancel(bigint) IS 'ends a job for good, and rolls its current batch back; rows already written stay; called again, ends the process of a worker that goes on';

CREATE FUNCTION @extschema@.ec_configure(job bigint, batch_size integer DEFAULT NULL, delay_ms integer DEFAULT NULL,
    workers integer DEFAULT NULL, max_lag interval DEFAULT NULL) RETURNS text
AS 'MODULE_PATHNAME', 'ec_configure' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_configure(bigint, integer, integer, integer, interval)
    IS 'changes the pace of a job from its next batch on; NULL leaves a value as it is';

CREATE PROCEDURE @extschema@.ec_wait(job bigint, timeout interval DEFAULT NULL)
AS 'MODULE_PATHNAME', 'ec_wait' LANGUAGE C;
COMMENT ON PROCEDURE @extschema@.ec_wait(bigint, interval)
    IS 'waits for the end of a job without holding a snapshot, shows its progress, raises its error';

-- Every job, for whoever may see all; ec_progress shows each caller his.
CREATE VIEW expand_contract.progress AS
WITH live AS MATERIALIZED (
    SELECT job, count(*) AS workers FROM expand_contract.live_slots() GROUP BY job
), slots AS (
    SELECT s.job,
        s.latest AS sweep,
        -- of the sweep that is going on; who has not joined it has done none of it
        sum(s.work_done) FILTER (WHERE s.sweep = s.latest)::float8
            / nullif(max(s.work_total) FILTER (WHERE s.sweep = s.latest), 0) AS fraction,
        sum(s.rows_done)::bigint AS rows_done,
        sum(s.rows_per_second) AS rows_per_second,
        max(s.active_seconds) AS active_seconds,
        sum(s.skipped_locked)::bigint AS skipped_locked,
        sum(s.rows_failed)::bigint AS rows_failed,
        sum(s.wal_bytes)::bigint AS wal_bytes,
        max(s.bytes_now)::numeric / nullif(min(s.bytes_at_start), 0) AS table_growth,
        string_agg(DISTINCT s.throttled_by, ', ') AS throttled_by,
        -- what most of its workers wait for
        mode() WITHIN GROUP (ORDER BY expand_contract.throttle_code(s.throttled_by))
            FILTER (WHERE s.throttled_by IS NOT NULL) AS throttle,
        min(coalesce(s.resume_at, '-infinity')) AS resume_at,
        (array_agg(s.notice ORDER BY s.sweep DESC) FILTER (WHERE s.notice IS NOT NULL))[1] AS notice
    FROM (SELECT *, max(sweep) OVER (PARTITION BY job) AS latest FROM expand_contract.job_slots) s
    GROUP BY s.job, s.latest
), known AS (
    SELECT j.*, s.sweep, s.rows_done, s.rows_per_second, s.active_seconds,
        s.skipped_locked, s.rows_failed, s.wal_bytes, s.table_growth, s.throttled_by, s.throttle, s.resume_at, s.notice,
        least(coalesce(s.fraction, 0), 1) AS fraction,
        CASE WHEN l.workers IS NOT NULL OR NOT pg_is_in_recovery() THEN coalesce(l.workers, 0) END AS live_workers,
        CASE
            WHEN l.workers IS NOT NULL THEN j.state
            -- the locks of the primary's workers are not known to its standbys
            WHEN pg_is_in_recovery() THEN j.state
            -- the locks and the table are not of one moment
            WHEN j.state = 'running' AND expand_contract.is_interrupted(j.id) THEN 'interrupted'
            WHEN j.state = 'queued' AND j.queued_at < pg_postmaster_start_time()
                AND NOT expand_contract.launcher_running() THEN 'interrupted'
            ELSE j.state
        END AS shown_state,
        CASE WHEN j.state = 'queued' THEN
            expand_contract.next_run(j.start_at, j.run_window, j.settings ->> 'TimeZone', clock_timestamp())
        END AS next_run,
        (SELECT min(p.id) FROM expand_contract.jobs p
          WHERE p.part_of = j.id AND p.state IN ('queued', 'running', 'paused')) AS part
    FROM expand_contract.jobs j
    JOIN slots s ON s.job = j.id
    LEFT JOIN live l ON l.job = j.id
), counted AS (
    SELECT k.*,
        CASE
            WHEN shown_state = 'done' THEN 100
            -- later sweeps only look for what came in meanwhile
            WHEN sweep > 1 THEN 99 + 0.9 * fraction
            WHEN fraction > 0 THEN 99 * fraction
            -- still in the first block
            ELSE 99 * least(coalesce(rows_done::float8 / nullif(rows_estimate, 0), 0), 1)
        END AS done_percent,
        CASE
            WHEN shown_state = 'done' OR sweep > 1 THEN rows_done
            WHEN fraction > 0.0005 THEN greatest(rows_done, least(rows_done / fraction, 1e18)::bigint)
            ELSE greatest(rows_done, rows_estimate)
        END AS rows_total
    FROM known k
)
SELECT id AS job,
    kind,
    change,
    relation,
    shown_state AS state,
    rows_done,
    rows_total AS rows_total_estimate,
    round(done_percent::numeric, 1) AS percent,
    round((CASE
        WHEN shown_state = 'running' THEN rows_per_second
        ELSE coalesce(rows_done / nullif(active_seconds, 0), 0)
    END)::numeric, 0) AS rows_per_second,
    CASE
        WHEN shown_state = 'done' THEN interval '0'
        WHEN shown_state = 'running' AND rows_total > rows_done AND rows_per_second > 0 THEN
            date_trunc('second', make_interval(secs => least((rows_total - rows_done) / rows_per_second, 1e9)))
        WHEN shown_state = 'running' AND done_percent > 0 THEN
            date_trunc('second', make_interval(secs => least(active_seconds * (100 - done_percent) / done_percent, 1e9)))
    END AS eta,
    live_workers::integer AS workers,
    CASE
        WHEN shown_state = 'running' THEN throttled_by
        WHEN shown_state = 'queued' AND part IS NOT NULL THEN 'waits for job ' || part
        WHEN shown_state = 'queued' AND next_run > clock_timestamp() THEN
            CASE WHEN start_at > clock_timestamp() THEN 'start at ' ELSE 'run window opens ' END
            || date_trunc('second', next_run)
        WHEN shown_state = 'queued' AND live_workers = 0 THEN
            CASE WHEN resume_at > clock_timestamp() THEN concat(throttled_by, ' until ', date_trunc('second', resume_at))
                ELSE expand_contract.no_worker_is_free() END
    END AS throttled_by,
    round(table_growth, 2) AS table_growth,
    wal_bytes,
    skipped_locked,
    CASE WHEN shown_state = 'running' THEN notice END AS notice,
    error_code,
    concat(error_message, '. DETAIL: ' || error_detail, ' HINT: ' || error_hint) AS error_text,
    -- whatever somebody has written there, the view shows the others
    CASE WHEN kind = 'copy' AND parameters ->> 'target' ~ '^[0-9]{1,10}$' THEN
        CASE WHEN (parameters ->> 'target')::bigint < 4294967296 THEN (parameters ->> 'target')::bigint::oid END
    END AS target,
    owner,
    started_at,
    finished_at,
    rows_failed,
    CASE WHEN kind = 'statement' THEN parameters ->> 'version'
        ELSE (SELECT m.parameters ->> 'version' FROM expand_contract.jobs m
               WHERE m.id = counted.part_of AND m.kind = 'statement') END AS migration,
    CASE WHEN shown_state = 'running' THEN throttle END AS throttle,
    -- a job that has lost its workers has been so since some later moment
    CASE
        WHEN state IN ('done', 'failed', 'cancelled') THEN finished_at
        WHEN state = 'running' THEN greatest(queued_at, turn_at)
        ELSE queued_at
    END AS state_since,
    submitted_at,
    relation_name
FROM counted;
COMMENT ON VIEW expand_contract.progress IS 'all jobs and how far they are; behind ec_progress';

CREATE VIEW @extschema@.ec_progress WITH (security_barrier) AS
SELECT job,
    kind,
    change,
    CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation) THEN relation::regclass END AS relation,
    state,
    rows_done,
    rows_total_estimate,
    percent,
    rows_per_second,
    eta,
    workers,
    throttled_by,
    expand_contract.replication_lag() AS replication_lag,
    table_growth,
    wal_bytes,
    skipped_locked,
    CASE
        WHEN state = 'interrupted' AND expand_contract.launcher_running()
            THEN 'the job has lost its worker; the launcher will start another'
        WHEN state = 'interrupted'
            THEN format('the job has lost its worker. HINT: Use SELECT %s(%s) to go on where it stopped, '
                'or add expand_contract to shared_preload_libraries to have that done at every start.',
                '@extschema@.ec_resume(bigint)'::regprocedure::regproc, job)
        WHEN error_code IS NULL THEN notice
        -- a message can hold row data, of a copy's target too
        WHEN pg_has_role(owner, 'USAGE') OR NOT EXISTS (
            SELECT FROM unnest(ARRAY[relation, target]) t (id)
            WHERE id IS NOT NULL AND (has_table_privilege(id, 'SELECT') IS NOT TRUE OR row_security_active(id)))
            THEN concat(error_code, ': ', error_text)
        ELSE error_code
    END AS last_error,
    pg_get_userbyid(owner) AS owner,
    started_at,
    finished_at,
    rows_failed,
    migration
FROM expand_contract.progress
WHERE pg_has_role(owner, 'USAGE') OR pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW @extschema@.ec_progress IS 'one''s own jobs (pg_monitor: all), their progress, and the reason for a pause';
GRANT SELECT ON @extschema@.ec_progress TO PUBLIC;

CREATE VIEW @extschema@.ec_progress_workers WITH (security_barrier) AS
SELECT s.job,
    s.slot + 1 AS worker,
    l.pid,
    CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = coalesce(s.relation, j.relation))
        THEN coalesce(s.relation, j.relation)::regclass END AS relation,
    s.sweep,
    s.rows_done,
    round((CASE WHEN l.pid IS NULL THEN coalesce(s.rows_done / nullif(s.active_seconds, 0), 0)
        ELSE s.rows_per_second END)::numeric, 0) AS rows_per_second,
    CASE WHEN l.pid IS NOT NULL THEN s.throttled_by END AS throttled_by,
    s.wal_bytes,
    s.skipped_locked
FROM expand_contract.jobs j
JOIN expand_contract.job_slots s ON s.job = j.id
LEFT JOIN expand_contract.live_slots() l ON l.job = s.job AND l.slot = s.slot
WHERE pg_has_role(j.owner, 'USAGE') OR pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW @extschema@.ec_progress_workers IS 'ec_progress for each worker: its position, and what it has done';
GRANT SELECT ON @extschema@.ec_progress_workers TO PUBLIC;

REVOKE EXECUTE ON FUNCTION @extschema@.ec_pause(bigint), @extschema@.ec_resume(bigint), @extschema@.ec_cancel(bigint),
    @extschema@.ec_configure(bigint, integer, integer, integer, interval) FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE @extschema@.ec_wait(bigint, interval) FROM PUBLIC;
