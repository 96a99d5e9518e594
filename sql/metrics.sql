-- The views for monitoring: labels are never NULL or empty, everything else is a
-- number, and a member of pg_monitor who owns nothing sees all of it.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE metrics_owner LOGIN;
CREATE ROLE metrics_monitor IN ROLE pg_monitor;
CREATE ROLE metrics_stranger;
SELECT ec_grant('metrics_owner');
CREATE SCHEMA "odd ""schema" AUTHORIZATION metrics_owner;
GRANT CREATE ON SCHEMA public TO metrics_owner;

SET ROLE metrics_owner;
CREATE TABLE "odd ""schema"."t'1" (id int PRIMARY KEY, a text, b text CHECK (b <> '3'));
INSERT INTO "odd ""schema"."t'1" SELECT i, i FROM generate_series(1, 10) i WHERE i <> 3;
SELECT ec_expand('metrics/one', '"odd ""schema"."t''1"', '{"b": "a"}', '{"a": "b"}');
CREATE TABLE metrics_gone (id int PRIMARY KEY, a text, b text);
SELECT ec_expand('metrics_gone', 'metrics_gone', '{"b": "a"}', '{"a": "b"}');
-- a failed write, and a gap
UPDATE "odd ""schema"."t'1" SET a = '3' WHERE id = 1;
SELECT ec_dual_write('metrics/one', false);
UPDATE "odd ""schema"."t'1" SET a = '22' WHERE id = 2;
SELECT ec_dual_write('metrics/one', true);
SELECT ec_backfill('"odd ""schema"."t''1"', $$b = 'x'$$, $$id > 3 AND b IS DISTINCT FROM 'x'$$, batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT ec_backfill('metrics_gone', 'b = a', 'b IS DISTINCT FROM a') AS gone \gset
CALL ec_wait(:gone);
SELECT ec_backfill('"odd ""schema"."t''1"', 'b = a', 'b IS DISTINCT FROM a', delay_ms => 3600000) AS held \gset
SELECT ec_pause(:held);
RESET ROLE;
DROP TABLE metrics_gone;

-- the running job has written a row, and pauses
DO $$
BEGIN
    LOOP
        PERFORM FROM ec_metrics_jobs
          WHERE relation LIKE '"odd%' AND (throttle = 'delay' AND rows_done > 0 OR state IN ('done', 'failed'));
        EXIT WHEN FOUND;
        PERFORM pg_sleep(0.02);
    END LOOP;
END $$;

SET ROLE metrics_monitor;
SELECT kind, change, relation, owner, migration, state, throttle, error_code, state_seconds >= 0 AS has_age,
       state_epoch BETWEEN 1e9 AND extract(epoch FROM clock_timestamp()) AS has_epoch,
       rows_done, done_ratio BETWEEN 0 AND 1 AS is_ratio, wal_bytes > 0 AS has_wal,
       started_epoch IS NOT NULL AS has_started, finished_epoch IS NULL AS goes_on
  FROM ec_metrics_jobs WHERE job IN (:job, :gone) ORDER BY job;
SELECT state, throttle, throttled_by, state_seconds <= (SELECT extract(epoch FROM clock_timestamp()) - j.submitted_epoch) AS is_since_pause
  FROM ec_metrics_jobs j WHERE job = :held;
SELECT change, scope, relation, target, phase, phase_seconds >= 0 AS has_age, dual_write, flag, is_gone,
       discrepancies, discrepancy_writes, oldest_discrepancy_seconds > 0 AS is_old, gaps, oldest_gap_seconds > 0 AS is_old,
       verified_epoch, mismatches, quarantine_until_epoch, auto_drop
  FROM ec_metrics_changes WHERE change LIKE 'metrics%' ORDER BY change;
SELECT change, step, count(*) > 5 AS has_gates, sum(closed) AS closed,
       sum(closed) = (SELECT cardinality(c.blocked_by) FROM ec_changes c WHERE c.change = g.change) AS is_blocked_by
  FROM ec_metrics_gates g WHERE change LIKE 'metrics%' GROUP BY 1, 2;
SELECT gate FROM ec_metrics_gates WHERE change LIKE 'metrics%' AND closed = 1 ORDER BY 1;
SELECT version = (SELECT extversion FROM pg_extension WHERE extname = 'expand_contract') AS is_version,
       preloaded IN (0, 1) AS preloaded, launcher_running = preloaded AS launcher_running,
       (launcher_seconds IS NOT NULL) = (preloaded = 1) AS has_age, database_workers_failed >= 0 AS failed,
       databases_failing >= 0 AS failing, workers_allowed > 0 AS allowed, workers_running BETWEEN 1 AND workers_allowed AS running,
       modern_write, replication_lag_seconds >= 0 AS lag, tracked_columns >= 0 AS tracked
  FROM ec_metrics_server;
SELECT count(*) FROM ec_metrics_usage WHERE relation LIKE '%odd%';

-- The gates change with the verification, and the change with it.
RESET ROLE;
SET ROLE metrics_owner;
SELECT missing, extra, different FROM ec_verify_change('metrics/one');
SET ROLE metrics_monitor;
SELECT mismatches, verified_epoch > 1e9 AS has_epoch FROM ec_metrics_changes WHERE change = 'metrics/one';

-- The owner sees the same of his own, and nothing of the server.
SET ROLE metrics_owner;
SELECT (SELECT count(*) FROM ec_metrics_jobs) AS jobs, (SELECT count(*) FROM ec_metrics_changes) AS changes,
       (SELECT count(*) > 5 FROM ec_metrics_gates) AS gates, (SELECT count(*) FROM ec_metrics_server) AS server;
-- A stranger sees nothing.
SET ROLE metrics_stranger;
SELECT (SELECT count(*) FROM ec_metrics_jobs) AS jobs, (SELECT count(*) FROM ec_metrics_changes) AS changes,
       (SELECT count(*) FROM ec_metrics_gates) AS gates, (SELECT count(*) FROM ec_metrics_usage) AS usage,
       (SELECT count(*) FROM ec_metrics_server) AS server;
SELECT h IS NULL AS is_hidden FROM expand_contract.launcher_health() h;
RESET ROLE;
GRANT USAGE ON SCHEMA expand_contract TO metrics_stranger;
SET ROLE metrics_stranger;
SELECT h IS NULL AS is_hidden FROM expand_contract.launcher_health() h;
SELECT count(*) FROM expand_contract.next_gates('metrics/one');
RESET ROLE;
REVOKE USAGE ON SCHEMA expand_contract FROM metrics_stranger;

-- Whatever is of a text type is a label, but for throttled_by: never NULL, never
-- empty.  The rest are numbers.
SELECT c.relname, a.attname, format_type(a.atttypid, NULL) AS type
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
 WHERE c.relname ~ '^ec_metrics_' AND c.relkind = 'v'
   AND a.atttypid NOT IN ('text'::regtype, 'bigint'::regtype, 'integer'::regtype, 'float8'::regtype);
DO $$
DECLARE
    label record;
    bad bigint;
BEGIN
    FOR label IN
        SELECT c.oid::regclass AS relation, a.attname
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
         WHERE c.relname ~ '^ec_metrics_' AND c.relkind = 'v' AND a.atttypid = 'text'::regtype AND a.attname <> 'throttled_by'
    LOOP
        EXECUTE format('SELECT count(*) FROM %s WHERE coalesce(%I, '''') = ''''', label.relation, label.attname) INTO bad;
        IF bad > 0 THEN
            RAISE WARNING '% has no label % in % rows', label.relation, label.attname, bad;
        END IF;
    END LOOP;
END $$;

-- One word for each reason.
SELECT reason, expand_contract.throttle_code(reason) AS code
  FROM unnest(ARRAY[NULL, 'delay', 'delay until 2026-11-27 15:00:00+00', 'replica lag', 'lock', 'lock waiters', 'locked rows',
                    'locked rows of pid 1', 'locked rows of a prepared transaction', 'old snapshot of pid 1',
                    'old snapshot of prepared transaction ''lock, autovacuum''', 'old snapshot of slot autovacuum', 'autovacuum',
                    'vacuum', 'checkpoint', 'WAL rate', 'backoff', 'deadlock', 'rows that differ', 'other workers',
                    'no worker is free: 2 of 2 at work for lock in database vacuum', 'waits for job 1', 'start at 2026-11-27',
                    'run window opens 2026-11-27', 'whatever']) WITH ORDINALITY AS r (reason, i)
 ORDER BY i;

SELECT ec_cancel(j) FROM unnest(ARRAY[:job, :held]) j;
SELECT state, throttle, finished_epoch >= state_epoch AS has_ended FROM ec_metrics_jobs WHERE job IN (:job, :held) ORDER BY job;
SELECT ec_forget('metrics_gone');
DROP TABLE "odd ""schema"."t'1";
SELECT relation FROM ec_metrics_jobs WHERE job = :job;
SELECT change, relation, is_gone FROM ec_metrics_changes WHERE change LIKE 'metrics%';
SELECT count(*) FROM ec_metrics_gates WHERE change LIKE 'metrics%';
SELECT ec_forget('metrics/one');
DROP OWNED BY metrics_owner, metrics_monitor, metrics_stranger;
DROP ROLE metrics_owner, metrics_monitor, metrics_stranger;
