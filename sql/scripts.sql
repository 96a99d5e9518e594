-- ec_apply_script: files with our directives, dbmate's and goose's.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA regress_scripts;
SET search_path = regress_scripts, public;
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
CREATE VIEW ledger AS
SELECT version, description, phase, requires, allow, regexp_replace(up, E'\n+', E'\\\\', 'g') AS up,
       regexp_replace(down, E'\n+', E'\\\\', 'g') AS down
  FROM expand_contract.schema_migrations ORDER BY version_key;

-- ours: all directives
SELECT ec_apply_script('001', 'CREATE TABLE first (id integer);');
SELECT ec_apply_script('002', $$
-- Copyright, and what else stands at the head of a file
-- ec:description two tables; both needed
-- ec:requires 001
-- ec:phase contract
--ec:allow drop_table, truncate
-- ec:up
CREATE TABLE a (id integer);
  -- ec:allow drop_column
DROP TABLE first;
-- ec:down
DROP TABLE a;
CREATE TABLE first (id integer);
$$);
-- none of these is a directive
SELECT ec_apply_script('003', $$
-- ec:up
CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
    -- ec:down
    -- ec:nonsense
    RETURN '
-- migrate:down
';
END $f$;
/* in a comment
-- ec:down
/* nested */
-- ec:nonsense
*/
SELECT 1; -- ec:nonsense
SELECT '-- ec:nonsense';
-- here: ec:nonsense, migrate:up, +goose Up
-- ec:down
DROP FUNCTION f();
$$);
SELECT f();
SELECT * FROM ledger \gx
-- the same again, as any deployment does, and drift
SELECT ec_apply_script('001', E'-- ec:up\nCREATE TABLE first (id integer)\n-- ec:down\nDROP TABLE first');
SELECT errors_of($$ SELECT ec_apply_script('001', E'-- ec:up\nCREATE TABLE first (id bigint)') $$);
SELECT ec_apply_script('004', E'-- ec:up\nCREATE TABLE planned ()', dry_run => true), to_regclass('planned');
SELECT ec_rollback('003');

-- dbmate's, as they are
SELECT ec_apply_script('20240101', E'-- migrate:up\r\nCREATE TABLE dbm (id integer);\r\n\r\n-- migrate:down\r\nDROP TABLE dbm;\r\n');
SELECT ec_apply_script('20240102', E'-- migrate:up transaction:false\nALTER TABLE dbm ADD name text;\n-- migrate:down\n');
SELECT version, down IS NOT NULL AS has_down FROM expand_contract.schema_migrations WHERE version ~ '2024' ORDER BY version_key;

-- goose's, as they are
SELECT ec_apply_script('20240103', $$
-- +goose NO TRANSACTION
-- +goose Up
CREATE TABLE goose (id integer);
-- +goose StatementBegin
CREATE FUNCTION honk() RETURNS text LANGUAGE plpgsql AS $f$
BEGIN
    RETURN 'honk; honk';
END $f$
-- +goose StatementEnd
INSERT INTO goose VALUES (1);
-- +goose statementbegin
SELECT 1;
SELECT 2;
-- +goose statementend

-- +goose Down
DROP FUNCTION honk();
DROP TABLE goose;
$$);
SELECT honk(), ec_rollback('20240103');
SELECT to_regclass('goose'), to_regproc('honk');

-- errors tell lines of the file
SELECT ec_apply_script('20240104', E'-- ec:up\nSELECT 1;\n\n  SELEC 2;\n-- ec:down\nSELECT 1');
SELECT errors_of($$ SELECT ec_apply_script('20240104', E'-- ec:up\nSELECT 1;\n\n  SELEC 2;\n-- ec:down\nSELECT 1') $$);
SELECT errors_of($$ SELECT ec_apply_script('20240104', E'-- ec:up\nSELECT 1;\n-- ec:down\nSELEC 1') $$);
SELECT errors_of($$ SELECT ec_apply_script('20240104', E'-- ec:up\nSELECT 1;\n\nSELECT 1/0') $$);
SELECT errors_of($$ SELECT ec_apply_script('20240104', E'-- ec:up\nSELECT 1;\n\nSELECT ''open') $$);
SELECT s AS script, m AS message
  FROM unnest(ARRAY[
    E'SELECT 1;\n-- ec:undo', E'-- ec: up\nSELECT 1', E'-- ec:up now\nSELECT 1', E'-- ec:up\nSELECT 1;\n-- ec:up\nSELECT 2',
    E'-- ec:down\nSELECT 1', E'SELECT 1;\n-- ec:up\nSELECT 2', E'-- ec:up\nSELECT 1;\n-- migrate:down\nSELECT 1',
    E'-- ec:requires\n-- ec:up\nSELECT 1', E'-- ec:requires 001,,002\nSELECT 1', E'-- ec:phase\nSELECT 1',
    E'-- ec:phase contract\n-- ec:phase expand\nSELECT 1', E'-- ec:phase soon\nSELECT 1', E'-- ec:allow everything\nSELECT 1', E'-- ec:requires 999\nSELECT 1',
    E'-- ec:description a\n-- ec:description b\nSELECT 1',
    E'-- migrate:up transaction:maybe\nSELECT 1', E'-- migrate:sideways\nSELECT 1', E'-- +goose Up\n-- +goose ENVSUB ON\nSELECT 1', E'-- +goose Sideways\nSELECT 1',
    E'-- +goose Down\nSELECT 1', E'-- +goose Up\nDROP TABLE dbm'
  ]) WITH ORDINALITY AS u (s, n),
  LATERAL (SELECT string_agg(m, E'\n') AS m FROM errors_of(format('SELECT ec_apply_script(%L, %L)', '20240104', s)) m) e
 ORDER BY n;
SELECT errors_of($$ SELECT ec_apply_script(NULL, 'SELECT 1') $$);
SELECT errors_of($$ SELECT ec_apply_script('1', NULL) $$);
SELECT errors_of($$ SELECT ec_apply_script('1', 'SELECT 1', NULL) $$);
SELECT errors_of($$ SELECT ec_apply_script('', 'SELECT 1') $$);

-- who did what, and against which rules
SELECT event, version, allow, executed_by = current_user AS by_me, session_role = session_user AS session, error
  FROM ec_migration_events ORDER BY id;

-- for the tests that follow
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
SET client_min_messages = error;
RESET search_path;
DROP SCHEMA regress_scripts CASCADE;
