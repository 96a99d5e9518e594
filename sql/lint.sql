-- ec_lint: what breaks running code, loses data or holds others up.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA regress_lint;
SET search_path = regress_lint, public;
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
SET TimeZone = 'UTC';

-- more than 8 MB, and less
CREATE TABLE big (id integer PRIMARY KEY, name varchar(50), price numeric(10,2), at timestamp, day date,
                  tags varchar(10)[], filler text);
ALTER TABLE big ALTER filler SET STORAGE PLAIN;
INSERT INTO big (id, filler) SELECT g, repeat('x', 8000) FROM generate_series(1, 1100) g;
CREATE TABLE small (id integer PRIMARY KEY, name varchar(50), big integer, CHECK (name > 'a'));
CREATE INDEX ON small (lower(name));
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN plain AS integer;
CREATE FUNCTION volatile_one() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION stable_one() RETURNS integer LANGUAGE plpgsql STABLE AS 'BEGIN RETURN 1; END';
CREATE VIEW v AS SELECT id FROM big;
CREATE MATERIALIZED VIEW m AS SELECT id FROM small;

-- every rule, and what is no reason for one
SELECT n, s AS script, l.rule, l.severity, l.relation, l.lock_mode, l.rewrites, l.scans
  FROM unnest(ARRAY[
    'ALTER TABLE big DROP COLUMN name, DROP COLUMN price', 'ALTER TABLE big ADD COLUMN x integer',
    'ALTER TABLE big ADD COLUMN x integer DEFAULT 1 NOT NULL', 'ALTER TABLE big ADD COLUMN x integer NOT NULL',
    'ALTER TABLE big ADD COLUMN x timestamptz DEFAULT now()', 'ALTER TABLE big ADD COLUMN x integer DEFAULT stable_one()',
    'ALTER TABLE big ADD COLUMN x integer DEFAULT 1 + volatile_one()', 'ALTER TABLE big ADD COLUMN x double precision DEFAULT random()',
    'ALTER TABLE big ADD COLUMN x serial', 'ALTER TABLE big ADD COLUMN x integer GENERATED ALWAYS AS IDENTITY',
    'ALTER TABLE big ADD COLUMN x integer GENERATED ALWAYS AS (id + 1) STORED', 'ALTER TABLE big ADD COLUMN x positive',
    'ALTER TABLE big ADD COLUMN x plain', 'ALTER TABLE big ADD COLUMN x integer CHECK (x > 0)',
    'ALTER TABLE big ADD COLUMN x integer UNIQUE', 'ALTER TABLE big ADD COLUMN x integer REFERENCES small',
    'ALTER TABLE big ADD COLUMN x integer DEFAULT 1 REFERENCES small', 'ALTER TABLE big ADD COLUMN IF NOT EXISTS id integer NOT NULL',
    'ALTER TABLE big ALTER name SET NOT NULL', 'ALTER TABLE big ALTER id SET NOT NULL', 'ALTER TABLE big ALTER nothing SET NOT NULL',
    'ALTER TABLE big ADD CONSTRAINT c CHECK (id > 0)', 'ALTER TABLE big ADD CONSTRAINT c CHECK (id > 0) NOT VALID',
    'ALTER TABLE big VALIDATE CONSTRAINT c',
    'ALTER TABLE big ADD CONSTRAINT c CHECK (id > 0) NOT VALID; ALTER TABLE big VALIDATE CONSTRAINT c',
    'ALTER TABLE big ADD FOREIGN KEY (id) REFERENCES small', 'ALTER TABLE big ADD FOREIGN KEY (id) REFERENCES small NOT VALID',
    'ALTER TABLE big ADD UNIQUE (name)', 'ALTER TABLE big ADD UNIQUE USING INDEX i', 'ALTER TABLE small ADD PRIMARY KEY (id)',
    'ALTER TABLE big ADD EXCLUDE (name WITH =)', 'ALTER TABLE big SET UNLOGGED', 'ALTER TABLE big SET TABLESPACE x',
    'ALTER TABLE big SET (fillfactor = 70)', 'ALTER TABLE big ALTER id SET DEFAULT random()', 'ALTER TABLE big ALTER name DROP NOT NULL',
    'ALTER TABLE big ATTACH PARTITION small FOR VALUES IN (1)', 'ALTER TABLE big DETACH PARTITION small',
    'ALTER TABLE big DETACH PARTITION small CONCURRENTLY',
    'CREATE INDEX ON big (name)', 'CREATE INDEX CONCURRENTLY i ON big (name)', 'CREATE UNIQUE INDEX i ON small (name)', 'CREATE INDEX ON nowhere (x)',
    'DROP INDEX big_pkey', 'DROP INDEX CONCURRENTLY big_pkey', 'REINDEX TABLE big', 'REINDEX INDEX CONCURRENTLY big_pkey', 'REINDEX INDEX big_pkey',
    'VACUUM FULL big', 'VACUUM (FULL false) big', 'VACUUM FULL', 'CLUSTER big USING big_pkey', 'CLUSTER',
    'REFRESH MATERIALIZED VIEW m', 'REFRESH MATERIALIZED VIEW CONCURRENTLY m',
    'UPDATE big SET name = ''x''', 'UPDATE big SET name = ''x'' WHERE id = 1', 'UPDATE small SET name = ''x''',
    'DROP TABLE big, small', 'DROP VIEW v', 'DROP MATERIALIZED VIEW m', 'DROP FUNCTION stable_one', 'DROP TYPE mood', 'DROP SCHEMA s', 'DROP EXTENSION plpgsql',
    'DROP OWNED BY x', 'DROP SEQUENCE s', 'DROP TRIGGER t ON big', 'TRUNCATE big, small',
    'ALTER TABLE big RENAME TO large', 'ALTER TABLE big RENAME id TO key', 'ALTER VIEW v RENAME TO w', 'ALTER FUNCTION stable_one RENAME TO two',
    'ALTER TYPE mood RENAME TO feeling', 'ALTER TYPE mood RENAME VALUE ''ok'' TO ''fine''', 'ALTER TYPE mood ADD VALUE ''great''', 'ALTER SCHEMA s RENAME TO t',
    'ALTER DOMAIN plain SET NOT NULL', 'ALTER DOMAIN plain ADD CHECK (VALUE > 0)', 'ALTER DOMAIN plain ADD CHECK (VALUE > 0) NOT VALID',
    'CREATE TABLE new (id integer); CREATE INDEX ON new (id); ALTER TABLE new ALTER id SET NOT NULL, ALTER id TYPE text; TRUNCATE new; DROP TABLE new',
    'CREATE TABLE other.big (id integer); DROP TABLE big', 'CREATE TABLE IF NOT EXISTS big (id integer); CREATE INDEX ON big (id)',
    'CREATE SCHEMA later CREATE TABLE t (id integer)', 'ALTER TABLE later.t DROP COLUMN id', 'INSERT INTO big VALUES (0)', 'SELECT 1'
  ]) WITH ORDINALITY AS u (s, n)
  LEFT JOIN LATERAL ec_lint(s) l ON true
 ORDER BY n, l.statement, l.rule;

-- types: what is kept, what is free, as the server does it (it rewrote: a new file)
CREATE TABLE types (i2 smallint, i4 integer, i8 bigint, f4 real, n numeric(10,2), n_any numeric, c char(5), v varchar(10), v_any varchar,
                    t text, ts timestamp, ts3 timestamp(3), tz timestamptz, d date, b bit(3), vb varbit(3), iv interval, cid cidr,
                    va varchar(10)[], j json, m mood, pd plain, u uuid);
INSERT INTO types DEFAULT VALUES;
CREATE FUNCTION really_rewrites(script text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE file oid := pg_relation_filenode('types'); result text;
BEGIN
    EXECUTE script;
    RAISE EXCEPTION USING ERRCODE = 'XX999', MESSAGE = (pg_relation_filenode('types') <> file)::text;
EXCEPTION WHEN SQLSTATE 'XX999' THEN
    RETURN SQLERRM;
WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
SELECT c AS change, coalesce(l.rule, '') AS rule, coalesce(l.rewrites, false) AS rewrites,
       really_rewrites(s) AS really
  FROM unnest('{i2 integer,i4 bigint,i4 smallint,i4 numeric,"i4 numeric(12,2)","i4 numeric(11,2)","i8 double precision","f4 double precision",i4 oid,i4 text,
       "n numeric(12,2)","n numeric(12,4)","n numeric(10,4)","n numeric(11,3)",n numeric,"n numeric(8,2)","n_any numeric(10,2)",n integer,
       "c char(8)",c text,"c varchar(5)","v varchar(20)",v text,v varchar,"v varchar(5)","v char(10)","v_any varchar(10)",t varchar,"t varchar(10)",
       ts timestamptz,tz timestamp,"ts3 timestamp(4)","ts timestamp(3)","ts3 timestamptz(3)",d timestamp,
       b bit(4),vb varbit(4),vb varbit(2),iv interval(3),cid inet,va varchar(20)[],va varchar(5)[],va text[],j jsonb,m text,t mood,pd integer,i4 plain,i4 positive,
       u text,i4 integer}'::text[]) WITH ORDINALITY AS u (c, n),
  LATERAL (SELECT format('ALTER TABLE types ALTER %I TYPE %s', split_part(c, ' ', 1), substr(c, strpos(c, ' ') + 1))
                  || CASE WHEN c IN ('t mood') THEN ' USING t::mood' ELSE '' END AS s) x
  LEFT JOIN LATERAL ec_lint(s) l ON true
 ORDER BY n;
-- an expression of one's own, an index or a constraint on the column, a type that is not there yet
SELECT s AS script, l.rule, l.rewrites, l.scans, really_rewrites(s) AS really
  FROM unnest(ARRAY['ALTER TABLE types ALTER v TYPE text USING lower(v)', 'ALTER TABLE types ALTER v TYPE text USING v::text',
                    'ALTER TABLE types ALTER v TYPE nothing', 'ALTER TABLE types ALTER nothing TYPE text', 'ALTER TABLE nothing ALTER x TYPE text',
                    'ALTER TABLE small ALTER name TYPE text']) s
  LEFT JOIN LATERAL ec_lint(s) l ON true;

-- proof that a column has no NULL: as the server sees it
CREATE TABLE proof (a integer, b integer, c integer, d integer, e integer, f integer, g integer, h integer,
    i integer, j integer,
    CHECK (a IS NOT NULL), CHECK (NOT (b IS NULL)), CHECK (c IS NOT NULL AND c > 0), CHECK (d > 0),
    CHECK (f IS NOT NULL OR g IS NOT NULL), CHECK (NOT (h IS NULL OR h < 0)), CHECK (NOT (i IS NULL AND j > 0)),
    CHECK (j IS NOT NULL AND j > 0 OR j < 5 AND j IS NOT NULL));
ALTER TABLE proof ADD CONSTRAINT later CHECK (e IS NOT NULL) NOT VALID;
ALTER EVENT TRIGGER expand_contract_note_ddl DISABLE; -- talkative at this level
ALTER EVENT TRIGGER expand_contract_note_partitions DISABLE;
SET client_min_messages = debug1;
\set VERBOSITY terse
SELECT c AS column, coalesce(l.rule, '') AS rule FROM unnest('{a,b,c,d,e,f,g,h,i,j}'::text[]) c
  LEFT JOIN LATERAL ec_lint('ALTER TABLE proof ALTER ' || c || ' SET NOT NULL') l ON true;
BEGIN;
ALTER TABLE proof ALTER a SET NOT NULL;
ALTER TABLE proof ALTER b SET NOT NULL;
ALTER TABLE proof ALTER c SET NOT NULL;
ALTER TABLE proof ALTER d SET NOT NULL;
ALTER TABLE proof ALTER e SET NOT NULL;
ALTER TABLE proof ALTER f SET NOT NULL;
ALTER TABLE proof ALTER g SET NOT NULL;
ALTER TABLE proof ALTER h SET NOT NULL;
ALTER TABLE proof ALTER i SET NOT NULL;
ALTER TABLE proof ALTER j SET NOT NULL;
ROLLBACK;
ALTER TABLE proof VALIDATE CONSTRAINT later;
SET client_min_messages = warning;
ALTER EVENT TRIGGER expand_contract_note_ddl ENABLE;
ALTER EVENT TRIGGER expand_contract_note_partitions ENABLE;
\set VERBOSITY default
SELECT count(*) FROM ec_lint('ALTER TABLE proof ALTER e SET NOT NULL');

-- it runs nothing, and what only others may use is no error: a script may become one of them
CREATE FUNCTION trap(integer) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped'; END $$;
CREATE TYPE odd AS (i integer);
CREATE FUNCTION to_odd(integer) RETURNS odd IMMUTABLE LANGUAGE sql AS 'SELECT ROW(CASE WHEN trap(1) THEN 1 END)::odd';
CREATE CAST (integer AS odd) WITH FUNCTION to_odd(integer) AS ASSIGNMENT;
CREATE TABLE traps (a integer, b integer, CHECK (trap(1) AND a IS NOT NULL));
SELECT a, coalesce(l.rule, '') FROM unnest('{a SET NOT NULL,b SET NOT NULL,b TYPE odd}'::text[]) a
  LEFT JOIN LATERAL ec_lint('ALTER TABLE traps ALTER ' || a) l ON true;
CREATE SCHEMA regress_closed CREATE TABLE t (id integer);
CREATE DOMAIN regress_closed.d AS integer;
CREATE ROLE regress_ec_outsider;
GRANT USAGE ON SCHEMA regress_lint TO regress_ec_outsider;
SET ROLE regress_ec_outsider;
SELECT l.statement, l.rule, l.relation::oid > 0 AS found FROM ec_lint($$
    ALTER TABLE regress_closed.t ADD x integer DEFAULT regress_closed.f(), ADD y regress_closed.d, ALTER id TYPE regress_closed.d, DROP COLUMN id;
    ALTER TABLE regress_none.t ADD x regress_none.d DEFAULT regress_none.f() $$) l;
RESET ROLE;
DROP OWNED BY regress_ec_outsider;
DROP ROLE regress_ec_outsider;

-- the recipes
SELECT rule, detail, recipe FROM ec_lint($$
    ALTER TABLE big ALTER name SET NOT NULL, ADD CHECK (id > 0), ADD CONSTRAINT "Fk" FOREIGN KEY (id) REFERENCES small,
        ADD COLUMN x uuid DEFAULT gen_random_uuid(), ALTER price TYPE integer;
    CREATE UNIQUE INDEX i ON big (name);
    REINDEX INDEX big_pkey;
    UPDATE big SET name = 'x' $$) \gx
-- a recipe is safe
SELECT count(*) FROM ec_lint('CREATE UNIQUE INDEX i ON big (name)') f, LATERAL ec_lint(f.recipe);

-- partitions count together
CREATE TABLE parted (id integer, filler text) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (1000);
ALTER TABLE parted_1 ALTER filler SET STORAGE PLAIN;
SELECT severity FROM ec_lint('CREATE INDEX ON parted (id)');
INSERT INTO parted SELECT g % 1000, repeat('x', 8000) FROM generate_series(1, 1100) g;
SELECT severity FROM ec_lint('CREATE INDEX ON parted (id)');

-- phases, and what ec_apply refuses where there is no online way
SET expand_contract.online = off;
SELECT rule, severity FROM ec_lint('DROP TABLE big; CREATE INDEX ON big (id)', phase => 'contract');
SELECT errors_of($$ SELECT ec_apply('1', 'CREATE INDEX ON big (name)') $$);
SELECT errors_of($$ SELECT ec_apply('1', 'ALTER TABLE big ALTER name SET NOT NULL') $$);
SELECT errors_of($$ SELECT ec_apply('1', 'ALTER TABLE big ALTER price TYPE integer') $$);
SELECT errors_of($$ SELECT ec_apply('1', 'ALTER TABLE big ADD must integer NOT NULL') $$);
SELECT ec_apply('1', 'CREATE INDEX ON small (id); ALTER TABLE small ALTER name TYPE text; ALTER TABLE proof ALTER a SET NOT NULL', dry_run => true);
SELECT ec_apply('1', 'CREATE INDEX ON big (name); ALTER TABLE big ALTER name SET NOT NULL', allow => '{create_index,set_not_null}', dry_run => true);
SELECT ec_apply('1', 'CREATE INDEX ON big (name); ALTER TABLE big ALTER name SET NOT NULL', phase => 'contract', dry_run => true);
-- every rule can be allowed
SELECT count(DISTINCT rule) FROM ec_lint('DROP TABLE big; VACUUM FULL big; CREATE INDEX ON big (id)') l,
  LATERAL (SELECT ec_apply('1', 'SELECT 1', allow => ARRAY[l.rule], dry_run => true)) a;

RESET expand_contract.online;

-- it reads, and no more: for everyone
CREATE ROLE regress_ec_linter;
GRANT USAGE ON SCHEMA regress_lint TO regress_ec_linter;
SET ROLE regress_ec_linter;
SELECT rule, relation FROM ec_lint('ALTER TABLE big DROP COLUMN id');
RESET ROLE;
DROP OWNED BY regress_ec_linter;
DROP ROLE regress_ec_linter;
SELECT errors_of($$ SELECT ec_lint(NULL) $$);
SELECT errors_of($$ SELECT ec_lint('SELECT 1', NULL) $$);
SELECT errors_of($$ SELECT ec_lint('SELECT 1', 'later') $$);
SELECT errors_of($$ SELECT ec_lint('SELEC 1') $$);
SELECT errors_of($$ SELECT ec_lint('') $$);

-- for the tests that follow
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
SET client_min_messages = error;
RESET search_path;
DROP SCHEMA regress_lint, regress_closed CASCADE;
