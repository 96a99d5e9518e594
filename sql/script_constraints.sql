-- A script's SET CONSTRAINTS ends with the script, in schemas too that neither its
-- caller nor the extension's owner may look into.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DELETE FROM expand_contract.schema_migrations;
CREATE ROLE regress_sc_caller;
CREATE ROLE regress_sc_keeper;
CREATE SCHEMA "regress_sc hidden" AUTHORIZATION regress_sc_keeper;
SET ROLE regress_sc_keeper;
CREATE TABLE "regress_sc hidden".parent (id integer PRIMARY KEY);
CREATE TABLE "regress_sc hidden".child (id integer PRIMARY KEY, later integer CONSTRAINT "of later" REFERENCES "regress_sc hidden".parent DEFERRABLE INITIALLY DEFERRED,
    now integer CONSTRAINT "of now" REFERENCES "regress_sc hidden".parent DEFERRABLE);
RESET ROLE;
CREATE SCHEMA regress_sc;
GRANT USAGE ON SCHEMA regress_sc TO regress_sc_caller;
CREATE FUNCTION regress_sc.child(id integer, later integer, now integer) RETURNS void LANGUAGE sql SECURITY DEFINER AS 'INSERT INTO "regress_sc hidden".child VALUES (id, later, now)';
CREATE FUNCTION regress_sc.parent(id integer) RETURNS void LANGUAGE sql SECURITY DEFINER AS 'INSERT INTO "regress_sc hidden".parent VALUES (id)';
SELECT ec_grant('regress_sc_caller');
-- the extension belongs to a role that is no superuser
CREATE ROLE regress_sc_owner;
GRANT ALL ON SCHEMA expand_contract TO regress_sc_owner;
GRANT ALL ON ALL TABLES IN SCHEMA expand_contract TO regress_sc_owner;
GRANT ALL ON ALL SEQUENCES IN SCHEMA expand_contract TO regress_sc_owner;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA expand_contract TO regress_sc_owner;
SELECT extowner FROM pg_extension WHERE extname = 'expand_contract' \gset
UPDATE pg_extension SET extowner = 'regress_sc_owner'::regrole WHERE extname = 'expand_contract';

SET ROLE regress_sc_caller;
BEGIN;
SELECT ec_apply('001', 'SET CONSTRAINTS ALL IMMEDIATE; SELECT regress_sc.parent(1)');
SELECT regress_sc.child(1, 2, NULL);
SELECT regress_sc.parent(2);
SELECT ec_apply('002', 'SET CONSTRAINTS ALL DEFERRED; SELECT regress_sc.child(3, NULL, 3); SELECT regress_sc.parent(3)');
SELECT regress_sc.child(4, 4, NULL);
SELECT regress_sc.parent(4);
SELECT errors_of('SELECT regress_sc.child(5, NULL, 5)');
SELECT current_user, current_setting('is_superuser');
COMMIT;
SELECT errors_of($$SELECT ec_apply('003', 'SET CONSTRAINTS ALL DEFERRED; SELECT regress_sc.child(6, 6, NULL)')$$);
SELECT errors_of($$SELECT ec_apply('003', 'SET CONSTRAINTS "regress_sc hidden"."of later" IMMEDIATE')$$);
RESET ROLE;
SELECT id, later, now FROM "regress_sc hidden".child ORDER BY id;

-- for the tests that follow
UPDATE pg_extension SET extowner = :extowner WHERE extname = 'expand_contract';
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
SET client_min_messages = error;
DROP SCHEMA "regress_sc hidden", regress_sc CASCADE;
DROP OWNED BY regress_sc_caller, regress_sc_keeper, regress_sc_owner;
DROP ROLE regress_sc_caller, regress_sc_keeper, regress_sc_owner;

-- Who asks for the triggers of a change has locked what he looks at: the first
-- call for a change of columns in a session opened a table that nobody had locked.
CREATE TABLE regress_sc_locked (id integer PRIMARY KEY, old text, new text) PARTITION BY RANGE (id);
CREATE TABLE regress_sc_locked_1 PARTITION OF regress_sc_locked FOR VALUES FROM (0) TO (10);
SELECT ec_expand('sc_locked', 'regress_sc_locked', '{"new": "lower(old)"}');
\c -
BEGIN;
SELECT ec_backfill_change('sc_locked') IS NOT NULL AS submitted;
SELECT DISTINCT c.relname, l.granted FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
 WHERE l.pid = pg_backend_pid() AND c.relname LIKE 'regress\_sc\_locked%' AND c.relkind IN ('r', 'p') ORDER BY 1;
ROLLBACK;
-- it goes away at the same moment
BEGIN;
DROP TABLE regress_sc_locked_1;
SELECT ec_backfill_change('sc_locked') IS NOT NULL AS submitted;
ROLLBACK;
SET client_min_messages = error;
SELECT ec_revert('sc_locked');
DROP TABLE regress_sc_locked;
SELECT ec_forget('sc_locked');
