-- Scopes: services and tenants in one database have histories of their own.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
CREATE SCHEMA regress_a;
CREATE SCHEMA regress_b;

-- one version in two scopes is two migrations; each has its order and its requirements
SET search_path = regress_a, public;
SELECT ec_apply('001', 'CREATE TABLE t (id integer)', down => 'DROP TABLE t', scope => 'a');
SELECT ec_apply('003', 'ALTER TABLE t ADD COLUMN a integer', down => 'ALTER TABLE t DROP COLUMN a', requires => '{001}', scope => 'a');
SET search_path = regress_b, public;
SET expand_contract.scope = 'b';
SELECT ec_apply('001', 'CREATE TABLE t (id integer)', down => 'DROP TABLE t');
SELECT ec_apply('001', 'CREATE TABLE t (id integer)'), ec_apply('001', 'CREATE TABLE t (id integer)', scope => 'a');
SELECT to_regclass('regress_a.t'), to_regclass('regress_b.t');
SELECT errors_of($$ SELECT ec_apply('002', 'ALTER TABLE t ADD COLUMN a integer', requires => '{003}') $$);
SELECT ec_apply('002', 'ALTER TABLE t ADD COLUMN b integer', down => 'ALTER TABLE t DROP COLUMN b');
SELECT errors_of($$ SELECT ec_apply('002', 'SELECT 1', scope => 'a') $$);
SELECT errors_of($$ SELECT ec_apply('001', 'SELECT 1') $$);
SELECT ec_apply_script('003', E'-- ec:up\nSELECT 1\n-- ec:down\nSELECT 2');
SELECT scope, version, state FROM ec_migrations;
SELECT errors_of($$ SELECT ec_rollback('001', scope => 'a') $$);
SELECT ec_rollback('002'), ec_rollback('003');
SET search_path = regress_a, public;
SELECT ec_rollback('003', scope => 'a');
SET search_path = regress_b, public;
SELECT scope, event, version FROM ec_migration_events ORDER BY id;
CALL ec_wait_migration('003', scope => 'a');
CALL ec_wait_migration('004', scope => 'a');
-- '' is a scope as any
SELECT ec_apply('001', 'SELECT 0', scope => '');
SELECT scope, version FROM ec_migrations;
SELECT errors_of(format('SELECT ec_apply(%L, %L, scope => %L)', '1', 'SELECT 1', repeat('x', 256)));
SELECT errors_of(format('SELECT ec_apply(%L, %L, scope => %L)', '1', 'SELECT 1', E'a\nb'));

-- a worker's migration keeps its scope, whatever its script says
SELECT ec_apply('004', 'SET expand_contract.scope = ''c''; CREATE INDEX CONCURRENTLY t_id ON t (id); SELECT 1', down => 'DROP INDEX CONCURRENTLY t_id');
CALL ec_wait_migration('004');
SELECT errors_of($$ SELECT ec_apply('004', 'SET expand_contract.scope = ''c''; SELECT 1', scope => 'd') $$);
SELECT scope, version, state, steps_done FROM ec_migrations WHERE version = '004';
SELECT ec_rollback('004');
CALL ec_wait_migration('004');
-- one that is unfinished holds up its own scope
BEGIN;
SELECT ec_apply('005', 'CREATE INDEX CONCURRENTLY t_id ON t (id)');
SELECT errors_of($$ SELECT ec_apply('006', 'SELECT 1') $$);
SELECT ec_apply('006', 'SELECT 1', scope => 'a');
ROLLBACK;

-- adoption and baselines go by the scope
SET search_path = regress_a, public;
CREATE TABLE regress_a.goose_db_version (id serial, version_id bigint, is_applied boolean, tstamp timestamp DEFAULT now());
INSERT INTO regress_a.goose_db_version (version_id, is_applied) VALUES (0, true), (1, true), (2, true);
CREATE TABLE regress_b.goose_db_version (LIKE regress_a.goose_db_version INCLUDING ALL);
INSERT INTO regress_b.goose_db_version (version_id, is_applied) VALUES (1, true);
SELECT ec_adopt('goose', scope => 'tenant a'), ec_adopt('goose', 'regress_b.goose_db_version', 'tenant b');
SET expand_contract.scope = 'tenant c';
SELECT ec_baseline('007'), ec_baseline('001', scope => 'tenant d');
SELECT errors_of($$ SELECT ec_apply('006', 'SELECT 1') $$);
SELECT ec_apply('006', 'SELECT 1', scope => 'tenant d');
SELECT scope, version, state FROM ec_migrations WHERE scope ~ 'tenant';
SELECT ec_rollback('007');
RESET expand_contract.scope;

-- a branch that was merged late
SELECT errors_of($$ SELECT ec_apply('0005', 'SELECT 1', scope => 'tenant d') $$);
SELECT ec_apply('0005', 'SELECT 1', scope => 'tenant d', allow => '{out_of_order}', dry_run => true);
SELECT ec_apply('0005', 'SELECT 1', scope => 'tenant d', allow => '{out_of_order}');
SELECT ec_apply_script('0004', E'-- ec:allow out_of_order\nSELECT 1', scope => 'tenant d');
SELECT version, allow FROM ec_migration_events WHERE scope = 'tenant d' AND allow <> '{}' ORDER BY id;
SELECT errors_of($$ SELECT ec_apply('0001', 'SELECT 1', requires => '{nothing}', scope => 'tenant d', allow => '{out_of_order}') $$);

-- for the tests that follow
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
SET client_min_messages = error;
RESET search_path;
DROP SCHEMA regress_a, regress_b CASCADE;
