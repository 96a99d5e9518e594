-- Dual writes between columns of one table: both sides, every statement.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\set jobs :abs_srcdir '/test/jobs.sql'
\i :errors
\i :jobs
\set SHOW_CONTEXT never
ALTER TABLE expand_contract.jobs ALTER id RESTART 7000;

CREATE TABLE users (gone int, id int PRIMARY KEY, legacy_email text, email text, n int DEFAULT 0,
    serial int GENERATED ALWAYS AS IDENTITY, loud text GENERATED ALWAYS AS (upper(email)) STORED);
ALTER TABLE users DROP COLUMN gone;
SELECT ec_expand('users_email', 'users', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}');

-- INSERT: what is unset is computed.
INSERT INTO users (id, legacy_email) VALUES (1, 'Ada@X');
INSERT INTO users (id, email) VALUES (2, 'Bob@X');
INSERT INTO users (id, legacy_email, email) VALUES (3, 'Old', 'New');
INSERT INTO users (id) VALUES (4);
INSERT INTO users (id, legacy_email) SELECT i, 'U' || i FROM generate_series(5, 6) i;
SELECT id, legacy_email, email, loud FROM users ORDER BY id;

-- UPDATE: from what changed.
UPDATE users SET legacy_email = 'ADA@Y' WHERE id = 1;
UPDATE users SET email = 'Bob@Y' WHERE id = 2;
UPDATE users SET legacy_email = 'OLD2', email = 'New2' WHERE id = 3;
UPDATE users SET n = n + 1;
UPDATE users SET legacy_email = NULL WHERE id = 5;
UPDATE users SET legacy_email = legacy_email WHERE id = 2;
SELECT id, legacy_email, email, loud FROM users ORDER BY id;

-- ON CONFLICT, MERGE, COPY, RETURNING.
INSERT INTO users (id, legacy_email) VALUES (1, 'CONFLICT') ON CONFLICT (id) DO UPDATE SET legacy_email = excluded.legacy_email
    RETURNING id, legacy_email, email;
INSERT INTO users (id, email) VALUES (1, 'Conflict2') ON CONFLICT (id) DO UPDATE SET email = excluded.email
    RETURNING id, legacy_email, email;
MERGE INTO users u USING (VALUES (6, 'Merged'), (7, 'Inserted')) AS s (id, e) ON u.id = s.id
    WHEN MATCHED THEN UPDATE SET legacy_email = s.e WHEN NOT MATCHED THEN INSERT (id, email) VALUES (s.id, s.e);
COPY users (id, legacy_email) FROM stdin;
8	Copied
9	\N
\.
SELECT id, legacy_email, email FROM users WHERE id IN (1, 6, 7, 8, 9) ORDER BY id;

-- A user's BEFORE trigger comes first.
CREATE FUNCTION trim_it() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN new.legacy_email := btrim(new.legacy_email); RETURN new; END';
CREATE TRIGGER trim_it BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION trim_it();
INSERT INTO users (id, legacy_email) VALUES (10, '  Trimmed  ');
SELECT id, legacy_email, email FROM users WHERE id = 10;
DROP TRIGGER trim_it ON users;

-- Unset is also a constant default.
CREATE TABLE defaults (id int PRIMARY KEY, a text DEFAULT '', b text NOT NULL DEFAULT 'none', c int DEFAULT 7);
SELECT ec_expand('defaults', 'defaults', '{"b": "a || ''!''", "c": "length(a)"}', '{"a": "rtrim(b, ''!'')"}');
INSERT INTO defaults (id, a) VALUES (1, 'x');
INSERT INTO defaults (id, b) VALUES (2, 'y!');
INSERT INTO defaults (id, c) VALUES (3, 1);
SELECT * FROM defaults ORDER BY id;

-- A domain's constraints: its default is constant all the same, and what comes later counts at once.
CREATE DOMAIN percent AS int CHECK (value <= 100);
CREATE DOMAIN open_end AS int;
CREATE TABLE domains (id int PRIMARY KEY, a text, b percent NOT NULL DEFAULT 0, c open_end);
SELECT ec_expand('domains', 'domains', '{"b": "a::int", "c": "a::int"}');
INSERT INTO domains (id, a) VALUES (1, '7'), (2, '101');
ALTER DOMAIN open_end ADD CHECK (value > 0);
INSERT INTO domains (id, a) VALUES (3, '-3');
UPDATE domains SET c = 1 WHERE c IS NULL;
ALTER DOMAIN open_end SET NOT NULL;
UPDATE domains SET a = 'x' WHERE id = 1;
SELECT * FROM domains ORDER BY id;

-- Prepared statements, and a plan that is older than the change.
CREATE TABLE prepared (id int PRIMARY KEY, a text, b text);
PREPARE ins AS INSERT INTO prepared (id, a) VALUES ($1, $2);
EXECUTE ins (1, 'Before');
SELECT ec_expand('prepared', 'prepared', '{"b": "lower(a)"}');
EXECUTE ins (2, 'After');
ALTER TABLE prepared DROP COLUMN b CASCADE;
EXECUTE ins (3, 'Dropped');
SELECT * FROM prepared ORDER BY id;

-- Partitions with other column numbers, made before and after.
CREATE TABLE parted (id int, a text, b text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE parted_2 (junk int, b text, more int, a text, id int NOT NULL);
ALTER TABLE parted_2 DROP COLUMN junk, DROP COLUMN more;
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (10) TO (20);
SELECT ec_expand('parted', 'parted', '{"b": "lower(a)"}', '{"a": "b"}');
CREATE TABLE parted_3 PARTITION OF parted FOR VALUES FROM (20) TO (30);
INSERT INTO parted (id, a) VALUES (1, 'One'), (11, 'Two'), (21, 'Three');
INSERT INTO parted (id, b) VALUES (2, 'four'), (12, 'five'), (22, 'six');
INSERT INTO parted_2 (id, a) VALUES (13, 'Direct');
UPDATE parted SET a = a || '!' WHERE id % 10 = 1;
UPDATE parted SET id = id + 14 WHERE id IN (1, 12);
ALTER TABLE parted RENAME b TO bb;
UPDATE parted SET a = 'Renamed' WHERE id = 2;
SELECT tableoid::regclass, id, a, bb FROM parted ORDER BY id;

-- Children by inheritance.
CREATE TABLE parent (id int PRIMARY KEY, a text, b text);
CREATE TABLE child (extra int, PRIMARY KEY (id)) INHERITS (parent);
SELECT ec_expand('parent', 'parent', '{"b": "lower(a)"}');
INSERT INTO parent VALUES (1, 'Parent');
INSERT INTO child VALUES (2, 'Child');
UPDATE parent SET a = a || '!';
SELECT tableoid::regclass, * FROM parent ORDER BY id;

-- A hostile schema in the writer's path changes nothing.
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.lower(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''captured''::text';
SET search_path = hostile, public, pg_catalog;
INSERT INTO users (id, legacy_email) VALUES (20, 'Hostile');
\c -
SET search_path = hostile, public, pg_catalog;
INSERT INTO users (id, legacy_email) VALUES (21, 'Hostile');
RESET search_path;
SELECT id, legacy_email, email FROM users WHERE id IN (20, 21) ORDER BY id;

-- An application role needs no rights but on the table.
CREATE ROLE regress_ec_application;
GRANT SELECT, INSERT, UPDATE ON users TO regress_ec_application;
SET ROLE regress_ec_application;
INSERT INTO users (id, legacy_email) VALUES (30, 'Application');
SELECT id, legacy_email, email FROM users WHERE id = 30;
SELECT * FROM ec_changes;
SELECT * FROM ec_discrepancies;
SELECT * FROM errors_of($$SELECT ec_dual_write('users_email', false)$$);
SELECT * FROM errors_of($$SELECT * FROM expand_contract.changes$$);
RESET ROLE;

-- Others may not use the trigger function for more than it is for.
CREATE TABLE others (id int);
CREATE TRIGGER t BEFORE INSERT ON others FOR EACH ROW EXECUTE FUNCTION expand_contract.dual_write('users_email');
CREATE TRIGGER u AFTER INSERT ON others FOR EACH ROW EXECUTE FUNCTION expand_contract.dual_write('users_email');
SELECT * FROM errors_of($$INSERT INTO others VALUES (1)$$);

CREATE TABLE alike (id int PRIMARY KEY, legacy_email text, email text);
CREATE TRIGGER t BEFORE INSERT ON alike FOR EACH ROW EXECUTE FUNCTION expand_contract.dual_write('users_email');
INSERT INTO alike (id, legacy_email) VALUES (1, 'Mine');
SELECT * FROM alike;

-- A better match in the schema of a mapping's function is never called: the trigger knows its function, a job is refused.
CREATE FUNCTION plainly(anyelement) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1::text)';
CREATE TABLE plain (id int PRIMARY KEY, a text, b text);
SELECT ec_expand('plain', 'plain', '{"b": "plainly(a)"}', on_error => 'raise');
INSERT INTO plain VALUES (1, 'Before');
CREATE FUNCTION plainly(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''captured''::text';
SELECT * FROM errors_of($$INSERT INTO plain VALUES (2, 'After')$$);
SELECT * FROM errors_of($$SELECT ec_backfill_change('plain')$$);
DROP FUNCTION plainly(text);
INSERT INTO plain VALUES (3, 'Again');
SELECT * FROM plain ORDER BY id;

-- The jobs.
SELECT * FROM errors_of($$SELECT ec_backfill_change('nothing')$$);
SELECT * FROM errors_of($$SELECT ec_backfill_change(NULL)$$);
SELECT * FROM errors_of($$SELECT ec_backfill_change('users_email', 'mend')$$);
CREATE TABLE people (id int PRIMARY KEY, legacy_email text, email text);
INSERT INTO people SELECT i, CASE WHEN i % 10 > 0 THEN 'User' || i END FROM generate_series(1, 100) i;
UPDATE people SET email = 'by hand' WHERE id = 50;
SELECT ec_expand('people', 'people', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}');
UPDATE people SET email = 'New@App' WHERE id = 1;
SELECT ec_backfill_change('people', delay_ms => 0) AS job \gset
SET client_min_messages = warning;
CALL ec_wait(:job);
RESET client_min_messages;
SELECT * FROM outcome(:job);
SELECT change, phase, dual_write, discrepancies, gaps, flag FROM ec_changes WHERE change = 'people';
SELECT count(*) FILTER (WHERE email = lower(legacy_email)) AS in_step,
       count(*) FILTER (WHERE email IS DISTINCT FROM lower(legacy_email)) AS others FROM people;
SELECT * FROM people WHERE email IS DISTINCT FROM lower(legacy_email) ORDER BY id;

-- Off, writes, on: the gap is known, and repair heals it.
SELECT ec_dual_write('people', false);
SELECT ec_dual_write('people', false);
UPDATE people SET legacy_email = 'Gap' WHERE id IN (2, 3);
UPDATE people SET legacy_email = 'Gap' WHERE id = 4;
SELECT change, dual_write, gaps FROM ec_changes WHERE change = 'people';
SELECT * FROM errors_of($$SELECT ec_backfill_change('people', 'repair')$$);
SELECT ec_dual_write('people', true);
SELECT ec_backfill_change('people', delay_ms => 0) AS job \gset
SET client_min_messages = warning;
CALL ec_wait(:job);
RESET client_min_messages;
SELECT change, dual_write, gaps FROM ec_changes WHERE change = 'people';
SELECT ec_backfill_change('people', 'repair', delay_ms => 0) AS job \gset
SET client_min_messages = warning;
CALL ec_wait(:job);
RESET client_min_messages;
SELECT * FROM outcome(:job);
SELECT change, dual_write, gaps FROM ec_changes WHERE change = 'people';
-- what only the lossy mapping tells apart is right; what nothing explains was mended
SELECT * FROM people WHERE id IN (1, 2, 50) ORDER BY id;
-- the kill switch
SET expand_contract.enable_modern_write = off;
UPDATE people SET legacy_email = 'Killed' WHERE id = 5;
SELECT change, dual_write, gaps FROM ec_changes WHERE change = 'people';
SELECT * FROM errors_of($$SELECT ec_backfill_change('people', 'repair')$$);
RESET expand_contract.enable_modern_write;
SELECT reason, repaired_by IS NOT NULL AS repaired FROM expand_contract.gaps WHERE change = 'people' ORDER BY id;

-- A trigger that was dropped comes back with the same call, and the gap is known.
DROP TRIGGER "~ec_people" ON people;
UPDATE people SET legacy_email = 'Untold' WHERE id = 6;
SELECT ec_expand('people', 'people', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}');
SELECT ec_expand('people', 'people', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}');
SELECT change, phase, gaps FROM ec_changes WHERE change = 'people';
UPDATE people SET legacy_email = 'Told' WHERE id = 7;
SELECT * FROM people WHERE id IN (6, 7) ORDER BY id;

-- A trigger that is disabled is a gap as well, and no job pretends to know.
ALTER TABLE people DISABLE TRIGGER ALL;
UPDATE people SET legacy_email = 'Unseen' WHERE id = 8;
SELECT change, dual_write, gaps FROM ec_changes WHERE change = 'people';
SELECT * FROM errors_of($$SELECT ec_backfill_change('people', 'repair')$$);
SELECT ec_expand('people', 'people', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}');
SELECT ec_backfill_change('people', 'repair', delay_ms => 0) AS job \gset
SET client_min_messages = warning;
CALL ec_wait(:job);
RESET client_min_messages;
SELECT change, dual_write, gaps FROM ec_changes WHERE change = 'people';
SELECT * FROM people WHERE id = 8;
-- so is a partition that comes with rows
CREATE TABLE late (a text, id int PRIMARY KEY, bb text);
ALTER TABLE parted ATTACH PARTITION late FOR VALUES FROM (100) TO (110);
SELECT gaps FROM ec_changes WHERE change = 'parted';
ALTER TABLE parted DETACH PARTITION late;
INSERT INTO late VALUES ('Late', 100);
ALTER TABLE parted ATTACH PARTITION late FOR VALUES FROM (100) TO (110);
SELECT gaps FROM ec_changes WHERE change = 'parted';
-- one of many
CREATE TABLE family (id int PRIMARY KEY, a text, b text);
SELECT ec_expand('family', 'family', '{"b": "lower(a)"}');
SET session_replication_role = replica; -- so that our event triggers don't fire
CREATE TABLE offspring (PRIMARY KEY (id)) INHERITS (family);
RESET session_replication_role;
INSERT INTO offspring VALUES (1, 'Unseen');
SELECT * FROM errors_of($$SELECT ec_backfill_change('family')$$);
SELECT ec_expand('family', 'family', '{"b": "lower(a)"}');
INSERT INTO offspring VALUES (2, 'Seen');
SELECT * FROM family ORDER BY id;
SELECT ec_expand('family', 'family', '{"b": "lower(a)"}');

-- The read switch.
SELECT ec_flag('people');
SELECT ec_set_flag('people', true);
SELECT ec_flag('people');
SELECT ec_flag('nobody knows'), ec_flag(NULL);
SELECT * FROM errors_of($$SELECT ec_set_flag(repeat('x', 9000), true)$$);
SELECT change, event, value FROM expand_contract.change_events WHERE change = 'people' ORDER BY id;

DROP TABLE alike, users, defaults, prepared, parted, parent, child, people, others, domains, plain, family, offspring;
DROP DOMAIN percent, open_end;
DROP FUNCTION plainly(anyelement);
DROP SCHEMA hostile CASCADE;
DROP OWNED BY regress_ec_application;
DROP ROLE regress_ec_application;
DROP FUNCTION trim_it;
DELETE FROM expand_contract.changes;
DELETE FROM expand_contract.gaps;
DELETE FROM expand_contract.discrepancies;
DELETE FROM expand_contract.flags;
