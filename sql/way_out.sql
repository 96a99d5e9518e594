-- A row that stops a job without a change is named by its key, and the hint says
-- how to go on.
\set SHOW_CONTEXT never
ALTER TABLE expand_contract.jobs ALTER id RESTART 65000;
SET client_min_messages = error;
CREATE TABLE way (region text, id int, price text, cents int, PRIMARY KEY (region, id));
INSERT INTO way SELECT 'eu', i, CASE i WHEN 38 THEN 'dear' ELSE i::text END FROM generate_series(1, 100) i;
CREATE TABLE way_copy (region text, id int, cents int, PRIMARY KEY (region, id));
SELECT ec_backfill('way', 'cents = price::int', 'cents IS NULL', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT state FROM ec_progress WHERE job = :job;
-- as the hint says
SELECT ec_cancel(:job);
SELECT ec_backfill('way', 'cents = price::int', $$cents IS NULL AND price ~ '^\d+$'$$, delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT count(*) FROM way WHERE cents IS NULL;
SELECT ec_copy('way', 'way_copy', '{"region": "region", "id": "id", "cents": "price::int"}', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
SELECT ec_copy('way', 'way_copy', $${"region": "region", "id": "id", "cents": "CASE WHEN price ~ '^\\d+$' THEN price::int END"}$$, delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT count(*), count(cents) FROM way_copy;
-- a hint of the user's own stays
CREATE FUNCTION of_user() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no' USING HINT = 'of the user'; END$$;
CREATE TRIGGER of_user BEFORE UPDATE ON way FOR EACH ROW WHEN (old.id = 7) EXECUTE FUNCTION of_user();
SELECT ec_backfill('way', 'cents = 1', 'cents IS DISTINCT FROM 1', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT FROM ec_cancel(:job);
DROP TABLE way, way_copy;
DROP FUNCTION of_user;
