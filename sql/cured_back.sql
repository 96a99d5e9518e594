-- A write fails, a later one cures the row, and a gap puts it out of step again. If
-- the failed write was to the side that is right, reconciling must not undo what
-- was written in the gap; a row that was not written since is still tried again.
\set SHOW_CONTEXT never
SET client_min_messages = error;
CREATE FUNCTION to_new(old text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN old::int; END $$;
CREATE FUNCTION to_old(new int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF new < 0 THEN RAISE 'not yet'; END IF;
    RETURN new::text;
END $$;
CREATE TABLE cured_back (id int PRIMARY KEY, old text, new int, other int);
SELECT ec_expand('cured_back', 'cured_back', '{"new": "public.to_new(old)"}', '{"old": "public.to_old(new)"}');
INSERT INTO cured_back (id, old) SELECT i, i::text FROM generate_series(1, 6) i;
-- before the cutover: what new versions write fails
UPDATE cured_back SET new = -new WHERE id < 6;
UPDATE cured_back SET old = old || '0' WHERE id IN (1, 2);   -- cured
SELECT * FROM cured_back ORDER BY id;
SELECT ec_dual_write('cured_back', false);
UPDATE cured_back SET old = '7' WHERE id = 1;
UPDATE cured_back SET new = 8 WHERE id = 2;
UPDATE cured_back SET old = '9' WHERE id = 3;
SELECT ec_dual_write('cured_back', true);
UPDATE cured_back SET other = 1 WHERE id = 4;
SELECT ec_backfill_change('cured_back', 'repair', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
CREATE OR REPLACE FUNCTION to_old(new int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT new::text $$;
SELECT ec_reconcile('cured_back');
SELECT * FROM cured_back ORDER BY id;
SELECT key, error_code, error FROM ec_discrepancies WHERE change = 'cured_back' ORDER BY key;
-- somebody says which value is right
UPDATE cured_back SET old = '70' WHERE id = 1;
UPDATE cured_back SET new = 80 WHERE id = 2;
UPDATE cured_back SET old = '9', new = 9 WHERE id = 3;
UPDATE cured_back SET old = '-4' WHERE id = 4;
SELECT ec_reconcile('cured_back');
SELECT * FROM cured_back ORDER BY id;
SELECT ok FROM ec_verify_change('cured_back');

-- after it: what old versions write fails
SELECT ec_cutover('cured_back', '{replication_lag}');
UPDATE cured_back SET old = 'x' WHERE id < 5;
INSERT INTO cured_back (id, old) VALUES (7, 'x'), (8, 'x'), (9, 'x');
UPDATE cured_back SET new = id WHERE id IN (1, 7);   -- cured
SELECT ec_dual_write('cured_back', false);
UPDATE cured_back SET new = 11 WHERE id IN (1, 7);
UPDATE cured_back SET old = 'y' WHERE id = 2;
SELECT ec_dual_write('cured_back', true);
SELECT ec_backfill_change('cured_back', 'repair', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
CREATE OR REPLACE FUNCTION to_new(old text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN old ~ '^-?\d+$' THEN old::int ELSE 0 END $$;
SELECT ec_reconcile('cured_back');
SELECT * FROM cured_back ORDER BY id;
SELECT key, error_code, error FROM ec_discrepancies WHERE change = 'cured_back' ORDER BY key;
UPDATE cured_back SET new = 11 WHERE id = 1;
UPDATE cured_back SET old = '0' WHERE id = 2;
SELECT ec_reconcile('cured_back');
SELECT ok FROM ec_verify_change('cured_back');
DELETE FROM expand_contract.changes WHERE name = 'cured_back';
DELETE FROM expand_contract.gaps WHERE change = 'cured_back';
DROP TABLE cured_back;

-- the same between tables
CREATE TABLE cured_from (id int PRIMARY KEY, old text);
CREATE TABLE cured_to (id int PRIMARY KEY, new int CONSTRAINT positive CHECK (new > 0));
SELECT ec_expand('cured_tables', 'cured_from', '{"id": "id", "new": "old::int"}', '{"id": "id", "old": "new::text"}', target => 'cured_to');
INSERT INTO cured_from SELECT i, i::text FROM generate_series(1, 5) i;
SELECT ok FROM ec_verify_change('cured_tables');
SELECT ec_cutover('cured_tables', '{replication_lag}');
UPDATE cured_from SET old = -id WHERE id < 5;
DELETE FROM cured_from WHERE id = 6;
UPDATE cured_to SET new = 10 * id WHERE id IN (1, 2);   -- cured
SELECT ec_dual_write('cured_tables', false);
UPDATE cured_to SET new = 7 WHERE id = 1;
SELECT ec_dual_write('cured_tables', true);
ALTER TABLE cured_to DROP CONSTRAINT positive;
SELECT ec_reconcile('cured_tables');
SELECT id, f.old, t.new FROM cured_from f FULL JOIN cured_to t USING (id) ORDER BY id;
SELECT key, error_code, error FROM ec_discrepancies WHERE change = 'cured_tables' ORDER BY key;
-- the statement that verification proposes
SELECT ok, id AS verification FROM ec_verify_change('cured_tables') \gset
SELECT repair FROM ec_mismatches WHERE verification = :verification \gexec
SELECT ec_reconcile('cured_tables');
SELECT id, f.old, t.new FROM cured_from f FULL JOIN cured_to t USING (id) ORDER BY id;
SELECT ok FROM ec_verify_change('cured_tables');
DELETE FROM expand_contract.changes WHERE name = 'cured_tables';
DELETE FROM expand_contract.gaps WHERE change = 'cured_tables';
DROP TABLE cured_from, cured_to;
DROP FUNCTION to_new, to_old;
