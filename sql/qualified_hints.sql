-- The change's name looks like a function of the extension: values are left alone.
-- Hints and statements that name functions of the extension run as they are
-- printed, also where the caller's search_path lacks the extension's schema.
\set old_database :DBNAME
SET client_min_messages = warning;
CREATE DATABASE regression_ec_qualified;
\c regression_ec_qualified
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA "od d%s";
CREATE EXTENSION expand_contract SCHEMA "od d%s";
CREATE TABLE users (id int PRIMARY KEY, legacy text, email text);
INSERT INTO users SELECT i, 'User ' || i FROM generate_series(1, 10) i;
-- what a statement raises, and the calls in a text
CREATE FUNCTION hint_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    hint text;
BEGIN
    EXECUTE statement;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN hint;
END $$;
CREATE FUNCTION calls_in(hint text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT m[1] FROM regexp_matches(hint, '((?:"[^"]+"\.)?ec_[a-z_]+\([^()]*\))', 'g') m
$$;
SELECT "od d%s".ec_expand('ec_users', 'users', '{"email": "lower(legacy)"}', '{"legacy": "email"}');
SELECT hint_of($$SELECT "od d%s".ec_contract('ec_users')$$);
SELECT hint_of($$SELECT "od d%s".ec_cutover('ec_users')$$);
-- a gate's hint, run as it is
SELECT gate, hint FROM "od d%s".ec_gates('ec_users', 'cutover') WHERE NOT passed AND hint ~ 'ec_' ORDER BY gate;
SELECT format('SELECT %s AS job', calls_in(hint)) AS call
  FROM "od d%s".ec_gates('ec_users', 'cutover') WHERE gate = 'backfill_complete' \gset
:call \gset
CALL "od d%s".ec_wait(:job);
-- the runbook's next command, run as it is, until nothing is next
SELECT substring("od d%s".ec_runbook('ec_users') FROM '```sql\n(.*?)\n```') AS next \gset
\echo :next
SELECT next.ok FROM "od d%s".ec_verify_change('ec_users') AS next;
SELECT substring("od d%s".ec_runbook('ec_users') FROM '```sql\n(.*?)\n```') AS next \gset
:next
-- inside a statement of ours, where search_path is ours
SELECT hint_of($$SELECT "od d%s".ec_resume(-1)$$);
SELECT hint_of($$SELECT "od d%s".ec_dual_write('nobody', true)$$);
-- a lint recipe
SELECT recipe FROM "od d%s".ec_lint('UPDATE users SET email = ''''');
-- with the schema in the path, names are bare
SET search_path = "od d%s", public;
SELECT hint_of($$SELECT ec_resume(-1)$$);
SELECT hint_of($$SELECT ec_revert(NULL)$$);
RESET search_path;
SELECT hint_of($$SELECT "od d%s".ec_revert(NULL)$$);
\c :old_database
SET client_min_messages = warning;
DROP DATABASE regression_ec_qualified WITH (FORCE);
