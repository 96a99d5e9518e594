-- Expressions are evaluated under the settings of ec_expand, whoever writes: by
-- triggers, jobs, verification and reconciling.  What reads only its row and
-- settings is a mapping; what it names may be renamed.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
SET client_min_messages = error;
CREATE SCHEMA pinned;
CREATE SCHEMA "elsewhere ""x";
SET search_path = pinned, public;
SET DateStyle = 'ISO, DMY';
SET IntervalStyle = 'postgres';
SET TimeZone = 'Asia/Tokyo';
SET extra_float_digits = 1;
SET bytea_output = 'escape';
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE FUNCTION helper(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'right ' || $1 $$;
CREATE FUNCTION "elsewhere ""x".helper(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT 'wrong ' || $1 $$;
CREATE FUNCTION needs_path(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN helper($1); END $$;
CREATE FUNCTION inlined(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT pinned.helper($1) $$;

-- What writers with other settings do, to the same rows.
CREATE TABLE settings (id int PRIMARY KEY, commands text);
INSERT INTO settings VALUES
    (1, 'RESET ALL'),
    (2, 'SET DateStyle = ''SQL, MDY''; SET IntervalStyle = iso_8601; SET TimeZone = ''America/New_York''; SET extra_float_digits = -8; SET bytea_output = hex'),
    (3, 'SET DateStyle = ''Postgres, DMY''; SET IntervalStyle = sql_standard; SET TimeZone = ''UTC''; SET extra_float_digits = 0; SET xmloption = document; SET array_nulls = off'),
    (4, 'SET DateStyle = ''German''; SET timezone_abbreviations = ''India''; SET default_text_search_config = ''german''; SET search_path = "elsewhere ""x", pg_catalog, pinned'),
    (5, 'SET search_path = pg_catalog; SET standard_conforming_strings = off; SET backslash_quote = off; SET quote_all_identifiers = on; SET transform_null_equals = on');
CREATE FUNCTION as_writer(writer int, statement text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    kept text := format('SET DateStyle = %L; SET IntervalStyle = %L; SET TimeZone = %L; SET extra_float_digits = %L; SET bytea_output = %L; SET xmloption = %L;'
        'SET array_nulls = %L; SET timezone_abbreviations = %L; SET default_text_search_config = %L; SET standard_conforming_strings = %L;'
        'SET backslash_quote = %L; SET quote_all_identifiers = %L; SET transform_null_equals = %L; SET search_path = %s',
        current_setting('DateStyle'), current_setting('IntervalStyle'), current_setting('TimeZone'), current_setting('extra_float_digits'),
        current_setting('bytea_output'), current_setting('xmloption'), current_setting('array_nulls'), current_setting('timezone_abbreviations'),
        current_setting('default_text_search_config'), current_setting('standard_conforming_strings'), current_setting('backslash_quote'),
        current_setting('quote_all_identifiers'), current_setting('transform_null_equals'), current_setting('search_path'));
    commands text := (SELECT s.commands FROM pinned.settings s WHERE s.id = writer);
BEGIN
    EXECUTE CASE commands WHEN 'RESET ALL' THEN 'SELECT' ELSE commands END;
    EXECUTE statement;
    EXECUTE kept;
END $$;

-- columns of one table
CREATE TABLE source (id int PRIMARY KEY, f float8, b bytea, d date, at timestamptz, i interval, n numeric, t text, days text, numbers text, m mood, moods text, cents int, local timestamp, r float4, p point, x text, words text);
CREATE TABLE columns (LIKE source INCLUDING ALL, float_text text, bytea_text text, date_text text, day date, interval_text text, text_date date, text_numbers int[],
    joined text, numbers_text text, formatted text, object jsonb, whole jsonb, char_number text, char_time text, mood_text text, text_mood mood, hour int, truncated timestamptz,
    zoned timestamptz, point_text text, parsed timestamptz, row_text text, path_text text, inlined_text text, words_vector tsvector, quoted text, span tstzrange, later timestamptz, real_json json, number numeric, xml_text text);
\set forward '{"float_text": "f::text", "bytea_text": "b::text", "date_text": "d::text", "day": "at::date", "interval_text": "i::text", "text_date": "days::date", "text_numbers": "numbers::int[]", "joined": "concat_ws('' '', t, n, f) || '' '' || cents", "numbers_text": "array_to_string(ARRAY[f, r], '','')", "formatted": "format(''%s on %s at %s'', t, d, at)", "object": "jsonb_build_object(''at'', at, ''f'', f, ''d'', d)", "whole": "to_jsonb(ARRAY[at])", "char_number": "to_char(n, ''FM00000.00'')", "char_time": "to_char(at, ''YYYY-MM-DD HH24:MI TZ'')", "mood_text": "m::text", "text_mood": "moods::mood", "hour": "extract(hour FROM at)", "truncated": "date_trunc(''day'', at)", "zoned": "local::timestamptz", "point_text": "p::text", "parsed": "to_timestamp(days, ''DD/MM/YYYY'')", "row_text": "ROW(d, at, f)::text", "path_text": "needs_path(t)", "inlined_text": "inlined(t)", "words_vector": "to_tsvector(words)", "quoted": "quote_literal(at)", "span": "tstzrange(local::timestamptz, NULL)", "later": "at + interval ''1 month''", "real_json": "json_build_array(r, b)", "number": "CASE WHEN m = ''happy'' THEN to_number(to_char(cents, ''999''), ''999'') END", "xml_text": "x::xml::text"}'
SELECT ec_expand('pinned', 'columns', :'forward'::jsonb);
CREATE VIEW rows_of_writers AS
    SELECT w.id * 10 + v.id AS id, w.id AS writer, format('%L, %L::float8, %L::bytea, date %L, timestamptz %L, make_interval(%s), %s, %L, %L, %L, %L::pinned.mood, %L, %s, timestamp %L, %L::float4, point(%L::float8, 0), %L, %L',
               w.id * 10 + v.id, f, b, d, at, i, n, t, days, numbers, m, moods, cents, local, f, f, x, words) AS values
      FROM settings w,
           (VALUES (1, '0.1', '\x00ff41', '2024-02-03', '2024-03-31 23:30:00+00', '0, -1, 0, -3, 4', '12.3', 'a', '03/02/2024', '{1,NULL}', 'sad', 'happy', 5, '2024-03-31 02:30:00', 'a<b/>', 'the running cats'),
                   (2, '0.30000000000000004', '\x5c27', '1999-12-31', '1999-12-31 15:00:00+00', '1, 2, 0, 0, -5', '-0.5', 'b', '11.12.1999', '{}', 'happy', 'ok', 70, '1999-12-31 00:00:00', 'text only', 'die laufenden Katzen'))
           v (id, f, b, d, at, i, n, t, days, numbers, m, moods, cents, local, x, words);
SELECT as_writer(writer, 'INSERT INTO pinned.columns VALUES (' || values || ')') FROM rows_of_writers ORDER BY id;
-- the two rows are the same for all writers
SELECT count(*), count(DISTINCT to_jsonb(c) - 'id') FROM columns c;
SELECT change, error FROM ec_discrepancies;
SELECT float_text, bytea_text, date_text, day, interval_text, text_date, text_numbers, joined, numbers_text FROM columns WHERE id IN (21, 22) ORDER BY id;
SELECT formatted, object, whole, char_number, char_time, mood_text, text_mood, hour, truncated FROM columns WHERE id IN (21, 22) ORDER BY id;
SELECT zoned, point_text, parsed, row_text, path_text, inlined_text, words_vector FROM columns WHERE id IN (21, 22) ORDER BY id;
SELECT quoted, span, later, real_json, number FROM columns WHERE id IN (21, 22) ORDER BY id;
-- a writer's settings are his own again, after an error too
SET DateStyle = 'SQL, MDY';
SET search_path = "elsewhere ""x", public;
UPDATE pinned.columns SET days = 'no day' WHERE id = 11;
SELECT error FROM ec_discrepancies;
SHOW DateStyle;
SHOW search_path;
UPDATE pinned.columns SET days = '03/02/2024' WHERE id = 11;
SELECT count(*), count(DISTINCT to_jsonb(c) - 'id') FROM pinned.columns c;
-- verification, by a session of other settings again
SELECT ok, rows_source, different FROM ec_verify_change('pinned');
SET search_path = pinned, public;

-- reconciling
UPDATE columns SET days = 'none';
SELECT as_writer(2, 'ALTER TABLE pinned.columns DISABLE TRIGGER ALL; UPDATE pinned.columns SET days = CASE id % 10 WHEN 1 THEN ''03/02/2024'' ELSE ''11.12.1999'' END; ALTER TABLE pinned.columns ENABLE ALWAYS TRIGGER "~ec_pinned"');
SELECT as_writer(4, 'SELECT public.ec_reconcile(''pinned'')');
SELECT count(*), count(DISTINCT to_jsonb(c) - 'id') FROM columns c;
-- jobs, submitted by a session of other settings
SELECT as_writer(3, 'ALTER TABLE pinned.columns DISABLE TRIGGER ALL; UPDATE pinned.columns SET float_text = ''x'', span = NULL, path_text = NULL, formatted = ''''; ALTER TABLE pinned.columns ENABLE ALWAYS TRIGGER "~ec_pinned"');
SELECT ec_backfill_change('pinned', 'repair', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT count(*), count(DISTINCT to_jsonb(c) - 'id') FROM columns c;
SELECT ec_verify_job('pinned', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT phase FROM ec_changes WHERE change = 'pinned';

-- What an expression names may be renamed, and moved: it follows.
ALTER TYPE mood RENAME VALUE 'happy' TO 'glad';
ALTER TYPE mood RENAME TO feeling;
ALTER FUNCTION needs_path(text) RENAME TO has_path;
ALTER FUNCTION inlined(text) SET SCHEMA "elsewhere ""x";
ALTER TABLE columns RENAME m TO "mood ""m";
ALTER TABLE columns RENAME number TO numeral;
INSERT INTO columns (id, "mood ""m", cents, t) VALUES (1, 'glad', '17', 'renamed');
SELECT mood_text, numeral, path_text, inlined_text FROM columns WHERE id = 1;
-- in a new session, for jobs and for verification too
\c -
SET client_min_messages = error;
SET search_path = pinned, public;
INSERT INTO columns (id, "mood ""m", cents, t, moods) VALUES (2, 'glad', '18', 'renamed', 'glad');
SELECT mood_text, text_mood, numeral, path_text, inlined_text FROM columns WHERE id = 2;
-- rows of before hold the old name
UPDATE columns SET moods = 'glad' WHERE moods = 'happy';
SELECT ok, different FROM ec_verify_change('pinned');
SELECT error FROM ec_discrepancies;
SELECT ec_backfill_change('pinned', 'repair', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ok, different FROM ec_verify_change('pinned');
SELECT ec_revert('pinned');

-- to another table, keys too; in both directions
SET DateStyle = 'ISO, DMY';
SET TimeZone = 'Asia/Tokyo';
SET bytea_output = 'escape';
SET extra_float_digits = 1;
CREATE TABLE wide (f float8 PRIMARY KEY, b bytea, at timestamptz);
CREATE TABLE narrow (f text PRIMARY KEY, b text, day date, object jsonb);
SELECT ec_expand('pinned_tables', 'wide', forward => '{"f": "f::text", "b": "b::text", "day": "at::date", "object": "jsonb_build_object(''at'', at)"}', target => 'narrow',
    backward => '{"f": "f::float8", "b": "b::bytea", "at": "(object ->> ''at'')::timestamptz"}');
SELECT as_writer(2, $$INSERT INTO pinned.wide VALUES (0.1::float8 + 0.2::float8, '\x5c00', '2024-03-31 23:30:00+00')$$);
SELECT as_writer(3, $$UPDATE pinned.wide SET b = '\x00ff41'$$);
TABLE narrow;
SELECT as_writer(2, $$INSERT INTO pinned.narrow VALUES ('0.3', 'a\\b', '2024-04-01', '{"at": "2024-04-01 08:30:00"}')$$);
SELECT as_writer(4, $$UPDATE pinned.narrow SET b = '\\' WHERE f = '0.3'$$);
SELECT f, encode(b, 'hex'), at FROM wide ORDER BY f;
SELECT as_writer(5, $$DELETE FROM pinned.wide WHERE f > 0.3::float8$$);
TABLE narrow;
SELECT as_writer(2, $$INSERT INTO pinned.wide SELECT g + 1e-15::float8, '\x00', '2024-03-31 23:30:00+00' FROM generate_series(1, 3) g$$);
TRUNCATE narrow;
SELECT as_writer(2, $$ALTER TABLE pinned.wide DISABLE TRIGGER ALL; INSERT INTO pinned.wide SELECT g + 1e-15::float8, '\x00', '2024-03-31 23:30:00+00' FROM generate_series(1, 3) g;
    SET search_path = public; SELECT ec_expand('pinned_tables', 'pinned.wide', forward => '{"f": "f::text", "b": "b::text", "day": "at::date", "object": "jsonb_build_object(''at'', at)"}', target => 'pinned.narrow',
    backward => '{"f": "f::float8", "b": "b::bytea", "at": "(object ->> ''at'')::timestamptz"}')$$);
SET DateStyle = 'German';
SET bytea_output = hex;
SELECT ec_backfill_change('pinned_tables', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ok, rows_target FROM ec_verify_change('pinned_tables');
TABLE narrow ORDER BY f;
SELECT ec_revert('pinned_tables');

-- A literal is what it was at ec_expand.
SET DateStyle = 'ISO, DMY';
CREATE TABLE literals (id int PRIMARY KEY, a int, d date, e date);
SELECT ec_expand('pinned_literals', 'literals', forward => '{"d": "''01/02/2024''", "e": "CASE a WHEN 1 THEN ''03/02/2024'' ELSE date ''04/02/2024'' END"}');
SET DateStyle = 'SQL, MDY';
INSERT INTO literals (id, a) VALUES (1, 1), (2, 2);
\c -
SET client_min_messages = error;
SET search_path = pinned, public;
INSERT INTO literals (id, a) VALUES (3, 1), (4, 2);
TABLE literals ORDER BY id;
SELECT ec_revert('pinned_literals');

-- Mappings that people write are accepted.
CREATE TABLE accepted (id int PRIMARY KEY, a text, n int, d date, at timestamptz, local timestamp, tags text[], j jsonb, v numeric, m feeling, i interval, f float8, b bytea, u uuid, e boolean, mo money, s time, ip inet, bits bit(4), c char(3), r int4range,
    x text);
CREATE FUNCTION accepts(expression text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM ec_expand('pinned_accepts', 'pinned.accepted', jsonb_build_object('x', expression));
    RAISE EXCEPTION 'accepted';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLERRM;
END $$;
SELECT x, accepts(x) FROM unnest(ARRAY[
    $$jsonb_build_object('a', a, 'n', n)$$, $$to_jsonb(tags)$$, $$a || ' ' || n$$, $$n || a$$, $$format('%s-%s', a, n)$$, $$concat_ws(', ', a, n, d)$$, $$concat(a, d)$$, $$a::date$$, $$at::date$$,
    $$a::int[]$$, $$array_to_string(tags, ',')$$, $$to_char(n, 'FM0000')$$, $$to_char(v, '999D99')$$, $$to_char(f, '9.9EEEE')$$, $$to_char(at, 'YYYY-MM')$$, $$to_char(local, 'TMMonth')$$, $$to_char(i, 'HH24')$$, $$m::text$$,
    $$a::pinned.feeling$$, $$at::text$$, $$d::text$$, $$i::text$$, $$a::interval$$, $$f::text$$, $$b::text$$, $$a::bytea$$, $$local::timestamptz$$, $$at::timestamp$$, $$at::time$$, $$(at + i)::date$$,
    $$(d + s)::timestamptz$$, $$date_trunc('month', at)$$, $$extract(year FROM at)$$, $$date_part('epoch', at)$$, $$to_date(a, 'DD.MM.YYYY')$$, $$to_timestamp(a, 'YYYY')$$, $$to_timestamp(n)$$, $$age(at, at)$$,
    $$make_timestamptz(n, 1, 1, 0, 0, 0)$$, $$json_build_array(a, at)$$, $$(j ->> 'at')::timestamptz$$, $$jsonb_build_array(d)$$, $$ROW(a, d)::text$$, $$tags::text$$, $$a::xml$$, $$to_tsvector(a)$$, $$quote_literal(n)$$, $$mo::numeric$$, $$mo::text$$, $$v::money$$,
    $$at > local$$, $$d < at$$, $$r::text$$, $$a::int4range$$, $$ip::text$$, $$bits::text$$, $$u::text$$, $$c || '|'$$, $$e::text$$, $$split_part(a, ' ', 1)$$, $$CASE WHEN m = 'glad' THEN a END$$, $$'2024-01-01'$$, $$coalesce(d, '2024-01-01')::text$$, $$jsonb_path_query_first_tz(j, '$.at.datetime()')$$,
    -- the clock, the session, random, the catalogue
    $$now()$$, $$current_date$$, $$localtime$$, $$age(at)$$, $$clock_timestamp()$$, $$statement_timestamp()$$, $$a || current_user$$, $$session_user$$, $$current_setting('TimeZone')$$, $$random()$$, $$gen_random_uuid()$$, $$current_schema$$,
    $$a::regclass::text$$, $$n::regtype::text$$, $$pg_backend_pid()$$, $$txid_current_if_assigned()$$, $$inet_client_addr()$$, $$has_table_privilege(a, 'SELECT')$$, $$pg_typeof(a)::text$$, $$enum_range(m)::text$$, $$version()$$, $$obj_description(n)$$, $$current_database()$$,
    $$nextval('pinned.numbers')$$, $$lastval()$$]) WITH ORDINALITY u (x, n) ORDER BY n;
SELECT * FROM errors_of($$SELECT ec_expand('pinned_accepts', 'pinned.accepted', '{"x": "at > now()"}')$$);
DROP SCHEMA pinned CASCADE;
DROP SCHEMA "elsewhere ""x" CASCADE;
DELETE FROM expand_contract.gaps;
DELETE FROM expand_contract.changes WHERE name LIKE 'pinned%';
