-- The aggregate ec_checksum: one value for a set of rows, whatever their order.
SET client_min_messages = warning;
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
SET intervalstyle = 'postgres';
SET datestyle = 'ISO, MDY';

-- COUNT:32 hex digits; these values are the same on every supported version
SELECT ec_checksum(i, 'user' || i) FROM generate_series(1, 1000) i;
SELECT ec_checksum(i) FROM generate_series(1, 0) i;
SELECT ec_checksum(NULL::int);
SELECT ec_checksum(1.5::numeric, 1.5::float8, '2026-01-01'::date, '2026-01-01 00:00+00'::timestamptz,
                   '1 day'::interval, true, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid,
                   '{"a": [1, null, "x"]}'::jsonb, '{1,2}'::int[], '[1,5)'::int4range,
                   '\x00ff'::bytea, '10.0.0.1/8'::inet, '(1,2)'::point, B'101', '12.34'::money,
                   'a b'::tsvector, '<a/>'::xml, '{"a":1}'::json, '16/B374D848'::pg_lsn,
                   '$.a'::jsonpath, '12:00+02'::timetz, ROW(1, 'x'::text));

CREATE TABLE rows (id int, email text, note text);
INSERT INTO rows SELECT i, 'user' || i || '@example.com', CASE WHEN i % 5 <> 0 THEN 'note ' || i END
  FROM generate_series(1, 5000) i;
ANALYZE rows;

-- order does not matter
SELECT count(DISTINCT c) AS values FROM (
    SELECT ec_checksum(id, email, note ORDER BY id) c FROM rows
    UNION ALL SELECT ec_checksum(id, email, note ORDER BY email DESC) FROM rows
    UNION ALL SELECT ec_checksum(id, email, note) FROM (SELECT * FROM rows ORDER BY md5(email)) s) x;

-- serially and in parallel
SELECT ec_checksum(id, email, note) AS serial FROM rows \gset
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT ec_checksum(id, email, note) FROM rows;
SELECT ec_checksum(id, email, note) = :'serial' AS same_in_parallel FROM rows;
-- the whole row is a value like any other
EXPLAIN (COSTS OFF) SELECT ec_checksum(r) FROM rows r;
SELECT ec_checksum(r) AS parallel FROM rows r \gset
-- no worker finds a row
SELECT ec_checksum(id) FROM rows WHERE id < 0;
SET max_parallel_workers_per_gather = 0;
SELECT ec_checksum(r) = :'parallel' AS same_whole_rows FROM rows r;
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT ec_checksum(id, email, note) = :'serial' AS same_in_forced_worker FROM rows;
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');

-- what a checksum must not miss: each line differs from all others
CREATE TABLE damages (damage text, checksum text);
INSERT INTO damages SELECT 'none', ec_checksum(id, email, note) FROM rows;
INSERT INTO damages SELECT 'two rows swap one column', ec_checksum(id, CASE id WHEN 7 THEN 'user8@example.com' WHEN 8 THEN 'user7@example.com' ELSE email END, note) FROM rows;
INSERT INTO damages SELECT 'one row is missing', ec_checksum(id, email, note) FROM rows WHERE id <> 9;
INSERT INTO damages SELECT 'one row is there twice', ec_checksum(id, email, note) FROM (TABLE rows UNION ALL SELECT * FROM rows WHERE id = 9) x;
INSERT INTO damages SELECT 'one row is there twice, another one not', ec_checksum(id, email, note) FROM (SELECT * FROM rows WHERE id <> 10 UNION ALL SELECT * FROM rows WHERE id = 9) x;
INSERT INTO damages SELECT 'a pair instead of another pair', ec_checksum(id, email, note) FROM (SELECT * FROM rows WHERE id NOT IN (10, 11) UNION ALL SELECT * FROM rows WHERE id = 9 UNION ALL SELECT * FROM rows WHERE id = 9) x;
INSERT INTO damages SELECT 'NULL became empty', ec_checksum(id, email, coalesce(note, '')) FROM rows;
INSERT INTO damages SELECT 'one NULL became empty', ec_checksum(id, email, CASE WHEN id = 5 THEN '' ELSE note END) FROM rows;
INSERT INTO damages SELECT 'columns in another order', ec_checksum(id, note, email) FROM rows;
INSERT INTO damages SELECT 'a column less', ec_checksum(id, email) FROM rows;
INSERT INTO damages SELECT 'a leading NULL', ec_checksum(NULL::int, id, email, note) FROM rows;
INSERT INTO damages SELECT 'two leading NULLs', ec_checksum(NULL::int, NULL::int, id, email, note) FROM rows;
INSERT INTO damages SELECT 'a trailing NULL', ec_checksum(id, email, note, NULL::int) FROM rows;
INSERT INTO damages SELECT 'a border between two columns moved', ec_checksum(id, left(email, -1), right(email, 1) || note) FROM rows;
INSERT INTO damages SELECT 'a sign', ec_checksum(CASE id WHEN 3 THEN -3 ELSE id END, email, note) FROM rows;
SELECT count(*) AS damages, count(DISTINCT checksum) AS checksums FROM damages;
-- every swap of one column's values between two neighbours, each on its own
SELECT count(*) AS swaps, count(*) FILTER (WHERE before = after) AS missed FROM (
    SELECT s, ec_checksum(a, b) AS before, ec_checksum(a, CASE a WHEN 2 * s THEN b + 1 ELSE b - 1 END) AS after
      FROM generate_series(1, 5000) s, LATERAL (VALUES (2 * s, s), (2 * s + 1, s + 1)) v (a, b) GROUP BY s) x;

-- equal values are equal: each line must say t
CREATE FUNCTION c(anyelement) RETURNS text LANGUAGE sql AS 'SELECT ec_checksum($1)';
CREATE FUNCTION same(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT $1 = $2';
SELECT same(ec_checksum(1::int2), ec_checksum(1::int8)) AND same(ec_checksum((-1)::int4), ec_checksum((-1)::int8)) AS integers;
SELECT same(ec_checksum('a'::text), ec_checksum('a'::varchar(9))) AND same(ec_checksum('a'::text), ec_checksum('a'::name)) AS strings;
SELECT same(ec_checksum('a'::char(3)), ec_checksum('a'::char(9))) AS padding;
SELECT same(ec_checksum(1.0), ec_checksum(1.00)) AND same(ec_checksum(100::numeric), ec_checksum(1e2::numeric)) AS numerics;
SELECT same(ec_checksum('-0'::float8), ec_checksum('0'::float8)) AND same(ec_checksum('NaN'::float4), ec_checksum('NaN'::float8)) AND same(ec_checksum(1.5::float4), ec_checksum(1.5::float8)) AS floats;
SELECT same(ec_checksum('1 month'::interval), ec_checksum('30 days'::interval)) AND same(ec_checksum('1 day -1 hour'::interval), ec_checksum('23:00'::interval)) AS intervals;
SELECT same(ec_checksum('{"a": 1.0, "b": 2}'::jsonb), ec_checksum('{"b": 2.00, "a": 1}'::jsonb)) AS jsonbs;
SELECT same(ec_checksum('{1.0,2.0}'::numeric[]), ec_checksum('{1.00,2}'::numeric[])) AS arrays;
SELECT same(ec_checksum('[1,2]'::int4range), ec_checksum('[1,3)'::int4range)) AND same(ec_checksum('[1.0,2.0]'::numrange), ec_checksum('[1.00,2]'::numrange)) AS ranges;
SELECT same(ec_checksum('{[1,2),[2,3)}'::int4multirange), ec_checksum('{[1,3)}'::int4multirange)) AS multiranges;
SELECT same(ec_checksum('a'), ec_checksum('a'::text)) AS untyped_literal;
CREATE DOMAIN positive AS numeric CHECK (VALUE > 0);
SELECT same(ec_checksum(1.0::positive), ec_checksum(1.00)) AND same(ec_checksum(array[1.0::positive]), ec_checksum('{1}'::numeric[])) AS domains;

-- different values are different, also where the type's own hash is not
SELECT count(*) AS lines, count(*) FILTER (WHERE equal) AS wrong FROM (VALUES
    (same(c(-1.5), c(1.5))),
    (same(c('NaN'::numeric), c('Infinity'::numeric))),
    (same(c('-Infinity'::numeric), c('Infinity'::numeric))),
    (same(c('{-1}'::numeric[]), c('{1}'::numeric[]))),
    (same(c('{"a": -1}'::jsonb), c('{"a": 1}'::jsonb))),
    (same(c('[[1], 2]'::jsonb), c('[1, [2]]'::jsonb))),
    (same(c('"1"'::jsonb), c('1'::jsonb))),
    (same(c('[1]'::jsonb), c('1'::jsonb))),
    (same(c(1::int8), c(4294967296::int8))),
    (same(c('2000-01-01 00:00:00.000001'::timestamp), c('2000-01-01 01:11:34.967296'::timestamp))),
    (same(c('[0:1]={1,2}'::int[]), c('{1,2}'::int[]))),
    (same(c('{{1,2}}'::int[]), c('{{1},{2}}'::int[]))),
    (same(c('{}'::int[]), c('{NULL}'::int[]))),
    (same(c('{NULL,1}'::int[]), c('{1,NULL}'::int[]))),
    (same(c('{NULL}'::text[]), c('{""}'::text[]))),
    (same(c(ROW(NULL::int, 1)), c(ROW(1, NULL::int)))),
    (same(c(ROW(NULL::int)), c(NULL::record))),
    (same(c('[1,2)'::numrange), c('[1,2]'::numrange))),
    (same(c('[1,)'::numrange), c('(,1]'::numrange))),
    (same(c('empty'::numrange), c('(,)'::numrange))),
    (same(c('a'::text), c('a '::text))),
    (same(c(''::text), c(NULL::text))),
    (same(c('\x00'::bytea), c('\x0000'::bytea))),
    (same(c('12:00+02'::timetz), c('11:00+01'::timetz))),
    (same(c('1 month'::interval), c('31 days'::interval))),
    (same(c(B'1'), c(B'10'))),
    (same(c('(1,2)'::point), c('(2,1)'::point))),
    (same(c('((0,0),(1,4))'::box), c('((0,0),(2,2))'::box))),
    (same(c('10.0.0.1/8'::inet), c('10.0.0.1/16'::inet))),
    (same(c('{"a":1}'::json), c('{"a": 1}'::json))),
    (same(c('<a/>'::xml), c('<b/>'::xml))),
    (same(c('a b'::tsvector), c('a c'::tsvector))),
    (same(c('(0,1)'::tid), c('(1,0)'::tid)))) v (equal);

-- many columns: NULLs are told apart beyond the 64th, too
SELECT format('SELECT count(DISTINCT c) AS told_apart FROM (SELECT p, ec_checksum(%s) c FROM generate_series(1, 90) p GROUP BY p) x',
              string_agg(format('CASE p WHEN %s THEN NULL ELSE 1 END', n), ', ')) AS sql
  FROM generate_series(1, 90) n \gset told_
:told_sql;

-- enums and reg* by name: another OID makes no difference, another name does
CREATE SCHEMA one;
CREATE SCHEMA two;
CREATE TYPE one.mood AS ENUM ('sad', 'happy');
CREATE TYPE two.mood AS ENUM ('happy', 'sad');
SELECT same(ec_checksum('sad'::one.mood), ec_checksum('sad'::two.mood)) AS same_label,
       same(ec_checksum('sad'::one.mood), ec_checksum('happy'::one.mood)) AS other_label,
       same(ec_checksum('{sad,NULL,happy}'::one.mood[]), ec_checksum('{sad,NULL,happy}'::two.mood[])) AS in_an_array,
       same(ec_checksum(ROW(1, '{sad}'::one.mood[])), ec_checksum(ROW(1, '{sad}'::two.mood[]))) AS in_a_row;
CREATE TYPE one.pair AS (a int, m one.mood);
CREATE TYPE two.pair AS (a int, gone int, m two.mood);
ALTER TYPE two.pair DROP ATTRIBUTE gone;
SELECT same(ec_checksum('(1,sad)'::one.pair), ec_checksum('(1,sad)'::two.pair)) AS composites,
       same(ec_checksum('{"(1,sad)"}'::one.pair[]), ec_checksum('{"(1,sad)"}'::two.pair[])) AS arrays_of_composites;
CREATE TABLE one.t (a int);
SELECT 'one.t'::regclass AS t, ec_checksum('one.t'::regclass) AS before, ec_checksum('one.t'::regclass::oid) AS by_oid \gset
DROP TABLE one.t;
CREATE TABLE one.t (a int);
SELECT same(ec_checksum('one.t'::regclass), :'before') AS same_name, same(ec_checksum('one.t'::regclass::oid), :'by_oid') AS same_oid;
SET search_path = one, public;
SELECT same(ec_checksum('t'::regclass), :'before') AS same_with_search_path;
RESET search_path;
SELECT count(DISTINCT c) FROM (VALUES
    (c('lower(text)'::regprocedure)), (c('upper(text)'::regprocedure)),
    (c('now'::regproc)), (c('+(int,int)'::regoperator)), (c('#-'::regoper)),
    (c('integer'::regtype)), (c('one.mood'::regtype)), (c('two.mood'::regtype)),
    (c('one'::regnamespace)), (c('pg_monitor'::regrole)), (c('english'::regconfig)),
    (c('simple'::regdictionary)), (c('"C"'::regcollation)), (c(4000000000::regclass)),
    (c(0::regclass))) v (c);

-- the session's settings do not matter
CREATE TABLE settings_t AS
SELECT 0.1::float8 + 0.2 AS f, '(0.30000000000000004,1)'::point AS p, '{"(1.1,2.2)"}'::point[] AS ps, now() AS ts,
       '1 year 2 days'::interval AS i, '\xdeadbeef'::bytea AS b, 1234.5::numeric::money AS m,
       '{2026-01-02 03:04:05+00}'::timestamptz[] AS tss, 'one.t'::regclass AS r, 'a:1A b'::tsvector AS v, '$.x ? (@ > 1)'::jsonpath AS j;
SELECT ec_checksum(f, p, ps, ts, i, b, m, tss, r, v, j) AS columns, ec_checksum(s) AS whole FROM settings_t s \gset
SET extra_float_digits = -15;
SET datestyle = 'German, DMY';
SET intervalstyle = 'iso_8601';
SET bytea_output = 'escape';
SET timezone = 'Pacific/Chatham';
SET lc_monetary = 'C';
SET search_path = one, public;
SET standard_conforming_strings = off;
SET quote_all_identifiers = on;
SELECT ec_checksum(f, p, ps, ts, i, b, m, tss, r, v, j) = :'columns' AS columns, ec_checksum(s) = :'whole' AS whole FROM settings_t s;
RESET quote_all_identifiers;
RESET standard_conforming_strings;
RESET search_path;
RESET lc_monetary;
RESET timezone;
RESET bytea_output;
RESET intervalstyle;
RESET datestyle;
RESET extra_float_digits;

-- a type that has an = but no extended hash: its output, under pinned settings
CREATE TYPE mine;
CREATE FUNCTION mine_in(cstring) RETURNS mine LANGUAGE internal IMMUTABLE STRICT AS 'float8in';
CREATE FUNCTION mine_out(mine) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'float8out';
CREATE TYPE mine (INPUT = mine_in, OUTPUT = mine_out, LIKE = float8);
CREATE FUNCTION mine_lt(mine, mine) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'float8lt';
CREATE FUNCTION mine_le(mine, mine) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'float8le';
CREATE FUNCTION mine_eq(mine, mine) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'float8eq';
CREATE FUNCTION mine_ge(mine, mine) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'float8ge';
CREATE FUNCTION mine_gt(mine, mine) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'float8gt';
CREATE FUNCTION mine_cmp(mine, mine) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'btfloat8cmp';
CREATE OPERATOR < (FUNCTION = mine_lt, LEFTARG = mine, RIGHTARG = mine);
CREATE OPERATOR <= (FUNCTION = mine_le, LEFTARG = mine, RIGHTARG = mine);
CREATE OPERATOR = (FUNCTION = mine_eq, LEFTARG = mine, RIGHTARG = mine);
CREATE OPERATOR >= (FUNCTION = mine_ge, LEFTARG = mine, RIGHTARG = mine);
CREATE OPERATOR > (FUNCTION = mine_gt, LEFTARG = mine, RIGHTARG = mine);
CREATE OPERATOR CLASS mine_ops DEFAULT FOR TYPE mine USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 mine_cmp(mine, mine);
SELECT ec_checksum('0.1'::mine) AS mine FROM generate_series(1, 3) \gset
SET extra_float_digits = -15;
SELECT ec_checksum('0.1'::mine) = :'mine' AS pinned, same(c('0.1'::mine), c('0.10000000000000001'::mine)) AS equal,
       same(c('0.1'::mine), c('0.1000000000000001'::mine)) AS different FROM generate_series(1, 3);
SHOW extra_float_digits;
RESET extra_float_digits;
DROP TYPE mine CASCADE;

-- stored out of line, compressed or not: the same value
CREATE TABLE toasted (kind text, long text, number numeric);
ALTER TABLE toasted ALTER long SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT 'external', string_agg(md5(i::text), ''), repeat('9', 20000)::numeric FROM generate_series(1, 1000) i;
ALTER TABLE toasted ALTER long SET STORAGE EXTENDED;
INSERT INTO toasted SELECT 'inline', string_agg(md5(i::text), ''), repeat('9', 20000)::numeric FROM generate_series(1, 1000) i;
INSERT INTO toasted SELECT 'compressed', repeat('x', 100000), 1;
SELECT count(DISTINCT c) FROM (SELECT ec_checksum(long, number) c FROM toasted WHERE kind <> 'compressed' GROUP BY kind) x;
SELECT same(ec_checksum(long), ec_checksum(repeat('x', 100000))) FROM toasted WHERE kind = 'compressed';

-- as other aggregates: groups, filters, DISTINCT, windows
SELECT id % 2 AS g, ec_checksum(id) FILTER (WHERE id < 5) FROM rows GROUP BY 1 ORDER BY 1;
SELECT ec_checksum(DISTINCT v) = ec_checksum(DISTINCT v + 0) AS distinct_values FROM (VALUES (1), (1), (2)) x (v);
SELECT v, ec_checksum(v, 'a'::text) OVER (ORDER BY v) FROM (VALUES (1), (2)) x (v);

-- clear errors
CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE collated (a text COLLATE ignore_case, b text[] COLLATE ignore_case);
INSERT INTO collated VALUES ('A', '{A}');
SELECT * FROM errors_of('SELECT ec_checksum(a) FROM collated');
SELECT * FROM errors_of('SELECT ec_checksum(1, b) FROM collated');
SELECT * FROM errors_of('SELECT ec_checksum(c) FROM collated c');
SELECT ec_checksum(a COLLATE "C") = ec_checksum('A'::text) AS bytes FROM collated;
SELECT * FROM errors_of('SELECT ec_checksum(VARIADIC ARRAY[1, 2])');
SELECT ec_checksum(ARRAY[1, 2]) LIKE '1:%' AS as_one_column;
SELECT * FROM errors_of('SELECT ec_checksum(pg_sleep(0))');
SELECT ec_checksum();

DROP SCHEMA one CASCADE;
DROP SCHEMA two CASCADE;
DROP TABLE rows, damages, settings_t, toasted, collated;
DROP COLLATION ignore_case;
DROP DOMAIN positive;
DROP FUNCTION same, c;
