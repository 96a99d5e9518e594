-- ec_plan: the steps of a script; and the recipes of the lint, which are those steps.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA "plan ""b'c;--";
SET search_path = "plan ""b'c;--", public;
CREATE TABLE "Big" (id integer NOT NULL, "a,b" integer, name text, at date, CONSTRAINT old CHECK ("a,b" > 0));
CREATE TABLE small (id integer PRIMARY KEY);
CREATE TABLE target (id integer PRIMARY KEY);
CREATE TABLE parted (id integer NOT NULL, v integer) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE part_2 PARTITION OF parted FOR VALUES FROM (10) TO (20) PARTITION BY LIST (id);
CREATE TABLE part_2a PARTITION OF part_2 DEFAULT;
CREATE TABLE rest (id integer NOT NULL, v integer) PARTITION BY RANGE (id);
CREATE TABLE rest_default PARTITION OF rest DEFAULT;
CREATE TABLE candidate (id integer NOT NULL, v integer);
CREATE INDEX rest_v ON rest (v);
CREATE FUNCTION one() RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION steps(script text, OUT step integer, OUT statement integer, OUT kind text, OUT command text, OUT lock_mode text, OUT scans boolean)
    RETURNS SETOF record LANGUAGE sql
    AS 'SELECT step, statement, kind, command, lock_mode, scans FROM ec_plan(script)';
-- what the statistics say is enough
CREATE FUNCTION enlarge() RETURNS void LANGUAGE sql AS $$
    UPDATE pg_class SET relpages = 100000, reltuples = 5000000
     WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND relkind = 'r' AND relname NOT IN ('small', 'target') $$;
INSERT INTO "Big" SELECT i, i, 'n', '2026-01-01' FROM generate_series(1, 20) i;
INSERT INTO parted SELECT i, i FROM generate_series(1, 19) i;
INSERT INTO rest SELECT i, i FROM generate_series(1, 20) i;
INSERT INTO candidate SELECT i, i FROM generate_series(101, 120) i;
SELECT enlarge();
\pset format unaligned
\pset footer off

-- what is small, new or brief stays as it is, in one transaction
SELECT * FROM steps($$ ALTER TABLE small ADD CHECK (id > 0); CREATE INDEX ON small (id); CREATE TABLE fresh (id integer);
    CREATE INDEX ON fresh (id); ALTER TABLE "Big" ADD COLUMN x integer DEFAULT 1 $$);
-- indexes, with the names that the server would choose
SELECT * FROM steps($$ CREATE INDEX ON "Big" ("a,b", lower(name)) WHERE id > 0; CREATE /* INDEX */ INDEX ON "Big" ("a,b", lower(name));
    CREATE UNIQUE INDEX ON parted (id); SELECT 1; SELECT 2 $$);
-- constraints, and several commands in one statement
SELECT * FROM steps($$ ALTER TABLE "Big" ADD CHECK ("a,b" > 0 AND name <> ','), ADD CHECK ("a,b" > 1), ALTER name SET NOT NULL,
    DROP CONSTRAINT old, ADD FOREIGN KEY ("a,b") REFERENCES target ON DELETE CASCADE DEFERRABLE, ALTER name SET DEFAULT '(' $$);
SELECT * FROM steps('ALTER TABLE "Big" ADD PRIMARY KEY (id), ADD UNIQUE ("a,b") INCLUDE (at) WITH (fillfactor = 70) DEFERRABLE');
SELECT * FROM steps('ALTER TABLE parted ADD PRIMARY KEY (id)');
-- columns
SELECT * FROM steps($$ ALTER TABLE "Big" ADD COLUMN "t'k" uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE CHECK ("t'k" IS NOT NULL) $$);
SELECT * FROM steps('ALTER TABLE "Big" ADD s serial');
SELECT * FROM steps('ALTER TABLE "Big" ADD i bigint GENERATED ALWAYS AS IDENTITY (START 10 INCREMENT 5)');
SELECT * FROM steps('ALTER TABLE "Big" ADD z integer DEFAULT 1 CHECK (z > 0) REFERENCES target');
-- partitions
SELECT * FROM steps('ALTER TABLE rest ATTACH PARTITION candidate FOR VALUES FROM (100) TO (200)');
SELECT * FROM steps('CREATE TABLE rest_1 PARTITION OF rest FOR VALUES FROM (100) TO (200)');
SELECT * FROM steps('ALTER TABLE parted DETACH PARTITION part_1');
-- a long read is kept apart from strong locks
SELECT * FROM steps('ALTER TABLE "Big" ADD COLUMN x integer; ALTER TABLE "Big" ADD CONSTRAINT late CHECK (id > 0) NOT VALID; ALTER TABLE "Big" VALIDATE CONSTRAINT late');

-- SET LOCAL would end with the first step
SELECT command, detail FROM ec_plan('SET LOCAL search_path = pg_catalog; CREATE INDEX ON "plan ""b''c;--"."Big" (id)');
SELECT rule, severity, detail FROM ec_lint('SET LOCAL search_path = pg_catalog; CREATE INDEX ON "plan ""b''c;--"."Big" (id)');
SELECT kind FROM ec_plan('SET LOCAL lock_timeout = 100; CREATE INDEX ON "Big" (id)');

-- a statement that has no online way is an error, the others are notices
SELECT rule, severity, detail FROM ec_lint('ALTER TABLE "Big" ADD EXCLUDE (id WITH =); ALTER TABLE "Big" ADD g integer GENERATED ALWAYS AS (id) STORED; CREATE INDEX ON "Big" (id)');
SET expand_contract.online = off;
SELECT rule, severity FROM ec_lint('ALTER TABLE "Big" ADD EXCLUDE (id WITH =); ALTER TABLE "Big" ADD CHECK (id > 0); CREATE INDEX ON "Big" (id); ALTER TABLE small ADD CHECK (id > 0)');
SELECT ec_apply('p001', 'ALTER TABLE "Big" ADD CHECK (id > 0)', dry_run => true);
RESET expand_contract.online;
-- the recipe of a statement is its steps
SELECT recipe FROM ec_lint('ALTER TABLE "Big" ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid()') WHERE rule = 'rewrite_table' \gset
SET expand_contract.backfill_delay = 0;
\o /dev/null
\set ECHO none
:recipe
\set ECHO all
\o
SELECT count(DISTINCT token) FROM "Big";
SELECT attname, attnotnull FROM pg_attribute WHERE attrelid = '"Big"'::regclass AND attname = 'token';
SELECT conname FROM pg_constraint WHERE conrelid = '"Big"'::regclass AND contype = 'c' ORDER BY 1;

SELECT errors_of($$ SELECT * FROM ec_plan('SELECT 1; COMMIT') $$);
SELECT errors_of($$ SELECT * FROM ec_plan('CREATE TABEL t') $$);
SELECT errors_of($$ SELECT * FROM ec_plan('SELECT 1', 'later') $$);
DROP SCHEMA "plan ""b'c;--" CASCADE;
