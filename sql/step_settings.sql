-- What a step of a script leaves set, by whatever statement or function, holds
-- for the steps after it, as in one session.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_ec_steps LOGIN;
CREATE ROLE regress_ec_other;
GRANT regress_ec_other TO regress_ec_steps;
CREATE SCHEMA regress_steps;
CREATE SCHEMA regress_steps_2;
GRANT ALL ON SCHEMA regress_steps, regress_steps_2 TO regress_ec_steps, regress_ec_other;
SELECT ec_grant('regress_ec_steps') \g /dev/null
SET search_path = regress_steps, public;
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
CREATE TABLE t (id integer PRIMARY KEY, a integer);
CREATE TABLE seen (n serial PRIMARY KEY, name text, value text);
ALTER TABLE t OWNER TO regress_ec_steps;
GRANT ALL ON seen, seen_n_seq TO regress_ec_steps, regress_ec_other;
CREATE FUNCTION look() RETURNS void LANGUAGE sql SET search_path = regress_steps AS $$
    INSERT INTO seen (name, value)
    SELECT name, current_setting(name, true)
      FROM unnest(ARRAY['role', 'work_mem', 'DateStyle', 'cursor_tuple_fraction', 'constraint_exclusion', 'enable_seqscan',
                        'app.tenant', 'app.empty', 'session_replication_role']) WITH ORDINALITY u (name, n)
     ORDER BY n $$;
CREATE FUNCTION use(setting text, value text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN set_config(setting, value, false); END $$;
CREATE FUNCTION hides() RETURNS void LANGUAGE plpgsql SET work_mem = '7MB' AS $$ BEGIN PERFORM set_config('DateStyle', 'German', true); END $$;

-- One script, by psql in one session and by a worker in steps: they see the same.
\set script 'DO $d$ BEGIN PERFORM set_config(''work_mem'', ''3MB'', false), set_config(''app.tenant'', ''it''''s; "a" \\ b'', false); END $d$; CREATE INDEX CONCURRENTLY i1 ON regress_steps.t (a); SELECT regress_steps.look(); SELECT regress_steps.use(''cursor_tuple_fraction'', ''0.12345678901234''), regress_steps.use(''DateStyle'', ''SQL, DMY''); DO $d$ BEGIN BEGIN PERFORM set_config(''constraint_exclusion'', ''off'', false); PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN PERFORM set_config(''constraint_exclusion'', ''on'', false); END; SET LOCAL work_mem = ''9MB''; END $d$; DROP INDEX CONCURRENTLY regress_steps.i1; SELECT regress_steps.look(); SELECT regress_steps.hides(); DO $d$ BEGIN SET enable_seqscan = off; SET LOCAL enable_seqscan = on; RESET work_mem; PERFORM set_config(''app.empty'', '''', false); END $d$; VACUUM regress_steps.t; SELECT regress_steps.look(); DO $d$ BEGIN PERFORM set_config(''role'', ''regress_ec_other'', false); END $d$; SET work_mem = ''4MB''; ALTER TYPE regress_steps.mood ADD VALUE IF NOT EXISTS ''ok''; SELECT regress_steps.look(); DO $d$ BEGIN RESET ROLE; RESET ALL; END $d$; SELECT regress_steps.look();'
CREATE TYPE mood AS ENUM ('sad');
ALTER TYPE mood OWNER TO regress_ec_other;
SET SESSION AUTHORIZATION regress_ec_steps;
\o /dev/null
:script
\o
\c -
CREATE TABLE regress_steps.by_psql AS SELECT * FROM regress_steps.seen;
TRUNCATE regress_steps.seen RESTART IDENTITY;
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET search_path = regress_steps, public;
SET SESSION AUTHORIZATION regress_ec_steps;
SELECT ec_apply('001', :'script');
CALL ec_wait_migration('001');
SELECT state, steps > 8 AS in_steps, error FROM ec_migrations WHERE version = '001';
RESET SESSION AUTHORIZATION;
SELECT n, name, s.value AS by_worker, p.value AS by_psql FROM seen s FULL JOIN by_psql p USING (n, name)
 WHERE s.value IS DISTINCT FROM p.value
   -- RESET ALL goes back to what psql has asked for at its start
   AND (name, n) <> ('DateStyle', 39) ORDER BY n;
SELECT count(*) FROM seen;
SELECT name, string_agg(coalesce(value, '-'), ' | ' ORDER BY n) FROM seen WHERE name IN ('role', 'app.tenant', 'enable_seqscan') GROUP BY name ORDER BY name;

-- search_path decides what the next step finds; another job, and a way down, go on with what is stored
TRUNCATE seen;
SELECT ec_apply('002', $$
    DO $d$ BEGIN PERFORM set_config('search_path', 'regress_steps_2', false); END $d$;
    CREATE TABLE here (a integer);
    CREATE INDEX CONCURRENTLY here_a ON here (a);
    INSERT INTO nowhere VALUES (1);
    VACUUM here;
    INSERT INTO here SELECT 1;
$$, down => $$
    SELECT regress_steps.use('search_path', 'regress_steps_2');
    DROP INDEX CONCURRENTLY here_a;
    DROP TABLE here;
$$);
CALL ec_wait_migration('002');
SELECT state, steps_done, split_part(error, ' CONTEXT', 1) AS error FROM ec_migrations WHERE version = '002';
SELECT step, settings FROM expand_contract.migration_steps WHERE version = '002' AND settings IS NOT NULL ORDER BY step;
CREATE TABLE regress_steps_2.nowhere (a integer);
-- another job, as after a restore
UPDATE expand_contract.jobs SET state = 'cancelled' WHERE parameters ->> 'version' = '002';
DELETE FROM expand_contract.jobs WHERE parameters ->> 'version' = '002';
SELECT ec_apply('002', (SELECT up FROM expand_contract.schema_migrations WHERE version = '002'));
CALL ec_wait_migration('002');
SELECT state, steps_done, error FROM ec_migrations WHERE version = '002';
SELECT * FROM regress_steps_2.here;
SELECT ec_rollback('002');
CALL ec_wait_migration('002');
SELECT count(*) FROM ec_migrations WHERE version = '002';
SELECT to_regclass('regress_steps_2.here');

-- what a function sets with its owner's rights is no right of the steps after it
CREATE FUNCTION replica() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT set_config('session_replication_role', 'replica', false) $$;
SET SESSION AUTHORIZATION regress_ec_steps;
SELECT ec_apply('003', 'SELECT replica(); CREATE INDEX CONCURRENTLY t_a ON t (a); SELECT look()');
CALL ec_wait_migration('003');
SELECT state, steps_done, error FROM ec_migrations WHERE version = '003';
RESET SESSION AUTHORIZATION;
GRANT SET ON PARAMETER session_replication_role TO regress_ec_steps;
SET SESSION AUTHORIZATION regress_ec_steps;
SELECT ec_apply('003', 'SELECT replica(); CREATE INDEX CONCURRENTLY t_a ON t (a); SELECT look()');
CALL ec_wait_migration('003');
SELECT state, error FROM ec_migrations WHERE version = '003';
SELECT value FROM seen WHERE name = 'session_replication_role' ORDER BY n DESC LIMIT 1;
-- nor that he was a member of another role
SELECT ec_apply('004', $$
    DO $d$ BEGIN PERFORM set_config('role', 'regress_ec_other', false); END $d$;
    ALTER TYPE mood ADD VALUE 'fine';
    SELECT look();
    CREATE INDEX CONCURRENTLY no_owner ON t (id);
    $$);
CALL ec_wait_migration('004');
SELECT state, split_part(error, ' CONTEXT', 1) AS error FROM ec_migrations WHERE version = '004';
RESET SESSION AUTHORIZATION;
REVOKE regress_ec_other FROM regress_ec_steps;
SELECT up FROM expand_contract.schema_migrations WHERE version = '004' \gset
SET SESSION AUTHORIZATION regress_ec_steps;
SELECT ec_apply('004', :'up');
CALL ec_wait_migration('004');
SELECT state, split_part(error, ' CONTEXT', 1) AS error FROM ec_migrations WHERE version = '004';
RESET SESSION AUTHORIZATION;

-- for the tests that follow
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
SET client_min_messages = error;
DROP SCHEMA regress_steps, regress_steps_2 CASCADE;
REVOKE SET ON PARAMETER session_replication_role FROM regress_ec_steps;
DROP OWNED BY regress_ec_steps, regress_ec_other;
DROP ROLE regress_ec_steps, regress_ec_other;
