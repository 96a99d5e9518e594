\set ECHO none
-- What tests of jobs share.  Included like errors.sql.

-- what a job ended as
CREATE OR REPLACE FUNCTION outcome(job_id bigint, OUT state text, OUT rows_done bigint, OUT percent numeric, OUT last_error text)
LANGUAGE sql AS $$
    SELECT state, rows_done, percent, last_error FROM ec_progress WHERE job = job_id;
$$;

-- Wait until a running job has done that many rows.  With batches of one row
-- and a pause of an hour, what follows happens in the middle of the job.
CREATE OR REPLACE FUNCTION wait_for_rows(job_id bigint, wanted bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..6000 LOOP
        IF (SELECT state = 'running' AND rows_done >= wanted FROM ec_progress WHERE job = job_id) THEN RETURN; END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RAISE EXCEPTION 'job % did not come to % rows', job_id, wanted;
END $$;
\set ECHO all
