-- The extension in a schema to which somebody else may write: nothing of his runs with the rights of those who use it.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\set old_database :DBNAME
SET client_min_messages = warning;
CREATE ROLE regress_ec_intruder;
CREATE DATABASE regression_ec_hostile;
\c regression_ec_hostile
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA "ap p";
GRANT USAGE, CREATE ON SCHEMA "ap p" TO regress_ec_intruder;
SET ROLE regress_ec_intruder;
CREATE FUNCTION "ap p".capture() RETURNS text LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'captured as %', current_user; END$$;
-- better matches for calls in our views than what the server has
CREATE FUNCTION "ap p".concat(text, text, text, text, text) RETURNS text LANGUAGE sql AS 'SELECT "ap p".capture()';
CREATE FUNCTION "ap p".concat(text, text, text) RETURNS text LANGUAGE sql AS 'SELECT "ap p".capture()';
CREATE FUNCTION "ap p".format(text, bigint) RETURNS text LANGUAGE sql AS 'SELECT "ap p".capture()';
CREATE FUNCTION "ap p".divide(float8, bigint) RETURNS float8 LANGUAGE sql AS 'SELECT "ap p".capture()::float8';
CREATE OPERATOR "ap p"./ (LEFTARG = float8, RIGHTARG = bigint, FUNCTION = "ap p".divide);
RESET ROLE;
CREATE EXTENSION expand_contract SCHEMA "ap p";
SET search_path = "ap p", public;
CREATE TABLE public.t (a int, b int);
INSERT INTO t VALUES (1);
SELECT ec_apply('001', 'ALTER TABLE t ADD COLUMN c int');
SELECT ec_backfill('t', 'b = NULL', 'b IS NULL') AS job \gset
CALL ec_wait(:job);
SELECT job, state, percent, last_error FROM ec_progress;
SELECT ec_cancel(:job);
SELECT ec_backfill('t', 'b = a') AS job \gset
CALL ec_wait(:job);
SELECT job, state, rows_done FROM ec_progress ORDER BY job;
SELECT (ec_verify('t', '{"b": "a"}')).ok;
SELECT count(*) FROM ec_mismatches;
SELECT version, state FROM ec_migrations;
SELECT ec_grant('regress_ec_intruder');
\c :old_database
-- its worker may still be on its way out
DROP DATABASE regression_ec_hostile WITH (FORCE);
DROP ROLE regress_ec_intruder;
