-- A repair goes by the authority, and never clears what it cannot know.
SET client_min_messages = warning;
CREATE TABLE people (id int PRIMARY KEY, old_name text, new_name text);
INSERT INTO people VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Eve');
SELECT ec_expand('repaired', 'people', '{"new_name": "lower(old_name)"}', '{"old_name": "new_name"}');
SELECT ec_backfill_change('repaired', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ec_cutover('repaired', '{verified}');

-- a gap after the cutover: a row that only an old version knows, one that a new one has changed, one that both know
SELECT ec_dual_write('repaired', false);
INSERT INTO people VALUES (4, 'Mia');
UPDATE people SET new_name = 'robert' WHERE id = 2;
SELECT ec_dual_write('repaired', true);
SELECT ec_backfill_change('repaired', 'repair', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT * FROM people ORDER BY id;
SELECT ok, different FROM ec_verify_change('repaired');

-- what is unset is to be filled
SELECT ec_backfill_change('repaired', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT * FROM people ORDER BY id;
SELECT ok, different FROM ec_verify_change('repaired');

SELECT ec_revert('repaired');
SELECT ec_revert('repaired');
DROP TABLE people;
DELETE FROM expand_contract.changes WHERE name = 'repaired';
