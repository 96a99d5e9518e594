-- Mixed scripts: with statements that a transaction cannot hold, run by a worker.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
SET client_min_messages = warning;
ALTER TABLE expand_contract.jobs ALTER id RESTART 7000;

CREATE SCHEMA mixed;
SET search_path = mixed, public;
CREATE TABLE users (id integer PRIMARY KEY, email text, team integer);
INSERT INTO users SELECT g, 'user' || greatest(g, 2), g % 7 FROM generate_series(1, 100) g;
CREATE INDEX old_idx ON users (team);
CREATE FUNCTION indexes() RETURNS TABLE (index text, valid boolean, of text) LANGUAGE sql SET search_path = mixed AS $$
    SELECT indexrelid::regclass::text, indisvalid AND indisready AND indislive,
           substring(pg_get_indexdef(indexrelid) FROM 'USING.*')
      FROM pg_index JOIN pg_class c ON c.oid = indexrelid
     WHERE relnamespace = 'mixed'::regnamespace ORDER BY 1 $$;
CREATE FUNCTION steps(v text) RETURNS TABLE (direction text, step integer, statements text, command text, done boolean)
    LANGUAGE sql AS $$
    SELECT direction, step, first_statement || '-' || last_statement, command, done_at IS NOT NULL
      FROM expand_contract.migration_steps WHERE version = v ORDER BY direction DESC, step $$;

-- it is queued, runs in order, and ends applied
BEGIN;
SELECT ec_apply('m001', description => 'all kinds', up => $$
    ALTER TABLE users ADD COLUMN name text;
    UPDATE users SET name = initcap(email);
    CREATE INDEX CONCURRENTLY users_email ON users (email);
    CREATE INDEX CONCURRENTLY ON users (lower(name));
    CREATE TYPE color AS ENUM ('red');
    ALTER TYPE color ADD VALUE 'green';
    CREATE TABLE paint (color color DEFAULT 'green');
    VACUUM (ANALYZE) users;
    DROP INDEX CONCURRENTLY old_idx;
    REINDEX INDEX CONCURRENTLY users_email;
    $$, down => $$
    DROP INDEX CONCURRENTLY users_email;
    DROP TABLE paint; DROP TYPE color; ALTER TABLE users DROP COLUMN name;
    CREATE INDEX CONCURRENTLY old_idx ON users (team);
    $$);
-- until the commit nobody has begun; asking again changes nothing
SELECT ec_apply('m001', (SELECT up FROM expand_contract.schema_migrations WHERE version = 'm001'));
SELECT state, steps, steps_done, execution_time, direction, job FROM ec_migrations WHERE version = 'm001';
SELECT errors_of($$ SELECT ec_apply('m002', 'SELECT 1') $$);
SELECT errors_of($$ SELECT ec_rollback('m001') $$);
COMMIT;
CALL ec_wait_migration('m001');
SELECT state, steps, steps_done, execution_time > '0' AS took_time, error, executed_by = current_user AS by_me FROM ec_migrations WHERE version = 'm001';
SELECT * FROM steps('m001');
SELECT * FROM indexes();
SELECT enum_range(NULL::color), count(name) FROM users;
SELECT ec_apply('m001', (SELECT up FROM expand_contract.schema_migrations WHERE version = 'm001'));
-- what is a migration's job among the others
SELECT job, kind, relation, state, percent, last_error FROM ec_progress WHERE job = 7000;
SELECT relation_name FROM expand_contract.jobs WHERE id = 7000;

-- the down script
SELECT ec_rollback('m001', dry_run => true);
SELECT ec_rollback('m001');
CALL ec_wait_migration('m001');
SELECT count(*) FROM ec_migrations WHERE version = 'm001';
SELECT * FROM indexes();
SELECT event, executed_by = current_user AS by_me FROM expand_contract.migration_events WHERE version = 'm001' ORDER BY id;

-- SET holds for the rest of the script, and not for what comes after it
SELECT ec_apply('m002', $$
    SET search_path = public;
    SET work_mem = '3MB';
    CREATE INDEX CONCURRENTLY users_team ON mixed.users (team);
    SET LOCAL work_mem = '5MB';
    CREATE TABLE mixed.settings AS SELECT current_setting('search_path') AS path, current_setting('work_mem') AS work_mem;
    DROP INDEX CONCURRENTLY mixed.users_team;
    INSERT INTO mixed.settings SELECT current_setting('search_path'), current_setting('work_mem');
    $$);
CALL ec_wait_migration('m002');
TABLE settings;
SHOW search_path;

-- a step fails: the ledger says why, nothing invalid is left, what is done stays done
SELECT ec_apply('m003', E'CREATE TABLE made ();\nCREATE UNIQUE INDEX CONCURRENTLY users_email ON users (email);\nDROP TABLE made',
                allow => '{drop_table}');
CALL ec_wait_migration('m003');
SELECT state, steps, steps_done, error FROM ec_migrations WHERE version = 'm003';
SELECT * FROM steps('m003');
SELECT * FROM indexes();
SELECT to_regclass('made');
-- a changed script is drift; others have to wait
SELECT errors_of($$ SELECT ec_apply('m003', 'SELECT 1') $$);
SELECT errors_of($$ SELECT ec_apply('m004', 'SELECT 1') $$);
SELECT errors_of($$ SELECT ec_rollback('m002') $$);
SELECT errors_of($$ SELECT ec_rollback('m003') $$);
-- once the cause is gone it goes on
UPDATE users SET email = 'user' || id;
SELECT ec_apply('m003', E'CREATE TABLE made ();\nCREATE UNIQUE INDEX CONCURRENTLY users_email ON users (email);\nDROP TABLE made');
CALL ec_wait_migration('m003');
SELECT state, steps_done, error FROM ec_migrations WHERE version = 'm003';
SELECT * FROM indexes();
SELECT to_regclass('made');
SELECT event FROM expand_contract.migration_events WHERE version = 'm003' ORDER BY id;

-- ec_resume goes on with a failed one as well; the job that came after it keeps it out
SELECT ec_apply('m004', 'CREATE INDEX CONCURRENTLY i ON nowhere (x)', down => 'SELECT 1') \gset a_
CALL ec_wait_migration('m004');
SELECT job FROM ec_migrations WHERE version = 'm004' \gset
CREATE TABLE nowhere (x integer);
SELECT ec_resume(:job);
CALL ec_wait_migration('m004');
SELECT state, steps_done, error FROM ec_migrations WHERE version = 'm004';
SELECT ec_rollback('m004');
DROP TABLE nowhere;

-- one that has failed before anything was done is just taken back; one that has needs its down script
SELECT ec_apply('m005', 'CREATE INDEX CONCURRENTLY i ON nowhere (x)');
CALL ec_wait_migration('m005');
SELECT job FROM ec_migrations WHERE version = 'm005' \gset
SELECT ec_apply('m005', 'CREATE INDEX CONCURRENTLY i ON nowhere (x)');
CALL ec_wait_migration('m005');
SELECT ec_resume(:job);
CALL ec_wait(:job);
SELECT ec_rollback('m005');
SELECT ec_apply('m005', 'CREATE TABLE half (); CREATE INDEX CONCURRENTLY i ON nowhere (x)', 'DROP TABLE half');
CALL ec_wait_migration('m005');
SELECT ec_rollback('m005');
SELECT to_regclass('half'), count(*) FROM ec_migrations WHERE version = 'm005';

-- a down script that fails: the migration is between two states, and goes on only downwards
SELECT ec_apply('m005', 'CREATE TABLE half ()', 'DROP TABLE half; VACUUM nowhere');
SELECT ec_rollback('m005');
CALL ec_wait_migration('m005');
SELECT state, direction, steps, steps_done, error FROM ec_migrations WHERE version = 'm005';
SELECT errors_of($$ SELECT ec_apply('m005', 'CREATE TABLE half ()') $$);
SELECT errors_of($$ SELECT ec_apply('m006', 'CREATE TABLE half ()') $$);
CREATE TABLE nowhere (x integer);
SELECT ec_rollback('m005');
CALL ec_wait_migration('m005');
SELECT count(*) FROM ec_migrations WHERE version = 'm005';

-- names prove nothing: an index of the name that is not ours
CREATE INDEX taken ON nowhere (x);
SELECT ec_apply('m006', 'CREATE INDEX CONCURRENTLY taken ON users (team)');
CALL ec_wait_migration('m006');
SELECT ec_rollback('m006');
CREATE INDEX users_taken ON users (id);
SELECT ec_apply('m006', 'CREATE INDEX CONCURRENTLY users_taken ON users (team)');
CALL ec_wait_migration('m006');
SELECT ec_rollback('m006');
-- IF NOT EXISTS: not another table's, not an invalid one
SELECT ec_apply('m006', 'CREATE INDEX CONCURRENTLY IF NOT EXISTS taken ON users (team)');
CALL ec_wait_migration('m006');
SELECT ec_rollback('m006');
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'users_taken'::regclass;
SELECT ec_apply('m006', 'CREATE INDEX CONCURRENTLY IF NOT EXISTS users_taken ON users (team)');
CALL ec_wait_migration('m006');
UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'users_taken'::regclass;
SELECT ec_apply('m006', 'CREATE INDEX CONCURRENTLY IF NOT EXISTS users_taken ON users (team)');
CALL ec_wait_migration('m006');
SELECT state, error FROM ec_migrations WHERE version = 'm006';

-- partitions
CREATE TABLE parts (id integer) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
SELECT ec_apply('m007', 'ALTER TABLE parts DETACH PARTITION part1 CONCURRENTLY', 'ALTER TABLE parts ATTACH PARTITION part1 FOR VALUES FROM (0) TO (10)');
CALL ec_wait_migration('m007');
SELECT count(*) FROM pg_inherits WHERE inhparent = 'parts'::regclass;
SELECT ec_rollback('m007');

-- pausing and cancelling before it starts
SET expand_contract.max_workers = 0;
BEGIN;
SELECT ec_apply('m007', 'VACUUM users', 'SELECT 1');
SELECT ec_pause((SELECT job FROM ec_migrations WHERE version = 'm007')) AS paused;
COMMIT;
SELECT state FROM ec_migrations WHERE version = 'm007';
SET client_min_messages = notice;
SELECT regexp_replace(ec_apply('m007', 'VACUUM users'), '\d+', 'N');
SET client_min_messages = warning;
SELECT errors_of(format('SELECT ec_configure(%s, workers => 2)', (SELECT job FROM ec_migrations WHERE version = 'm007')));
SELECT ec_cancel((SELECT job FROM ec_migrations WHERE version = 'm007')) AS cancelled;
SELECT state, error FROM ec_migrations WHERE version = 'm007';
CALL ec_wait_migration('m007');
RESET expand_contract.max_workers;
SELECT ec_apply('m007', 'VACUUM users');
CALL ec_wait_migration('m007');
SELECT state, error FROM ec_migrations WHERE version = 'm007';

-- the worker is the user who submitted, and no more
CREATE ROLE regress_ec_mixed LOGIN;
CREATE SCHEMA regress_ec_mixed AUTHORIZATION regress_ec_mixed;
SELECT ec_grant('regress_ec_mixed');
SET ROLE regress_ec_mixed;
SELECT ec_apply('m008', 'CREATE TABLE regress_ec_mixed.who AS SELECT current_user, session_user; VACUUM regress_ec_mixed.who');
CALL ec_wait_migration('m008');
TABLE regress_ec_mixed.who;
SELECT executed_by FROM ec_migrations WHERE version = 'm008';
SELECT ec_apply('m009', 'CREATE INDEX CONCURRENTLY i ON mixed.users (team)');
CALL ec_wait_migration('m009');
SELECT ec_rollback('m009');
SELECT ec_apply('m009', 'VACUUM regress_ec_mixed.who; DELETE FROM expand_contract.jobs');
CALL ec_wait_migration('m009');
-- half of it is done, and there is no down script: it can still be given one
SELECT errors_of($$ SELECT ec_rollback('m009') $$);
SELECT ec_apply('m009', 'VACUUM regress_ec_mixed.who; DELETE FROM expand_contract.jobs', down => 'SELECT 1');
CALL ec_wait_migration('m009');
SELECT state, error FROM ec_migrations WHERE version = 'm009';
SELECT ec_rollback('m009');
RESET ROLE;
-- a role for a part of the script
SELECT ec_apply('m009', 'SET ROLE regress_ec_mixed; CREATE INDEX CONCURRENTLY i ON mixed.users (team)', 'SELECT 1');
CALL ec_wait_migration('m009');
SELECT ec_rollback('m009');
SELECT ec_apply('m009', 'SET ROLE regress_ec_mixed; CREATE INDEX CONCURRENTLY i ON regress_ec_mixed.who ("session_user"); RESET ROLE; VACUUM users');
CALL ec_wait_migration('m009');
SELECT * FROM indexes();
SELECT state FROM ec_migrations WHERE version = 'm009';

-- a restored copy knows the history, and does not begin by itself; the jobs are not part of a dump
BEGIN;
SELECT ec_apply('m010', 'CREATE TABLE copied (); VACUUM users');
DELETE FROM expand_contract.jobs WHERE relation_name = 'migration "m010"';
COMMIT;
SELECT state, error, job FROM ec_migrations WHERE version = 'm010';
CALL ec_wait_migration('m010');
SELECT ec_apply('m010', 'CREATE TABLE copied (); VACUUM users');
CALL ec_wait_migration('m010');
SELECT state, error FROM ec_migrations WHERE version = 'm010';

-- the steps are of a script that was read in one way, and gone on with in another
SELECT ec_apply('m011', 'SELECT 1', $$DROP INDEX CONCURRENTLY no_such; SELECT 'a\'; SELECT 2; SELECT 'b --'$$);
SELECT ec_rollback('m011');
CALL ec_wait_migration('m011');
SET escape_string_warning = off;
SET standard_conforming_strings = off;
SELECT ec_rollback('m011');
CALL ec_wait_migration('m011');
RESET standard_conforming_strings;
RESET escape_string_warning;
CREATE INDEX no_such ON users (team);
SELECT ec_rollback('m011');
CALL ec_wait_migration('m011');
SELECT count(*) FROM ec_migrations WHERE version = 'm011';

-- a down script that another role gave does not run as the caller
SET ROLE regress_ec_mixed;
SELECT ec_apply('m011', 'SELECT 1', 'SELECT pg_current_logfile()');
RESET ROLE;
SELECT replace(e, current_user, 'SUPERUSER') FROM errors_of($$ SELECT ec_rollback('m011') $$) e;
SELECT replace(e, current_user, 'SUPERUSER') FROM errors_of($$ SELECT ec_rollback('m011', dry_run => true) $$) e;
SET ROLE regress_ec_mixed;
SELECT errors_of($$ SELECT ec_rollback('m011') $$);
RESET ROLE;
DELETE FROM expand_contract.schema_migrations WHERE version = 'm011';
-- nor can another role give one while the migration is unfinished; it can go on with it
SELECT ec_apply('m011', 'VACUUM users; SELECT 1/0', 'SELECT 1');
CALL ec_wait_migration('m011');
SET ROLE regress_ec_mixed;
SELECT replace(e, session_user, 'SUPERUSER') FROM errors_of($$ SELECT ec_apply('m011', 'VACUUM users;  SELECT 1/0', 'SELECT pg_current_logfile()') $$) e;
SELECT ec_apply('m011', 'VACUUM users;  SELECT 1/0');
CALL ec_wait_migration('m011');
RESET ROLE;
SELECT up, down, down_by = current_user AS mine FROM expand_contract.schema_migrations WHERE version = 'm011';
SELECT ec_apply('m011', 'VACUUM users; SELECT 1/0', 'SELECT 1');
CALL ec_wait_migration('m011');
SELECT up, down_by = current_user AS mine FROM expand_contract.schema_migrations WHERE version = 'm011';
-- an error can quote rows; pg_monitor sees its code
CREATE ROLE regress_ec_monitor IN ROLE pg_monitor;
SET ROLE regress_ec_monitor;
SELECT state, error FROM ec_migrations WHERE version = 'm011';
SELECT DISTINCT error FROM ec_migration_events WHERE version = 'm011' AND event = 'fail';
RESET ROLE;
DROP ROLE regress_ec_monitor;
SELECT state, error FROM ec_migrations WHERE version = 'm011';
SELECT ec_rollback('m011');

-- what the script sets does not hinder the worker's own transactions, and those are as durable as the caller's
SHOW synchronous_commit;
SELECT ec_apply('m012', 'SET default_transaction_read_only = on; VACUUM users;
    CREATE TABLE durable AS SELECT setting FROM pg_settings WHERE name = ''synchronous_commit''');
CALL ec_wait_migration('m012');
TABLE durable;

-- who is in the way: nobody
SELECT count(*) FROM ec_blockers('users');

RESET search_path;
DROP OWNED BY regress_ec_mixed;
DROP ROLE regress_ec_mixed;
DROP SCHEMA mixed CASCADE;
DELETE FROM expand_contract.schema_migrations WHERE version LIKE 'm0%';
