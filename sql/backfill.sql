-- ec_backfill: what it does, and what it refuses.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set jobs :abs_srcdir '/test/jobs.sql'
\i :jobs
\set SHOW_CONTEXT never
SET client_min_messages = warning;
ALTER TABLE expand_contract.jobs ALTER id RESTART 1000;
SET expand_contract.backfill_delay = 0;


CREATE TABLE users (id bigint PRIMARY KEY, legacy_email text, email text, score numeric(10,2), note varchar(5),
                    created_at timestamptz NOT NULL DEFAULT '2026-01-01', email_verified_at timestamptz);
INSERT INTO users (id, legacy_email) SELECT i, 'User' || i || '@Example.com' FROM generate_series(1, 2500) i;

-- With the automatic predicate: rows whose column differs from the expression.
SELECT ec_backfill('users', 'email = lower(legacy_email)') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(*) FILTER (WHERE email = lower(legacy_email)) AS set FROM users;
-- idempotent: nothing is left to do
SELECT ec_backfill('users', 'email = lower(legacy_email)') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
-- some rows are out of step
UPDATE users SET email = 'wrong' WHERE id % 100 = 0;
SELECT ec_backfill('users', 'email = lower(legacy_email)', batch_size => 7) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);

-- With a predicate.
SELECT ec_backfill('users', 'email_verified_at = created_at', 'email_verified_at IS NULL') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);

-- The comparison is by image, after coercion to the column's type: numeric(10,2) = float8 would never be equal.
SELECT ec_backfill('users', 'score = id::float8 / 3, note = ''abc''') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*) FROM users WHERE score = round(id / 3.0, 2) AND note = 'abc';
-- a generated column is nothing that an update assigns
CREATE TABLE made (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED);
SELECT ec_backfill('made', 'twice = DEFAULT');
SELECT ec_backfill('made', 'twice = DEFAULT', 'id > 0');
DROP TABLE made;
-- to NULL, to the default, from a sub-select, with the table's name, with a comment at the end
SELECT ec_backfill('users', 'note = NULL, created_at = DEFAULT, score = (SELECT max(s) FROM (VALUES (1), (2)) v(s)), email = users.legacy_email -- all')
    AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT DISTINCT note, created_at = '2026-01-01' AS at_default, score, email = legacy_email AS copied FROM users;
-- several columns from one sub-select, with a predicate
SELECT ec_backfill('users', '(note, score) = (SELECT ''m'' || id % 3, 7)', 'note IS NULL') AS job \gset
CALL ec_wait(:job);
SELECT note, score, count(*) FROM users GROUP BY 1, 2 ORDER BY 1;
-- an assignment that reads its own column, with a predicate that ends
SELECT ec_backfill('users', 'score = score + 5', 'score < 10', batch_size => 100) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);

-- batch_size is a bound: no transaction writes more.
CREATE TABLE sizes (rows bigint);
CREATE FUNCTION measure() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO sizes SELECT count(*) FROM updated; RETURN NULL; END';
CREATE TRIGGER measure AFTER UPDATE ON users REFERENCING NEW TABLE AS updated FOR EACH STATEMENT EXECUTE FUNCTION measure();
SELECT ec_backfill('users', 'email = upper(legacy_email)', batch_size => 13) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT max(rows) <= 13 AS bounded, sum(rows) AS rows FROM sizes;
DROP TRIGGER measure ON users;

-- batch_size 0 sizes batches by time
SELECT ec_backfill('users', 'email = lower(legacy_email)', batch_size => 0) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);

-- A table that is empty, and one without a primary key.
CREATE TABLE empty (a int, b int);
SELECT ec_backfill('empty', 'b = a') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);

-- Names that need quotes, in every place.
CREATE SCHEMA "s""c'h;--";
CREATE TABLE "s""c'h;--"."a""b'c;--" ("k""e'y;--" int PRIMARY KEY, "x""y'z;--" text);
INSERT INTO "s""c'h;--"."a""b'c;--" SELECT i FROM generate_series(1, 10) i;
SELECT ec_backfill('"s""c''h;--"."a""b''c;--"', '"x""y''z;--" = "k""e''y;--"::text') AS job \gset
CALL ec_wait(:job);
SELECT relation, state, rows_done FROM ec_progress WHERE job = :job;
SELECT count(*) FROM "s""c'h;--"."a""b'c;--" WHERE "x""y'z;--" = "k""e'y;--"::text;

-- The session's search_path and settings go with the job.
CREATE SCHEMA app;
CREATE FUNCTION app.shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT upper($1) || '!' $$;
CREATE TABLE app.t (id int PRIMARY KEY, a text, d date);
INSERT INTO app.t SELECT i, 'x' FROM generate_series(1, 3) i;
SET search_path = app, public;
SET DateStyle = 'SQL, DMY';
SELECT ec_backfill('t', 'a = shout(''hi''), d = ''02/01/2026''') AS job \gset
RESET DateStyle;
RESET search_path;
CALL ec_wait(:job);
SELECT DISTINCT a, d FROM app.t;

-- A job submitted in a transaction starts with its commit, or never.
BEGIN;
SELECT ec_backfill('app.t', 'a = ''committed''') AS job \gset
SELECT state FROM ec_progress WHERE job = :job;
COMMIT;
CALL ec_wait(:job);
SELECT DISTINCT a FROM app.t;
BEGIN;
SELECT ec_backfill('app.t', 'a = ''rolled back''') AS rolled_back \gset
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT ec_backfill('app.t', 'a = ''rolled back, too''') AS rolled_back_too \gset
ROLLBACK TO s;
SELECT ec_backfill('app.t', 'a = ''kept''') AS kept \gset
COMMIT;
CALL ec_wait(:kept);
SELECT DISTINCT a FROM app.t;
SELECT count(*) FROM ec_progress WHERE job IN (:rolled_back, :rolled_back_too);
BEGIN;
SELECT ec_backfill('app.t', 'a = ''prepared''') IS NOT NULL AS submitted;
PREPARE TRANSACTION 'x';

-- What cannot be backfilled.
CREATE VIEW a_view AS SELECT * FROM users;
CREATE MATERIALIZED VIEW a_matview AS SELECT 1 AS a;
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE a_foreign_table (a int) SERVER nowhere;
CREATE TABLE a_partitioned_table (a int) PARTITION BY RANGE (a);
CREATE TEMP TABLE a_temp_table (a int);
CREATE TABLE a_table_with_rules (a int);
CREATE RULE no_updates AS ON UPDATE TO a_table_with_rules DO INSTEAD NOTHING;
CREATE SEQUENCE a_sequence;
SELECT * FROM errors_of($$SELECT ec_backfill('missing', 'a = 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill(0::regclass, 'a = 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('a_view', 'email = 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('a_matview', 'a = 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('a_foreign_table', 'a = 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('a_partitioned_table', 'a = 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('a_temp_table', 'a = 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('a_table_with_rules', 'a = 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('a_sequence', 'last_value = 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users_pkey', 'id = 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('pg_class', 'relname = relname')$$);

-- What is not the SET list of one UPDATE.
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'nope = 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = nope')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'score = point(1, 2)')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''; DROP TABLE users')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x'' WHERE true')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = v.email FROM a_view v')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x'' RETURNING id')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x'' /*')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = $1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', '')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', E' \n ')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', NULL)$$);
SELECT * FROM errors_of($$SELECT ec_backfill(NULL, 'email = ''x''')$$);

-- What is not one condition, or one that cannot end.
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''', 'true) OR (true')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''', 'email IS NULL; DROP TABLE users')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''', 'email IS NULL LIMIT 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''', '')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''', 'nope IS NULL')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''', 'email')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''', 'count(*) > 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''', 'random() < 0.5')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''', 'id > 5')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'score = score + 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = users::text')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'score = random()')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', '(note, score) = (SELECT ''a'', 1)')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email_verified_at = now()')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email_verified_at = current_date + 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'score = (SELECT max(id) + 1 FROM users)')$$);

-- Paces out of range.
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''', batch_size => -1)$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''', batch_size => 1000001)$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''', delay_ms => -1)$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''', workers => 0)$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''', workers => 65)$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''', method => 'magic')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('users', 'email = ''x''', max_lag => '-1s')$$);

-- A predicate that the update leaves true fails in the first batch, names the row and changes nothing.
UPDATE users SET email = NULL, legacy_email = NULLIF(legacy_email, 'User2000@Example.com');
SELECT ec_backfill('users', 'email = lower(legacy_email)', 'email IS NULL') AS job \gset
CALL ec_wait(:job);
\set VERBOSITY sqlstate
CALL ec_wait(:job);
\set VERBOSITY default
SELECT state, last_error FROM ec_progress WHERE job = :job;
SELECT rows_done = count(email) AS in_step, rows_done < 2000 AS stopped
  FROM ec_progress, users WHERE job = :job GROUP BY rows_done;
-- mended, the same job goes on
UPDATE users SET legacy_email = 'User2000@Example.com' WHERE legacy_email IS NULL;
SELECT ec_resume(:job);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);

-- A trigger that lets no update through is found out, not swept over for ever.
CREATE TABLE guarded (id int PRIMARY KEY, v int);
INSERT INTO guarded SELECT i FROM generate_series(1, 10) i;
CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER guard BEFORE UPDATE ON guarded FOR EACH ROW WHEN (old.id = 7) EXECUTE FUNCTION guard();
SELECT ec_backfill('guarded', 'v = id') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);

-- Also where a batch is too slow for the fast path.
DELETE FROM guarded WHERE id NOT IN (6, 7, 8);
CREATE OR REPLACE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.6); RETURN NULL; END';
UPDATE guarded SET v = NULL WHERE id <> 7;
SELECT ec_backfill('guarded', 'v = id', 'v IS NULL') AS job \gset
CALL ec_wait(:job);
SELECT state, rows_done FROM outcome(:job);
-- What a trigger sets ends with the batch.
CREATE OR REPLACE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    new.v = current_setting('lock_timeout') <> '0' AND current_setting('search_path') <> 'pg_catalog';
    PERFORM set_config('lock_timeout', '0', false), set_config('search_path', 'pg_catalog', false);
    RETURN new;
END$$;
DROP TRIGGER guard ON guarded;
ALTER TABLE guarded ALTER v TYPE boolean USING NULL;
CREATE TRIGGER guard BEFORE UPDATE ON guarded FOR EACH ROW EXECUTE FUNCTION guard();
SELECT ec_backfill('guarded', 'v = true', 'v IS NULL', batch_size => 1) AS job \gset
CALL ec_wait(:job);
SELECT v, count(*) FROM guarded GROUP BY v;
ALTER TABLE guarded ALTER v TYPE int USING NULL;

-- The user's triggers fire, and an error of theirs is the job's.
DROP TRIGGER guard ON guarded;
CREATE OR REPLACE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'row % is not to be touched', old.id USING ERRCODE = 'P0042', HINT = 'Ask first.'; END$$;
CREATE TRIGGER guard BEFORE UPDATE ON guarded FOR EACH ROW WHEN (old.id = 7) EXECUTE FUNCTION guard();
SELECT ec_backfill('guarded', 'v = id') AS job \gset
CALL ec_wait(:job);
SELECT state, rows_done < 3 AS stopped, last_error FROM outcome(:job);
SELECT ec_cancel(:job);

-- Changes to the table while the job runs.  The first batch is of one row, and a long pause follows.
CREATE TABLE moving (id int PRIMARY KEY, a int, b int);
INSERT INTO moving SELECT i, i FROM generate_series(1, 100) i;
-- renamed, with its key, and moved to another schema; another table takes its name
SELECT ec_backfill('moving', 'b = a', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
ALTER TABLE moving RENAME TO moved;
ALTER TABLE moved RENAME id TO key;
ALTER TABLE moved SET SCHEMA app;
CREATE TABLE moving (id int PRIMARY KEY, a int, b int);
INSERT INTO moving SELECT i, i FROM generate_series(1, 100) i;
SELECT ec_configure(:job, delay_ms => 0, batch_size => 1000);
CALL ec_wait(:job);
SELECT state, relation, rows_done FROM ec_progress WHERE job = :job;
SELECT (SELECT count(b) FROM app.moved) AS moved, (SELECT count(b) FROM moving) AS moving;
-- rewritten
SELECT ec_backfill('moving', 'b = a', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
VACUUM FULL moving;
SELECT ec_configure(:job, delay_ms => 0, batch_size => 1000);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*) FROM moving WHERE b = a;
-- a row moved to a new block, while the only sweep that could find it is on its way
CREATE TABLE far (id int PRIMARY KEY, v int, n int, pad text DEFAULT repeat('x', 1000)) WITH (autovacuum_enabled = off);
INSERT INTO far SELECT i, CASE WHEN i < 700 THEN 0 END FROM generate_series(1, 700) i;
CREATE FUNCTION slow(id int) RETURNS boolean STABLE LANGUAGE plpgsql AS
    'BEGIN IF id = 350 THEN PERFORM pg_sleep(0.4); END IF; RETURN true; END';
SELECT ec_backfill('far', 'v = 1', 'CASE WHEN slow(id) THEN v IS NULL END', batch_size => 10) AS job \gset
DO $$BEGIN
    FOR i IN 1..6000 LOOP
        EXIT WHEN EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND backend_type = 'expand_contract worker');
        PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
    END LOOP;
    UPDATE far SET n = 1 WHERE id = 700;
END$$;
CALL ec_wait(:job);
SELECT state, rows_done FROM outcome(:job);
SELECT count(*) FROM far WHERE v IS NULL;
DROP TABLE far;
DROP FUNCTION slow;
-- its end cut off by VACUUM
INSERT INTO moving SELECT i, i FROM generate_series(10001, 30000) i;
SELECT ec_backfill('moving', 'b = a + 1', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
DELETE FROM moving WHERE id > 10000;
VACUUM moving;
SELECT ec_configure(:job, delay_ms => 0, batch_size => 1000);
CALL ec_wait(:job);
SELECT state, last_error FROM outcome(:job);
-- emptied
SELECT ec_backfill('moving', 'b = -a', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
TRUNCATE moving;
SELECT ec_configure(:job, delay_ms => 0);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
-- its column renamed away
INSERT INTO moving SELECT i, i FROM generate_series(1, 100) i;
SELECT ec_backfill('moving', 'b = a', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
ALTER TABLE moving RENAME a TO c;
SELECT ec_configure(:job, delay_ms => 0);
CALL ec_wait(:job);
SELECT state, last_error FROM ec_progress WHERE job = :job;
SELECT ec_cancel(:job);
-- dropped
SELECT ec_backfill('moving', 'b = c', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
DROP TABLE moving;
SELECT ec_configure(:job, delay_ms => 0);
CALL ec_wait(:job);
SELECT relation, state, percent IS NOT NULL AS has_percent FROM ec_progress WHERE job = :job;
SELECT ec_cancel(:job);
SELECT state FROM ec_progress WHERE job = :job;

-- Several workers: chunks of one sweep, no row twice, and what one leaves behind another takes over.
CREATE TABLE wide (id int PRIMARY KEY, pad text, a int, b int);
INSERT INTO wide SELECT i, repeat('x', 1000), i FROM generate_series(1, 10000) i;
CREATE TABLE counted (id int, pid int DEFAULT pg_backend_pid());
CREATE FUNCTION count_updates() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO counted SELECT id FROM updated; RETURN NULL; END';
CREATE TRIGGER counted AFTER UPDATE ON wide REFERENCING NEW TABLE AS updated FOR EACH STATEMENT EXECUTE FUNCTION count_updates();
SELECT ec_backfill('wide', 'b = a', workers => 2, batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 2);
SELECT ec_configure(:job, batch_size => 100, delay_ms => 1);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(DISTINCT id), count(DISTINCT pid) > 1 AS workers FROM counted;
-- one of two is terminated and not wanted any more, with its chunk open
TRUNCATE counted;
SELECT ec_backfill('wide', 'b = -a', workers => 2, batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 2);
SELECT workers FROM ec_progress WHERE job = :job;
SELECT count(pg_terminate_backend(pid, 60000)) FROM expand_contract.live_slots() WHERE job = :job AND slot = 1;
SELECT ec_configure(:job, workers => 1, batch_size => 1000, delay_ms => 0);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(DISTINCT id), count(DISTINCT pid) > 1 AS workers FROM counted;
-- one is added, one is taken away, while the job runs
TRUNCATE counted;
SELECT ec_backfill('wide', 'b = a', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
SELECT ec_configure(:job, workers => 2);
SELECT wait_for_rows(:job, 2);
SELECT workers FROM ec_progress WHERE job = :job;
SELECT ec_configure(:job, workers => 1, batch_size => 1000, delay_ms => 0);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(DISTINCT id) FROM counted;
DROP TABLE wide, counted;
DROP FUNCTION count_updates;

DROP SCHEMA app, "s""c'h;--" CASCADE;
DROP VIEW a_view;
DROP MATERIALIZED VIEW a_matview;
DROP FOREIGN DATA WRAPPER nothing CASCADE;
DROP TABLE users, sizes, empty, a_partitioned_table, a_temp_table, a_table_with_rules, guarded;
DROP SEQUENCE a_sequence;
DROP FUNCTION measure, guard;
