-- What is shown to whom, how long it may be, and what names can do.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
ALTER TABLE expand_contract.jobs ALTER id RESTART 23000;
CREATE ROLE regress_ec_source LOGIN;
CREATE ROLE regress_ec_stranger LOGIN;
CREATE ROLE regress_ec_monitor LOGIN IN ROLE pg_monitor;
SELECT ec_grant('regress_ec_source');
CREATE SCHEMA leaks;
GRANT USAGE ON SCHEMA leaks TO regress_ec_source, regress_ec_stranger, regress_ec_monitor;
CREATE TABLE leaks.plain (id int PRIMARY KEY, v text);
CREATE TABLE leaks.secret (id int PRIMARY KEY, v text UNIQUE, hidden text DEFAULT 'top secret' CHECK (v <> 'bad'));
GRANT SELECT, INSERT, UPDATE ON leaks.plain TO regress_ec_source, regress_ec_monitor;

-- The queue: key and message are of both tables.
SELECT ec_expand('leaks', 'leaks.plain', '{"id": "id", "v": "v"}', '{"id": "id", "v": "v"}', target => 'leaks.secret');
INSERT INTO leaks.plain VALUES (1, 'bad');
SELECT key, error IS NOT NULL AS error FROM ec_discrepancies;
SET ROLE regress_ec_monitor;
SELECT key, error, error_code FROM ec_discrepancies;
RESET ROLE;
GRANT SELECT ON leaks.secret TO regress_ec_monitor;
SET ROLE regress_ec_monitor;
SELECT key, error IS NOT NULL AS error FROM ec_discrepancies;
RESET ROLE;
ALTER TABLE leaks.secret ENABLE ROW LEVEL SECURITY;
SET ROLE regress_ec_monitor;
SELECT key, error IS NOT NULL AS error FROM ec_discrepancies;
RESET ROLE;
ALTER TABLE leaks.secret DISABLE ROW LEVEL SECURITY;
SELECT ec_revert('leaks');

-- The error of a modern write: no more than the writer could read there.
TRUNCATE leaks.plain;
SELECT ec_expand('leaks_raise', 'leaks.plain', '{"id": "id", "v": "v"}', target => 'leaks.secret', on_error => 'raise');
SET ROLE regress_ec_source;
SELECT * FROM errors_of($$INSERT INTO leaks.plain VALUES (2, 'bad')$$);
INSERT INTO leaks.plain VALUES (3, 'c'), (4, 'd');
SELECT * FROM errors_of($$UPDATE leaks.plain SET v = 'c' WHERE id = 4$$);
RESET ROLE;
SELECT * FROM errors_of($$INSERT INTO leaks.plain VALUES (2, 'bad')$$);
GRANT SELECT ON leaks.secret TO regress_ec_source;
SET ROLE regress_ec_source;
SELECT * FROM errors_of($$INSERT INTO leaks.plain VALUES (2, 'bad')$$);
RESET ROLE;
SELECT ec_revert('leaks_raise');

-- What is everyone's to call, because views call it, tells strangers nothing.
SELECT ec_apply('leak1', 'SELECT 1; CREATE INDEX CONCURRENTLY plain_v ON leaks.plain (v)');
SELECT ec_backfill('leaks.plain', 'v = ''x''', 'v IS NULL', start_at => NULL) IS NOT NULL AS job;
CREATE FUNCTION leaks.everyones() RETURNS TABLE (name text, value text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT 'status', (SELECT state FROM expand_contract.migration_status('leak1', ''));
    RETURN QUERY SELECT 'lag', expand_contract.replication_lag()::text;
    RETURN QUERY SELECT 'interrupted', expand_contract.is_interrupted(23001)::text;
    RETURN QUERY SELECT 'slots', NULLIF((SELECT count(*) FROM expand_contract.live_slots()), 0)::text;
    RETURN QUERY SELECT 'migrations', NULLIF((SELECT count(*) FROM ec_migrations), 0)::text;
    RETURN QUERY SELECT 'progress', NULLIF((SELECT count(*) FROM ec_progress), 0)::text;
END $$;
SET ROLE regress_ec_stranger;
SELECT * FROM leaks.everyones();
SET ROLE regress_ec_source;
SELECT name, value IS NOT NULL AS is_told FROM leaks.everyones() WHERE name IN ('status', 'lag', 'migrations');
SET ROLE regress_ec_monitor;
SELECT name, value IS NOT NULL AS is_told FROM leaks.everyones() WHERE name IN ('status', 'lag', 'migrations');
RESET ROLE;
\set VERBOSITY terse
CALL ec_wait_migration('leak1');
\set VERBOSITY default

-- A message of 20 MB is neither stored nor shown whole.
CREATE FUNCTION leaks.shout(text) RETURNS text LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION '%', repeat('ä', 10000000) USING DETAIL = repeat('d', 10000000), HINT = repeat('h', 100000); END$$;
SELECT ec_backfill('leaks.plain', 'v = leaks.shout(v)', 'v IS NOT NULL', delay_ms => 0) AS job \gset
\set VERBOSITY sqlstate
CALL ec_wait(:job);
\set VERBOSITY default
SELECT error_code, octet_length(error_message) < 4100 AS message, octet_length(error_detail) < 4100 AS detail, octet_length(error_hint) < 4100 AS hint,
       error_message ~ 'bytes\)$' AS says_so
  FROM expand_contract.jobs WHERE id = :job;
SELECT octet_length(error) < 9000 AS is_bounded FROM ec_rehearse('SELECT leaks.shout(''a'')') WHERE error IS NOT NULL;
SELECT ec_apply('leak2', 'VACUUM leaks.plain; SELECT leaks.shout(v) FROM leaks.plain');
\set VERBOSITY sqlstate
CALL ec_wait_migration('leak2');
\set VERBOSITY default
SELECT octet_length(error) < 15000 AS is_bounded FROM ec_migrations WHERE version = 'leak2';
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events WHERE version ~ '^leak';
CREATE FUNCTION leaks.loud(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN IF $1 = 'x' THEN RAISE EXCEPTION '%', repeat('ä', 10000000); END IF; RETURN $1; END$$;
CREATE TABLE leaks.columns (id int PRIMARY KEY, old text, new text);
SELECT ec_expand('leaks_loud', 'leaks.columns', '{"new": "leaks.loud(old)"}');
INSERT INTO leaks.columns VALUES (1, 'x');
SELECT octet_length(error) < 4100 AS is_bounded FROM ec_discrepancies;
SELECT ec_reconcile('leaks_loud');
SELECT octet_length(error) < 4100 AS is_bounded FROM ec_discrepancies;
SELECT * FROM errors_of($$SELECT ec_require_version('leaks_loud', repeat('a', 1000000), '1')$$);
SELECT * FROM errors_of($$SELECT ec_require_version('leaks_loud', 'a', repeat('1', 1000000))$$);
SELECT ec_revert('leaks_loud');

-- Names cannot break out of the runbook.
CREATE TABLE leaks."t`|
```sql
# heading" (id int PRIMARY KEY, old text, new text);
SELECT ec_expand(E'a` | b\n```\n# no \\ heading <b>''', 'leaks."t`|
```sql
# heading"', '{"new": "old"}', '{"old": "new"}');
SELECT regexp_replace(line, ' since .*', '') AS line FROM regexp_split_to_table(ec_runbook(E'a` | b\n```\n# no \\ heading <b>'''), '\n') WITH ORDINALITY AS l (line, n)
 WHERE line ~ 'heading|^#|^```' OR line ~ 'no .* heading';
-- the commands that it gives do what they say
SELECT (regexp_match(ec_runbook(E'a` | b\n```\n# no \\ heading <b>'''), 'SELECT ec_revert\([^;]*\);'))[1] AS command \gset
:command
SELECT phase FROM ec_changes WHERE change ~ 'heading';

DELETE FROM expand_contract.changes WHERE name ~ '^leaks' OR name ~ 'heading';
DROP SCHEMA leaks CASCADE;
DROP OWNED BY regress_ec_source, regress_ec_stranger, regress_ec_monitor;
DROP ROLE regress_ec_source, regress_ec_stranger, regress_ec_monitor;
