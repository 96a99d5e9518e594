-- Rows of our own tables that nobody but the extension should have written: a
-- superuser's typo, half a restore.  Whoever reads them says so, or does
-- without; nothing crashes.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA regress_ec_own;
SET search_path = regress_ec_own, public;
CREATE TABLE watched (id int PRIMARY KEY, old text, new text);

-- Tracked columns: what the trigger completes,
SELECT * FROM errors_of($$INSERT INTO expand_contract.usage (relation, attnum, column_name) VALUES ('watched', 1, NULL)$$) LIMIT 1;
SELECT * FROM errors_of($$INSERT INTO expand_contract.usage (relation, attnum, column_name) VALUES (NULL, 1, 'old')$$) LIMIT 1;
SELECT * FROM errors_of($$INSERT INTO expand_contract.usage (relation, column_name) VALUES (NULL, NULL)$$) LIMIT 1;
INSERT INTO expand_contract.usage (relation, attnum, column_name, tracked_since, reads, readers)
VALUES ('watched', NULL, 'old', NULL, NULL, NULL), ('watched', 32767, 'new', '-infinity', -1, '\xff'),
       (0, 1, 'old', now(), 0, ''), ('pg_class', 1, 'ctid', now(), 0, '');
SELECT relation, attnum, column_name, reads FROM expand_contract.usage ORDER BY attnum;
-- when it is called for something else,
CREATE TRIGGER regress_ec_wrong BEFORE UPDATE OF reads ON expand_contract.usage
    FOR EACH ROW EXECUTE FUNCTION expand_contract.usage_changed();
SELECT * FROM errors_of('UPDATE expand_contract.usage SET reads = 1');
DROP TRIGGER regress_ec_wrong ON expand_contract.usage;
CREATE TRIGGER regress_ec_wrong BEFORE INSERT ON expand_contract.usage
    FOR EACH STATEMENT EXECUTE FUNCTION expand_contract.usage_changed();
SELECT * FROM errors_of($$INSERT INTO expand_contract.usage (relation, attnum, column_name) VALUES ('watched', 1, 'id')$$);
DROP TRIGGER regress_ec_wrong ON expand_contract.usage;
CREATE TRIGGER regress_ec_wrong BEFORE TRUNCATE ON expand_contract.standby_usage
    FOR EACH STATEMENT EXECUTE FUNCTION expand_contract.usage_changed();
SELECT * FROM errors_of('TRUNCATE expand_contract.standby_usage');
DROP TRIGGER regress_ec_wrong ON expand_contract.standby_usage;
SELECT * FROM errors_of('SELECT expand_contract.usage_changed()');
-- and what is read.
UPDATE expand_contract.usage SET readers = decode(repeat('ff', 1000), 'hex'), writers = '\x00', reads = -5,
       unknown_since = '-infinity', unknown_until = 'infinity' WHERE column_name = 'old';
SELECT relation, column_name, reads, last_reader, readers, writers FROM ec_column_usage;
UPDATE expand_contract.usage SET attnum = -30000 WHERE column_name = 'new';
UPDATE expand_contract.usage SET tracked_since = 'infinity' WHERE column_name = 'old';
SELECT relation, column_name FROM ec_column_usage;
SELECT old, new FROM watched;
BEGIN;
-- a table that somebody has altered
ALTER TABLE expand_contract.usage ALTER reads TYPE text;
SELECT count(*) FROM ec_column_usage;
SELECT * FROM errors_of($$INSERT INTO expand_contract.usage (relation, attnum, column_name) VALUES ('watched', 1, 'id')$$);
ROLLBACK;
BEGIN;
ALTER TABLE expand_contract.usage ADD more text, ALTER column_name DROP NOT NULL;
UPDATE expand_contract.usage SET column_name = NULL, tracked_since = now(), attnum = 1 WHERE column_name = 'old';
SELECT relation, column_name FROM ec_column_usage;
ROLLBACK;
DELETE FROM expand_contract.usage;

-- Changes.
CREATE TABLE kept (id int, part int, old text, new text, PRIMARY KEY (id, part));
SELECT ec_expand('own_rows', 'kept', '{"new": "lower(old)"}', '{"old": "new"}');
INSERT INTO kept VALUES (1, 1, 'A');
SELECT * FROM kept;
CREATE FUNCTION with_row(set_clause text, condition text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('UPDATE expand_contract.change_columns SET %s WHERE change = ''own_rows'' AND %s', set_clause, condition);
    DISCARD PLANS;
    -- all sessions' triggers look again
    ALTER TABLE regress_ec_own.kept ALTER id SET STATISTICS 100;
    RETURN QUERY SELECT public.errors_of('INSERT INTO regress_ec_own.kept VALUES (2, 2, ''B'')');
    RETURN QUERY SELECT public.errors_of('SELECT public.ec_verify_change(''own_rows'')');
    RAISE EXCEPTION 'back' USING ERRCODE = 'RGB01';
EXCEPTION WHEN SQLSTATE 'RGB01' THEN
    RETURN;
END $$;
SELECT * FROM with_row('key_position = 1000', $$name = 'part'$$);
SELECT * FROM with_row('key_position = 1', $$name = 'part'$$);
SELECT * FROM with_row('key_position = -1', $$name = 'part'$$);
SELECT * FROM with_row('key_position = 3', $$name = 'part'$$);
SELECT * FROM with_row('key_position = 2', $$name = 'old'$$);
SELECT * FROM with_row('attnum = 1234', $$name = 'new'$$);
SELECT * FROM with_row('attnum = -1', $$name = 'old'$$);
SELECT * FROM with_row('calls = ''{lower,NULL}''', $$name = 'new'$$);
SELECT * FROM with_row('expression = ''}'', tree = NULL', $$name = 'new'$$);
SELECT * FROM with_row('tree = left(tree, -20)', $$name = 'new'$$);
SELECT * FROM with_row('expression = NULL', 'true');
BEGIN;
UPDATE expand_contract.changes SET key_columns = '{NULL}' WHERE name = 'own_rows';
SELECT * FROM errors_of($$SELECT ec_verify_change('own_rows')$$);
ROLLBACK;
BEGIN;
UPDATE expand_contract.changes SET forward = '[1]', backward = '"x"' WHERE name = 'own_rows';
SELECT * FROM errors_of($$SELECT count(*) FROM ec_gates('own_rows', 'cutover')$$);
SELECT * FROM errors_of($$SELECT ec_runbook('own_rows') IS NULL$$);
ROLLBACK;
BEGIN;
ALTER TABLE expand_contract.changes ALTER relation_oid TYPE text;
SELECT * FROM errors_of($$SELECT ec_verify_change('own_rows')$$);
ROLLBACK;
BEGIN;
ALTER TABLE expand_contract.changes ALTER key_columns TYPE text USING 'id';
SELECT * FROM errors_of($$SELECT ec_verify_change('own_rows')$$);
ROLLBACK;
-- Discrepancies with a key of any kind.
INSERT INTO expand_contract.discrepancies (change, key, operation, direction, error_code, error, is_unset)
SELECT 'own_rows', key, '?', 'forward', '', '', false
  FROM unnest('{null,"1","\"x\"","[]","[1, 2]","{}","{\"id\": null}","{\"id\": [1]}","{\"id\": 1, \"part\": \"x\"}"}'::jsonb[]) key
 WHERE key IS NOT NULL;
SELECT ec_reconcile('own_rows') >= 0 AS reconciled;
DELETE FROM expand_contract.discrepancies WHERE change = 'own_rows';

-- The triggers on the user's tables, by hand and on other tables.
SELECT * FROM errors_of('SELECT expand_contract.dual_write()');
SELECT * FROM errors_of('SELECT expand_contract.dual_write_table()');
CREATE TABLE plain (a int);
CREATE TRIGGER wrong BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION expand_contract.dual_write();
CREATE TRIGGER wrong_too BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION expand_contract.dual_write('own_rows');
CREATE TRIGGER wrong_three BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION expand_contract.dual_write('own_rows', 'x');
INSERT INTO plain VALUES (1);
CREATE TRIGGER after AFTER INSERT ON plain FOR EACH ROW EXECUTE FUNCTION expand_contract.dual_write('own_rows');
SELECT * FROM errors_of('INSERT INTO plain VALUES (2)');
DROP TRIGGER after ON plain;
CREATE TRIGGER after AFTER INSERT ON plain FOR EACH STATEMENT EXECUTE FUNCTION expand_contract.dual_write_table();
SELECT * FROM errors_of('INSERT INTO plain VALUES (2)');
DROP TRIGGER after ON plain;
CREATE TRIGGER after AFTER DELETE ON plain FOR EACH STATEMENT EXECUTE FUNCTION expand_contract.dual_write_table('own_rows');
SELECT * FROM errors_of('DELETE FROM plain');
DROP TRIGGER after ON plain;
CREATE TRIGGER after AFTER TRUNCATE ON plain FOR EACH STATEMENT EXECUTE FUNCTION expand_contract.dual_write_table('own_rows');
SELECT * FROM errors_of('TRUNCATE plain');
SELECT * FROM plain;

-- Jobs: the worker fails the job, and the server stays.
CREATE TABLE filled (id int PRIMARY KEY, a text);
INSERT INTO filled SELECT i FROM generate_series(1, 100) i;
CREATE PROCEDURE run_with(set_clause text, slot_clause text) LANGUAGE plpgsql AS $$
DECLARE
    job bigint;
    result text;
BEGIN
    job := public.ec_backfill('regress_ec_own.filled', 'a = ''x''', delay_ms => 0);
    EXECUTE format('UPDATE expand_contract.jobs SET %s WHERE id = %s', set_clause, job);
    EXECUTE format('UPDATE expand_contract.job_slots SET %s WHERE job = %s', slot_clause, job);
    COMMIT;
    LOOP
        SELECT j.state || coalesce(' ' || j.error_code || ' ' || j.error_message, '') INTO result
          FROM expand_contract.jobs j WHERE id = job AND state IN ('done', 'failed');
        EXIT WHEN FOUND;
        COMMIT;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RAISE WARNING '%', result;
    UPDATE regress_ec_own.filled SET a = NULL;
END $$;
CALL run_with('settings = ''[]''', 'sweep = 1');
CALL run_with('settings = ''"x"''', 'sweep = 1');
CALL run_with('settings = ''["TimeZone", 1, 2, 3, 4, 5, 6]''', 'sweep = 1');
CALL run_with('parameters = ''[1, 2, 3]''', 'sweep = 1');
CALL run_with('parameters = ''{}''', 'sweep = 1');
CALL run_with('parameters = parameters || ''{"columns": "999999 -5"}''', 'sweep = 1');
CALL run_with('parameters = ''{"count": 1000000000}''', 'sweep = 1');
CALL run_with('kind = ''copy'', parameters = ''{"count": 1, "key_count": 1}''', 'sweep = 1');
CALL run_with('kind = ''copy'', parameters = ''{"count": 1, "key_count": 7}''', 'sweep = 1');
CALL run_with('kind = ''statement'', parameters = ''{}''', 'sweep = 1');
CALL run_with('kind = ''statement'', parameters = ''[]''', 'sweep = 1');
CALL run_with('workers = 1', 'position = ''[1]''');
CALL run_with('workers = 1', 'position = ''{"open": 1, "stripes": 0}''');
CALL run_with('workers = 1', 'position = ''{"open": 1, "stripe": 7}''');
CALL run_with('workers = 1', 'position = ''{"open": 1, "chunk": -1}''');
CALL run_with('workers = 1', 'position = ''{"open": 1, "by_key": 1, "key_count": 100}''');
CALL run_with('workers = 1', 'position = ''{"open": 1, "by_key": 1, "key_count": 1, "key_columns": "1"}''');
-- The views show the others whatever a row holds.
BEGIN;
CREATE TEMP TABLE one ON COMMIT DROP AS SELECT max(id) AS job FROM expand_contract.jobs;
UPDATE expand_contract.jobs SET kind = 'copy', state = 'running', parameters = '{"target": "x"}' WHERE id = (SELECT job FROM one);
UPDATE expand_contract.job_slots SET rows_per_second = 1e-300, rows_done = 5, work_done = 1, work_total = 1000000000 WHERE job = (SELECT job FROM one);
SELECT count(*) FROM ec_progress p WHERE p::text IS NULL;
UPDATE expand_contract.jobs SET parameters = '{"target": 99999999999999999999}', state = 'queued', run_window = '99:99', settings = '7' WHERE id = (SELECT job FROM one);
UPDATE expand_contract.job_slots SET rows_per_second = 'NaN', active_seconds = 1e300 WHERE job = (SELECT job FROM one);
SELECT p.state, p.throttled_by FROM ec_progress p, one WHERE p.job = one.job;
SELECT count(*) FROM ec_progress p WHERE p::text IS NULL;
UPDATE expand_contract.jobs SET parameters = '[]', start_at = 'infinity', run_window = '01:00-02:00' WHERE id = (SELECT job FROM one);
SELECT count(*) FROM ec_progress p WHERE p::text IS NULL;
ROLLBACK;

RESET search_path;
DROP SCHEMA regress_ec_own CASCADE;
DELETE FROM expand_contract.changes WHERE name = 'own_rows';
