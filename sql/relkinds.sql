-- Every function that takes a table, with everything that is none: an error that
-- says so, and never one of the server's own troubles (XX000).
SET client_min_messages = error;
CREATE SCHEMA kinds;
SET search_path = kinds, public;
CREATE TABLE plain (id int PRIMARY KEY, a text, b text);
CREATE TABLE parted (id int PRIMARY KEY, a text, b text) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE SEQUENCE seq;
CREATE VIEW view AS SELECT * FROM plain;
CREATE MATERIALIZED VIEW matview AS SELECT * FROM plain;
CREATE TYPE composite AS (id int, a text, b text);
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE far (id int, a text, b text) SERVER nowhere;
CREATE TEMP TABLE temporary (id int PRIMARY KEY, a text, b text);
CREATE TABLE nothing ();
CREATE TABLE kind AS
    SELECT c.oid, c.relname::text AS name FROM pg_class c WHERE c.relnamespace = 'kinds'::regnamespace
     UNION ALL SELECT reltoastrelid, 'toast table' FROM pg_class WHERE oid = 'plain'::regclass
     UNION ALL SELECT (SELECT indexrelid FROM pg_index WHERE indrelid = c.reltoastrelid), 'toast index' FROM pg_class c WHERE c.oid = 'plain'::regclass
     UNION ALL SELECT 'temporary'::regclass, 'temporary table'
     UNION ALL SELECT 'pg_class'::regclass, 'catalog' UNION ALL SELECT 'pg_class_oid_index'::regclass, 'catalog index'
     UNION ALL SELECT 'pg_database'::regclass, 'shared catalog' UNION ALL SELECT 'expand_contract.jobs'::regclass, 'our own table'
     UNION ALL SELECT 0, 'OID 0' UNION ALL SELECT 4294967295, 'missing OID' UNION ALL SELECT 1, 'OID 1'
     UNION ALL SELECT NULL, 'NULL';
CREATE FUNCTION outcome(command text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    -- undone, whatever it did
    BEGIN
        EXECUTE command;
        RAISE EXCEPTION USING ERRCODE = '00001';
    EXCEPTION WHEN OTHERS THEN
        RETURN SQLSTATE || CASE SQLSTATE WHEN 'XX000' THEN ' ' || SQLERRM ELSE '' END;
    END;
END $$;
-- the calls, with the kinds in each place
CREATE TABLE call (command text);
INSERT INTO call VALUES
    ('ec_track(%1$s)'), ('ec_untrack(%1$s)'), ('ec_track(%1$s, ''{a}'')'), ('ec_untrack(%1$s, ''{a}'')'),
    ('ec_advise(%1$s)'), ('ec_blockers(%1$s)'),
    ('ec_backfill(%1$s, ''a = b'')'), ('ec_backfill(%1$s, ''a = b'', method => ''key'')'), ('ec_backfill(%1$s, ''a = b'', method => ''blocks'')'),
    ('ec_copy(%1$s, ''plain'', ''{"id": "id", "a": "a"}'')'), ('ec_copy(''plain'', %1$s, ''{"id": "id", "a": "a"}'')'), ('ec_copy(%1$s, %1$s, ''{"id": "id"}'')'),
    ('ec_copy(%1$s, ''plain'', ''{"id": "id", "a": "a"}'', ''{id}'', ''repair'', method => ''key'')'),
    ('ec_verify(%1$s, ''{"a": "b"}'')'), ('ec_verify(%1$s, ''plain'', ''{"id": "id", "a": "a"}'')'), ('ec_verify(''plain'', %1$s, ''{"id": "id", "a": "a"}'')'),
    ('ec_verify(''plain'', %1$s, ''{"id": "id", "a": "a"}'', ''{id}'')'),
    ('ec_expand(''k'', %1$s, ''{"b": "a"}'')'), ('ec_expand(''k'', %1$s, ''{"b": "a"}'', on_error => ''raise'')'),
    ('ec_expand(''k'', ''plain'', ''{"id": "id", "a": "a"}'', target => %1$s)'), ('ec_expand(''k'', %1$s, ''{"id": "id", "a": "a"}'', target => ''plain'')'),
    ('ec_expand(''k'', %1$s, ''{"id": "id", "a": "a"}'', target => ''plain'', on_error => ''raise'')'),
    ('ec_adopt(''rails'', %1$s)'), ('ec_adopt(''flyway'', %1$s)'), ('ec_adopt(''goose'', %1$s)');
CREATE TABLE result AS
    SELECT c.command, k.name, outcome('SELECT * FROM ' || format(c.command, CASE WHEN k.oid IS NULL THEN 'NULL::regclass' ELSE k.oid || '::oid::regclass' END)) AS outcome
      FROM call c, kind k;
SELECT count(*) > 500 AS many FROM result;
SELECT command, name, outcome FROM result WHERE outcome LIKE 'XX%' ORDER BY 1, 2;
-- no job, change or role that is none
SELECT command, outcome(command) FROM unnest(ARRAY[
    'SELECT ec_pause(-1)', 'SELECT ec_resume(9223372036854775807)', 'SELECT ec_cancel(0)', 'SELECT ec_configure(-9223372036854775808)',
    'SELECT ec_grant(0)', 'SELECT ec_grant(4294967295)', 'SELECT ec_grant(1)']) command;
RESET search_path;
DROP SCHEMA kinds CASCADE;
DROP FOREIGN DATA WRAPPER nothing CASCADE;
