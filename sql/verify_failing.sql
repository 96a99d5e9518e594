-- A row whose expressions fail costs the verdict on that row, and on no other.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
ALTER TABLE expand_contract.jobs ALTER id RESTART 64500;
CREATE SCHEMA failing;
SET search_path = failing, public;
CREATE VIEW last_mismatches AS
    SELECT key, column_name, source_value, target_value FROM ec_mismatches
    WHERE verification = (SELECT max(id) FROM expand_contract.verifications) ORDER BY key::text COLLATE "C", 2;

-- columns of one table: backward fails for 2, forward for 3, both for 4
CREATE TABLE t (id int PRIMARY KEY, old text, new int, note text);
CREATE FUNCTION back(new int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF new < 0 THEN RAISE 'no % in old', new; END IF;
    RETURN new::text;
END $$;
SELECT ec_expand('failing', 't', '{"new": "old::int"}', '{"old": "failing.back(new)"}');
INSERT INTO t (id, old) SELECT i, i::text FROM generate_series(1, 6) i;
SELECT ec_dual_write('failing', false);
UPDATE t SET new = -2 WHERE id = 2;
UPDATE t SET old = 'three', new = NULL WHERE id = 3;
UPDATE t SET old = 'four', new = -4 WHERE id = 4;
UPDATE t SET new = 50 WHERE id = 5;
-- written through the new column: forward fails, and backward explains it
CREATE OR REPLACE FUNCTION back(new int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF new < 0 THEN RAISE 'no % in old', new; END IF;
    RETURN CASE new WHEN 66 THEN 'six' ELSE new::text END;
END $$;
UPDATE t SET old = 'six', new = 66 WHERE id = 6;
SELECT ec_dual_write('failing', true);
SELECT ok, rows_source, missing, extra, different, checksum_source = checksum_target AS same FROM ec_verify_change('failing');
SELECT * FROM last_mismatches;
-- the same by a job
SELECT ec_verify_job('failing', delay_ms => 0) AS job \gset
SET client_min_messages = warning;
CALL ec_wait(:job);
RESET client_min_messages;
SELECT ok, rows_source, missing, extra, different FROM ec_verifications ORDER BY verification DESC LIMIT 1;
SELECT * FROM last_mismatches;
-- a row that is unset because its forward expression fails is no row in step
UPDATE t SET old = '1', new = 1 WHERE id <> 3;
SELECT ok, different, checksum_source = checksum_target AS same FROM ec_verify_change('failing');
-- one's own mapping has one's own errors
SELECT * FROM errors_of($$SELECT ec_verify('t', '{"new": "old::int"}')$$);
-- what is no error of a row is raised
CREATE OR REPLACE FUNCTION back(new int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RAISE 'gives up' USING ERRCODE = 'query_canceled';
END $$;
SELECT * FROM errors_of($$SELECT ec_verify_change('failing')$$);

-- another table, with the key of the new one
CREATE TABLE s (id int PRIMARY KEY, old text);
CREATE TABLE s_new (id int PRIMARY KEY, new int, more text);
CREATE FUNCTION back_s(new int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF new < 0 THEN RAISE 'no % in old', new; END IF;
    RETURN CASE new WHEN 66 THEN 'six' ELSE new::text END;
END $$;
SELECT ec_expand('failing_table', 's', '{"id": "id", "new": "old::int", "more": "old"}', '{"id": "id", "old": "failing.back_s(new)"}', target => 's_new');
INSERT INTO s SELECT i, i::text FROM generate_series(1, 6) i;
SELECT ec_dual_write('failing_table', false);
UPDATE s_new SET new = -2 WHERE id = 2;
UPDATE s SET old = 'three' WHERE id = 3;
UPDATE s SET old = 'four' WHERE id = 4;
UPDATE s_new SET new = NULL WHERE id = 4;
DELETE FROM s_new WHERE id = 5;
UPDATE s SET old = 'six' WHERE id = 6;
UPDATE s_new SET new = 66, more = 'six' WHERE id = 6;
SELECT ec_dual_write('failing_table', true);
SELECT ok, rows_source, rows_target, missing, extra, different, checksum_source = checksum_target AS same FROM ec_verify_change('failing_table');
SELECT * FROM last_mismatches;
SELECT ec_verify_job('failing_table', delay_ms => 0) AS job \gset
SET client_min_messages = warning;
CALL ec_wait(:job);
RESET client_min_messages;
SELECT ok, rows_source, rows_target, missing, extra, different FROM ec_verifications ORDER BY verification DESC LIMIT 1;
SELECT * FROM last_mismatches;

RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA failing CASCADE;
DELETE FROM expand_contract.changes WHERE name LIKE 'failing%';
