-- ec_runbook: what to do next with a change, and when to go back.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set jobs :abs_srcdir '/test/jobs.sql'
\i :jobs
ALTER TABLE expand_contract.jobs ALTER id RESTART 1;
CREATE TABLE people (id int PRIMARY KEY, old_name text);
INSERT INTO people SELECT i, 'N' || i FROM generate_series(1, 10) i;
ALTER TABLE people ADD new_name text;
SELECT ec_expand('a|b', 'people', '{"new_name": "lower(old_name)"}', '{"old_name": "new_name"}');
-- without what changes from run to run
CREATE FUNCTION lines(change text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT regexp_replace(l, '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[-+]\d+', '(when)', 'g')
      FROM regexp_split_to_table(ec_runbook(change), E'\n') l
     WHERE l !~ '^\| (replication_lag|app_versions|old_reads|old_writes|standby_reads|stabilization) '
$$;
\pset format unaligned
\pset tuples_only on
SELECT lines('a|b');
SET expand_contract.escalation = 'Call the owner of the people table.';
SELECT ec_set_flag('a|b', true) AS ignored \gset
SELECT ec_cutover('a|b', '{backfill_complete,verified}');
SELECT lines('a|b');
SELECT ec_revert('a|b');
SELECT ec_revert('a|b');
SELECT lines('a|b');
SELECT * FROM errors_of($$SELECT ec_runbook('nobody')$$);
CREATE ROLE ec_other;
SELECT ec_grant('ec_other');
SET ROLE ec_other;
SELECT * FROM errors_of($$SELECT ec_runbook('a|b')$$);
RESET ROLE;
DROP OWNED BY ec_other;
DROP ROLE ec_other;
DROP TABLE people CASCADE;
DELETE FROM expand_contract.changes WHERE name = 'a|b';
DROP FUNCTION lines;
