-- Flags belong to changes, and what opens a gate is on record.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
CREATE ROLE regress_ec_flagger;
SELECT ec_grant('regress_ec_flagger');
CREATE TABLE flagged (id int PRIMARY KEY, old text, new text);
SET client_min_messages = warning;

-- A flag of a change begins false, whatever somebody has set under its name.
SET ROLE regress_ec_flagger;
SELECT ec_set_flag('flagged', true), ec_set_flag('another', true);
RESET ROLE;
SELECT ec_expand('flagged', 'flagged', '{"new": "old"}', '{"old": "new"}');
SELECT ec_flag('flagged'), ec_flag('another');
SELECT event, value FROM expand_contract.change_events WHERE change = 'flagged' ORDER BY id;
-- from then on it is the change's owner's
SET ROLE regress_ec_flagger;
SELECT * FROM errors_of($$SELECT ec_set_flag('flagged', true)$$);
SELECT ec_set_flag('another', false);
RESET ROLE;
-- the same call again, for a change that has lost its trigger, keeps it
SELECT ec_set_flag('flagged', true);
DROP TRIGGER "~ec_flagged" ON flagged;
SELECT ec_expand('flagged', 'flagged', '{"new": "old"}', '{"old": "new"}');
SELECT ec_flag('flagged');
SELECT ec_revert('flagged');
SELECT ec_flag('flagged');
-- a change that is over keeps its flag from others, too; a name that is free again begins anew
SET ROLE regress_ec_flagger;
SELECT * FROM errors_of($$SELECT ec_set_flag('flagged', true)$$);
RESET ROLE;
SELECT ec_set_flag('flagged', true);
DELETE FROM expand_contract.changes WHERE name = 'flagged';
SELECT ec_expand('flagged', 'flagged', '{"new": "old"}', '{"old": "new"}');
SELECT ec_flag('flagged');

-- A setting of the session that opens a gate is on record; one of the database is not.
INSERT INTO flagged VALUES (1, 'a');
SELECT ec_cutover('flagged', '{backfill_complete, verified}');
SELECT event, value FROM expand_contract.change_events WHERE change = 'flagged' AND event = 'override' ORDER BY id;
SET expand_contract.max_replication_lag = '1d';
SET expand_contract.stabilization_period = 0;
SELECT ec_contract('flagged', '{backfill_complete, verified, old_reads, old_writes}', '30 days');
-- (old_reads and old_writes pass where the library is preloaded)
SELECT value FROM expand_contract.change_events WHERE change = 'flagged' AND event = 'override' AND value ~ 'session' AND value !~ '^old_' ORDER BY id;

-- A quarantine is not shortened by a call that says nothing, and by another on record.
CREATE VIEW ends AS SELECT quarantine_until - since AS quarantine FROM ec_changes WHERE change = 'flagged';
SELECT ec_contract('flagged', '{backfill_complete, verified, old_reads, old_writes}');
SELECT quarantine BETWEEN '29 days' AND '31 days' AS long, quarantine < '3 days' AS short FROM ends;
SELECT ec_contract('flagged', '{backfill_complete, verified, old_reads, old_writes}', '40 days');
SELECT quarantine BETWEEN '29 days' AND '31 days' AS long, quarantine < '3 days' AS short FROM ends;
SELECT ec_contract('flagged', '{backfill_complete, verified, old_reads, old_writes}', '2 days');
SELECT quarantine BETWEEN '29 days' AND '31 days' AS long, quarantine < '3 days' AS short FROM ends;
SELECT value ~ '^quarantine: until .* instead of ' AS on_record FROM expand_contract.change_events WHERE change = 'flagged' AND event = 'override' AND value ~ '^quarantine:';
SELECT * FROM errors_of($$SELECT ec_contract('flagged', quarantine => '-1 day')$$);
-- the gates are as they were: what is recorded opens none of them
SELECT regexp_replace(errors_of, '(, old_reads|, old_writes)', '', 'g') AS error FROM errors_of($$SELECT ec_contract('flagged', '{}', '0')$$) LIMIT 1;
SELECT ec_contract('flagged', '{backfill_complete, verified, old_reads, old_writes}', '0');

-- Whoever listens is told names, and how flags and phases stand.
DROP TABLE flagged;
CREATE TABLE flagged (id int PRIMARY KEY, old text, new text);
DELETE FROM expand_contract.changes WHERE name = 'flagged';
CREATE VIEW looks AS SELECT old FROM flagged;
SELECT ec_expand('flagged', 'flagged', '{"new": "old"}', '{"old": "new"}');
SET application_name = 'secret application';
CREATE FUNCTION pg_temp.names_it(a int) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT flagged.old FROM flagged LIMIT 1); END';
SELECT ec_cutover('flagged', '{backfill_complete, verified}');
SELECT ec_require_version('flagged', 'secret application', '1.0');
SELECT ec_contract('flagged', '{backfill_complete, verified, old_reads, old_writes, dependents, app_versions}', '0');
SELECT ec_contract('flagged', '{backfill_complete, verified, old_reads, old_writes, dependents, app_versions}');
SELECT event, value FROM expand_contract.change_events WHERE change = 'flagged' AND event = 'dropped_with_it';

-- What is stored has an end, whatever is in the way.
CREATE TABLE crowded (id int PRIMARY KEY, old text, new text);
SELECT ec_expand('crowded', 'crowded', '{"new": "old"}', '{"old": "new"}');
DO $$BEGIN
    FOR i IN 1..60 LOOP
        EXECUTE format('CREATE VIEW %I AS SELECT old FROM crowded', 'crowd_' || i || repeat('é', 25));
        EXECUTE format('CREATE FUNCTION %I(%s) RETURNS text LANGUAGE sql AS ''SELECT old FROM crowded''', 'crowd_' || i,
                       (SELECT string_agg(quote_ident(repeat('ü', 30) || n) || ' int', ', ') FROM generate_series(1, 40) n));
    END LOOP;
END$$;
SELECT ec_cutover('crowded', '{backfill_complete, verified}');
SELECT ec_contract('crowded', '{backfill_complete, verified, old_reads, old_writes, dependents}', '0');
SELECT ec_contract('crowded', '{backfill_complete, verified, old_reads, old_writes, dependents}');
SELECT event, max(octet_length(value)) < 5000 AS is_bounded, bool_or(value ~ 'and 10 more') AS counts FROM expand_contract.change_events WHERE change = 'crowded' AND event IN ('override', 'dropped_with_it') GROUP BY 1 ORDER BY 1;
DO $$BEGIN
    FOR i IN 1..60 LOOP EXECUTE format('DROP FUNCTION %I', 'crowd_' || i); END LOOP;
END$$;
DROP VIEW ends;
DROP TABLE flagged, crowded;
DELETE FROM expand_contract.changes WHERE name IN ('flagged', 'crowded');
DELETE FROM expand_contract.flags WHERE name = 'another';
DROP OWNED BY regress_ec_flagger;
DROP ROLE regress_ec_flagger;
