-- ec_rehearse: up, down and up again, and all of it undone.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA regress_rehearse;
SET search_path = regress_rehearse, public;
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
CREATE TABLE users (id integer PRIMARY KEY, name text);
INSERT INTO users SELECT g, 'User' || g FROM generate_series(1, 3) g;
CREATE TABLE orders (id integer PRIMARY KEY, user_id integer REFERENCES users DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION state() RETURNS text LANGUAGE sql AS $$
    SELECT md5(concat((SELECT string_agg(c::text, ' ' ORDER BY c.oid) FROM pg_class c WHERE c.relname IN ('users', 'orders')),
                      (SELECT string_agg(a::text, ' ' ORDER BY a.attrelid, a.attnum) FROM pg_attribute a WHERE a.attrelid IN ('users'::regclass, 'orders'::regclass)),
                      (SELECT string_agg(u::text, ' ' ORDER BY u.id) FROM users u))) $$;
SELECT state() AS before \gset

-- locks that are taken, tables that are rewritten, and time; relations of its own are nobody's yet
SELECT step, direction, command, lock_mode, relation, rewritten, duration >= '0' AS time, error
  FROM ec_rehearse(up => $$
    ALTER TABLE users ADD COLUMN email text;
    CREATE INDEX users_email ON users (email);
    ALTER TABLE users ALTER id TYPE bigint;
    CREATE TABLE teams (id integer PRIMARY KEY);
    ALTER TABLE teams ADD name text;
    INSERT INTO orders VALUES (1, 1);
    SELECT 1;
    SET work_mem = '1MB'; $$, down => $$
    DROP TABLE teams;
    DELETE FROM orders;
    ALTER TABLE users DROP COLUMN email, ALTER id TYPE integer $$);
SELECT state() = :'before' AS untouched, current_setting('work_mem') = '1MB' AS leaked;
SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'users'::regclass;

-- what down does not restore: each object, and how
SELECT step, direction, command, error FROM ec_rehearse('CREATE TABLE t (id integer); ALTER TABLE users ADD x integer, DROP COLUMN name; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS ''SELECT 1''',
    'ALTER TABLE users DROP COLUMN x, ADD COLUMN name varchar') WHERE direction = 'down';
SELECT error FROM ec_rehearse('SELECT 1', 'SELECT 1');
-- and each kind of object that there is
CREATE TYPE mood AS ENUM ('sad');
CREATE TYPE pair AS (a integer, b text);
CREATE DOMAIN positive AS integer;
CREATE SEQUENCE numbers;
CREATE VIEW v AS SELECT id FROM users;
CREATE FUNCTION f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER trig BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION t();
CREATE POLICY p ON users USING (id > 0);
CREATE STATISTICS st ON id, name FROM users;
CREATE INDEX i ON users (name);
SET client_min_messages = error; -- wal_level
SELECT s AS up, regexp_replace(r.error, ': \[.*', '') AS error
  FROM unnest(ARRAY[
    'CREATE SCHEMA s', 'COMMENT ON TABLE users IS ''x''', 'COMMENT ON COLUMN users.id IS ''x''', 'GRANT SELECT ON users TO PUBLIC', 'GRANT SELECT (id) ON users TO PUBLIC',
    'ALTER TABLE users ALTER name SET NOT NULL', 'ALTER TABLE users ALTER name SET DEFAULT 1', 'ALTER TABLE users ALTER name SET STORAGE EXTERNAL',
    'ALTER TABLE users ALTER name SET STATISTICS 10', 'ALTER TABLE users SET (fillfactor = 70)', 'ALTER TABLE users REPLICA IDENTITY FULL', 'ALTER TABLE users ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE users ADD CONSTRAINT c CHECK (id > 0)', 'ALTER TABLE users DISABLE TRIGGER trig', 'DROP TRIGGER trig ON users', 'ALTER POLICY p ON users USING (id > 1)',
    'DROP STATISTICS st', 'DROP INDEX i', 'CLUSTER users USING i', 'CREATE OR REPLACE VIEW v AS SELECT id + 0 AS id FROM users', 'CREATE OR REPLACE FUNCTION f() RETURNS integer LANGUAGE sql AS ''SELECT 2''',
    'ALTER FUNCTION f STABLE', 'ALTER TYPE mood RENAME VALUE ''sad'' TO ''ok''', 'ALTER TYPE pair ADD ATTRIBUTE c integer', 'ALTER DOMAIN positive ADD CONSTRAINT c CHECK (VALUE > 0)',
    'ALTER DOMAIN positive SET DEFAULT 1', 'ALTER SEQUENCE numbers INCREMENT 2', 'CREATE RULE r AS ON INSERT TO users DO ALSO NOTHING', 'CREATE PUBLICATION pub FOR TABLE users',
    'CREATE CAST (mood AS integer) WITH INOUT', 'ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC', 'CREATE COLLATION coll FROM "C"',
    'ALTER TABLE orders SET UNLOGGED', 'CREATE AGGREGATE agg(integer) (SFUNC = int4pl, STYPE = integer)', 'CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = integer, RIGHTARG = integer)'
  ]) WITH ORDINALITY AS u (s, n), ec_rehearse(s, 'SELECT 1') r
 WHERE r.command = 'compare schema' AND r.error !~ 'constraint users_name_not_null' -- an object from 18 on
 ORDER BY n, r.error COLLATE "C";
SET client_min_messages = warning;

-- errors are results: what failed, and where
SELECT step, direction, command, relation, error FROM ec_rehearse('CREATE TABLE t (); INSERT INTO users VALUES (1, 2); SELECT 1', 'DROP TABLE t');
SELECT step, direction, command, error FROM ec_rehearse('CREATE TABLE t ()', 'DROP TABLE t; DROP TABLE nothing');
SELECT step, direction, command, error FROM ec_rehearse('CREATE TABLE t ()', 'SELECT 1');
-- of constraints, too, that the commit would check
SELECT step, direction, command, error FROM ec_rehearse('INSERT INTO orders VALUES (2, 99)');
-- and then they are as they were: immediate, or deferred
CREATE TABLE late (id integer PRIMARY KEY DEFERRABLE INITIALLY IMMEDIATE, user_id integer REFERENCES users DEFERRABLE INITIALLY DEFERRED);
SELECT step, direction, error FROM ec_rehearse('INSERT INTO late VALUES (1, 99); DELETE FROM late', 'INSERT INTO late VALUES (1, 99); DELETE FROM late WHERE user_id = 99')
 WHERE command <> 'compare schema';
SELECT step, direction, error FROM ec_rehearse('SELECT 1', 'INSERT INTO late VALUES (1), (1); DELETE FROM late') WHERE error IS NOT NULL;
-- what a transaction cannot hold is told, and the rest goes on
SELECT step, direction, command, error FROM ec_rehearse('CREATE INDEX CONCURRENTLY i2 ON users (name); ALTER TABLE users ADD x integer; COMMIT', 'ALTER TABLE users DROP x; DROP INDEX CONCURRENTLY i2');

-- as the caller, with his rights
CREATE ROLE regress_ec_rehearser;
GRANT EXECUTE ON FUNCTION ec_rehearse TO regress_ec_rehearser;
GRANT ALL ON SCHEMA regress_rehearse TO regress_ec_rehearser;
SET ROLE regress_ec_rehearser;
SELECT command, error FROM ec_rehearse('ALTER TABLE users ADD x integer');
SELECT step, command, error FROM ec_rehearse('CREATE TABLE mine (); SET ROLE NONE; CREATE TABLE yours ()', 'DROP TABLE mine; DROP TABLE yours');
SELECT current_user;
RESET ROLE;
DROP OWNED BY regress_ec_rehearser;
DROP ROLE regress_ec_rehearser;

SELECT errors_of($$ SELECT ec_rehearse(NULL) $$);
SELECT errors_of($$ SELECT ec_rehearse('') $$);
SELECT errors_of($$ SELECT ec_rehearse('SELECT 1', 'SELEC 1') $$);
SELECT errors_of($$ SELECT ec_apply('1', 'SELECT ec_rehearse(''SELECT 1'')') $$);
BEGIN READ ONLY;
SELECT errors_of($$ SELECT ec_rehearse('SELECT 1') $$);
ROLLBACK;

-- for the tests that follow
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
SET client_min_messages = error;
RESET search_path;
DROP SCHEMA regress_rehearse CASCADE;
