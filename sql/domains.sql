-- A domain is hashed, compared and walked as its base type, at whatever depth.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA regress_ec_domains;
SET search_path = regress_ec_domains, public;
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE DOMAIN positive AS numeric CHECK (VALUE > 0);
CREATE DOMAIN more_positive AS positive CHECK (VALUE > 1);
CREATE DOMAIN word AS text COLLATE "C" CHECK (VALUE <> '');
CREATE DOMAIN hue AS colour;
CREATE DOMAIN day AS date;
CREATE DOMAIN stamp AS timestamptz;
CREATE DOMAIN words AS word[];
CREATE DOMAIN numbers AS int[] CHECK (cardinality(VALUE) < 10);
CREATE DOMAIN flag AS boolean;
CREATE TYPE pair AS (a positive, b word);
CREATE TYPE plain_pair AS (a numeric, b text);
CREATE DOMAIN good_pair AS pair CHECK ((VALUE).a > 0);
CREATE TYPE positives AS RANGE (SUBTYPE = positive);
CREATE TYPE plain AS RANGE (SUBTYPE = numeric);
CREATE DOMAIN good_range AS positives;
CREATE DOMAIN ints AS int4range;

SELECT what, a = b AS same FROM (VALUES
    ('numeric', (SELECT ec_checksum(ARRAY[1.0::positive, NULL])), (SELECT ec_checksum(ARRAY[1.0, NULL]))),
    ('two domains', (SELECT ec_checksum(ARRAY[2.0::more_positive])), (SELECT ec_checksum(ARRAY[2.0]))),
    ('text', (SELECT ec_checksum(ARRAY['a'::word, 'b'])), (SELECT ec_checksum(ARRAY['a', 'b'] COLLATE "C"))),
    ('enum', (SELECT ec_checksum(ARRAY['red'::hue])), (SELECT ec_checksum(ARRAY['red'::colour]))),
    ('date', (SELECT ec_checksum(ARRAY['2030-01-01'::day])), (SELECT ec_checksum(ARRAY['2030-01-01'::date]))),
    ('boolean', (SELECT ec_checksum(ARRAY[true::flag])), (SELECT ec_checksum(ARRAY[true]))),
    ('an array', (SELECT ec_checksum('{1,2}'::numbers)), (SELECT ec_checksum('{1,2}'::int[]))),
    ('an array of arrays', (SELECT ec_checksum('{"{1,2}","{3}"}'::numbers[])), (SELECT ec_checksum('{"{1,2}","{3}"}'::numbers[]::numbers[]))),
    ('an array of domains', (SELECT ec_checksum('{a,b}'::words)), (SELECT ec_checksum('{a,b}'::text[] COLLATE "C"))),
    ('a row', (SELECT ec_checksum(ARRAY[(1.0, 'x')::pair])), (SELECT ec_checksum(ARRAY[(1.0, 'x')::plain_pair]))),
    ('a row that is checked', (SELECT ec_checksum(ARRAY[(1.0, 'x')::pair::good_pair])), (SELECT ec_checksum(ARRAY[(1.0, 'x')::plain_pair]))),
    ('a range', (SELECT ec_checksum(ARRAY['[1,2.5)'::positives::good_range])), (SELECT ec_checksum(ARRAY['[1,2.5)'::plain]))),
    ('a range of a range', (SELECT ec_checksum(ARRAY['[1,2]'::ints])), (SELECT ec_checksum(ARRAY['[1,3)'::int4range])))
) v (what, a, b);

-- Verified, copied, filled and kept in step: keys and values.
CREATE TABLE source (id word, n int, old positive, PRIMARY KEY (id, n));
CREATE TABLE target (id word, n int, new positive[], tags words, PRIMARY KEY (id, n));
INSERT INTO source SELECT chr(97 + i % 26), i, i FROM generate_series(1, 500) i;
SELECT ec_expand('domains', 'source', '{"id": "id", "n": "n", "new": "ARRAY[old]", "tags": "ARRAY[id]"}', target => 'target');
INSERT INTO source VALUES ('late', 1, 2);
SELECT ec_backfill_change('domains', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ok, rows_source, rows_target FROM ec_verify_change('domains');
UPDATE source SET old = old + 1 WHERE n < 10;
SELECT ec_verify_job('domains', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ok, rows_source FROM ec_verifications WHERE job = :job;
SET session_replication_role = replica;
UPDATE target SET new = '{77}' WHERE n = 5;
RESET session_replication_role;
SELECT ok, different FROM ec_verify_change('domains');
-- columns of one table
CREATE TABLE kept (id more_positive PRIMARY KEY, old words, new words, h hue, hs hue[]);
INSERT INTO kept SELECT i + 1, ARRAY['w' || i], NULL, 'red' FROM generate_series(1, 300) i;
SELECT ec_expand('domains_too', 'kept', '{"new": "old", "hs": "ARRAY[h]"}');
SELECT ec_backfill_change('domains_too', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ok, rows_source FROM ec_verify_change('domains_too');
SELECT ec_checksum(k) = ec_checksum(ROW(k.id, k.old, k.new, k.h, k.hs)) AS checksum FROM kept k;
SELECT ec_backfill('kept', 'new = array_append(new, ''x'')', 'cardinality(new) = 1', method => 'key', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT count(*) FROM kept WHERE cardinality(new) = 2;

RESET search_path;
DROP SCHEMA regress_ec_domains CASCADE;
DELETE FROM expand_contract.changes WHERE name LIKE 'domains%';
