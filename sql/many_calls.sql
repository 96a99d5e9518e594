-- A thousand calls in a transaction start no more workers at its commit than one
-- does: each start beyond the free slots of the server would be a warning here.
SET client_min_messages = warning;
CREATE TABLE many_rows (id int PRIMARY KEY, v int);
INSERT INTO many_rows SELECT generate_series(1, 100);
SELECT ec_backfill('many_rows', 'v = 1', 'v IS NULL', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT set_config('many_calls.job', :'job', false) = :'job' AS set;
BEGIN;
DO $$BEGIN
    FOR i IN 1 .. 1000 LOOP
        PERFORM ec_configure(current_setting('many_calls.job')::bigint, delay_ms => 3600000 - i, workers => 1 + i % 2);
    END LOOP;
END$$;
COMMIT;
SELECT ec_cancel(:job);
DO $$BEGIN
    FOR i IN 1 .. 6000 LOOP
        EXIT WHEN NOT EXISTS (SELECT FROM expand_contract.live_slots());
        PERFORM pg_sleep(0.01);
    END LOOP;
END$$;
DROP TABLE many_rows;
