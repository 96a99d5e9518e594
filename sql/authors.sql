-- Whose down script a migration has, and what it may take.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
ALTER TABLE expand_contract.jobs ALTER id RESTART 24000;
DELETE FROM expand_contract.schema_migrations;
CREATE ROLE regress_ec_contractor LOGIN;
CREATE ROLE regress_ec_deployer LOGIN;
CREATE ROLE regress_ec_boss LOGIN SUPERUSER;
CREATE SCHEMA regress_ec;
GRANT ALL ON SCHEMA regress_ec TO regress_ec_contractor, regress_ec_deployer;
SELECT ec_grant('regress_ec_contractor');
SELECT ec_grant('regress_ec_deployer');
CREATE FUNCTION regress_ec.is_super(role text) RETURNS boolean LANGUAGE sql AS
    $$SELECT rolsuper FROM pg_roles WHERE rolname = role$$;

-- A superuser does not run what another role left to be run.
SET ROLE regress_ec_contractor;
SELECT ec_apply('a1', 'SELECT 1', 'ALTER ROLE regress_ec_deployer SUPERUSER');
SELECT ec_apply('a2', 'SELECT 2', 'SELECT ''two''; ALTER ROLE regress_ec_deployer SUPERUSER');
RESET ROLE;
SELECT * FROM errors_of($$SELECT ec_rollback('a1')$$);
-- nor when the role has been renamed, or its name is another's now
ALTER ROLE regress_ec_contractor RENAME TO regress_ec_gone;
SELECT * FROM errors_of($$SELECT ec_rollback('a1')$$);
CREATE ROLE regress_ec_contractor SUPERUSER;
SELECT * FROM errors_of($$SELECT ec_rollback('a1')$$);
SET ROLE regress_ec_contractor;
SELECT * FROM errors_of($$SELECT ec_rollback('a1')$$);
RESET ROLE;
DROP ROLE regress_ec_contractor;
SET ROLE regress_ec_gone;
SELECT * FROM errors_of($$SELECT ec_rollback('a1', dry_run => true)$$);
RESET ROLE;
-- nor when it has been dropped
DROP OWNED BY regress_ec_gone;
DROP ROLE regress_ec_gone;
SELECT * FROM errors_of($$SELECT ec_rollback('a1')$$);
SELECT regress_ec.is_super('regress_ec_deployer');
-- the way out, as the hint says
SELECT ec_apply('a1', 'SELECT 1');
SELECT * FROM errors_of($$SELECT ec_rollback('a1')$$);
SET client_min_messages = notice;
SELECT ec_apply('a1', 'SELECT 1', 'SELECT ''mine''');
SELECT ec_apply('a1', 'SELECT 1', 'SELECT ''ignored''');
SET client_min_messages = warning;
SELECT down, down_by = current_user AS is_mine FROM expand_contract.schema_migrations WHERE version = 'a1';
SELECT ec_rollback('a1');
-- a ledger of another cluster: the OID says nothing there
SELECT ec_apply('a3', 'SELECT 3', repeat('-- long'||chr(10), 800) || 'SELECT ''three''');
UPDATE expand_contract.schema_migrations SET down_system = down_system + 1 WHERE version = 'a3';
SELECT regexp_replace(line, '(-- long\s*)+', '(long) ') FROM errors_of($$SELECT ec_rollback('a3')$$) line;
SELECT * FROM errors_of($$SELECT ec_apply('a3', 'SELECT 3', 'SELEC 3')$$);
SELECT ec_apply('a3', 'SELECT 3', 'SELECT ''three''', dry_run => true);
SELECT ec_apply('a3', 'SELECT 3', 'SELECT ''three''');
SELECT ec_rollback('a3');
-- an older ledger has names only
UPDATE expand_contract.schema_migrations SET down_by_oid = NULL, down_system = NULL WHERE version = 'a2';
SELECT * FROM errors_of($$SELECT ec_rollback('a2')$$);
SELECT ec_apply('a2', 'SELECT 2', 'SELECT 1');
SELECT ec_rollback('a2');

-- Who has said SET ROLE lends his rights to nobody: not to the script, not to
-- a function that it calls, and not to a trigger that waits for the commit.
CREATE ROLE regress_ec_contractor LOGIN;
GRANT ALL ON SCHEMA regress_ec TO regress_ec_contractor;
SELECT ec_grant('regress_ec_contractor');
SET ROLE regress_ec_contractor;
CREATE TABLE regress_ec.trap (id int);
CREATE FUNCTION regress_ec.spring() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RESET ROLE; ALTER ROLE regress_ec_contractor SUPERUSER; RETURN NULL; END$$;
CREATE CONSTRAINT TRIGGER spring AFTER INSERT ON regress_ec.trap DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION regress_ec.spring();
SELECT ec_apply('b1', 'SELECT 1', 'RESET ROLE; ALTER ROLE regress_ec_contractor SUPERUSER');
SELECT ec_apply('b2', 'SELECT 2', 'SET SESSION AUTHORIZATION regress_ec_boss; ALTER ROLE regress_ec_contractor SUPERUSER');
SELECT ec_apply('b3', 'SELECT 3', 'DO $d$BEGIN PERFORM set_config(''role'', ''none'', false); ALTER ROLE regress_ec_contractor SUPERUSER; END$d$');
SELECT ec_apply('b4', 'SELECT 4', 'INSERT INTO regress_ec.trap VALUES (1)');
SELECT ec_apply('b5', 'SELECT 5', 'SELECT 5');
SELECT * FROM errors_of($$SELECT ec_rollback('b1')$$);
SELECT * FROM errors_of($$SELECT ec_rollback('b2')$$);
SELECT * FROM errors_of($$SELECT ec_rollback('b3')$$);
\set VERBOSITY terse
SELECT ec_rollback('b4');
\set VERBOSITY default
SELECT ec_rollback('b5');
RESET ROLE;
SELECT regress_ec.is_super('regress_ec_contractor');
-- another role's down script cannot be replaced either, by who has not its rights
SET ROLE regress_ec_contractor;
CREATE TABLE regress_ec.numbers (n int);
INSERT INTO regress_ec.numbers VALUES (1), (1);
SELECT ec_apply('c1', 'SELECT 1; CREATE UNIQUE INDEX CONCURRENTLY numbers_n ON regress_ec.numbers (n)', 'DROP INDEX IF EXISTS regress_ec.numbers_n');
\set VERBOSITY sqlstate
CALL ec_wait_migration('c1');
\set VERBOSITY default
RESET ROLE;
SET ROLE regress_ec_deployer;
SELECT * FROM errors_of($$SELECT ec_apply('c1', 'SELECT 1; CREATE UNIQUE INDEX CONCURRENTLY numbers_n ON regress_ec.numbers (n)', 'SELECT ''replaced''')$$);
SELECT * FROM errors_of($$SELECT ec_rollback('c1')$$);
RESET ROLE;
SELECT down, down_by FROM expand_contract.schema_migrations WHERE version = 'c1';
SET ROLE regress_ec_contractor;
SELECT ec_rollback('c1');
RESET ROLE;
DELETE FROM expand_contract.schema_migrations;
DROP SCHEMA regress_ec CASCADE;
DROP OWNED BY regress_ec_contractor, regress_ec_deployer;
DROP ROLE regress_ec_contractor, regress_ec_deployer, regress_ec_boss;

-- What a change uses, no down script takes.
SET expand_contract.stabilization_period = 0;
CREATE SCHEMA made;
CREATE FUNCTION made.short(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.lower($1)';
SELECT ec_apply('d0', 'CREATE TABLE made.users (id int PRIMARY KEY, old text)', 'DROP TABLE made.users');
SELECT ec_apply('d1', 'ALTER TABLE made.users ADD email text; ALTER TABLE made.users ADD other int',
                      'ALTER TABLE made.users DROP other; ALTER TABLE made.users DROP email');
SELECT ec_apply('d2', 'SELECT 2', 'DO $$BEGIN EXECUTE ''DROP SCHEMA made CASCADE''; END$$');
SELECT ec_apply('d3', 'SELECT 3', 'DROP FUNCTION made.short');
SELECT ec_apply('d4', 'CREATE TABLE made.free (a int, b int)', 'ALTER TABLE made.free DROP b; DROP TABLE made.free');
SELECT ec_apply('d5', 'SELECT 5', 'SELECT ec_revert(''made''); ALTER TABLE made.users DROP email');
SELECT ec_apply('d7', 'SELECT 7', 'DROP FUNCTION made.short CASCADE');
INSERT INTO made.users VALUES (1, 'A');
SELECT ec_expand('made', 'made.users', '{"email": "made.short(old)"}', '{"old": "email"}');
SELECT * FROM errors_of($$SELECT ec_rollback('d0')$$);
SELECT * FROM errors_of($$SELECT ec_rollback('d1')$$);
SELECT * FROM errors_of($$SELECT ec_rollback('d1', dry_run => true)$$);
SELECT * FROM errors_of($$SELECT ec_rollback('d2')$$);
SELECT * FROM errors_of($$SELECT ec_rollback('d3')$$);
SELECT * FROM errors_of($$SELECT ec_rollback('d7')$$);
SELECT ec_rollback('d5', dry_run => true);
SELECT ec_rollback('d4');
-- a change that the script itself takes back
BEGIN;
SELECT ec_rollback('d5');
ROLLBACK;
-- contracted: what is left
SELECT ec_cutover('made', '{backfill_complete, verified}');
SELECT ec_contract('made', '{backfill_complete, verified, old_reads, old_writes, dependents}', '0');
SELECT * FROM errors_of($$SELECT ec_rollback('d1')$$);
SELECT ec_contract('made', '{backfill_complete, verified, old_reads, old_writes, dependents}');
ALTER TABLE made.users RENAME email TO mail;
SELECT * FROM errors_of($$SELECT ec_rollback('d2')$$);
ALTER TABLE made.users RENAME mail TO email;
SELECT * FROM errors_of($$SELECT ec_rollback('d1')$$);
SELECT * FROM errors_of($$SELECT ec_rollback('d0')$$);
SELECT column_name FROM information_schema.columns WHERE table_schema = 'made' ORDER BY ordinal_position;
-- the way out, as the hint says
SELECT ec_apply('d9', 'DROP TABLE made.users', phase => 'contract');
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events WHERE version ~ '^[abcd][0-9]$';
DELETE FROM expand_contract.changes WHERE name = 'made';
DROP SCHEMA made CASCADE;
