-- What a script does to its session and its transaction, and what it cannot.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA regress_session;
SET search_path = regress_session, public;
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;

-- COMMIT in a block or a procedure
CREATE TABLE t (id integer PRIMARY KEY, a integer);
CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;
CREATE PROCEDURE rolls_back() LANGUAGE plpgsql AS $$ BEGIN ROLLBACK; END $$;
SELECT errors_of($$ SELECT ec_apply('001', 'DO $d$ BEGIN UPDATE t SET a = 1; COMMIT; END $d$') $$);
SELECT errors_of($$ SELECT ec_apply('001', 'CALL commits()') $$);
SELECT errors_of($$ SELECT ec_apply('001', 'SELECT 1; CALL rolls_back()') $$);
SELECT errors_of($$ SELECT ec_apply('001', 'DO $d$ BEGIN EXECUTE ''CREATE INDEX CONCURRENTLY i ON t (a)''; END $d$') $$);
SELECT errors_of($$ SELECT ec_apply('001', 'DO $d$ BEGIN EXECUTE ''VACUUM t''; END $d$') $$);

-- ADD VALUE in a block, and its use
CREATE TYPE mood AS ENUM ('sad');
SELECT errors_of($$ SELECT ec_apply('001', 'DO $d$ BEGIN ALTER TYPE mood ADD VALUE ''ok''; END $d$; CREATE TABLE moods (m mood DEFAULT ''ok''); INSERT INTO moods VALUES (''ok'')') $$);
SELECT errors_of($$ SELECT ec_apply('001', 'DO $d$ BEGIN EXECUTE ''ALTER TYPE mood ADD VALUE ''''ok''''''; PERFORM ''ok''::mood; END $d$') $$);

-- SET CONSTRAINTS ends with the script, and what it has deferred is checked
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE child (id integer PRIMARY KEY,
    now integer CONSTRAINT "of now" REFERENCES parent DEFERRABLE,
    later integer CONSTRAINT of_later REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
BEGIN;
SELECT ec_apply('002', 'SET CONSTRAINTS ALL DEFERRED; INSERT INTO child VALUES (1, 1, 1); INSERT INTO parent VALUES (1)');
SAVEPOINT a;
INSERT INTO child VALUES (2, 2, NULL);
ROLLBACK TO a;
INSERT INTO child VALUES (3, NULL, 3);
INSERT INTO parent VALUES (3);
SELECT ec_apply('003', 'DO $d$ BEGIN SET CONSTRAINTS "of now" DEFERRED; SET CONSTRAINTS of_later IMMEDIATE; END $d$');
SAVEPOINT b;
INSERT INTO child VALUES (4, 4, NULL);
ROLLBACK TO b;
INSERT INTO child VALUES (5, NULL, 5);
INSERT INTO parent VALUES (5);
COMMIT;
SELECT errors_of($$ SELECT ec_apply('004', E'SET CONSTRAINTS ALL DEFERRED;\nINSERT INTO child VALUES (6, 6, 6)') $$);
SELECT errors_of($$ SELECT ec_apply('004', 'INSERT INTO child VALUES (7, NULL, 7); INSERT INTO parent VALUES (7); ALTER TABLE child ADD COLUMN c integer') $$);
SELECT ec_apply('004', 'INSERT INTO child VALUES (7, NULL, 7); INSERT INTO parent VALUES (7); SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE child ADD COLUMN c integer');

-- the script's statement_timeout is armed, and lock_timeout is no longer than a try
SELECT errors_of($$ SELECT ec_apply('005', 'SET statement_timeout = ''20ms''; SELECT pg_sleep(600)') $$);
SELECT errors_of($$ SELECT ec_apply('005', 'SELECT set_config(''statement_timeout'', ''20ms'', true); SELECT pg_sleep(600)') $$);
SELECT errors_of($$ SELECT ec_apply('005', 'SET statement_timeout = ''20ms''; CREATE INDEX CONCURRENTLY i ON t (a)', dry_run => true) $$);
CREATE TABLE seen (lock_timeout text, deadlock_timeout text);
SELECT ec_apply('005', $$
    SET lock_timeout = '1h';
    INSERT INTO seen SELECT current_setting('lock_timeout'), current_setting('deadlock_timeout');
    SELECT set_config('lock_timeout', '0', false);
    INSERT INTO seen SELECT current_setting('lock_timeout'), current_setting('deadlock_timeout');
    DO $d$ BEGIN
        SET LOCAL lock_timeout = '2h';
        CREATE TABLE made ();
        INSERT INTO seen SELECT current_setting('lock_timeout'), current_setting('deadlock_timeout');
    END $d$;
    SET deadlock_timeout = '1h';
    SET lock_timeout = '7ms';
    INSERT INTO seen SELECT current_setting('lock_timeout'), current_setting('deadlock_timeout');
$$);
SELECT * FROM seen;
SELECT current_setting('lock_timeout'), current_setting('deadlock_timeout') <> '10ms' AS as_before;

-- mixed scripts: what they set lasts, what only a session has does not
CREATE SCHEMA regress_session_other;
SELECT ec_apply('006', $$
    SELECT pg_catalog.set_config('search_path', 'regress_session_other', false), set_config('work_mem', '1MB', false);
    CREATE TABLE here (a integer);
    CREATE INDEX CONCURRENTLY here_a ON here (a);
    CREATE TABLE there AS SELECT current_setting('work_mem') AS work_mem;
$$);
CALL ec_wait_migration('006');
SELECT * FROM regress_session_other.there;
SELECT s AS script, e.message
  FROM unnest(ARRAY[
    'CREATE TEMP TABLE kept AS SELECT 1 AS a; CREATE INDEX CONCURRENTLY i ON t (a); INSERT INTO t SELECT a FROM kept',
    'CREATE TABLE pg_temp.kept (a integer); VACUUM t; DO $d$ BEGIN INSERT INTO kept VALUES (1); END $d$',
    'SELECT 1 AS a INTO TEMP kept; VACUUM t; SELECT 1; VACUUM t; DROP TABLE kept',
    'PREPARE p AS SELECT 1; ALTER TYPE mood ADD VALUE ''new''; EXECUTE p',
    'CREATE TEMP VIEW v AS SELECT 1; VACUUM t; SELECT * FROM v',
    'CREATE FUNCTION pg_temp.f() RETURNS integer LANGUAGE sql AS ''SELECT 1''; VACUUM t; SELECT pg_temp.f()',
    'CREATE TEMP TABLE kept (a integer); INSERT INTO kept VALUES (1); INSERT INTO t SELECT a FROM kept; VACUUM t; SELECT 1'
  ]) WITH ORDINALITY AS u (s, n),
  LATERAL (SELECT string_agg(m, E'\n') AS message FROM errors_of(format('SELECT ec_apply(%L, %L, dry_run => true)', '007', s)) m) e
 ORDER BY n;

-- what no transaction can hold is told by the catalogue
CREATE TABLE parts (id integer PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (10);
SET client_min_messages = notice;
SELECT ec_apply('007', s, dry_run => true)
  FROM unnest(ARRAY['REINDEX TABLE parts', 'REINDEX INDEX parts_pkey', 'REINDEX TABLE parts_1', 'CLUSTER parts USING parts_pkey', 'CLUSTER parts_1 USING parts_1_pkey',
    'REINDEX TABLE pg_class', 'REINDEX TABLE pg_catalog.pg_database', 'REINDEX INDEX pg_class_oid_index', 'REINDEX TABLE pg_statistic', 'REINDEX TABLE nowhere',
    'CREATE TABLE own (id integer) PARTITION BY LIST (id); REINDEX TABLE own', 'CREATE INDEX own_index ON parts (id); REINDEX INDEX own_index',
    'SET search_path = regress_session_other, regress_session; REINDEX TABLE parts', 'SET search_path = regress_session_other; REINDEX TABLE here']) s;
SET client_min_messages = warning;
SELECT ec_apply('008', 'REINDEX TABLE parts; REINDEX INDEX parts_pkey; CLUSTER parts_1 USING parts_1_pkey; REINDEX TABLE pg_class; REINDEX INDEX pg_class_oid_index; CREATE TABLE after_it ()');
CALL ec_wait_migration('008');
SELECT state, steps_done FROM ec_migrations WHERE version = '008';

-- for the tests that follow
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
SET client_min_messages = error;
RESET search_path;
DROP SCHEMA regress_session, regress_session_other CASCADE;
