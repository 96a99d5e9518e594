-- Migrations: ec_apply, ec_rollback, ec_wait_migration, ec_migrations.
-- Every error is shown with its SQLSTATE, message, detail, hint and context.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
SET client_min_messages = warning;

CREATE TABLE users (id integer PRIMARY KEY, legacy_email text);
INSERT INTO users SELECT g, 'User' || g || '@Example.org' FROM generate_series(1, 3) g;

-- the happy path
SELECT ec_apply('001', up => 'ALTER TABLE users ADD COLUMN email text',
                down => 'ALTER TABLE users DROP COLUMN email');
SELECT ec_apply('001', up => 'ALTER TABLE users ADD COLUMN email text');
SELECT ec_apply('002', description => 'several statements, each sees the ones before', up => $$
    CREATE TABLE teams (id integer PRIMARY KEY, name text);
    INSERT INTO teams VALUES (1, 'blue; not; split');
    /* a comment; with a semicolon */
    CREATE FUNCTION team_name(i integer) RETURNS text LANGUAGE sql
        BEGIN ATOMIC SELECT name FROM teams WHERE id = i; END;
    ALTER TABLE users ADD COLUMN team integer REFERENCES teams;
    UPDATE users SET team = 1;
    SELECT count(*) FROM users;
    $$, down => 'ALTER TABLE users DROP COLUMN team; DROP FUNCTION team_name; DROP TABLE teams',
    requires => '{001}');
SELECT team_name(team), count(*) FROM users GROUP BY 1;
SELECT version, description, phase, state, checksum, executed_by = current_user AS by_me,
       executed_at <= clock_timestamp() AND execution_time >= '0' AS times, steps, steps_done, error
  FROM ec_migrations;
SELECT event, version, executed_by = current_user AS by_me, session_role = session_user AS session,
       application_name, script
  FROM expand_contract.migration_events ORDER BY id;
CALL ec_wait_migration('002');

-- a dry run checks the same and runs nothing
SELECT ec_apply('003', 'CREATE TABLE planned ()', dry_run => true);
SELECT ec_apply('002', (SELECT up FROM expand_contract.schema_migrations WHERE version = '002'), dry_run => true);
SELECT to_regclass('planned'), count(*) FROM ec_migrations;

-- what does not count for the checksum: comments, white space, line ends, the
-- case of unquoted words, empty statements, the form of quotes
SELECT ec_apply('003', E'CREATE FUNCTION two() RETURNS integer LANGUAGE plpgsql AS $$\nBEGIN\n  RETURN 2;\nEND $$;\nSELECT 1 != 2');
SELECT ec_apply('003', E'-- a comment\r\n;create function TWO()\r\n\treturns integer language PLPGSQL as $$\r\nBEGIN\r\n  RETURN 2;\r\nEND $$;;\r\nselect 1<>2 /* nested /* too */ */ ;\r\n');
-- what does: anything else
SELECT errors_of($$ SELECT ec_apply('003', E'CREATE FUNCTION two() RETURNS integer LANGUAGE plpgsql AS $a$\nBEGIN\n  RETURN 3;\nEND $a$;\nSELECT 1 != 2') $$);
-- each kind of token, in a form that has the same checksum on every server
SELECT ec_apply('004', $$ SELECT 1::int, 1.5e3, 'it''s', E'\x41', U&'\0041', B'01', X'1F', "quoted".u&"x\0041", x
       FROM (SELECT 1 AS "xA", 2 AS x) AS quoted WHERE 1 <= 2 AND 2 >= 1 AND 1 <> 2 AND 1 != 2
        AND 5 % 2 = 1 AND (ARRAY[1,2])[1:2] && ARRAY[1] AND make_interval(days => 1) > '0'
        AND make_interval(days := 1) > '0' AND NULLIF(1, 2) IS NOT NULL; $$);
SELECT checksum FROM ec_migrations WHERE version = '004';

-- versions: natural order
SELECT v FROM unnest('{10,9,v1.10,v1.9,20260101120000,202601011200000,001,01,1,1.0,1-a,1a,v1.9.1,999}'::text[]) v
 ORDER BY expand_contract.version_key(v);
SELECT count(DISTINCT expand_contract.version_key(v)) FROM unnest('{1,01,001,1.0,1.00}'::text[]) v;
SELECT ec_apply('a"b''c;--', up => 'CREATE TABLE hostile ()', down => 'DROP TABLE hostile', description => 'x''); DROP TABLE users; --');
SELECT version, description FROM ec_migrations WHERE version LIKE 'a%';
SELECT ec_rollback('a"b''c;--');

-- bad arguments
SELECT errors_of($$ SELECT ec_apply(NULL, 'SELECT 1') $$);
SELECT errors_of($$ SELECT ec_apply('', 'SELECT 1') $$);
SELECT errors_of($$ SELECT ec_apply(' 005', 'SELECT 1') $$);
SELECT errors_of($$ SELECT ec_apply(E'0\t5', 'SELECT 1') $$);
SELECT errors_of($$ SELECT ec_apply(repeat('5', 256), 'SELECT 1') $$);
SELECT errors_of($$ SELECT ec_apply('005', NULL) $$);
SELECT ec_apply('005', '', dry_run => true);
SELECT ec_apply('005', E' -- nothing\n ; /* here */ ;', dry_run => true);
SELECT ec_apply('005', 'SELECT 1', down => ' ', dry_run => true);
SELECT errors_of($$ SELECT ec_apply('005', 'SELECT 1', phase => NULL) $$);
SELECT errors_of($$ SELECT ec_apply('005', 'SELECT 1', phase => 'contraction') $$);
SELECT errors_of($$ SELECT ec_apply('005', 'SELECT 1', allow => '{drop_all}') $$);
SELECT errors_of($$ SELECT ec_apply('005', 'SELECT 1', allow => '{NULL}') $$);
SELECT errors_of($$ SELECT ec_apply('005', 'SELECT 1', requires => '{001,NULL}') $$);
SELECT errors_of($$ SELECT ec_apply('005', 'SELECT 1', requires => '{001,005}') $$);
SELECT errors_of($$ SELECT ec_apply('005', 'SELECT 1', requires => '{001,002,001}') $$);
SELECT errors_of($$ SELECT ec_apply('005', 'SELECT 1', dry_run => NULL) $$);
SELECT errors_of($$ SELECT ec_rollback(NULL) $$);
SELECT errors_of($$ SELECT ec_rollback('') $$);

-- syntax: where in the script
SELECT ec_apply('005', E'SELECT 1;\nSELEC 2;\nSELECT 3');
SELECT errors_of($$ SELECT ec_apply('005', E'SELECT 1;\nSELECT ''open') $$);
SELECT errors_of($$ SELECT ec_apply('005', E'SELECT 1;\n  \\d users\n') $$);
SELECT errors_of($$ SELECT ec_apply('005', 'SELECT 1', down => 'DRO TABLE x') $$);
SELECT ec_apply('005', E'\xEF\xBB\xBFSELECT 1', dry_run => true);

-- what a dry run says of the steps; statements that cannot run in a transaction are a worker's (see mixed.sql)
SET client_min_messages = notice;
SELECT ec_apply('005', E'SELECT 1;\n\n  /* here */ CREATE INDEX CONCURRENTLY i ON users (email);\nSELECT 2; SELECT 3', 'DROP INDEX i', dry_run => true);
SET client_min_messages = warning;
SELECT s AS statement, message
  FROM unnest(ARRAY[
    'CREATE INDEX CONCURRENTLY i ON users (email)', 'DROP INDEX CONCURRENTLY i',
    'REINDEX TABLE CONCURRENTLY users', 'REINDEX (CONCURRENTLY) INDEX users_pkey',
    'REINDEX (CONCURRENTLY false) INDEX users_pkey', 'REINDEX SCHEMA public', 'REINDEX DATABASE x',
    'ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY', 'ALTER TABLE p DETACH PARTITION p1',
    'VACUUM users', 'ANALYZE users', 'CLUSTER', 'CLUSTER users USING users_pkey',
    'CREATE DATABASE d', 'DROP DATABASE d', 'ALTER DATABASE d SET TABLESPACE t', 'ALTER DATABASE d CONNECTION LIMIT 1',
    'CREATE TABLESPACE t LOCATION ''/t''', 'DROP TABLESPACE t', 'ALTER SYSTEM SET work_mem = 1',
    'ALTER TYPE e ADD VALUE ''x''', 'ALTER TYPE e RENAME VALUE ''x'' TO ''y''',
    'CREATE SUBSCRIPTION s CONNECTION '''' PUBLICATION p', 'ALTER SUBSCRIPTION s REFRESH PUBLICATION',
    'ALTER SUBSCRIPTION s SET PUBLICATION p', 'ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)',
    'DROP SUBSCRIPTION s', 'DISCARD ALL', 'DISCARD PLANS',
    'BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT s', 'PREPARE TRANSACTION ''x''', 'START TRANSACTION',
    'COPY users FROM STDIN', 'COPY users TO STDOUT', 'COPY users FROM ''/nowhere''', 'LISTEN x', 'NOTIFY x'
  ]) WITH ORDINALITY AS u (s, n),
  LATERAL (SELECT m AS message FROM errors_of(format('SELECT ec_apply(%L, %L, dry_run => true)', '005', s)) m LIMIT 1) e
 ORDER BY n;
SELECT errors_of($$ SELECT ec_apply('005', E'SELECT 1;\n COMMIT') $$);
SELECT errors_of($$ SELECT ec_apply('005', E'COPY users FROM STDIN') $$);
SELECT errors_of($$ SELECT ec_apply('005', E'LISTEN x') $$);
SELECT errors_of($$ SELECT ec_apply('005', E'SELECT 1;\n ALTER SYSTEM SET work_mem = 1') $$);
SELECT errors_of($$ SELECT ec_apply('005', 'SELECT 1', down => 'DISCARD ALL') $$);

-- what breaks running code is refused in phase expand, and only there
SELECT errors_of($$ SELECT ec_apply('005', E'SELECT 1;\nALTER TABLE users ADD x integer, DROP COLUMN IF EXISTS legacy_email') $$);
SELECT s AS statement, message
  FROM unnest(ARRAY[
    'DROP TABLE users', 'DROP TABLE IF EXISTS nothing', 'DROP VIEW v', 'DROP MATERIALIZED VIEW v', 'DROP SEQUENCE s',
    'DROP FUNCTION f', 'DROP TYPE t', 'DROP DOMAIN t', 'DROP SCHEMA s', 'DROP OWNED BY x', 'DROP INDEX i', 'DROP TRIGGER t ON users',
    'ALTER TABLE users RENAME legacy_email TO old', 'ALTER TABLE users RENAME TO people', 'ALTER TABLE users SET SCHEMA other',
    'ALTER VIEW v RENAME TO w', 'ALTER FUNCTION f RENAME TO g', 'ALTER TYPE t RENAME TO u', 'ALTER SCHEMA s RENAME TO t',
    'ALTER TABLE users RENAME CONSTRAINT users_pkey TO pk', 'ALTER INDEX users_pkey RENAME TO pk',
    'TRUNCATE users', 'CREATE TABLE t (); ALTER TABLE t RENAME TO t2; TRUNCATE t; DROP TABLE t',
    'CREATE TABLE s.t (); DROP TABLE t', 'CREATE TABLE IF NOT EXISTS t (); DROP TABLE t'
  ]) WITH ORDINALITY AS u (s, n),
  LATERAL (SELECT m AS message FROM errors_of(format('SELECT ec_apply(%L, %L, dry_run => true)', '005', s)) m LIMIT 1) e
 ORDER BY n;
SELECT ec_apply('005', 'ALTER TABLE users DROP COLUMN team', allow => '{drop_column}', dry_run => true);
SELECT errors_of($$ SELECT ec_apply('005', 'ALTER TABLE users DROP COLUMN team; TRUNCATE users', allow => '{drop_column}') $$);
SELECT ec_apply('005', 'ALTER TABLE users DROP COLUMN team', phase => 'contract', dry_run => true);

-- the ledger: drift, order, requirements
SELECT errors_of($$ SELECT ec_apply('001', 'ALTER TABLE users ADD COLUMN e_mail text') $$);
SELECT errors_of($$ SELECT ec_apply('0009', 'SELECT 1'), ec_apply('0003', 'SELECT 1') $$);
SELECT errors_of($$ SELECT ec_apply('005', 'SELECT 1', requires => '{002,007,006}') $$);
SELECT errors_of($$ SELECT ec_apply('005', 'SELECT 1', requires => '{007}', dry_run => true) $$);

-- a failing statement: nothing is left, and the error says where it is
SELECT errors_of($$ SELECT ec_apply('005', E'CREATE TABLE half ();\n\nINSERT INTO nowhere VALUES (1)') $$);
SELECT ec_apply('005', E'CREATE TABLE half ();\n\n  INSERT INTO users VALUES (1)');
SELECT to_regclass('half'), count(*) FROM ec_migrations WHERE version = '005';
-- caught by the caller, too
DO $$
BEGIN
    PERFORM ec_apply('005', 'CREATE TABLE kept ()');
    BEGIN
        PERFORM ec_apply('006', 'CREATE TABLE gone (); SELECT 1/0');
    EXCEPTION WHEN division_by_zero THEN
        NULL;
    END;
    PERFORM ec_apply('006', 'CREATE TABLE second_try ()');
END $$;
SELECT to_regclass('kept') AS kept, to_regclass('gone') AS gone, to_regclass('second_try') AS second_try;
SELECT version, steps FROM ec_migrations WHERE version > '004';
-- the caller's rollback takes the ledger along
BEGIN;
SELECT ec_apply('007', 'CREATE TABLE undone ()');
ROLLBACK;
SELECT to_regclass('undone'), count(*) FROM ec_migrations WHERE version = '007';
-- COMMIT in a DO block or a procedure is the server's business
SELECT errors_of($$ SELECT ec_apply('007', 'DO ''BEGIN COMMIT; END''') $$);
-- a migration in a migration
SELECT errors_of($$ SELECT ec_apply('007', 'SELECT ec_apply(''008'', ''SELECT 1'')') $$);
SELECT errors_of($$ SELECT ec_apply('007', 'SELECT ec_rollback(''006'')') $$);

-- settings of a script end with it; so does its role
SET search_path = public, pg_temp;
CREATE ROLE regress_ec_other;
SELECT ec_apply('007', $$
    SET search_path = pg_catalog;
    SET LOCAL work_mem = '1MB';
    SELECT set_config('expand_contract.batch_size', '7', false);
    SET lock_timeout = '3s';
    SET ROLE regress_ec_other;
    CREATE TEMP TABLE who AS SELECT current_user AS who, current_schemas(false) AS path;
    $$);
SELECT who, path FROM who;
SHOW search_path;
SHOW work_mem;
SHOW expand_contract.batch_size;
SHOW lock_timeout;
SELECT current_user = session_user AS myself, executed_by = current_user AS by_me FROM ec_migrations WHERE version = '007';
RESET search_path;
-- also when the script fails and the caller goes on
DO $$
BEGIN
    PERFORM ec_apply('008', 'SET ROLE regress_ec_other; SET work_mem = 64; SELECT 1/0');
EXCEPTION WHEN division_by_zero THEN
    RAISE WARNING 'myself: %, work_mem: %', current_user = session_user, current_setting('work_mem');
END $$;
-- the caller's search_path is the script's
CREATE SCHEMA tenant;
SET search_path = tenant, public;
SELECT ec_apply('008', 'CREATE TABLE here ()', 'DROP TABLE here');
RESET search_path;
SELECT to_regclass('tenant.here');

-- timeouts
SET expand_contract.statement_timeout = '2s';
SELECT ec_apply('009', E'SELECT 1;\nSELECT pg_sleep(60)');
-- a script may give itself more time
SELECT ec_apply('010', 'SET expand_contract.statement_timeout = 0; SELECT pg_sleep(0.1)');
-- each statement has its own
SET expand_contract.statement_timeout = '4s';
SELECT ec_apply('010.1', repeat('SELECT pg_sleep(1.5);', 3));
-- the caller's own is not lost, before or after
SET statement_timeout = '1s';
SET expand_contract.statement_timeout = '1min';
SELECT ec_apply('011', 'SELECT pg_sleep(60)');
SET statement_timeout = '3s';
SET expand_contract.statement_timeout = '2s';
SELECT ec_apply('011', 'SELECT 1'), pg_sleep(60);
RESET statement_timeout;
RESET expand_contract.statement_timeout;
SELECT count(*) FROM ec_migrations WHERE version = '011';

-- isolation levels, read-only
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT ec_apply('011', 'CREATE TABLE rr ()'), ec_apply('012', 'CREATE TABLE rr2 ()');
COMMIT;
BEGIN READ ONLY;
SELECT ec_apply('013', 'SELECT 1', dry_run => true), ec_apply('012', 'CREATE TABLE rr2 ()');
SELECT ec_apply('013', 'SELECT 1');
ROLLBACK;

-- ec_rollback
SELECT errors_of($$ SELECT ec_rollback('099') $$);
SELECT errors_of($$ SELECT ec_rollback('012') $$);
SELECT errors_of($$ SELECT ec_rollback('001') $$);
SELECT errors_of($$ SELECT ec_rollback('001', dry_run => true) $$);
SELECT errors_of($$ SELECT ec_rollback('008') $$);
SET search_path = tenant, public;
SELECT ec_rollback('008', dry_run => true);
SELECT to_regclass('here');
SELECT ec_rollback('008');
SELECT to_regclass('here');
RESET search_path;
SELECT ec_rollback('002');
SELECT ec_rollback('001');
SELECT version FROM ec_migrations;
SELECT event, version FROM expand_contract.migration_events WHERE event <> 'apply' OR version IN ('001', '002', '008') ORDER BY id;
SELECT errors_of($$ SELECT ec_apply('001', 'ALTER TABLE users ADD COLUMN email text') $$);
\d users

-- ec_wait_migration
CALL ec_wait_migration('012', timeout => '1s');
CALL ec_wait_migration('099');
CALL ec_wait_migration(NULL);
CALL ec_wait_migration('');
BEGIN;
CALL ec_wait_migration('012');
ROLLBACK;

-- rights: nothing for those who may not, the server's own word for the rest
CREATE ROLE regress_ec_deployer;
GRANT EXECUTE ON FUNCTION ec_apply(text, text, text, text, text[], text, text[], boolean, text, boolean),
                          ec_rollback(text, boolean, text) TO regress_ec_deployer;
CREATE SCHEMA deployer AUTHORIZATION regress_ec_deployer;
SET ROLE regress_ec_other;
SELECT count(*) FROM ec_migrations;
SELECT ec_apply('020', 'SELECT 1');
SELECT ec_rollback('012');
CALL ec_wait_migration('012');
SELECT count(*) FROM expand_contract.schema_migrations;
SELECT count(*) FROM expand_contract.migration_events;
SET ROLE regress_ec_deployer;
SELECT count(*) > 0 AS sees_the_ledger FROM ec_migrations;
SELECT ec_apply('020', 'ALTER TABLE users ADD COLUMN mine integer');
SELECT ec_apply('020', 'DELETE FROM expand_contract.schema_migrations');
SELECT ec_apply('020', 'CREATE TABLE deployer.mine AS SELECT current_user AS me', 'DROP TABLE deployer.mine');
SELECT me FROM deployer.mine;
SELECT version, executed_by FROM ec_migrations WHERE version = '020';
-- RESET ROLE in a script is the session's right, and ends with the script
SELECT ec_apply('021', 'RESET ROLE');
SELECT current_user, executed_by FROM ec_migrations WHERE version = '021';
-- a function that runs with its owner's rights
RESET ROLE;
CREATE FUNCTION deploy(v text, up text) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT ec_apply(v, up)';
ALTER FUNCTION deploy(text, text) OWNER TO regress_ec_deployer;
SET ROLE regress_ec_other;
SELECT deploy('022', 'SELECT 1');
SELECT deploy('023', 'RESET ROLE');
RESET ROLE;
SELECT version, executed_by FROM ec_migrations WHERE version > '021';
GRANT pg_monitor TO regress_ec_other;
SET ROLE regress_ec_other;
SELECT count(*) > 0 AS sees_the_ledger FROM ec_migrations;
RESET ROLE;

-- the migration lock: a tag that SQL cannot produce, held to the transaction's end
BEGIN;
SELECT ec_apply('030', 'SELECT 1');
SELECT mode, objsubid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
ROLLBACK;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();

DROP FUNCTION deploy(text, text);
DROP SCHEMA tenant, deployer CASCADE;
DROP OWNED BY regress_ec_other, regress_ec_deployer;
DROP ROLE regress_ec_other, regress_ec_deployer;
DROP TABLE users, kept, second_try, rr, rr2;
DROP FUNCTION two();
