-- A repair leaves rows alone whose modern write is still in the queue: it would
-- take the newer side for the wrong one.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
ALTER TABLE expand_contract.jobs ALTER id RESTART 63000;
CREATE SCHEMA repair_queue;
SET search_path = repair_queue, public;
CREATE FUNCTION to_old(new text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF new = 'none' THEN RAISE 'not yet'; END IF;
    RETURN new::int;
END $$;
CREATE FUNCTION to_new(old int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF old = -1 THEN RAISE 'not yet'; END IF;
    RETURN old::text;
END $$;
-- a key of every kind of text, with another DateStyle than the queue's
SET DateStyle = 'SQL, DMY';
CREATE DOMAIN number AS int;
CREATE TABLE t ("a ""b'c" date, part char(5), flag boolean, n number, old int CONSTRAINT not_99 CHECK (old <> 99), new text, PRIMARY KEY ("a ""b'c", part, flag, n));
INSERT INTO t SELECT date '2024-02-01' + i, 'x', true, i, i FROM generate_series(1, 5) i;
SELECT ec_expand('queue''d', 't', '{"new": "repair_queue.to_new(old)"}', '{"old": "repair_queue.to_old(new)"}');
SELECT ec_backfill_change('queue''d', delay_ms => 0) AS job \gset
SET client_min_messages = warning;
CALL ec_wait(:job);
RESET client_min_messages;
-- before the cutover the old side is right, but for what a new version wrote
UPDATE t SET new = '99' WHERE n = 5;
SELECT ok, different FROM ec_verify_change('queue''d');
SELECT regexp_replace(hint, 'verification = \d+', 'verification = ...') AS hint FROM ec_gates('queue''d', 'cutover') WHERE NOT passed ORDER BY gate;
SELECT ec_backfill_change('queue''d', 'repair', delay_ms => 0) AS job \gset
SET client_min_messages = warning;
CALL ec_wait(:job);
RESET client_min_messages;
SELECT n, old, new FROM t WHERE n = 5;
ALTER TABLE t DROP CONSTRAINT not_99;
SELECT ec_reconcile('queue''d');
SELECT n, old, new FROM t WHERE n = 5;
-- such a write may fail again whenever it is tried
UPDATE t SET new = 'none' WHERE n = 2;
SELECT key, direction FROM ec_discrepancies WHERE change = 'queue''d';
-- out of step for another reason
SELECT ec_dual_write('queue''d', false);
UPDATE t SET old = 30 WHERE n = 3;
SELECT ec_dual_write('queue''d', true);
SELECT * FROM errors_of($$SELECT ec_verify_change('queue''d')$$);
SELECT regexp_replace(hint, 'verification = \d+', 'verification = ...') AS hint FROM ec_gates('queue''d', 'cutover') WHERE gate IN ('verified', 'discrepancies') ORDER BY gate;
SELECT ec_backfill_change('queue''d', 'repair', delay_ms => 0) AS job \gset
SET client_min_messages = warning;
CALL ec_wait(:job);
RESET client_min_messages;
SELECT n, old, new FROM t ORDER BY n;
SELECT count(*) FROM ec_discrepancies WHERE change = 'queue''d';
-- others than the owner are not told
CREATE ROLE regress_queue;
GRANT USAGE ON SCHEMA expand_contract TO regress_queue;
CREATE VIEW asked AS SELECT expand_contract.is_queued('queue''d', false, '{"a \"b''c", part, flag, n}', date '2024-02-03', 'x'::char(5), true, 2::number);
GRANT USAGE ON SCHEMA repair_queue TO regress_queue;
SELECT * FROM asked;
SET ROLE regress_queue;
SELECT expand_contract.is_queued('queue''d', false, '{"a \"b''c", part, flag, n}', date '2024-02-03', 'x'::char(5), true, 2::repair_queue.number);
RESET ROLE;
-- the cause is gone
CREATE OR REPLACE FUNCTION to_old(new text) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN new = 'none' THEN 0 ELSE new::int END $$;
SELECT ec_reconcile('queue''d');
SELECT n, old, new FROM t WHERE n IN (2, 3) ORDER BY n;
SELECT ok FROM ec_verify_change('queue''d');
SET client_min_messages = warning;
SELECT ec_cutover('queue''d');
RESET client_min_messages;
-- after it the new side is right, but for what an old version wrote
UPDATE t SET old = -1 WHERE n = 4;
SELECT direction FROM ec_discrepancies WHERE change = 'queue''d';
SELECT ec_backfill_change('queue''d', 'repair', delay_ms => 0) AS job \gset
SET client_min_messages = warning;
CALL ec_wait(:job);
RESET client_min_messages;
SELECT n, old, new FROM t WHERE n = 4;
CREATE OR REPLACE FUNCTION to_new(old int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT old::text';
SELECT ec_reconcile('queue''d');
SELECT n, old, new FROM t WHERE n = 4;
RESET DateStyle;

-- Another table: a copy would overwrite or delete such rows, so it is refused.
CREATE TABLE a (id int PRIMARY KEY, old int CHECK (old > 0));
CREATE TABLE b (id int PRIMARY KEY, new int);
INSERT INTO a VALUES (1, 1);
SELECT ec_expand('queued_table', 'a', '{"id": "id", "new": "old"}', '{"id": "id", "old": "new"}', target => 'b');
SELECT ec_backfill_change('queued_table', delay_ms => 0) AS job \gset
SET client_min_messages = warning;
CALL ec_wait(:job);
RESET client_min_messages;
UPDATE b SET new = -1;
INSERT INTO b VALUES (2, -2);
SELECT * FROM errors_of($$SELECT ec_backfill_change('queued_table', 'repair')$$);
SELECT * FROM b ORDER BY id;
ALTER TABLE a DROP CONSTRAINT a_old_check;
SELECT ec_reconcile('queued_table');
SELECT ec_backfill_change('queued_table', 'repair', delay_ms => 0) AS job \gset
SET client_min_messages = warning;
CALL ec_wait(:job);
SELECT * FROM a ORDER BY id;
SELECT * FROM b ORDER BY id;
SELECT ec_revert('queued_table'), ec_revert('queue''d'), ec_revert('queue''d') AS again;
REVOKE USAGE ON SCHEMA expand_contract FROM regress_queue;
DROP SCHEMA repair_queue CASCADE;
DROP ROLE regress_queue;
DELETE FROM expand_contract.changes WHERE name IN ('queued_table', 'queue''d');
