-- A key that does not lead back is another row's: the write fails as on_error
-- says, and neither it nor a delete touches that row.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
SET client_min_messages = warning;
CREATE TABLE kb_old (code text PRIMARY KEY, v int);
CREATE TABLE kb_new (code text PRIMARY KEY, v int);
SELECT ec_expand('kb', 'kb_old', '{"code": "upper(code)", "v": "v"}', '{"code": "lower(code)", "v": "v"}', target => 'kb_new');
-- two rows of the target with one key of the source
INSERT INTO kb_new VALUES ('A', 1);
INSERT INTO kb_new VALUES ('a', 2);
TABLE kb_old;
UPDATE kb_new SET v = 3 WHERE code = 'a';
DELETE FROM kb_new WHERE code = 'a';
TABLE kb_old;
SELECT key, direction, operation, error_code, error FROM ec_discrepancies WHERE change = 'kb';
UPDATE kb_new SET v = 4 WHERE code = 'A';
TABLE kb_old;
-- nor two of the source with one of the target
INSERT INTO kb_old VALUES ('A', 5), ('b', 6);
UPDATE kb_old SET v = v + 10;
DELETE FROM kb_old WHERE code = 'A';
TABLE kb_new ORDER BY code;
SELECT ec_reconcile('kb');
DELETE FROM kb_new WHERE code = 'A';
TABLE kb_old;
SELECT ec_revert('kb');
DROP TABLE kb_old, kb_new;
-- in the same statement, with on_error => 'raise', a key of several columns
CREATE TABLE kb_old (a int, b int, v text, PRIMARY KEY (a, b));
CREATE TABLE kb_new (c int PRIMARY KEY, v text);
SELECT ec_expand('kb_raise', 'kb_old', '{"c": "a * 10 + b", "v": "v"}', '{"a": "c / 10", "b": "c % 10", "v": "v"}', target => 'kb_new', on_error => 'raise');
INSERT INTO kb_old VALUES (1, 2, 'x'), (3, 4, 'y');
SELECT * FROM errors_of($$INSERT INTO kb_old VALUES (0, 12, 'z')$$);
INSERT INTO kb_new VALUES (56, 'n');
UPDATE kb_new SET c = 57 WHERE c = 56;
UPDATE kb_old SET a = 7 WHERE a = 1;
SELECT * FROM errors_of($$UPDATE kb_old SET a = 2, b = 14 WHERE a = 3$$);
TABLE kb_old ORDER BY a;
TABLE kb_new ORDER BY c;
SELECT ec_revert('kb_raise');
-- wider types go back as they are
DROP TABLE kb_old, kb_new;
CREATE TABLE kb_old (id int PRIMARY KEY, v text);
CREATE TABLE kb_new (id bigint PRIMARY KEY, v text);
SELECT ec_expand('kb_wide', 'kb_old', '{"id": "id", "v": "v"}', '{"id": "id", "v": "v"}', target => 'kb_new');
INSERT INTO kb_old VALUES (1, 'a');
INSERT INTO kb_new VALUES (2, 'b'), (3000000000, 'c');
TABLE kb_old ORDER BY id;
SELECT key, error FROM ec_discrepancies WHERE change = 'kb_wide';
SELECT ec_revert('kb_wide');
DROP TABLE kb_old, kb_new;
DELETE FROM expand_contract.discrepancies;
DELETE FROM expand_contract.changes WHERE name LIKE 'kb%';
