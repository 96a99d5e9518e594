-- The same call of ec_expand again, as after a restore: what has come to the new
-- columns since the backfill is no reason to refuse it.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
CREATE SCHEMA expand_again;
SET search_path = expand_again, public;
CREATE TABLE users (id int PRIMARY KEY, legacy text, email text, grp int, team int);
CREATE TABLE groups (id int PRIMARY KEY);
INSERT INTO groups VALUES (1);
\set call 'SELECT ec_expand(''again'', ''users'', ''{"email": "lower(legacy)", "team": "grp"}'', ''{"legacy": "email", "grp": "team"}'')'
:call;
INSERT INTO users (id, legacy, grp) VALUES (1, 'Ada', 1);
-- what came after the backfill
SET client_min_messages = error;
CREATE UNIQUE INDEX users_email ON users (email);
ALTER TABLE users ALTER email SET NOT NULL, ADD CONSTRAINT users_team FOREIGN KEY (team) REFERENCES groups;
-- the table has another OID, and its columns other numbers, as a restore makes it
UPDATE expand_contract.changes SET relation_oid = 1 WHERE name = 'again';
RESET client_min_messages;
:call;
:call;
SELECT relation_oid = relation AS known FROM expand_contract.changes WHERE name = 'again';
DROP TRIGGER "~ec_again" ON users;
SET client_min_messages = error;
:call;
RESET client_min_messages;
INSERT INTO users (id, legacy, grp) VALUES (2, 'Bob', 1);
SELECT * FROM users ORDER BY id;
-- another change cannot promise it
SELECT * FROM errors_of($$SELECT ec_expand('again 2', 'users', '{"email": "lower(legacy)"}')$$);

-- A target whose constraint has become DEFERRABLE.
CREATE TABLE source (id int PRIMARY KEY, a int);
CREATE TABLE target (id int PRIMARY KEY, a int);
\set call 'SELECT ec_expand(''again 3'', ''source'', ''{"id": "id", "a": "a"}'', ''{"id": "id", "a": "a"}'', target => ''target'')'
:call;
ALTER TABLE target ADD UNIQUE (a) DEFERRABLE;
UPDATE expand_contract.changes SET relation_oid = 1 WHERE name = 'again 3';
:call;
-- What was renamed before the dump: a dump has the text of the expressions only.
CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE FUNCTION size(t text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT length(t)';
CREATE TABLE renamed (id int PRIMARY KEY, a text, m mood, n int, b boolean);
\set call 'SELECT ec_expand(''again 4'', ''renamed'', ''{"n": "size(a)", "b": "m = \'\'happy\'\'"}'', ''{"m": "CASE WHEN b THEN \'\'happy\'\'::mood ELSE \'\'sad\'\' END"}'')'
:call;
ALTER FUNCTION size(text) RENAME TO extent;
ALTER TYPE mood RENAME VALUE 'happy' TO 'glad';
-- the text of the first call is still that of the change, and no other one is
:call;
SELECT * FROM errors_of($$SELECT ec_expand('again 4', 'renamed', '{"n": "extent(a)", "b": "m = ''glad''"}', '{"m": "CASE WHEN b THEN ''glad''::mood ELSE ''sad'' END"}')$$);
UPDATE expand_contract.changes SET relation_oid = 1 WHERE name = 'again 4';
\c
SET search_path = expand_again, public;
\set SHOW_CONTEXT never
INSERT INTO renamed (id, a, m) VALUES (1, 'abc', 'glad');
SELECT key, error_code, error FROM ec_discrepancies WHERE change = 'again 4';
SELECT * FROM errors_of($$SELECT ec_expand('again 4', 'renamed', '{"n": "extent(a)"}', '{"m": "CASE WHEN b THEN ''glad''::mood ELSE ''sad'' END"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('again 4', 'renamed', '{"n": "extent(a)", "b": "m = ''glad''"}')$$);
\set call 'SELECT ec_expand(''again 4'', ''renamed'', ''{"n": "extent(a)", "b": "m = \'\'glad\'\'"}'', ''{"m": "CASE WHEN b THEN \'\'glad\'\'::mood ELSE \'\'sad\'\' END"}'')'
:call;
:call;
INSERT INTO renamed (id, a, m) VALUES (2, 'abcd', 'sad');
SELECT ec_reconcile('again 4');
UPDATE renamed SET b = false WHERE id = 1;
SELECT * FROM renamed ORDER BY id;
SELECT reason FROM expand_contract.gaps WHERE change = 'again 4';

SET client_min_messages = error;
SELECT ec_revert('again'), ec_revert('again 3'), ec_revert('again 4');
SELECT ec_forget('again'), ec_forget('again 3'), ec_forget('again 4');
DROP SCHEMA expand_again CASCADE;
