-- Causes are told: which row stops a job, and why a column got no value.  A job
-- leaves rows that fail to the queue, if asked to.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = error;

-- a row that stops a backfill is named by its key
CREATE TABLE cause (id int PRIMARY KEY, price text, cents int);
INSERT INTO cause SELECT i, CASE i WHEN 38 THEN 'dear' ELSE i::text END FROM generate_series(1, 1000) i;
SELECT ec_expand('causes', 'cause', '{"cents": "price::numeric * 100"}', '{"price": "(cents / 100.0)::text"}');
SELECT ec_backfill_change('causes', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT state, last_error FROM ec_progress WHERE job = :job;
SELECT count(*) FROM cause WHERE id = 38 AND cents IS NOT NULL;
-- mended, it goes on to the next
UPDATE cause SET price = '38' WHERE id = 38;
SELECT ec_resume(:job);
CALL ec_wait(:job);
SELECT count(*) FROM cause WHERE cents = id * 100;
ALTER TABLE cause DISABLE TRIGGER "~ec_causes";
UPDATE cause SET cents = NULL, price = CASE id WHEN 38 THEN 'dear' ELSE price END;
-- the engine alone, too
SELECT ec_backfill('cause', 'cents = price::int', 'cents IS NULL', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
-- how many rows come before the one that fails depends on the size of batches
UPDATE cause SET cents = NULL;

-- skipped rows are in the queue, once, and counted
UPDATE cause SET price = 'dear' WHERE id % 100 = 38;
ALTER TABLE cause ENABLE ALWAYS TRIGGER "~ec_causes";
SELECT * FROM errors_of($$SELECT ec_backfill_change('causes', on_error => 'record')$$);
SELECT ec_backfill_change('causes', delay_ms => 0, batch_size => 300, workers => 2, on_error => 'skip') AS job \gset
CALL ec_wait(:job);
SELECT state, rows_failed, rows_done FROM ec_progress WHERE job = :job;
SELECT count(*), count(*) FILTER (WHERE cents = price::numeric * 100) FROM cause WHERE price <> 'dear';
SELECT key, operation, direction, error_code, error, writes FROM ec_discrepancies ORDER BY key -> 'id';
SELECT change, phase, discrepancies FROM ec_changes WHERE change = 'causes';
SELECT gate, passed FROM ec_gates('causes', 'cutover') WHERE gate = 'discrepancies';
-- another job finds them there
SELECT ec_backfill_change('causes', delay_ms => 0, on_error => 'skip') AS job \gset
CALL ec_wait(:job);
SELECT state, rows_failed FROM ec_progress WHERE job = :job;
SELECT count(*) FROM ec_discrepancies;
-- mended, the queue is gone through
SELECT ec_reconcile('causes');
ALTER TABLE cause DISABLE TRIGGER "~ec_causes";
UPDATE cause SET price = id::text WHERE price = 'dear';
ALTER TABLE cause ENABLE ALWAYS TRIGGER "~ec_causes";
SELECT ec_reconcile('causes');
SELECT count(*) FROM cause WHERE cents IS DISTINCT FROM price::numeric * 100;
-- repair too, also where a constraint or a trigger of the user's fails
CREATE FUNCTION dislikes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.id = 7 AND NEW.cents = 700 THEN RAISE EXCEPTION 'not seven'; END IF;
    RETURN NEW;
END $$;
ALTER TABLE cause DISABLE TRIGGER "~ec_causes";
UPDATE cause SET cents = 1 WHERE id < 10;
UPDATE cause SET cents = 5000 WHERE id = 30;
ALTER TABLE cause ENABLE ALWAYS TRIGGER "~ec_causes", ADD CONSTRAINT not_eight CHECK (cents <> 800);
CREATE TRIGGER dislikes BEFORE UPDATE ON cause FOR EACH ROW EXECUTE FUNCTION dislikes();
SELECT ec_backfill_change('causes', 'repair', delay_ms => 0, on_error => 'skip') AS job \gset
CALL ec_wait(:job);
SELECT rows_failed FROM ec_progress WHERE job = :job;
SELECT key, error FROM ec_discrepancies ORDER BY key -> 'id';
SELECT id, cents FROM cause WHERE cents IS DISTINCT FROM price::numeric * 100 ORDER BY id;
DROP TRIGGER dislikes ON cause;
ALTER TABLE cause DROP CONSTRAINT not_eight;
SELECT ec_reconcile('causes');
-- what is wrong with all rows is no row's
REVOKE ALL ON cause FROM CURRENT_USER;
CREATE FUNCTION ahead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE division_by_zero; END $$;
ALTER TABLE cause DISABLE TRIGGER "~ec_causes";
UPDATE cause SET cents = 1;
ALTER TABLE cause ENABLE ALWAYS TRIGGER "~ec_causes";
CREATE TRIGGER ahead BEFORE UPDATE ON cause FOR EACH STATEMENT EXECUTE FUNCTION ahead();
SELECT ec_backfill_change('causes', 'repair', delay_ms => 0, on_error => 'skip') AS job \gset
CALL ec_wait(:job);
SELECT count(*) FROM ec_discrepancies;
DROP TRIGGER ahead ON cause;

-- to another table, with a key of several columns; partitions
CREATE TABLE cause_of (a int, b text, price text, PRIMARY KEY (a, b)) PARTITION BY LIST (a);
CREATE TABLE cause_of_1 PARTITION OF cause_of FOR VALUES IN (1);
CREATE TABLE cause_of_2 (price text, gone int, b text NOT NULL, a int NOT NULL);
ALTER TABLE cause_of_2 DROP gone;
ALTER TABLE cause_of ATTACH PARTITION cause_of_2 FOR VALUES IN (2);
CREATE TABLE effect (a int, b text, cents int CHECK (cents < 10000), PRIMARY KEY (a, b));
INSERT INTO cause_of SELECT 1 + i % 2, 'k' || i, CASE i WHEN 5 THEN 'dear' WHEN 8 THEN '1000' ELSE i::text END FROM generate_series(1, 20) i;
SELECT ec_expand('causes_table', 'cause_of', '{"a": "a", "b": "b", "cents": "price::numeric * 100"}', target => 'effect');
SELECT ec_backfill_change('causes_table', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ec_backfill_change('causes_table', delay_ms => 0, on_error => 'skip') AS job \gset
CALL ec_wait(:job);
SELECT state, rows_failed FROM ec_progress WHERE job = :job;
SELECT key, operation, error FROM ec_discrepancies WHERE change = 'causes_table' ORDER BY key ->> 'b';
SELECT count(*) FROM effect;
UPDATE cause_of SET price = '1' WHERE b IN ('k5', 'k8');
SELECT ec_reconcile('causes_table');
SELECT ok FROM ec_verify_change('causes_table');

-- no key, no name in the queue
CREATE TABLE keyless (price text, cents int);
INSERT INTO keyless VALUES ('1', NULL), ('dear', NULL);
SELECT ec_expand('causes_keyless', 'keyless', '{"cents": "price::int"}', on_error => 'raise');
SELECT ec_backfill_change('causes_keyless', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ec_backfill_change('causes_keyless', delay_ms => 0, on_error => 'skip') AS job \gset
CALL ec_wait(:job);

-- NOT NULL does not hide why an old column got no value
CREATE TABLE hidden (id int PRIMARY KEY, small smallint NOT NULL, big int);
SELECT ec_expand('causes_hidden', 'hidden', '{"big": "small"}', '{"small": "big"}');
SELECT * FROM errors_of($$INSERT INTO hidden (id, big) VALUES (1, 100000)$$);
INSERT INTO hidden (id, big) VALUES (1, 10);
INSERT INTO hidden (id, small, big) VALUES (2, 0, 100000);
UPDATE hidden SET big = 100000 WHERE id = 1;
SELECT * FROM hidden ORDER BY id;
SELECT key, direction, error FROM ec_discrepancies WHERE change = 'causes_hidden';
-- nor a new one, which has got it later
CREATE TABLE hidden_new (id int PRIMARY KEY, price text, cents int);
SELECT ec_expand('causes_hidden_new', 'hidden_new', '{"cents": "price::int"}');
ALTER TABLE hidden_new ALTER cents SET NOT NULL;
SELECT * FROM errors_of($$INSERT INTO hidden_new (id, price) VALUES (1, 'dear')$$);
INSERT INTO hidden_new (id, price) VALUES (1, '1');


-- an index that a worker makes ends 'record', and who waits is told
CREATE TABLE unique_later (id int PRIMARY KEY, a text, b text);
SELECT ec_expand('causes_unique', 'unique_later', '{"b": "lower(a)"}');
RESET client_min_messages;
SELECT ec_apply('causes_1', 'CREATE UNIQUE INDEX CONCURRENTLY unique_b ON unique_later (b)');
SET client_min_messages = warning;
CALL ec_wait_migration('causes_1');
SET client_min_messages = error;
SELECT change, event, value FROM expand_contract.change_events WHERE change = 'causes_unique' ORDER BY at;
DROP TABLE unique_later;
DELETE FROM expand_contract.schema_migrations WHERE version = 'causes_1';
DELETE FROM expand_contract.migration_events WHERE version = 'causes_1';
DELETE FROM expand_contract.change_events WHERE change LIKE 'causes%';

DROP TABLE cause, cause_of, effect, keyless, hidden, hidden_new;
DROP FUNCTION dislikes(), ahead();
DELETE FROM expand_contract.discrepancies;
DELETE FROM expand_contract.gaps;
DELETE FROM expand_contract.changes WHERE name LIKE 'causes%';
