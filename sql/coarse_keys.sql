-- Keys that differ in the source and are equal in the target: the write of the
-- second row fails, as on_error says; the first row stays as it is.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
CREATE TABLE ck_source (code text PRIMARY KEY, v int);
CREATE TABLE ck_target (code numeric PRIMARY KEY, v int);
SELECT ec_expand('ck', 'ck_source', '{"code": "code::numeric", "v": "v"}', target => 'ck_target');
INSERT INTO ck_source VALUES ('1.0', 1), ('2', 2);
INSERT INTO ck_source VALUES ('1.00', 3);
TABLE ck_target ORDER BY code;
SELECT key, operation, error_code, error FROM ec_discrepancies WHERE change = 'ck';
-- nor does any other statement of the second row touch the first one's
UPDATE ck_source SET v = 4 WHERE code = '1.00';
TABLE ck_target ORDER BY code;
SELECT ec_reconcile('ck');
TABLE ck_target ORDER BY code;
DELETE FROM ck_source WHERE code = '1.00';
TABLE ck_target ORDER BY code;
SELECT ec_reconcile('ck');
-- the first row is written as ever
UPDATE ck_source SET v = 5 WHERE code = '1.0';
UPDATE ck_source SET code = '1.000' WHERE code = '1.0';
TABLE ck_target ORDER BY code;
INSERT INTO ck_source VALUES ('1.000', 9) ON CONFLICT (code) DO UPDATE SET v = excluded.v;
DELETE FROM ck_source WHERE code = '2';
TABLE ck_target ORDER BY code;
-- both in one statement
INSERT INTO ck_source VALUES ('3', 3), ('3.0', 4), ('5', 5);
TABLE ck_target ORDER BY code;
SELECT key, operation, error_code FROM ec_discrepancies WHERE change = 'ck';
TRUNCATE ck_source;
TABLE ck_target;
SELECT ec_reconcile('ck');
SELECT ec_revert('ck');

-- char(n) does not keep spaces at the end
CREATE TABLE ck_padded (code char(3) PRIMARY KEY, v int);
SELECT ec_expand('ck_padded', 'ck_source', '{"code": "code", "v": "v"}', target => 'ck_padded');
INSERT INTO ck_source VALUES ('a', 1), ('a ', 2), (' b', 3);
UPDATE ck_source SET v = v + 10;
SELECT code || '|', v FROM ck_padded ORDER BY code;
DELETE FROM ck_source WHERE code = 'a ';
SELECT code || '|', v FROM ck_padded ORDER BY code;
SELECT ec_reconcile('ck_padded');
UPDATE ck_source SET code = 'a  ' WHERE code = 'a';
SELECT code || '|', v FROM ck_padded ORDER BY code;
SELECT key, operation, error_code FROM ec_discrepancies WHERE change = 'ck_padded';
UPDATE ck_source SET code = 'c' WHERE code = 'a  ';
SELECT code || '|', v FROM ck_padded ORDER BY code;
SELECT ec_reconcile('ck_padded');
SELECT ec_revert('ck_padded');
DROP TABLE ck_padded;

-- on_error => 'raise', in both directions, keys of several columns
CREATE TABLE ck_wide (a text, b int, v text, PRIMARY KEY (a, b));
CREATE TABLE ck_narrow (a float8, b bigint, v text, PRIMARY KEY (b, a));
SELECT ec_expand('ck_raise', 'ck_wide', '{"a": "a::float8", "b": "b", "v": "v"}', target => 'ck_narrow', on_error => 'raise');
INSERT INTO ck_wide VALUES ('0', 1, 'zero'), ('0', 2, 'zero');
SELECT * FROM errors_of($$INSERT INTO ck_wide VALUES ('-0', 1, 'minus')$$);
SELECT * FROM errors_of($$UPDATE ck_wide SET a = '-0', b = 1 WHERE b = 2$$);
UPDATE ck_wide SET a = '-0' WHERE b = 1;
TABLE ck_wide ORDER BY b;
TABLE ck_narrow ORDER BY b;
SELECT ec_revert('ck_raise');
DROP TABLE ck_source, ck_target, ck_wide, ck_narrow;

-- citext, and a collation that is not deterministic
SET client_min_messages = warning;
CREATE EXTENSION citext;
CREATE COLLATION ck_nd (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE ck_source (code text PRIMARY KEY, v int);
CREATE TABLE ck_citext (code citext PRIMARY KEY, v int);
CREATE TABLE ck_nondet (code text COLLATE ck_nd PRIMARY KEY, v int);
SELECT ec_expand('ck_citext', 'ck_source', '{"code": "code", "v": "v"}', target => 'ck_citext');
SELECT ec_expand('ck_nondet', 'ck_source', '{"code": "code", "v": "v"}', target => 'ck_nondet');
CREATE TABLE ck_columns (id int PRIMARY KEY, a text, b text COLLATE ck_nd);
SELECT ec_expand('ck_columns', 'ck_columns', '{"b": "a"}');
INSERT INTO ck_source VALUES ('A', 1);
INSERT INTO ck_source VALUES ('a', 2), ('b', 3);
-- which verification sees, by image
SELECT ok, missing, extra, different FROM ec_verify_change('ck_citext');
SELECT ok, missing, extra, different FROM ec_verify_change('ck_nondet');
SELECT key, source_value FROM ec_mismatches WHERE verification = (SELECT max(verification) FROM ec_mismatches);
INSERT INTO ck_columns (id, a) VALUES (1, 'A');
SELECT ok, different FROM ec_verify_change('ck_columns');
ALTER TABLE ck_columns DISABLE TRIGGER USER;
UPDATE ck_columns SET a = 'a';
ALTER TABLE ck_columns ENABLE ALWAYS TRIGGER "~ec_ck_columns";
SELECT ok, different FROM ec_verify_change('ck_columns');
UPDATE ck_source SET v = 4 WHERE code = 'a';
TABLE ck_citext ORDER BY code;
TABLE ck_nondet ORDER BY code;
SELECT change, key, error_code FROM ec_discrepancies WHERE change LIKE 'ck%' ORDER BY 1;
UPDATE ck_source SET code = 'B' WHERE code = 'b';
DELETE FROM ck_source WHERE code = 'a';
TABLE ck_citext ORDER BY code;
TABLE ck_nondet ORDER BY code;
SELECT ec_reconcile('ck_citext'), ec_reconcile('ck_nondet');
DROP TABLE ck_source, ck_citext, ck_nondet, ck_columns;
DROP COLLATION ck_nd;
DROP EXTENSION citext;
DELETE FROM expand_contract.gaps;
DELETE FROM expand_contract.changes WHERE name LIKE 'ck%';
