-- A trigger of ours that finds no change never lets rows pass in silence.
SET client_min_messages = warning;
CREATE FUNCTION gaps_of(name text) RETURNS bigint LANGUAGE sql AS
    'SELECT count(*) FROM expand_contract.gaps WHERE change = $1 AND repaired_by IS NULL';
CREATE TABLE lost (id int PRIMARY KEY, a text, b text);
CREATE TABLE lost_from (id int PRIMARY KEY, a text);
CREATE TABLE lost_to (id int PRIMARY KEY, a text);
SELECT ec_expand('lost columns', 'lost', '{"b": "a"}', '{"a": "b"}');
SELECT ec_expand('lost table', 'lost_from', '{"id": "id", "a": "a"}', '{"id": "id", "a": "a"}', target => 'lost_to');
-- Both are unknown, as after a restore of the table alone.
DELETE FROM expand_contract.changes WHERE name LIKE 'lost %';
\c
SET client_min_messages = warning;
\set VERBOSITY terse
INSERT INTO lost VALUES (1, 'x');
INSERT INTO lost VALUES (2, 'x');
INSERT INTO lost_from VALUES (1, 'x');
UPDATE lost_from SET a = 'y';
\set VERBOSITY default
-- one is enough, as nobody can repair it
SELECT gaps_of('lost columns'), gaps_of('lost table');
-- The change that is registered again has to be repaired.
SELECT ec_expand('lost columns', 'lost', '{"b": "a"}', '{"a": "b"}');
SELECT passed FROM ec_gates('lost columns', 'cutover') WHERE gate = 'dual_write';
SELECT ec_backfill_change('lost columns', 'repair', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT passed FROM ec_gates('lost columns', 'cutover') WHERE gate = 'dual_write';
SELECT * FROM lost ORDER BY id;
-- Where no gap can be recorded, the write fails: nobody knows what on_error said.
ALTER TABLE expand_contract.gaps ADD CONSTRAINT none CHECK (reason <> 'no change') NOT VALID;
DELETE FROM expand_contract.gaps WHERE change = 'lost table';
INSERT INTO lost_from VALUES (2, 'x');
SELECT * FROM lost_from;
-- A change that is known, but has lost a column: on_error decides.
UPDATE expand_contract.change_columns SET attnum = 99 WHERE change = 'lost columns' AND side = 'new';
SELECT ec_dual_write('lost columns', false);
SELECT ec_dual_write('lost columns', true);
DELETE FROM expand_contract.gaps WHERE change = 'lost columns';
INSERT INTO lost VALUES (4, 'x');
INSERT INTO lost VALUES (5, 'x');
UPDATE expand_contract.changes SET on_error = 'raise' WHERE name = 'lost columns';
SELECT ec_dual_write('lost columns', false);
SELECT ec_dual_write('lost columns', true);
INSERT INTO lost VALUES (6, 'x');
SELECT id FROM lost ORDER BY id;
-- With gaps, each transaction leaves one.
ALTER TABLE expand_contract.gaps DROP CONSTRAINT none;
DELETE FROM expand_contract.gaps WHERE change = 'lost columns';
\set VERBOSITY terse
INSERT INTO lost VALUES (7, 'x');
INSERT INTO lost VALUES (8, 'x');
BEGIN;
INSERT INTO lost VALUES (9, 'x');
INSERT INTO lost VALUES (10, 'x');
COMMIT;
SELECT gaps_of('lost columns');
SELECT passed, observed FROM ec_gates('lost columns', 'cutover') WHERE gate = 'dual_write';
DROP TABLE lost, lost_from, lost_to;
DROP FUNCTION gaps_of(text);
DELETE FROM expand_contract.changes WHERE name LIKE 'lost %';
DELETE FROM expand_contract.gaps WHERE change LIKE 'lost %';
