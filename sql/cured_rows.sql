-- A row fails, is cured by a later write, and then put out of step by a gap: the
-- repair leaves it alone, as it has an entry, and reconciling brings it in step.
\set SHOW_CONTEXT never
SET client_min_messages = error;
CREATE TABLE cured (id int PRIMARY KEY, old text, new int);
SELECT ec_expand('cured', 'cured', '{"new": "old::int"}', '{"old": "new::text"}');
INSERT INTO cured (id, old) VALUES (1, 'x'), (2, 'x'), (3, 'x'), (4, '4');
SELECT count(*) FROM ec_discrepancies WHERE change = 'cured';
UPDATE cured SET old = '7' WHERE id = 1;
-- what a new version writes is carried over to the old column
UPDATE cured SET new = 2 WHERE id = 2;
SELECT * FROM cured ORDER BY id;
SELECT ec_dual_write('cured', false);
UPDATE cured SET old = '8' WHERE id IN (1, 4);
SELECT ec_dual_write('cured', true);
SELECT ec_backfill_change('cured', 'repair', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT * FROM cured ORDER BY id;
SELECT ec_reconcile('cured');
SELECT * FROM cured ORDER BY id;
-- after the cutover the new side is right, and is not written from the old one
UPDATE expand_contract.changes SET phase = 'cut_over' WHERE name = 'cured';
UPDATE cured SET new = 3 WHERE id = 3;
SELECT ec_dual_write('cured', false);
UPDATE cured SET new = 33 WHERE id = 3;
SELECT ec_dual_write('cured', true);
SELECT ec_reconcile('cured');
SELECT * FROM cured WHERE id = 3;
DELETE FROM expand_contract.changes WHERE name = 'cured';
DELETE FROM expand_contract.gaps WHERE change = 'cured';
DROP TABLE cured;
