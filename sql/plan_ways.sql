-- More statements with an online way, and the reasons of some that have none.
CREATE SCHEMA plan_ways;
SET search_path = plan_ways, public;
SET client_min_messages = warning;
\pset format unaligned
\pset footer off
CREATE DOMAIN lucky AS double precision DEFAULT random();
CREATE TABLE big (id integer, amount numeric(10, 2) CONSTRAINT "not 'negative'" CHECK (amount >= 0), code varchar(20), mail text, luck lucky,
    CONSTRAINT both_ CHECK (code <> mail) NO INHERIT);
ALTER TABLE big ADD CONSTRAINT late CHECK (code <> '') NOT VALID;
COMMENT ON CONSTRAINT "not 'negative'" ON big IS 'it''s so';
CREATE TABLE base (id integer, n varchar(10) CHECK (n <> 'x')); CREATE TABLE heir (own integer) INHERITS (base);
CREATE TABLE other_heir (own integer, CHECK (n <> 'y')) INHERITS (base);
CREATE TABLE parted (id integer, name varchar(10)) PARTITION BY RANGE (id); CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE INDEX ON parted (name);
CREATE INDEX lower_mail ON big (lower(code));
INSERT INTO big VALUES (1, 1, 'c', 'm', 1); INSERT INTO heir VALUES (1, 'n', 1); INSERT INTO part_1 VALUES (1, 'n');
CREATE FUNCTION one() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
UPDATE pg_class SET relpages = 100000, reltuples = 5000000 WHERE relnamespace = 'plan_ways'::regnamespace AND relkind = 'r';
CREATE FUNCTION steps(script text) RETURNS TABLE (kind text, command text, lock_mode text, scans boolean)
    LANGUAGE sql AS 'SELECT kind, command, lock_mode, scans FROM ec_plan(script)';
CREATE FUNCTION reasons(script text) RETURNS TABLE (rule text, severity text, detail text, recipe text)
    LANGUAGE sql AS 'SELECT rule, severity, detail, recipe FROM ec_lint(script)';

-- a type that leaves the rows as they are: CHECKs are made anew, those that are not valid are left to the server
SELECT * FROM steps('ALTER TABLE big ALTER COLUMN amount TYPE numeric(14, 2)');
SELECT * FROM steps('ALTER TABLE big DROP CONSTRAINT both_, ALTER mail TYPE varchar');
SELECT * FROM steps('ALTER TABLE base ALTER n TYPE varchar(20); DROP TABLE other_heir; ALTER TABLE base ALTER n TYPE varchar(30)');
-- an index that has to be built anew
SELECT * FROM reasons('ALTER TABLE big ALTER code TYPE varchar(40)');
SELECT * FROM reasons('ALTER TABLE parted ALTER name TYPE varchar(40)');

-- values that are the same when computed again
SELECT * FROM steps('UPDATE big SET mail = lower(trim(mail))');
SELECT * FROM steps($$ UPDATE big SET mail = nullif(btrim(mail), ''), code = coalesce(code, 'none') WHERE id > 3 $$);
SELECT count(*) FROM ec_plan($$ UPDATE big SET mail = lower(mail) $$) WHERE kind = 'job';
-- and values that need not be
SELECT statement, count(*) FILTER (WHERE kind = 'job') FROM ec_plan($$
    UPDATE big SET mail = lower(btrim(mail, 'a'));
    UPDATE big SET mail = upper(lower(mail));
    UPDATE big SET mail = lower(code), code = mail;
    UPDATE big SET mail = lower(code || mail);
    UPDATE big SET mail = lower(coalesce(mail, 'N'));
    UPDATE big SET mail = coalesce(mail, code), code = 'x';
    UPDATE big SET id = coalesce(id + 1, 0);
    UPDATE big SET mail = plan_ways.lower(mail); $$) GROUP BY statement ORDER BY statement;

-- a domain's default is a default
SELECT rule, severity FROM ec_lint('ALTER TABLE big ADD COLUMN more lucky NOT NULL');
-- a child that has the column
SELECT * FROM reasons('ALTER TABLE base ADD COLUMN own integer DEFAULT one()');
-- what validates is apart from what locks
SELECT * FROM steps($$ ALTER TABLE big VALIDATE CONSTRAINT late; ALTER TABLE big ALTER id SET DEFAULT 3; ALTER TABLE big ALTER id DROP DEFAULT $$);
-- nothing is printed that cannot be run
SELECT rule, severity, recipe FROM ec_lint($$ ALTER DOMAIN lucky ADD CONSTRAINT little CHECK (VALUE < 100); UPDATE big SET id = id + 1 $$);
DROP SCHEMA plan_ways CASCADE;
