-- What a role can see and do that is called at three in the morning and owns
-- nothing: pg_monitor to look, pg_signal_backend and EXECUTE to hold a job.
\set VERBOSITY terse
SET client_min_messages = warning;
DROP EXTENSION expand_contract CASCADE;
CREATE SCHEMA tools;
CREATE EXTENSION expand_contract SCHEMA tools;
SET search_path = public, tools;
CREATE ROLE night_owner LOGIN;
CREATE ROLE night_call IN ROLE pg_monitor;
CREATE ROLE night_nobody;
GRANT CREATE ON SCHEMA public TO night_owner;

-- ec_grant gives the schema as well; granting again changes nothing.
SELECT has_schema_privilege('night_owner', 'tools', 'USAGE') AS before;
SELECT ec_grant('night_owner');
SELECT ec_grant('night_owner');
SELECT has_schema_privilege('night_owner', 'tools', 'USAGE') AS after;
SELECT array_length(nspacl, 1) AS entries FROM pg_namespace WHERE nspname = 'tools';
GRANT USAGE ON SCHEMA tools TO night_call, night_nobody;

SET ROLE night_owner;
CREATE TABLE night (id int PRIMARY KEY, a text, b text);
INSERT INTO night SELECT i, i FROM generate_series(1, 10) i;
SELECT ec_expand('night', 'night', '{"b": "a"}', '{"a": "b"}');
SELECT ec_backfill('night', 'b = a', batch_size => 1, delay_ms => 3600000) AS job \gset
RESET ROLE;
SELECT ec_backfill('night', 'b = a', batch_size => 1, delay_ms => 3600000) AS superusers_job \gset

-- Looking.
SET ROLE night_call;
SELECT count(*) > 3 AS has_gates FROM ec_gates('night', 'cutover');
SELECT ec_runbook('night') LIKE '%night%' AS has_runbook;
SELECT change, 'verified' = ANY (blocked_by) OR cardinality(blocked_by) > 0 AS is_blocked FROM ec_changes;
SELECT event, value FROM ec_change_events WHERE change = 'night' AND event = 'phase';
SET ROLE night_nobody;
SELECT ec_gates('night', 'cutover');
SELECT ec_runbook('night');
SELECT count(*) FROM ec_changes;
SELECT count(*) FROM ec_change_events;

-- Holding a job: EXECUTE and pg_signal_backend, both; never a superuser's.
SET ROLE night_call;
SELECT ec_pause(:job);
RESET ROLE;
GRANT EXECUTE ON FUNCTION ec_pause(bigint), ec_resume(bigint), ec_cancel(bigint) TO night_call;
SET ROLE night_call;
SELECT ec_pause(:job);
RESET ROLE;
GRANT pg_signal_backend TO night_call;
SET ROLE night_call;
SELECT ec_pause(:job);
SELECT state, owner FROM ec_progress WHERE job = :job;
SELECT ec_resume(:job) IN ('queued', 'running') AS goes_on;
SELECT owner FROM ec_progress WHERE job = :job;
SELECT ec_cancel(:job);
SELECT ec_pause(:superusers_job);
SET ROLE night_owner;
SELECT ec_cancel(:job);
RESET ROLE;
SELECT ec_cancel(:superusers_job);

-- Every column of every view says what it is.
SELECT c.relname, a.attname
  FROM pg_depend d
  JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'v'
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e'
   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'expand_contract')
   AND c.relnamespace = 'tools'::regnamespace
   AND col_description(c.oid, a.attnum) IS NULL
 ORDER BY 1, 2;

DROP TABLE night;
DROP EXTENSION expand_contract CASCADE;
DROP SCHEMA tools;
RESET search_path;
CREATE EXTENSION expand_contract;
DROP OWNED BY night_owner, night_call, night_nobody;
DROP ROLE night_owner, night_call, night_nobody;
