-- Migrations that run in steps, one of which is a job.  In phase contract the lint
-- has no say.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
SET client_min_messages = warning;
SET expand_contract.scope = 'online_jobs';
ALTER TABLE expand_contract.jobs ALTER id RESTART 7700;
CREATE SCHEMA online_jobs;
SET search_path = online_jobs, public;
-- one row a page: it counts as large
CREATE TABLE big (id integer PRIMARY KEY, name text, mail text, filler char(5000));
ALTER TABLE big ALTER filler SET STORAGE PLAIN;
INSERT INTO big SELECT g, 'User' || g, NULL, '' FROM generate_series(1, 1100) g;
CREATE FUNCTION steps(v text) RETURNS TABLE (step integer, kind text, statement integer, command text, done boolean)
    LANGUAGE sql AS $$
    SELECT step, kind, first_statement, command, done_at IS NOT NULL
      FROM expand_contract.migration_steps WHERE version = v ORDER BY step $$;
CREATE FUNCTION jobs(v text) RETURNS TABLE (kind text, state text, throttled_by text)
    LANGUAGE sql AS $$
    SELECT kind, state, regexp_replace(throttled_by, '[0-9]+', 'N') FROM ec_progress WHERE migration = v ORDER BY job $$;
CREATE PROCEDURE wait_until(condition text) LANGUAGE plpgsql AS $$
DECLARE
    holds boolean;
BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXECUTE 'SELECT ' || condition INTO holds;
        EXIT WHEN holds;
        COMMIT;
        PERFORM pg_sleep(0.01);
    END LOOP;
    IF NOT holds THEN
        RAISE EXCEPTION 'it never became true: %', condition;
    END IF;
END $$;

-- a small table: in the caller's transaction
SELECT ec_apply('o001', 'CREATE TABLE small (id integer); CREATE INDEX small_idx ON small (id)');
SELECT state, steps, steps_done, job FROM ec_migrations WHERE version = 'o001';

-- a job among the steps, and no other worker than its own
SET expand_contract.backfill_delay = 0;
CALL ec_migrate('o002', $$
    ALTER TABLE big ADD COLUMN note text;
    UPDATE big SET mail = lower(name);
    CREATE INDEX big_mail ON big (mail);
$$, phase => 'contract');
SELECT state, steps, steps_done, error FROM ec_migrations WHERE version = 'o002';
SELECT * FROM steps('o002');
CALL wait_until($$ NOT EXISTS (SELECT FROM expand_contract.live_slots()) $$);
SELECT * FROM jobs('o002');
SELECT count(*) FROM big WHERE mail = lower(name);
SELECT indisvalid FROM pg_index WHERE indexrelid = 'big_mail'::regclass;
-- its pace was that of the session
SELECT delay_ms, owner = current_user::regrole AS mine FROM expand_contract.jobs WHERE kind = 'backfill' AND id BETWEEN 7700 AND 7799 ORDER BY id;
-- as written, if the caller or the file says so
SELECT ec_apply('o003', 'CREATE INDEX big_plain ON big (name)', online => false, phase => 'contract');
SELECT ec_apply_script('o004', E'-- ec:online off\n-- ec:phase contract\nDROP INDEX big_plain');
SELECT ec_apply_script('o005', E'-- ec:online maybe\nSELECT 1');
SET expand_contract.online = off;
SELECT ec_apply('o005', 'CREATE INDEX big_plain ON big (name)', phase => 'contract');
SELECT ec_apply_script('o006', E'-- ec:online on\n-- ec:phase contract\nCREATE INDEX big_file ON big (name)');
CALL ec_wait_migration('o006');
RESET expand_contract.online;
SELECT version, steps, job IS NULL AS plain FROM ec_migrations WHERE version IN ('o003', 'o004', 'o005', 'o006') ORDER BY version;
SELECT kind, command FROM steps('o006');
DROP INDEX big_plain, big_file;

-- a dry run shows the steps
SELECT ec_apply('o007', dry_run => true, up => 'UPDATE big SET mail = upper(name)');
SET client_min_messages = notice;
SELECT ec_apply('o007', dry_run => true, up => 'UPDATE big SET mail = upper(name); SELECT 1');
SET client_min_messages = warning;

-- pausing the migration pauses the job that it waits for; resuming and cancelling likewise
SET expand_contract.backfill_delay = 3600000;
SELECT ec_apply('o007', 'UPDATE big SET mail = upper(name)', down => 'UPDATE big SET mail = lower(name)');
SELECT job FROM ec_migrations WHERE version = 'o007' \gset
CALL wait_until($$ EXISTS (SELECT FROM ec_progress WHERE migration = 'o007' AND kind = 'backfill' AND rows_done > 0)
    AND EXISTS (SELECT FROM ec_progress WHERE migration = 'o007' AND throttled_by ~ 'waits for job') $$);
SELECT * FROM jobs('o007') WHERE kind = 'statement';
SELECT state FROM ec_migrations WHERE version = 'o007';
SELECT ec_pause(:job);
SELECT kind, state FROM jobs('o007');
SELECT state FROM ec_migrations WHERE version = 'o007';
SELECT ec_apply('o007', 'UPDATE big SET mail = upper(name)');
SELECT ec_resume(:job);
CALL wait_until($$ EXISTS (SELECT FROM ec_progress WHERE migration = 'o007' AND kind = 'backfill' AND state = 'running') $$);
SELECT state FROM ec_migrations WHERE version = 'o007';
SELECT ec_cancel(:job);
SELECT kind, state FROM jobs('o007');
CALL ec_wait_migration('o007');
-- applied again, another job goes on
CALL wait_until($$ NOT EXISTS (SELECT FROM expand_contract.live_slots()) $$);
SET expand_contract.backfill_delay = 0;
SELECT ec_apply('o007', 'UPDATE big SET mail = upper(name)');
CALL ec_wait_migration('o007');
CALL wait_until($$ NOT EXISTS (SELECT FROM expand_contract.live_slots()) $$);
SELECT kind, state FROM jobs('o007');
SELECT count(*) FROM big WHERE mail = upper(name);
-- the way down goes the same way
SELECT ec_rollback('o007');
CALL ec_wait_migration('o007');
SELECT count(*) FROM big WHERE mail = lower(name);

-- the job is cancelled by itself: the migration fails, and says so
SET expand_contract.backfill_delay = 3600000;
SELECT ec_apply('o008', 'UPDATE big SET mail = upper(name)', down => 'UPDATE big SET mail = lower(name)');
CALL wait_until($$ EXISTS (SELECT FROM ec_progress WHERE migration = 'o008' AND kind = 'backfill' AND rows_done > 0)
    AND EXISTS (SELECT FROM ec_progress WHERE migration = 'o008' AND throttled_by ~ 'waits for job') $$);
SELECT j.delay_ms FROM expand_contract.jobs j JOIN ec_progress p ON p.job = j.id WHERE p.migration = 'o008' AND p.kind = 'backfill';
SELECT ec_cancel(job) FROM ec_progress WHERE migration = 'o008' AND kind = 'backfill';
CALL wait_until($$ state = 'failed' FROM ec_migrations WHERE version = 'o008' $$);
SELECT regexp_replace(error, '[0-9]+ was', 'N was') FROM ec_migrations WHERE version = 'o008';
-- rows were written, so rolling it back runs its way down
SET expand_contract.backfill_delay = 0;
SELECT ec_rollback('o008');
CALL ec_wait_migration('o008');
SELECT count(*), count(*) FILTER (WHERE mail = lower(name)) FROM big;

-- the job fails: its error is the migration's, and it goes on with the same job
ALTER TABLE big ADD CONSTRAINT no_500 CHECK (mail <> 'USER500') NOT VALID;
SELECT ec_apply('o009', 'UPDATE big SET mail = upper(name); CREATE TABLE after_it ()');
CALL wait_until($$ state = 'failed' FROM ec_migrations WHERE version = 'o009' $$);
SELECT regexp_replace(split_part(error, '. DETAIL', 1), '[0-9]+ ', 'N ') AS error, substring(error FROM 'HINT.*') ~ 'the job goes on where it stopped' AS hint, substring(error FROM 'CONTEXT.*') FROM ec_migrations WHERE version = 'o009';
CALL wait_until($$ NOT EXISTS (SELECT FROM expand_contract.live_slots()) $$);
SELECT kind, state FROM jobs('o009');
SELECT errors_of($$ SELECT ec_apply('o010', 'SELECT 1') $$);
ALTER TABLE big DROP CONSTRAINT no_500;
SELECT ec_apply('o009', 'UPDATE big SET mail = upper(name); CREATE TABLE after_it ()');
CALL ec_wait_migration('o009');
CALL wait_until($$ NOT EXISTS (SELECT FROM expand_contract.live_slots()) $$);
SELECT kind, state FROM jobs('o009') ORDER BY kind, state;
SELECT state, steps_done, to_regclass('after_it') FROM ec_migrations WHERE version = 'o009';

-- the same with ec_resume
ALTER TABLE big ADD CONSTRAINT no_500 CHECK (mail <> 'user500') NOT VALID;
SELECT ec_apply('o010', 'UPDATE big SET mail = lower(name)');
CALL wait_until($$ state = 'failed' FROM ec_migrations WHERE version = 'o010' $$);
SELECT job FROM ec_migrations WHERE version = 'o010' \gset
ALTER TABLE big DROP CONSTRAINT no_500;
SELECT ec_resume(:job);
CALL ec_wait_migration('o010');
CALL wait_until($$ NOT EXISTS (SELECT FROM expand_contract.live_slots()) $$);
SELECT kind, state FROM jobs('o010');

CALL ec_migrate('o011', 'UPDATE big SET mail = upper(name)');
CALL wait_until($$ NOT EXISTS (SELECT FROM expand_contract.live_slots()) $$);
SELECT kind, state FROM jobs('o011');

-- who may not write the table submits nothing
CREATE ROLE regress_ec_online LOGIN;
SELECT ec_grant('regress_ec_online');
GRANT USAGE ON SCHEMA online_jobs TO regress_ec_online;
SET ROLE regress_ec_online;
SELECT ec_apply('o012', 'UPDATE big SET mail = lower(name)');
RESET ROLE;
CALL wait_until($$ state = 'failed' FROM ec_migrations WHERE version = 'o012' $$);
SELECT error FROM ec_migrations WHERE version = 'o012';
CALL wait_until($$ NOT EXISTS (SELECT FROM expand_contract.live_slots()) $$);
SELECT kind, state FROM jobs('o012');
SELECT ec_rollback('o012');
BEGIN;
CALL ec_migrate('o013', 'SELECT 1');
ROLLBACK;
CALL wait_until($$ NOT EXISTS (SELECT FROM expand_contract.live_slots()) $$);
SELECT version, state FROM ec_migrations WHERE state NOT IN ('applied', 'baselined');
DROP OWNED BY regress_ec_online;
DROP ROLE regress_ec_online;
DROP SCHEMA online_jobs CASCADE;
