-- Jobs: pause, resume, cancel, configure, wait; what ec_progress shows, and to whom.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
ALTER TABLE expand_contract.jobs ALTER id RESTART 2000;

-- Wait until a job shows a state and has done that many rows.
CREATE FUNCTION wait_until(job_id bigint, wanted text, wanted_rows bigint DEFAULT 0) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    now_state text; now_rows bigint;
BEGIN
    FOR i IN 1..6000 LOOP
        SELECT state, rows_done INTO now_state, now_rows FROM ec_progress WHERE job = job_id;
        IF now_state = wanted AND now_rows >= wanted_rows THEN RETURN now_state; END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RAISE EXCEPTION 'job % is % after % rows', job_id, now_state, now_rows;
END $$;
-- Wait until no worker is at a job.
CREATE FUNCTION wait_for_worker_to_leave(job_id bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..6000 LOOP
        IF NOT EXISTS (SELECT FROM expand_contract.live_slots() l WHERE l.job = job_id) THEN RETURN; END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RAISE EXCEPTION 'job % still has a worker', job_id;
END $$;

CREATE TABLE users (id bigint PRIMARY KEY, name text, email text);
INSERT INTO users SELECT i, 'User' || i FROM generate_series(1, 1000) i;
ANALYZE users;

-- A job that does one row an hour, so that everything here happens in its pauses.
SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_until(:job, 'running', 1);
SELECT kind, change, relation, state, rows_done, rows_total_estimate, percent, rows_per_second IS NOT NULL AS has_rate,
       eta > interval '1 day' AS has_eta, workers, throttled_by, replication_lag, table_growth, wal_bytes > 0 AS has_wal,
       skipped_locked, last_error, owner = current_user AS is_mine, started_at IS NOT NULL AS started, finished_at
  FROM ec_progress WHERE job = :job \gx
SELECT backend_type, application_name, state FROM pg_stat_activity WHERE pid = (SELECT pid FROM expand_contract.live_slots() WHERE job = :job);
-- the pausing worker holds no transaction, no snapshot, and no lock but those on its slot and on its place
SELECT backend_xid, backend_xmin, xact_start FROM pg_stat_activity
 WHERE pid = (SELECT pid FROM expand_contract.live_slots() WHERE job = :job);
SELECT locktype, mode FROM pg_locks WHERE pid = (SELECT pid FROM expand_contract.live_slots() WHERE job = :job) ORDER BY locktype, mode;

SELECT ec_pause(:job);
SELECT ec_pause(:job);
SELECT wait_for_worker_to_leave(:job);
SELECT state, rows_done, workers, throttled_by, eta, finished_at FROM ec_progress WHERE job = :job;
SELECT ec_configure(:job, batch_size => 10);
SELECT ec_resume(:job);
SELECT wait_until(:job, 'running', 11);
SELECT ec_resume(:job);
-- the new pace counts at once, not after the hour's pause
SELECT ec_configure(:job, delay_ms => 0, batch_size => 100);
CALL ec_wait(:job);
SELECT state, rows_done, percent, eta, finished_at >= started_at AS finished FROM ec_progress WHERE job = :job;
CALL ec_wait(:job);
SELECT * FROM errors_of(format('SELECT ec_pause(%s)', :job));
SELECT * FROM errors_of(format('SELECT ec_resume(%s)', :job));
SELECT * FROM errors_of(format('SELECT ec_cancel(%s)', :job));
SELECT * FROM errors_of(format('SELECT ec_configure(%s, delay_ms => 1)', :job));

-- Pause and resume in one breath: the worker that was told to leave and the new one do not meet.
UPDATE users SET email = NULL;
SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_until(:job, 'running', 1);
SELECT ec_pause(:job), ec_resume(:job);
SELECT ec_configure(:job, delay_ms => 0, batch_size => 1000) IN ('queued', 'running') AS configured;
CALL ec_wait(:job);
SELECT count(email), max(rows_done) FROM users, ec_progress WHERE job = :job;

-- Cancelled is for good.
UPDATE users SET email = NULL;
SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_until(:job, 'running', 1);
SELECT ec_cancel(:job);
SELECT ec_cancel(:job);
SELECT wait_for_worker_to_leave(:job);
SELECT state, rows_done, finished_at IS NOT NULL AS finished FROM ec_progress WHERE job = :job;
SELECT * FROM errors_of(format('SELECT ec_resume(%s)', :job));
\set VERBOSITY sqlstate
CALL ec_wait(:job);
\set VERBOSITY default
CALL ec_wait(:job);
SELECT count(email) FROM users;

-- Control that is rolled back has not happened.
SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_until(:job, 'running', 1);
BEGIN;
SELECT ec_cancel(:job);
ROLLBACK;
SELECT state, workers FROM ec_progress WHERE job = :job;

-- Waiting has a limit, needs no transaction around it, and tells what it is waiting for.
\set VERBOSITY sqlstate
CALL ec_wait(:job, '10ms');
\set VERBOSITY default
CALL ec_wait(:job, '10ms');
SELECT state FROM ec_progress WHERE job = :job;
BEGIN;
CALL ec_wait(:job);
ROLLBACK;
SELECT * FROM errors_of(format('CALL ec_wait(%s)', :job));
SELECT ec_cancel(:job);
SELECT wait_for_worker_to_leave(:job);

-- Bad numbers.
SELECT * FROM errors_of('SELECT ec_pause(NULL)');
SELECT * FROM errors_of('SELECT ec_resume(0)');
SELECT * FROM errors_of('SELECT ec_cancel(-1)');
SELECT * FROM errors_of('SELECT ec_configure(NULL)');
SELECT * FROM errors_of('SELECT ec_configure(1, batch_size => -5)');
SELECT * FROM errors_of('SELECT ec_configure(1, delay_ms => -5)');
SELECT * FROM errors_of('SELECT ec_configure(1, workers => 1000)');
SELECT * FROM errors_of($$SELECT ec_configure(1, max_lag => '-1s')$$);
CALL ec_wait(NULL);
CALL ec_wait(0);

-- No more than max_workers at a time in the whole cluster: the third job waits until one ends.
UPDATE users SET email = NULL;
SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', batch_size => 1, delay_ms => 3600000) AS first \gset
SELECT wait_until(:first, 'running', 1);
SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', batch_size => 1, delay_ms => 3600000) AS second \gset
SELECT wait_until(:second, 'running', 1);
SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', delay_ms => 0) AS third \gset
SELECT ec_resume(:third);
SELECT state, workers FROM ec_progress WHERE job = :third;
SELECT ec_cancel(:first);
SELECT wait_until(:third, 'done');
SELECT ec_cancel(:second);
SELECT wait_for_worker_to_leave(:second);

-- DROP EXTENSION while a job runs: its worker leaves, the server stays.
UPDATE users SET email = NULL;
SELECT ec_backfill('users', 'email = lower(name)', 'email IS NULL', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_until(:job, 'running', 1);
SELECT pid AS worker FROM expand_contract.live_slots() WHERE job = :job \gset
DROP EXTENSION expand_contract;
-- there is nobody left to wake it, but a reload does
SELECT pg_reload_conf();
CREATE FUNCTION wait_for_end(worker int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..6000 LOOP
        PERFORM pg_stat_clear_snapshot();
        IF NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = worker) THEN RETURN 'ended'; END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN 'still there';
END $$;
SELECT wait_for_end(:worker);
SELECT count(email) FROM users;
CREATE EXTENSION expand_contract;
SELECT count(*) FROM ec_progress;

DROP TABLE users;
DROP FUNCTION wait_until, wait_for_worker_to_leave, wait_for_end;
