-- Scripts that were written for other tools: read, or refused by name.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA regress_foreign;
SET search_path = regress_foreign, public;
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
-- What becomes of a script under a version of its own: the up script and the
-- down as the ledger has them, or the error.
CREATE SEQUENCE version;
CREATE FUNCTION outcome(script text, by_file boolean = true) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    v text := nextval('version');
BEGIN
    RETURN QUERY SELECT line FROM errors_of(format('SELECT %I(%L, %L)', CASE WHEN by_file THEN 'ec_apply_script' ELSE 'ec_apply' END, v, script)) line
                  WHERE line <> 'no error';
    RETURN QUERY SELECT x.what || btrim(regexp_replace(x.script, E'[\r\n]+', E'\\\\', 'g'), '\')
                   FROM expand_contract.schema_migrations m, LATERAL (VALUES ('up: ', m.up), ('down: ', m.down)) x (what, script)
                  WHERE m.version = v AND x.script IS NOT NULL;
END $$;

-- 1. sections of other tools are read
SELECT outcome(E'-- +migrate Up\nCREATE TABLE a ();\n-- +migrate StatementBegin\nSELECT 1\n-- +migrate StatementEnd\n-- +migrate Down\nDROP TABLE a;');
SELECT outcome(E'-- +migrate Up notransaction\nCREATE TABLE b ();\n\n-- +migrate Down notransaction\nDROP TABLE b;');
SELECT outcome(E'-- Up Migration\nCREATE TABLE c ();\n-- Down Migration\nDROP TABLE c;');
SELECT outcome(E'CREATE TABLE d ();\n---- create above / drop below ----\nDROP TABLE d;');
SELECT outcome(E'-- // first table\nCREATE TABLE e ();\n\n-- //@UNDO\nDROP TABLE e;');
SELECT outcome(E'-- rambler up\nCREATE TABLE f ();\n-- rambler down\nDROP TABLE f;');
SELECT outcome(E'-- +micrate Up\nCREATE TABLE g ();\n-- +micrate Down\nDROP TABLE g;');
SELECT outcome(E'# --- !Ups\nCREATE TABLE h ();\n# --- !Downs\nDROP TABLE h;');
SELECT outcome(E'-- !Ups\nCREATE TABLE i ();\n\n-- !Downs\nDROP TABLE i;');
SELECT outcome(E'CREATE TABLE j ()\n--> statement-breakpoint\nCREATE TABLE k ()--> statement-breakpoint\n');
SELECT outcome(E'CREATE TABLE l ()\n--;;\nCREATE TABLE m ();');
SELECT outcome(E'-- +goose ENVSUB OFF\n-- +goose Up\nCREATE TABLE n ();\n-- +goose Down\n-- nothing');
SELECT outcome(E'-- Up Migration\r\nCREATE TABLE o ();\r\n-- Down Migration\r\nDROP TABLE o;\r\n');

-- what looks like a section of a tool that is not known is refused, in a file as in ec_apply
SELECT s AS script, e.message
  FROM unnest(ARRAY[
    E'CREATE TABLE z ();\n-- Down\nDROP TABLE z;',
    E'-- up\nCREATE TABLE z ();\n\n--- DOWN ---\nDROP TABLE z;',
    E'-- @UP\nCREATE TABLE z ();\n-- @DOWN\nDROP TABLE z;',
    E'CREATE TABLE z ();\n/* rollback script */\nDROP TABLE z;',
    E'CREATE TABLE z ();\n-- Rollback:\nDROP TABLE z;',
    E'CREATE TABLE z ();\n-- ==== Migration Down ====\nDROP TABLE z;',
    E'CREATE TABLE z ();\n-- goose down\nDROP TABLE z;',
    E'CREATE TABLE z ();\n-- +mig Down\nDROP TABLE z;',
    E'CREATE TABLE z ();\r-- undo\rDROP TABLE z;',
    E'-- migrate:up\nCREATE TABLE z ();\n-- Migrate:Down\nDROP TABLE z;',
    E'-- Migrate:up\nCREATE TABLE z ();\n-- Migrate:down transaction:false\nDROP TABLE z;',
    E'-- ec:up\nCREATE TABLE z ();\n-- EC:DOWN\nDROP TABLE z;'
  ]) WITH ORDINALITY AS u (s, n),
  LATERAL (SELECT string_agg(o, E'\n') AS message FROM outcome(s) o WHERE o !~ '^HINT') e
 ORDER BY n;
SELECT outcome(E'CREATE TABLE z ();\n-- down\nDROP TABLE z;', false);
SELECT outcome(E'-- migrate:up\nCREATE TABLE z ();\n-- migrate:down\nDROP TABLE z;', false);
SELECT outcome(E'-- +goose Up\nCREATE TABLE z ();\n-- +goose Down\nDROP TABLE z;', false);
SELECT outcome(E'CREATE TABLE z ();\n---- create above / drop below ----\nDROP TABLE z;', false);
-- and this is none: prose, nothing to run behind it, inside of a string or a body
SELECT outcome(E'-- roll out, then back up and down the list\nCREATE TABLE p1 ();\n-- Rollback:\n-- DROP TABLE p1;');
SELECT outcome(E'SELECT 1; -- down\nSELECT ''\n-- down\n'';\nDO $d$ BEGIN\n-- rollback\nEND $d$;\n/*\n-- down\n*/\nSELECT 2');
SELECT outcome(E'-- ec:up\nCREATE TABLE p2 ();\n-- rollback\nSELECT 1;\n-- ec:down\n-- down\nDROP TABLE p2;');
SELECT ec_apply(nextval('version')::text, 'CREATE TABLE p3 ()', down => E'-- down\nDROP TABLE p3');

-- directives that are not supported
SELECT s AS script, e.message
  FROM unnest(ARRAY[
    E'--liquibase formatted sql\n--changeset me:1\nCREATE TABLE z ();\n--rollback DROP TABLE z;',
    E'-- liquibase formatted sql\nSELECT 1',
    E'--! Previous: -\n--! include other.sql\nSELECT 1',
    E'--!include other.sql\nSELECT 1',
    E'-- atlas:delimiter \\n\\n\nSELECT 1',
    E'-- atlas:checkpoint\nCREATE TABLE z ()',
    E'-- atlas:txtar\n\n-- migration.sql --\nCREATE TABLE z ();\n-- down.sql --\nDROP TABLE z;',
    E'-- +goose Up\nDO $d$ BEGIN\n-- +goose ENVSUB ON\nPERFORM ''${HOME}'';\nEND $d$;',
    E'-- +goose Up\nSELECT 1;\n-- +goose StatementBegin\nDO $d$\n-- +goose Down\nBEGIN END $d$;\n-- +goose StatementEnd',
    E'-- +migrate Up\nSELECT ''\n-- +migrate Down\n'''
  ]) WITH ORDINALITY AS u (s, n),
  LATERAL (SELECT string_agg(o, E'\n') AS message FROM outcome(s) o) e
 ORDER BY n;

-- a script that drops, whole, what it has itself created
SELECT s AS script, e.message
  FROM unnest(ARRAY[
    'CREATE TABLE z (); DROP TABLE z',
    'CREATE TABLE z (id integer); INSERT INTO z VALUES (1); CREATE INDEX i ON z (id); ALTER TABLE p1 ADD COLUMN c integer; ALTER TABLE p1 DROP COLUMN c; DROP TABLE z',
    'CREATE TYPE y AS ENUM (''a''); CREATE FUNCTION g() RETURNS integer LANGUAGE sql AS ''SELECT 1''; DROP FUNCTION g(); DROP TYPE y',
    'CREATE SCHEMA w; CREATE TABLE w.z (); DROP SCHEMA w CASCADE',
    'CREATE TABLE z (); ALTER TABLE z RENAME TO y; DROP TABLE y',
    'CREATE VIEW z AS SELECT 1; DROP VIEW z',
    'CREATE INDEX i ON p1 (id); DROP INDEX i',
    'CREATE TABLE z AS SELECT 1 AS a; DROP TABLE z',
    'ALTER TABLE p1 ADD COLUMN c integer; ALTER TABLE p1 DROP COLUMN c'
  ]) WITH ORDINALITY AS u (s, n),
  LATERAL (SELECT string_agg(o, E'\n') AS message FROM outcome(s) o WHERE o !~ '^HINT') e
 ORDER BY n;
SELECT ec_apply(nextval('version')::text, 'CREATE TABLE z (); DROP TABLE z', allow => '{drops_its_own}');
SELECT errors_of($$ SELECT ec_apply('9999', 'CREATE TABLE z (); DROP TABLE z', phase => 'contract') $$);
-- helpers, temporary tables, proofs, replacements are what they are
ALTER TABLE p1 ADD COLUMN id integer;
SELECT s AS script, ec_apply(nextval('version')::text, s, phase => 'contract')
  FROM unnest(ARRAY[
    'CREATE TEMP TABLE t (); DROP TABLE t',
    'CREATE FUNCTION g() RETURNS integer LANGUAGE sql AS ''SELECT 1''; UPDATE p1 SET id = g() WHERE id = 1; DROP FUNCTION g()',
    'CREATE TABLE z (id integer); DO $d$ BEGIN INSERT INTO z SELECT 1; END $d$; DROP TABLE z',
    'CREATE TABLE z (id integer); INSERT INTO p1 SELECT FROM z; DROP TABLE z',
    'ALTER TABLE p1 ADD CONSTRAINT c CHECK (id IS NOT NULL) NOT VALID; ALTER TABLE p1 VALIDATE CONSTRAINT c; ALTER TABLE p1 DROP CONSTRAINT c',
    'DROP VIEW IF EXISTS z; CREATE VIEW z AS SELECT 1',
    'DROP VIEW z; CREATE VIEW z AS SELECT 2',
    'CREATE TABLE y (); DROP VIEW IF EXISTS z; ALTER TABLE y RENAME TO z',
    'CREATE INDEX idx ON p1 (id); UPDATE p1 SET id = 2 WHERE id = 1; DROP INDEX idx'
  ]) WITH ORDINALITY AS u (s, n)
 WHERE set_config('client_min_messages', 'error', false) IS NOT NULL;
SET client_min_messages = warning;

-- 2. placeholders: a tool's form says that they are replaced
SELECT outcome(E'-- // a value\nSELECT ''${home}'';\n-- //@UNDO\nSELECT 1;');
SELECT outcome(E'SELECT ''{{ .name }}'';\n---- create above / drop below ----\nSELECT 1;');
SELECT outcome(E'--! Previous: -\n--! Hash: sha1:00\nDO $d$ BEGIN PERFORM '':DATABASE_OWNER''; END $d$;');
SELECT outcome(E'-- // ${in_a_comment}\nSELECT 1;\n-- //@UNDO\n');
-- elsewhere they are data, or the syntax error's hint says what it looks like
SELECT outcome($$SELECT '${home}', '{{x}}', ':NAME', '@x@'$$);
SELECT s AS script, e.message
  FROM unnest(ARRAY[
    'CREATE TABLE ${prefix}_users ()', 'CREATE TABLE {{ prefix }}users ()', 'CREATE TABLE @prefix@users ()',
    'GRANT SELECT ON p1 TO :owner', 'SET search_path TO :"schema"', 'SELECT * FROM p1 WHERE id = :''id''',
    'CREATE TABLE <%= prefix %>users ()', 'CREATE TABLE #{prefix}users ()', 'CREATE TABLE $(prefix)users ()',
    'CREATE TABLE %prefix%users ()', E'\\restrict abc\nSELECT 1', E'SELECT 1;\n\\unrestrict abc', E'\\connect x',
    E'DELIMITER //\nSELECT 1//', 'CREATE TABLE `a` ()', E'SELECT 1;\nGO\nSELECT 2', E'# a comment\nSELECT 1'
  ]) WITH ORDINALITY AS u (s, n),
  LATERAL (SELECT string_agg(o, E'\n') AS message FROM outcome(s) o WHERE o !~ '^CONTEXT') e
 ORDER BY n;

-- 6. byte order mark, blanks that are none, line ends
SELECT outcome(E'\uFEFFCREATE TABLE q1 ();');
SELECT outcome(E'\uFEFF-- ec:up\nCREATE TABLE q2 ();\n-- ec:down\nDROP TABLE q2;');
SELECT outcome(E'\uFEFF-- +goose Up\nCREATE TABLE q3 ();');
SELECT ec_apply(version, 'CREATE TABLE q1 ()') FROM expand_contract.schema_migrations WHERE up ~ 'q1';
SELECT outcome(E'SELECT 1;\n\uFEFF-- ec:down\nSELECT 2');
SELECT outcome(E'SELECT 1;\nCREATE\u00A0TABLE z ()');
SELECT outcome(E'ALTER TABLE p1 ADD COLUMN\u00A0c integer');
SELECT outcome(E'SELECT\u200B1');
SELECT outcome(E'SELECT 1 AS a\u2060');
SELECT outcome(E'SELECT\u3000\'x\'');
SELECT convert_to(outcome(E'SELECT ''a\u00A0b\uFEFF'' AS "n\u00A0b" -- \u200B\n'), 'UTF8') AS outcome;
SELECT outcome(E'-- ec:up\r-- a comment\rCREATE TABLE q4 ();\r-- ec:description words\r-- ec:down\rDROP TABLE q4;\r');
SELECT description FROM expand_contract.schema_migrations WHERE up ~ 'q4';
SELECT outcome(E'-- only this is a comment\rCREATE TABLE q5 ();\rSELECT 1/0');

-- 7. dumps: the rows of a COPY are not read as SQL
SELECT outcome(E'CREATE TABLE z (a text);\nCOPY z (a) FROM stdin;\nit''s\n$body\n/* \\.\n\\.\nSELECT 1;');
SELECT outcome(E'SELECT 1;\n  COPY public.z FROM STDIN WITH (FORMAT csv);\n"a\n\\.\n', false);
SELECT outcome(E'COPY z FROM stdin');
SELECT outcome(E'SELECT ''COPY z FROM stdin;''; COMMENT ON TABLE p1 IS ''copy from stdin;''');
SELECT outcome(E'SELECT 1;\nSELEC 2;\nSELECT ''open');

-- 3. empty scripts are migrations that do nothing, empty down scripts are none
SELECT s AS script, ec_apply((4000 + 2 * n)::text, s, down => s), ec_apply((4000 + 2 * n)::text, s), ec_apply_script((4001 + 2 * n)::text, s)
  FROM unnest(ARRAY['', E' \n', '-- nothing', '/* nothing */ ;;', E'-- ec:up\n-- ec:down\n', E'-- +goose Up\n-- +goose Down']) WITH ORDINALITY AS u (s, n);
SELECT version, state, steps, down FROM ec_migrations JOIN expand_contract.schema_migrations m USING (version, state, steps) WHERE version = '4002';
SELECT errors_of($$ SELECT ec_rollback('4013') $$);
SELECT count(*) FROM ec_lint('-- nothing');
-- what is over has been waited for
SELECT ec_apply('5000', 'CREATE TABLE r ()', down => 'DROP TABLE r');
CALL ec_wait_migration('5000');
SELECT ec_rollback('5000');
CALL ec_wait_migration('5000');
CALL ec_wait_migration('never');

-- 4. BEGIN and COMMIT around the whole
SELECT s AS script, ec_apply_script((6000 + n)::text, s)
  FROM unnest(ARRAY[
    'BEGIN; CREATE TABLE t1 (); COMMIT;', E'-- a file\nSTART TRANSACTION;\nCREATE TABLE t2 ();\nCREATE TABLE t3 ();\nEND', 'BEGIN; COMMIT',
    'SET statement_timeout = ''1min''; BEGIN WORK; SELECT 1; END TRANSACTION; RESET statement_timeout',
    'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT 1; COMMIT',
    E'-- ec:up\nBEGIN;\nCREATE TABLE t4 ();\nCOMMIT;\n-- ec:down\nBEGIN;\nDROP TABLE t4;\nCOMMIT;'
  ]) WITH ORDINALITY AS u (s, n);
SELECT steps FROM expand_contract.schema_migrations WHERE version::int > 6000 ORDER BY version;
SELECT ec_rollback('6006'), to_regclass('t1'), to_regclass('t4');
SELECT setval('version', 7000);
SELECT s AS script, e.message
  FROM unnest(ARRAY[
    'BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT', 'BEGIN; SELECT 1; COMMIT; SELECT 2', 'SELECT 1; COMMIT', 'BEGIN; SELECT 1',
    'BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1; COMMIT', 'BEGIN READ ONLY; SELECT 1; COMMIT', 'BEGIN; SELECT 1; COMMIT AND CHAIN',
    'BEGIN; SAVEPOINT a; SELECT 1; RELEASE a; COMMIT', 'BEGIN; SELECT 1; ROLLBACK', 'BEGIN; SELECT 1; PREPARE TRANSACTION ''x''',
    'SELECT 1; BEGIN; SELECT 2; COMMIT'
  ]) WITH ORDINALITY AS u (s, n),
  LATERAL (SELECT string_agg(o, E'\n') AS message FROM outcome(s) o) e
 ORDER BY n;

-- a role without a name
SELECT outcome('CREATE ROLE regress_ec_gone; DROP ROLE CURRENT_USER');

-- for the tests that follow
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
SET client_min_messages = error;
RESET search_path;
DROP SCHEMA regress_foreign CASCADE;
