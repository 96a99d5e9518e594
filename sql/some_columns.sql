-- A change that moves some columns to another table: contraction takes those,
-- and leaves the rest of the table.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
ALTER TABLE expand_contract.jobs ALTER id RESTART 61000;
SET expand_contract.stabilization_period = 0;
CREATE SCHEMA some_columns;
SET search_path = some_columns, public;
CREATE FUNCTION columns_of(relation regclass) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute
     WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
$$;
CREATE PROCEDURE to_cutover(change text, override text[] = '{}') LANGUAGE plpgsql AS $$
DECLARE
    job bigint := ec_backfill_change(change, delay_ms => 0);
BEGIN
    COMMIT;
    CALL ec_wait(job);
    PERFORM ec_verify_change(change);
    PERFORM ec_cutover(change, override);
END $$;

CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, phone text, street text NOT NULL, "Zip, ""code""" text);
INSERT INTO customers SELECT i, 'name ' || i, 'phone ' || i, 'street ' || i, CASE WHEN i < 3 THEN 'zip' END FROM generate_series(1, 10) i;
CREATE TABLE addresses (customer_id int PRIMARY KEY, street text NOT NULL, zip text);
SELECT ec_expand('addr', 'customers', target => 'addresses',
    forward => '{"customer_id": "id", "street": "street", "zip": "\"Zip, \"\"code\"\"\""}',
    backward => '{"id": "customer_id", "street": "street", "Zip, \"code\"": "zip", "name": "''none''"}');
-- again: nothing was asked for, as before
SELECT ec_expand('addr', 'customers', target => 'addresses',
    forward => '{"customer_id": "id", "street": "street", "zip": "\"Zip, \"\"code\"\"\""}',
    backward => '{"id": "customer_id", "street": "street", "Zip, \"code\"": "zip", "name": "''none''"}');
SELECT * FROM errors_of($$SELECT ec_expand('addr', 'customers', target => 'addresses', old_columns => '{*}',
    forward => '{"customer_id": "id", "street": "street", "zip": "\"Zip, \"\"code\"\"\""}',
    backward => '{"id": "customer_id", "street": "street", "Zip, \"code\"": "zip", "name": "''none''"}')$$);
SELECT old_columns FROM ec_changes WHERE change = 'addr';
SET client_min_messages = warning;
CALL to_cutover('addr');
RESET client_min_messages;
SELECT ec_contract('addr', '{old_reads, old_writes}', '0');
SELECT columns_of('customers');
-- both sides go on: the old shape is kept right under its other names
INSERT INTO addresses VALUES (11, 'street 11', 'zip');
UPDATE addresses SET street = 'moved' WHERE customer_id = 1;
UPDATE customers SET name = 'changed' WHERE id = 2;
SELECT * FROM customers WHERE id IN (1, 2, 11) ORDER BY id;
SELECT ok FROM ec_verify_change('addr');
SELECT ec_revert('addr');
SELECT columns_of('customers');
SELECT ec_contract('addr', '{old_reads, old_writes}', '0');
SELECT ec_contract('addr', '{old_reads, old_writes}');
SELECT columns_of('customers'), count(*), count(phone), count(*) FILTER (WHERE name = 'none') AS added FROM customers;
SELECT columns_of('addresses'), count(*), count(zip) AS zips FROM addresses;
INSERT INTO customers VALUES (12, 'name 12');
SELECT count(*) FROM addresses;

-- What is chosen: the whole table only if it has nothing else, or if one says so.
CREATE TABLE moved (id int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED);
CREATE TABLE moved_to (id int PRIMARY KEY, a int);
SELECT ec_expand('whole', 'moved', '{"id": "id", "a": "a"}', target => 'moved_to');
CREATE TABLE other (id int PRIMARY KEY, a int, b int);
CREATE TABLE other_to (id int PRIMARY KEY, a int);
SELECT ec_expand('said', 'other', '{"id": "id", "a": "a"}', target => 'other_to', old_columns => '{*}');
CREATE TABLE starred (id int PRIMARY KEY, "*" int, b int);
CREATE TABLE starred_to (id int PRIMARY KEY, a int);
SELECT ec_expand('starred', 'starred', '{"id": "id", "a": "\"*\""}', target => 'starred_to');
CREATE TABLE keyed (id int PRIMARY KEY, code text NOT NULL UNIQUE, a int, b int);
CREATE TABLE keyed_to (code text PRIMARY KEY, was int, a int);
SELECT ec_expand('keyed', 'keyed', '{"code": "code", "was": "id", "a": "a"}', target => 'keyed_to');
CREATE TABLE named (id int PRIMARY KEY, a int, b int);
CREATE TABLE named_to (id int PRIMARY KEY, a int);
SELECT * FROM errors_of($$SELECT ec_expand('some_named', 'named', '{"id": "id", "a": "a"}', target => 'named_to', old_columns => '{a, *}')$$);
SELECT ec_expand('some_named', 'named', '{"id": "id", "a": "a"}', target => 'named_to', old_columns => '{b}');
SELECT * FROM errors_of($$SELECT ec_expand('some_named', 'named', '{"id": "id", "a": "a"}', target => 'named_to', old_columns => '{a}')$$);
CREATE TABLE bare (id int PRIMARY KEY, a int);
CREATE TABLE bare_to (id int PRIMARY KEY);
SELECT ec_expand('bare', 'bare', '{"id": "id"}', target => 'bare_to');
SELECT change, old_columns FROM ec_changes WHERE change IN ('whole', 'said', 'starred', 'keyed', 'some_named', 'bare') ORDER BY change;
SET client_min_messages = warning;
CALL to_cutover('bare', '{reversible}');
RESET client_min_messages;
SELECT * FROM errors_of($$SELECT ec_contract('bare', '{old_reads, old_writes}', '0')$$);
SET client_min_messages = warning;
DO $$ BEGIN PERFORM ec_revert(change) FROM ec_changes WHERE change IN ('whole', 'said', 'keyed', 'some_named') ORDER BY change; END $$;
RESET client_min_messages;
DROP SCHEMA some_columns CASCADE;
DELETE FROM expand_contract.changes WHERE name IN ('addr', 'whole', 'said', 'starred', 'keyed', 'some_named', 'bare');
