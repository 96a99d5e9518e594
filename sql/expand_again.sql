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
SET client_min_messages = error;
SELECT ec_revert('again'), ec_revert('again 3');
SELECT ec_forget('again'), ec_forget('again 3');
DROP SCHEMA expand_again CASCADE;
