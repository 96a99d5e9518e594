-- ec_verify(source, target, mapping, key): the rows of two tables, matched by key.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
CREATE FUNCTION verified(source regclass, target regclass, mapping jsonb, key text[] = NULL, OUT ok boolean, OUT rows_source bigint,
                         OUT rows_target bigint, OUT missing bigint, OUT extra bigint, OUT different bigint, OUT same_checksum boolean)
LANGUAGE sql AS $$
    SELECT ok, rows_source, rows_target, missing, extra, different, checksum_source = checksum_target FROM ec_verify($1, $2, $3, $4);
$$;
CREATE VIEW last_mismatches AS
SELECT key, difference, column_name, source_value, target_value FROM ec_mismatches
 WHERE verification = (SELECT max(id) FROM expand_contract.verifications)
 ORDER BY key, column_name;
CREATE VIEW last_repairs AS
SELECT key, repair FROM ec_mismatches
 WHERE verification = (SELECT max(id) FROM expand_contract.verifications)
 ORDER BY key, column_name;

CREATE TABLE orders (id int PRIMARY KEY, customer text NOT NULL, total numeric(10,2), note text);
CREATE TABLE orders_new (order_id bigint PRIMARY KEY, customer text, cents bigint, note text);
INSERT INTO orders SELECT i, 'Customer' || i % 50, i / 4.0, CASE WHEN i % 5 <> 0 THEN 'note ' || i END FROM generate_series(1, 1000) i;
INSERT INTO orders_new SELECT id, lower(customer), total * 100, note FROM orders ORDER BY md5(id::text);
SELECT '{"order_id": "id", "customer": "lower(customer)", "cents": "total * 100", "note": "note"}' AS mapping \gset

-- all is well; the checksums are those of ec_checksum, the key first
SELECT * FROM verified('orders', 'orders_new', :'mapping');
SELECT checksum_target = (SELECT ec_checksum(order_id, customer, cents, note) FROM orders_new) AS target,
       checksum_source = (SELECT ec_checksum(id::bigint, lower(customer), (total * 100)::bigint, note) FROM orders) AS source
  FROM ec_verify('orders', 'orders_new', :'mapping');

-- missing, extra and different are told apart
BEGIN;
DELETE FROM orders_new WHERE order_id = 7;
INSERT INTO orders_new VALUES (-1, 'nobody', 1, NULL);
UPDATE orders_new SET cents = cents + 1, customer = 'x' WHERE order_id = 8;
UPDATE orders_new SET note = '' WHERE order_id = 10;
UPDATE orders_new SET note = (SELECT n.note FROM orders_new n WHERE n.order_id = 25 - orders_new.order_id) WHERE order_id IN (12, 13);
SELECT * FROM verified('orders', 'orders_new', :'mapping');
TABLE last_mismatches;
TABLE last_repairs;
-- the repairs are exact
SELECT repair AS sql FROM last_repairs \gexec
SELECT * FROM verified('orders', 'orders_new', :'mapping');
ROLLBACK;

-- empty sides
CREATE TABLE nothing (LIKE orders_new INCLUDING ALL);
SELECT * FROM verified('orders', 'nothing', :'mapping');
SELECT count(*) AS recorded, count(DISTINCT difference) FROM last_mismatches;
SELECT * FROM verified('nothing', 'orders_new', '{"order_id": "order_id", "customer": "customer"}');
SELECT * FROM verified('nothing', 'nothing', '{"customer": "customer"}');
-- as many as are asked for, while the counts are exact
SET expand_contract.max_mismatches = 3;
SELECT * FROM verified('orders', 'nothing', :'mapping');
SELECT count(*) FROM last_mismatches;
RESET expand_contract.max_mismatches;

-- only the key
SELECT * FROM verified('orders', 'orders_new', '{"order_id": "id"}');
SELECT * FROM verified('orders', 'orders_new', '{"order_id": "id + 1"}');
TABLE last_mismatches;
TABLE last_repairs;

-- duplicates by key, on either side
CREATE TABLE old_pairs (k text, v int);
CREATE TABLE new_pairs (k text, v int);
INSERT INTO old_pairs VALUES ('a', 1), ('a', 1), ('b', 1), ('c', 1), ('c', 2), ('d', 1), ('e', 1), ('e', 2), (NULL, 5), ('f', 3);
INSERT INTO new_pairs VALUES ('a', 1), ('b', 1), ('b', 1), ('c', 2), ('c', 1), ('d', 1), ('d', 2), ('e', 1), ('e', 3), (NULL, 5), ('f', 3);
SELECT * FROM verified('old_pairs', 'new_pairs', '{"v": "v"}', '{k}');
TABLE last_mismatches;
-- a row that is there twice has no repair by key
SELECT count(repair) FROM last_repairs;
-- the sums over both are the same
TRUNCATE old_pairs, new_pairs;
INSERT INTO old_pairs VALUES ('a', 1), ('b', 4);
INSERT INTO new_pairs VALUES ('a', 2), ('b', 3);
SELECT * FROM verified('old_pairs', 'new_pairs', '{"v": "v"}', '{k}');
-- one key for all rows
TRUNCATE old_pairs, new_pairs;
INSERT INTO old_pairs SELECT 'x', i FROM generate_series(1, 20000) i;
INSERT INTO new_pairs SELECT 'x', i FROM generate_series(3, 20001) i;
SELECT * FROM verified('old_pairs', 'new_pairs', '{"v": "v"}', '{k}');

-- composite keys of any type, in their own order; NULL in a key equals NULL
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE left_side (m mood, n numeric, r int4range, j jsonb, c char(4), v text);
CREATE TABLE right_side (v text, c char(8), j jsonb, r int4range, n numeric, m mood);
INSERT INTO left_side VALUES ('sad', 1.0, '[1,3]', '{"a": 1.0}', 'x', 'one'), ('happy', 'NaN', NULL, NULL, 'y', 'two'), ('sad', -1, 'empty', '[]', 'x', 'three');
INSERT INTO right_side VALUES ('one', 'x', '{"a": 1}', '[1,4)', 1.00, 'sad'), ('two', 'y', NULL, NULL, 'NaN', 'happy'), ('4', 'x', '[]', 'empty', -1.00, 'sad');
SELECT * FROM verified('left_side', 'right_side', '{"v": "v"}', '{m, n, r, j, c}');
TABLE last_mismatches;
TABLE last_repairs;
SELECT repair AS sql FROM last_repairs \gexec
SELECT ok FROM verified('left_side', 'right_side', '{"v": "v"}', '{c, j, r, n, m}');

-- values out of line, arrays of composites, generated and identity columns
CREATE TYPE pair AS (a int, b text);
CREATE TABLE wide_old (id int PRIMARY KEY, long text, pairs pair[]);
CREATE TABLE wide_new (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, long text, pairs pair[], size int GENERATED ALWAYS AS (length(long)) STORED);
ALTER TABLE wide_new ALTER long SET STORAGE EXTERNAL;
INSERT INTO wide_old SELECT i, repeat(md5(i::text), 300), ARRAY[(i, 'it''s')::pair, (NULL, 'back\slash')::pair] FROM generate_series(1, 50) i;
INSERT INTO wide_new (id, long, pairs) OVERRIDING SYSTEM VALUE SELECT id, long, pairs FROM wide_old;
UPDATE wide_new SET long = long || 'x' WHERE id = 5;
UPDATE wide_new SET pairs[1].b = NULL WHERE id = 6;
DELETE FROM wide_new WHERE id = 7;
SELECT '{"long": "long", "pairs": "pairs", "size": "length(long)"}' AS wide \gset
SELECT * FROM verified('wide_old', 'wide_new', :'wide');
SELECT key, difference, column_name, length(source_value), length(target_value) FROM last_mismatches;
SELECT repair AS sql FROM last_repairs WHERE repair !~ 'SET size' \gexec
SELECT * FROM verified('wide_old', 'wide_new', :'wide');

-- partitioned on either side
CREATE TABLE parted (order_id bigint, customer text, cents bigint, note text, PRIMARY KEY (order_id)) PARTITION BY RANGE (order_id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (MINVALUE) TO (500);
CREATE TABLE parted_2 (note text, cents bigint, gone int, customer text, order_id bigint NOT NULL);
ALTER TABLE parted_2 DROP COLUMN gone;
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (500) TO (MAXVALUE);
INSERT INTO parted SELECT * FROM orders_new;
UPDATE parted SET note = 'x' WHERE order_id IN (499, 500);
SELECT * FROM verified('orders', 'parted', :'mapping');
TABLE last_repairs;
SELECT * FROM verified('parted', 'orders_new', '{"customer": "customer", "note": "note"}');
SELECT * FROM verified('parted', 'parted', '{"customer": "customer"}');

-- sub-selects, hostile names
CREATE TABLE "a""b'c;--" ("id'--" int PRIMARY KEY, "SELECT" text);
CREATE TABLE "x""y" ("i""d" int PRIMARY KEY, "from $1 {%s}" text);
INSERT INTO "a""b'c;--" VALUES (1, 'a'), (2, 'it''s \ b');
INSERT INTO "x""y" VALUES (1, 'a'), (2, 'q');
SELECT * FROM verified('"a""b''c;--"', '"x""y"', '{"i\"d": "\"id''--\"", "from $1 {%s}": "(SELECT max(s.\"SELECT\") FROM \"a\"\"b''c;--\" s WHERE s.\"id''--\" = \"a\"\"b''c;--\".\"id''--\")"}');
TABLE last_repairs;
SELECT repair AS sql FROM last_repairs \gexec
TABLE "x""y";

-- the record: what, who, when, under which snapshot
SELECT source, target, mapping, key, verified_by = current_user AS mine, ok, rows_source, change, job,
       started_at <= finished_at AS times, first_snapshot::text = last_snapshot::text AS one_snapshot
  FROM ec_verifications ORDER BY verification DESC LIMIT 1;

-- errors
SELECT * FROM errors_of($$SELECT ec_verify('orders', 'old_pairs', '{"v": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('orders', 'orders_new', '{"cents": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('orders', 'orders_new', '{"cents": "id"}', '{}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('orders', 'orders_new', '{"cents": "id"}', '{note, NULL}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('orders', 'orders_new', '{"cents": "id"}', '{note, note}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('orders', 'orders_new', '{"cents": "id"}', '{nosuch}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('orders', 'orders_new', '{"order_id": "id", "nosuch": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('orders', 'orders_new', '{"order_id": "id", "note": "cents"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('orders', 'orders_new', '{"order_id": "customer"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('orders', 'orders_new', '{"order_id": "random()"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('orders', 'last_repairs', '{"key": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('last_repairs', 'orders', '{"id": "1"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify(4000000000::regclass, 'orders', '{"id": "1"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify(NULL, 'orders', '{"id": "1"}', NULL)$$);
SELECT * FROM errors_of($$SELECT ec_verify('orders', NULL, '{"id": "1"}', NULL)$$);
SELECT * FROM errors_of($$SELECT ec_verify('orders', 'orders', NULL, NULL)$$);
CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE collated (a text COLLATE ignore_case PRIMARY KEY, b text);
SELECT * FROM errors_of($$SELECT ec_verify('collated', 'collated', '{"b": "b"}')$$);
BEGIN READ ONLY;
SELECT ec_verify('orders', 'orders_new', '{"order_id": "id"}');
ROLLBACK;

-- rights: reading as the caller, on both sides
CREATE ROLE regress_verify_reader;
SET ROLE regress_verify_reader;
SELECT * FROM errors_of($$SELECT ec_verify('orders', 'orders_new', '{"order_id": "id"}')$$);
RESET ROLE;
SELECT ec_grant('regress_verify_reader');
GRANT SELECT ON orders, last_mismatches TO regress_verify_reader;
GRANT SELECT (order_id, note) ON orders_new TO regress_verify_reader;
SET ROLE regress_verify_reader;
SELECT * FROM errors_of($$SELECT ec_verify('orders', 'orders_new', '{"order_id": "id", "cents": "id"}')$$);
SELECT different FROM ec_verify('orders', 'orders_new', '{"order_id": "id", "note": "customer"}');
SELECT count(*) AS values_need_the_whole_table FROM last_mismatches;
RESET ROLE;
SELECT count(*) FROM last_mismatches;
-- whoever reads the record sees his own
SET ROLE regress_verify_reader;
SELECT source, target, ok, different FROM ec_verifications;
RESET ROLE;

DROP VIEW last_mismatches, last_repairs;
DROP TABLE orders, orders_new, nothing, old_pairs, new_pairs, left_side, right_side, wide_old, wide_new, parted, "a""b'c;--", "x""y", collated;
DROP TYPE mood, pair;
DROP COLLATION ignore_case;
DROP FUNCTION verified;
DROP OWNED BY regress_verify_reader;
DROP ROLE regress_verify_reader;
