-- A copy does not overwrite what a new version has written while it ran, and
-- what could not be carried over: the newer value is in the queue.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\set jobs :abs_srcdir '/test/jobs.sql'
\i :errors
\i :jobs
\set SHOW_CONTEXT never
ALTER TABLE expand_contract.jobs ALTER id RESTART 64000;
CREATE SCHEMA repair_race;
SET search_path = repair_race, public;
CREATE FUNCTION to_old(new text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF new = 'none' THEN RAISE 'not yet'; END IF;
    RETURN new::int;
END $$;
CREATE TABLE s (id int PRIMARY KEY, old int, CHECK (old <> 99));
CREATE TABLE t (id int PRIMARY KEY, new text);
SELECT ec_expand('race', 's', '{"id": "id", "new": "old::text"}', '{"id": "id", "old": "repair_race.to_old(new)"}', target => 't');
INSERT INTO s SELECT i, i FROM generate_series(1, 4) i;
-- rows that a repair has to write, one a batch
SELECT ec_dual_write('race', false);
UPDATE s SET old = old * 10;
SELECT ec_dual_write('race', true);
SELECT ec_backfill_change('race', 'repair', batch_size => 1, delay_ms => 3600000) AS job \gset
-- its first batch is written, and it pauses
SELECT wait_for_rows(:job, 1);
SET client_min_messages = warning;
-- a new version writes a row that the job has yet to come to
UPDATE t SET new = 'none' WHERE id = 4;
SELECT key, direction FROM ec_discrepancies WHERE change = 'race';
SELECT FROM ec_configure(:job, delay_ms => 0);
SELECT format('CALL ec_wait(%s)', :job) AS wait \gset
\set VERBOSITY sqlstate
:wait;
\set VERBOSITY default
SELECT state, last_error FROM ec_progress WHERE job = :job;
SELECT id, new FROM t WHERE id = 4;
-- the cause goes, and the job goes on
CREATE OR REPLACE FUNCTION to_old(new text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN new = 'none' THEN 0 ELSE new::int END $$;
SELECT ec_reconcile('race');
SELECT FROM ec_resume(:job);
:wait;
SELECT id, old, new FROM s JOIN t USING (id) ORDER BY id;
SELECT ok FROM ec_verify_change('race');

-- nor does a fill bring a row back that a new version has deleted
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'kept'; END$$;
CREATE TRIGGER keep BEFORE DELETE ON s FOR EACH ROW WHEN (old.id = 3) EXECUTE FUNCTION keep();
DELETE FROM t WHERE id = 3;
SELECT key, direction, operation FROM ec_discrepancies WHERE change = 'race';
RESET client_min_messages;
SELECT * FROM errors_of($$SELECT ec_backfill_change('race')$$);
SELECT * FROM errors_of($$SELECT ec_backfill_change('race', 'repair')$$);
DROP TRIGGER keep ON s;
SELECT ec_reconcile('race');
SELECT array_agg(id ORDER BY id) FROM s;

RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA repair_race CASCADE;
DELETE FROM expand_contract.changes WHERE name = 'race';
