-- Files, histories, lint and rehearsal, as a specification.
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
\set ON_ERROR_STOP true

BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS expand_contract;
SET LOCAL client_min_messages = warning;

SELECT plan(26);

-- A file has its way back with it.
SELECT is(ec_apply_script('001', E'-- ec:up\nCREATE TABLE users (id integer, name text);\n-- ec:down\nDROP TABLE users;'),
          'applied', 'a file of ours');
SELECT is(ec_apply_script('001', 'CREATE TABLE users (id integer, name text)'), 'unchanged',
          'directives are comments: they do not count for the checksum');
SELECT is(ec_apply_script('002', E'-- migrate:up\nCREATE TABLE teams ();\n-- migrate:down\nDROP TABLE teams;'), 'applied', 'a file of dbmate');
SELECT is(ec_apply_script('003', E'-- +goose Up\nCREATE TABLE items ();\n-- +goose Down\nDROP TABLE items;'), 'applied', 'a file of goose');
SELECT is(ec_rollback('003'), 'rolled back', 'and back');
SELECT hasnt_table('items', 'as the file says');
SELECT throws_ok($$ SELECT ec_apply_script('004', E'-- ec:pu\nSELECT 1') $$, '22023',
    'script of migration "004" has an unknown directive', 'a slip of the pen is an error');

-- What is applied already can be said.
SELECT is(ec_baseline('010'), 'baselined', 'a baseline');
SELECT is(ec_apply('010', 'SELECT 1/0'), 'unchanged', 'stands for what was applied');
SELECT throws_ok($$ SELECT ec_apply('009', 'SELECT 1') $$, 'XE002', NULL, 'and for all before it');
CREATE TABLE goose_db_version (id serial, version_id bigint, is_applied boolean, tstamp timestamp DEFAULT now());
INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (11, true), (12, true), (12, false);
SELECT is(ec_adopt('goose'), 1, 'what another tool has applied is taken over');
SELECT is(ec_adopt('goose'), 0, 'once');
SELECT is(state, 'baselined', 'as baselined') FROM ec_migrations WHERE version = '11';
SELECT is(array_agg(event ORDER BY id), '{apply,apply,apply,rollback,baseline,adopt}', 'the log has it all') FROM ec_migration_events;

-- What a script does to others is known before.
SELECT is_empty($$ SELECT * FROM ec_lint('ALTER TABLE users ADD COLUMN email text') $$, 'what is free has no finding');
SELECT is(rule || ' ' || severity, 'drop_column error', 'what breaks code has') FROM ec_lint('ALTER TABLE users DROP COLUMN name');
SELECT is(severity, 'warning', 'in phase contract it may go') FROM ec_lint('ALTER TABLE users DROP COLUMN name', 'contract');
SELECT is(rule, 'set_not_null', 'NULL is still written') FROM ec_lint('ALTER TABLE users ALTER name SET NOT NULL');
ALTER TABLE users ADD CONSTRAINT named CHECK (name IS NOT NULL) NOT VALID;
SELECT is(rule, 'set_not_null', 'a CHECK that is not valid proves nothing') FROM ec_lint('ALTER TABLE users ALTER name SET NOT NULL');
ALTER TABLE users VALIDATE CONSTRAINT named;
SELECT is_empty($$ SELECT * FROM ec_lint('ALTER TABLE users ALTER name SET NOT NULL') $$, 'a valid one does');
SELECT is(rewrites, true, 'a rewrite is one') FROM ec_lint('ALTER TABLE users ALTER id TYPE bigint');

-- A rehearsal tells what really happens, and leaves nothing.
CREATE TEMP TABLE seen AS
SELECT * FROM ec_rehearse('ALTER TABLE users ALTER id TYPE bigint, ADD x integer', 'ALTER TABLE users ALTER id TYPE integer, DROP x');
SELECT is(array_agg(DISTINCT direction), '{down,up,"up again"}', 'up, down and up') FROM seen;
SELECT ok(bool_and(rewritten AND lock_mode = 'AccessExclusiveLock'), 'locked and rewritten') FROM seen WHERE relation = 'users'::regclass;
SELECT is(error, NULL, 'down restores the schema') FROM seen WHERE command = 'compare schema';
SELECT col_type_is('users', 'id', 'integer', 'nothing is left');
SELECT is(error, 'changed after "down": table column public.users.id', 'down that does not restore is told')
  FROM (SELECT split_part(error, ': [', 1) AS error
          FROM ec_rehearse('ALTER TABLE users ALTER id TYPE bigint', 'SELECT 1') WHERE command = 'compare schema') r;

SELECT * FROM finish();
ROLLBACK;
