-- What counts as equal, type by type: the same in ec_checksum, between two columns and between two tables.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA kinds;
SET search_path = kinds, public;
CREATE DOMAIN percent AS numeric CHECK (VALUE <= 100);
CREATE DOMAIN percents AS percent[];
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (n numeric, m mood, f float8);
CREATE DOMAIN good_pair AS pair CHECK ((VALUE).n > 0);
CREATE TYPE floatrange AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE TABLE thing (a int);

-- "columns" and "tables": what the two forms of ec_verify say
CREATE FUNCTION judge(type text, a text, b text, OUT checksum boolean, OUT columns boolean, OUT tables boolean) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TEMP TABLE one (id int PRIMARY KEY, a %1$s, b %1$s)', type);
    EXECUTE format('CREATE TEMP TABLE two (id int PRIMARY KEY, v %s)', type);
    EXECUTE format('INSERT INTO one VALUES (1, %L, %L), (2, NULL, NULL), (3, %2$L, %2$L)', a, b);
    EXECUTE format('INSERT INTO two VALUES (1, %L), (2, NULL), (3, %1$L)', b);
    EXECUTE 'SELECT ec_checksum(a) = ec_checksum(b) FROM one' INTO checksum;
    SELECT ok INTO columns FROM ec_verify('one', '{"b": "a"}');
    SELECT ok INTO tables FROM ec_verify('one', 'two', '{"v": "a"}');
    DROP TABLE one, two;
END $$;

CREATE TABLE cases (n int GENERATED ALWAYS AS IDENTITY, type text, a text, b text, equal boolean);
INSERT INTO cases (type, a, b, equal) VALUES
    ('numeric', '1.0', '1.00', true), ('numeric', '1', '-1', false), ('numeric', 'NaN', 'NaN', true), ('numeric', 'NaN', 'Infinity', false), ('numeric', '0', '-0.00', true),
    ('float8', '0', '-0', true), ('float8', 'NaN', 'NaN', true), ('float8', '0.1', '0.10000000000000001', true), ('float8', '0.1', '0.10000000000000002', false),
    ('float4', '0', '-0', true), ('float4', 'Infinity', '-Infinity', false),
    ('int2', '-1', '-1', true), ('int4', '7', '8', false), ('int8', '1', '4294967297', false), ('oid', '7', '7', true), ('bool', 't', 'f', false), ('"char"', 'a', 'b', false),
    ('char(6)', 'a', 'a  ', true), ('varchar(6)', 'a', 'a ', false), ('text', '', ' ', false), ('text', 'a', 'A', false), ('name', 'n', 'n', true), ('bytea', '\x00', '\x', false),
    ('date', '2026-01-02', '2026-01-02', true), ('time', '00:00', '24:00', false), ('timetz', '12:00+02', '11:00+01', false), ('timestamp', 'infinity', '-infinity', false),
    ('timestamptz', '2026-01-02 03:04:05+00', '2026-01-02 05:04:05+02', true), ('timestamptz', '2026-01-02 03:04:05+00', '2026-01-02 03:04:05+02', false),
    ('interval', '1 month', '30 days', true), ('interval', '1 day', '24:00', true), ('interval', '1 month', '31 days', false),
    ('uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{A0EEBC999C0B4EF8BB6D6BB9BD380A11}', true), ('money', '1', '1.00', true),
    ('inet', '10.0.0.1/8', '10.0.0.1/16', false), ('cidr', '10.0.0.0/8', '10/8', true), ('macaddr', '08:00:2b:01:02:03', '08002b010203', true),
    ('percent', '50', '50.0', true), ('percent', '50', '51', false), ('percents', '{1,NULL}', '{1.0,NULL}', true), ('good_pair', '(1,sad,0)', '(1.0,sad,-0)', true), ('good_pair', '(1,sad,0)', '(1,ok,0)', false),
    ('mood', 'sad', 'sad', true), ('mood', 'sad', 'happy', false), ('mood[]', '{sad,NULL}', '{sad,NULL}', true), ('mood[]', '{sad,NULL}', '{NULL,sad}', false),
    ('numeric[]', '{1.0,2}', '{1,2.00}', true), ('int[]', '[0:1]={1,2}', '{1,2}', false), ('int[]', '{}', '{NULL}', false), ('float8[]', '{0}', '{-0}', true), ('text[]', '{NULL}', '{""}', false),
    ('pair', '(1.0,ok,-0)', '(1,ok,0)', true), ('pair', '(1,,)', '(1,sad,)', false), ('pair', '(,,)', '(1,,)', false), ('pair[]', '{"(1.0,ok,-0)"}', '{"(1,ok,0)"}', true),
    ('int4range', '[1,2]', '[1,3)', true), ('numrange', '[1.0,2]', '[1,2.0]', true), ('numrange', '[1,2]', '[1,2)', false), ('numrange', 'empty', '(3,3)', true), ('numrange', '(,1]', '(,1)', false),
    ('floatrange', '[-0,1)', '[0,1)', true), ('int4multirange', '{[1,2),[2,3)}', '{[1,3)}', true), ('nummultirange', '{[1,2]}', '{[1,2)}', false), ('datemultirange', '{}', '{}', true),
    ('jsonb', '{"a": 1.0, "b": [null]}', '{"b": [null], "a": 1}', true), ('jsonb', '{"a": 1}', '{"a": "1"}', false), ('jsonb', '[1, -1]', '[1, 1]', false), ('jsonb', 'null', '[]', false),
    ('json', '{"a":1}', '{"a":1}', true), ('json', '{"a":1}', '{"a": 1}', false), ('xml', '<a/>', '<a/>', true), ('xml', '<a/>', '<a></a>', false), ('jsonpath', '$.a', '$."a"', true),
    ('point', '(1,2)', '(1.0,2)', true), ('point', '(1,2)', '(2,1)', false), ('line', '{1,2,3}', '{1,2,4}', false), ('lseg', '[(0,0),(1,1)]', '[(0,0),(1,1)]', true), ('path', '((0,0),(1,1))', '[(0,0),(1,1)]', false),
    ('polygon', '((0,0),(1,1))', '((0,0),(1,2))', false), ('box', '(1,1),(0,0)', '(0,0),(1,1)', true), ('circle', '<(0,0),1>', '<(0,0),2>', false),
    ('bit(3)', '101', '100', false), ('varbit', '1', '10', false), ('varbit', '101', '101', true), ('tsvector', 'a b', 'b a', true), ('tsvector', 'a:1 b', 'a:2 b', false), ('tsquery', 'a & b', 'a & b', true), ('tsquery', 'a & b', 'a | b', false),
    ('pg_lsn', '0/10', '0/010', true), ('xid', '7', '8', false), ('xid8', '7', '7', true), ('tid', '(0,1)', '(1,0)', false), ('pg_snapshot', '10:20:10', '10:20:11', false),
    ('regclass', 'thing', 'kinds.thing', true), ('regclass', 'thing', 'pg_class', false), ('regtype', 'int', 'int4', true), ('regtype', 'mood', 'pair', false), ('regprocedure', 'lower(text)', 'upper(text)', false),
    ('regrole', 'pg_monitor', 'pg_monitor', true), ('regnamespace', 'kinds', 'public', false), ('aclitem', 'pg_monitor=r/pg_monitor', 'pg_monitor=r/pg_monitor', true);

-- where the three do not agree with each other, or with what is said above: none
SELECT c.*, j.* FROM cases c, judge(type, a, b) j
 WHERE ARRAY[checksum, columns, tables] IS DISTINCT FROM ARRAY[equal, equal, equal] ORDER BY n;
SELECT count(*) > 90 AS cases, count(DISTINCT type) > 60 AS types FROM cases;

-- boxes are equal by = when their areas are; their values are not, and rows are about values
SELECT j.* FROM judge('box', '(0,0),(1,4)', '(0,0),(2,2)') j;

-- no setting of the session makes a difference
CREATE TABLE at (id int PRIMARY KEY, ts timestamptz, i interval, f float8, b bytea, p point);
INSERT INTO at VALUES (1, '2026-07-01 12:00+00', '1 year 2 days 03:04:05', 0.1::float8 + 0.2, '\xdead', '(0.30000000000000004,1)');
CREATE TABLE told AS SELECT checksum_source FROM ec_verify('at', 'at', '{"ts": "ts", "i": "i", "f": "f", "b": "b", "p": "p"}');
SET timezone = 'Pacific/Chatham';
SET datestyle = 'German';
SET intervalstyle = 'iso_8601';
SET extra_float_digits = -10;
SET bytea_output = 'escape';
SELECT v.checksum_source = told.checksum_source AS same FROM told, ec_verify('at', 'at', '{"ts": "ts", "i": "i", "f": "f", "b": "b", "p": "p"}') v;
SELECT ok FROM ec_verify('at', '{"ts": "timestamptz ''2026-07-01 12:00+00''", "i": "interval ''P1Y2DT3H4M5S''"}');
-- and what is recorded has one form
SELECT id FROM ec_verify('at', '{"ts": "ts - interval ''1 hour''", "i": "i * 2", "b": "b || b", "f": "f + 1"}') \gset
SELECT key, column_name, source_value, target_value, repair FROM ec_mismatches WHERE verification = :id ORDER BY column_name;
SELECT id FROM ec_verify('at', 'at', '{"ts": "ts", "i": "i * 2"}', '{f, ts}') \gset
SELECT key, column_name, source_value, target_value, repair FROM ec_mismatches WHERE verification = :id ORDER BY column_name;
RESET ALL;
SET client_min_messages = warning;

DROP SCHEMA kinds CASCADE;
