-- ec_expand: what is checked, and what is registered.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never

CREATE TABLE users (id int PRIMARY KEY, legacy_email text, email text, domain text, n int NOT NULL DEFAULT 0,
    loud text GENERATED ALWAYS AS (upper(legacy_email)) STORED, created timestamptz, day date);

-- Registered with its trigger, once.
SELECT ec_expand('users_email', 'users', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}');
SELECT ec_expand('users_email', 'users', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}');
SELECT name, relation, forward, backward, on_error, phase, dual_write FROM expand_contract.changes;
SELECT side, name, attnum, expression, key_position FROM expand_contract.change_columns ORDER BY attnum;
SELECT tgname, tgenabled, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'users'::regclass;
-- another one of that name
SELECT * FROM errors_of($$SELECT ec_expand('users_email', 'users', '{"email": "legacy_email"}', '{"legacy_email": "email"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('users_email', 'users', '{"email": "lower(legacy_email)"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('users_email', 'users', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}', on_error => 'raise')$$);

-- No overlap, no chain; old columns may be read by several.
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"email": "domain"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "split_part(legacy_email, ''@'', 2)"}')$$);
CREATE TABLE plain (id int PRIMARY KEY, a text, b text, c text);
SELECT ec_expand('one', 'plain', '{"b": "a"}');
SELECT ec_expand('two', 'plain', '{"c": "a || ''!''"}');
INSERT INTO plain VALUES (1, 'x');
SELECT * FROM plain;
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "domain"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "id::text"}', '{"id": "n"}')$$);

-- Arguments.
SELECT * FROM errors_of($$SELECT ec_expand(NULL, 'users', '{"domain": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', NULL, '{"domain": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', NULL)$$);
SELECT * FROM errors_of($$SELECT ec_expand('', 'users', '{"domain": "id"}')$$);
SELECT * FROM errors_of(format('SELECT ec_expand(%L, ''users'', ''{"domain": "id"}'')', repeat('x', 51)));
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '[]')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": 1}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "id"}', on_error => 'ignore')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "id"}', key => '{nothing}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "id"}', key => '{domain}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "id"}', old_columns => '{nothing}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "id"}', old_columns => '{domain}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 99999999, '{"domain": "id"}')$$);

-- Columns.
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"nothing": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"ctid": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"loud": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "loud"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "xmin::text"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "users::text"}')$$);

-- Expressions: one row, the same everywhere, of a fitting type.
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "id; DROP TABLE users"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "nothing"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "(SELECT max(domain) FROM users)"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "max(id)"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "row_number() OVER ()"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"n": "generate_series(1, id)"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"n": "random()::int + id"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "age(created)::text"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "id::regclass::text"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"day": "current_date"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"domain": "current_user"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"n": "domain"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"n": "id"}', '{"domain": "id"}')$$);
-- a STABLE function of one's own is a look-up
CREATE FUNCTION look_up(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ''v'' || $1';
SELECT ec_expand('stable', 'users', '{"domain": "look_up(id)"}');

-- Tables.
CREATE VIEW v AS SELECT 1 AS a, 2 AS b;
CREATE TEMP TABLE temporary (id int PRIMARY KEY, a int, b int);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'v', '{"a": "b"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'temporary', '{"a": "b"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'pg_class', '{"relname": "relkind"}')$$);
CREATE TABLE parted (id int, a int, b int, c int) PARTITION BY LIST (a);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1) PARTITION BY RANGE (b);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'parted_1', '{"c": "id"}', on_error => 'raise')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'parted', '{"a": "id"}', on_error => 'raise')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'parted', '{"b": "id"}', on_error => 'raise')$$);

-- 'record' needs a key, and nothing that checks the new columns later.
CREATE TABLE keyless (id int, a text, b text);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'keyless', '{"b": "a"}')$$);
CREATE UNIQUE INDEX keyless_id ON keyless (id);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'keyless', '{"b": "a"}', key => '{id}')$$);
ALTER TABLE keyless ALTER id SET NOT NULL;
CREATE UNIQUE INDEX keyless_b ON keyless (lower(b));
SELECT * FROM errors_of($$SELECT ec_expand('x', 'keyless', '{"b": "a"}', key => '{id}')$$);
SELECT ec_expand('keyless', 'keyless', '{"b": "a"}', on_error => 'raise');
CREATE TABLE checked (id int PRIMARY KEY, a int, b int REFERENCES users, c int4range, d text NOT NULL,
    EXCLUDE USING gist (c WITH &&));
SELECT * FROM errors_of($$SELECT ec_expand('x', 'checked', '{"b": "a"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'checked', '{"c": "int4range(a, a)"}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'checked', '{"d": "a"}')$$);

-- What fires later.
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER "~zz" BEFORE UPDATE ON checked FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT ec_expand('checked', 'checked', '{"d": "a"}', on_error => 'raise');

-- A default that is not constant cannot be told from a value later.
CREATE TABLE aged (id int PRIMARY KEY, a date, b date DEFAULT current_date, c int DEFAULT 1);
SELECT ec_expand('aged', 'aged', '{"b": "a", "c": "1"}');

-- Constants mean what they meant to whoever wrote them.
CREATE TABLE dated (id int PRIMARY KEY, a date, b date, c interval);
SET datestyle = 'SQL, DMY';
SET intervalstyle = 'sql_standard';
SELECT ec_expand('dated', 'dated', '{"b": "coalesce(a, ''03/02/2020''::date)", "c": "interval ''-1 2:00:00''"}');
RESET datestyle;
RESET intervalstyle;
SELECT expression FROM expand_contract.change_columns WHERE change = 'dated' AND expression IS NOT NULL ORDER BY attnum;
INSERT INTO dated (id) VALUES (1);
SELECT id, to_char(b, 'YYYY-MM-DD') AS b, extract(epoch FROM c) AS c FROM dated;

-- What one change knows rows by, another does not write, whichever came first.
CREATE TABLE known (id int PRIMARY KEY, a text, b text, new_id bigint);
SELECT ec_expand('known', 'known', '{"b": "a"}');
SELECT * FROM errors_of($$SELECT ec_expand('x', 'known', '{"new_id": "id::bigint"}', '{"id": "new_id::int"}')$$);
DROP TABLE aged, known, dated;
DELETE FROM expand_contract.changes WHERE name IN ('aged', 'known', 'dated');

-- Nothing that failed has left anything.
SELECT name FROM expand_contract.changes ORDER BY name;
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgname ~ '^~ec_' ORDER BY 1, 2;

-- Only the owner.
CREATE ROLE regress_ec_expander;
SELECT ec_grant('regress_ec_expander');
SET ROLE regress_ec_expander;
SELECT * FROM errors_of($$SELECT ec_expand('x', 'users', '{"n": "id"}')$$);
RESET ROLE;

-- DDL: refused, or followed.
SELECT * FROM errors_of('ALTER TABLE users DROP COLUMN email');
SELECT * FROM errors_of('ALTER TABLE users ALTER email TYPE varchar(10)');
SELECT * FROM errors_of('DROP FUNCTION look_up(int)');
-- an upgrade forgets that; the same call again knows
CREATE TABLE upgraded (id int PRIMARY KEY, a text, b text);
SELECT ec_expand('upgraded', 'upgraded', '{"b": "a"}');
SET allow_system_table_mods = on;
DELETE FROM pg_depend d USING pg_trigger g WHERE d.classid = 'pg_trigger'::regclass AND d.objid = g.oid
    AND g.tgname = '~ec_upgraded' AND d.refobjsubid > 0;
RESET allow_system_table_mods;
SELECT ec_expand('upgraded', 'upgraded', '{"b": "a"}');
SELECT * FROM errors_of('ALTER TABLE upgraded DROP COLUMN b');
SELECT ec_expand('upgraded', 'upgraded', '{"b": "a"}');
DROP TABLE upgraded;
ALTER TABLE users RENAME TO people;
ALTER TABLE people RENAME legacy_email TO address;
ALTER TABLE people RENAME n TO legacy_email;
INSERT INTO people (id, address) VALUES (1, 'Ada');
SELECT id, address, email, domain FROM people;
-- with CASCADE the trigger goes, and writes go on
ALTER TABLE people DROP COLUMN email CASCADE;
INSERT INTO people (id, address) VALUES (2, 'Bob');
SELECT id, address, domain FROM people ORDER BY id;

-- A trigger that finds no change leaves a gap.
DELETE FROM expand_contract.changes WHERE name = 'one';
INSERT INTO plain VALUES (2, 'y'), (3, 'z');
UPDATE plain SET a = 'zz' WHERE id = 3;
DELETE FROM expand_contract.gaps WHERE change = 'one';
SELECT * FROM plain ORDER BY id;

DROP TABLE people, plain, parted, keyless, checked, temporary CASCADE;
DROP VIEW v;
DROP FUNCTION look_up, nothing, errors_of;
DELETE FROM expand_contract.changes;
DROP OWNED BY regress_ec_expander;
DROP ROLE regress_ec_expander;
