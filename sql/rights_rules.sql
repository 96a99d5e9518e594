-- Rules, views with the rights of who reads them, and publications as a way into
-- other roles' rights: what a table's owner has written there never runs as the
-- superuser who looks after his tables.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = error;
CREATE ROLE regress_rr_mallory LOGIN;
CREATE ROLE regress_rr_reader LOGIN;
SELECT ec_grant('regress_rr_mallory') \g /dev/null
CREATE SCHEMA regress_rr AUTHORIZATION regress_rr_mallory;
GRANT USAGE ON SCHEMA regress_rr TO PUBLIC;
SET ROLE regress_rr_mallory;
SET search_path = regress_rr, public;
CREATE TABLE ran (as_role text, what text);
GRANT INSERT ON ran TO PUBLIC;
CREATE FUNCTION spy(what text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO regress_rr.ran VALUES (current_user, what); RETURN what; END $$;
CREATE FUNCTION spy_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO regress_rr.ran VALUES (current_user, 'trigger ' || tg_op); RETURN coalesce(new, old); END $$;
CREATE TABLE users (id int PRIMARY KEY, old text, new text, n int);
CREATE TABLE source (id int PRIMARY KEY, old text);
CREATE TABLE target (id int PRIMARY KEY, new text);
CREATE TABLE copied (id int PRIMARY KEY, old text);
INSERT INTO users SELECT g, 'U' || g FROM generate_series(1, 3) g;
INSERT INTO source SELECT g, 'S' || g FROM generate_series(1, 3) g;
SELECT ec_expand('rr columns', 'users', '{"new": "lower(old)"}', '{"old": "new"}');
SELECT ec_expand('rr table', 'source', '{"id": "id", "new": "lower(old)"}', '{"id": "id", "old": "new"}', target => 'target');
-- a rule of each kind that adds to a statement; a function in its action runs as whoever has sent the statement
DO $$ DECLARE t text; e text; BEGIN
    FOREACH t IN ARRAY '{users,source,target,copied}'::text[] LOOP
        FOREACH e IN ARRAY '{INSERT,UPDATE,DELETE}'::text[] LOOP
            EXECUTE format('CREATE RULE "spy; %s" AS ON %s TO %I DO ALSO INSERT INTO ran SELECT current_user, spy(%L)', e, e, t, 'rule ' || e || ' on ' || t);
        END LOOP;
    END LOOP;
END $$;
CREATE VIEW looks WITH (security_invoker = true) AS SELECT id, old, spy('view') AS spied FROM users;
CREATE VIEW definer AS SELECT id, old, spy('view') AS spied FROM users;
CREATE MATERIALIZED VIEW kept AS SELECT id, old FROM users;
GRANT SELECT ON looks, definer, users, source, target TO PUBLIC;
RESET ROLE;
CREATE PUBLICATION regress_rr FOR TABLE regress_rr.users (id, old) WHERE (id > 0);
TRUNCATE regress_rr.ran;

-- what a superuser does for the owner: refused with a word, or done without the superuser's rights
CREATE FUNCTION regress_rr_try(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    job text;
    message text;
    detail text;
BEGIN
    EXECUTE sql INTO job;
    RETURN CASE WHEN job ~ '^[0-9]+$' THEN 'a job' ELSE job END;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN sqlstate || ': ' || message || coalesce(' — ' || nullif(detail, ''), '');
END $$;
SELECT c AS call, regress_rr_try('SELECT ' || c) AS outcome
  FROM unnest(ARRAY[
    $$ec_backfill('users', 'n = 1')$$, $$ec_delete('source', 'id = 3')$$, $$ec_copy('source', 'copied', '{"id": "id", "old": "old"}')$$,
    $$ec_backfill('looks', 'old = spied')$$, $$ec_backfill('definer', 'old = spied')$$, $$ec_backfill('kept', 'old = old')$$,
    $$ec_copy('looks', 'copied', '{"id": "id", "old": "old"}')$$, $$ec_delete('definer', 'true')$$,
    $$ec_expand('rr view', 'looks', '{"old": "spied"}')$$,
    $$ec_verify('looks', '{"old": "spied"}')$$, $$ec_verify('definer', 'users', '{"id": "id", "old": "old"}')$$,
    $$count(*) FROM ec_advise('looks')$$, $$count(*) FROM ec_advise('kept')$$, $$count(*) > 0 FROM ec_gates('rr columns', 'contract')$$, $$count(*) > 0 FROM ec_gates('rr table', 'contract')$$,
    $$length(ec_runbook('rr columns')) > 0$$, $$(ec_verify_change('rr columns')).ok$$, $$(ec_verify_change('rr table')).ok$$, $$ec_reconcile('rr table')$$,
    $$ec_apply('rr 1', 'ALTER TABLE regress_rr.users ADD COLUMN made timestamptz DEFAULT clock_timestamp()')$$,
    $$count(*) FROM ec_rehearse('ALTER TABLE regress_rr.users ADD COLUMN tried int')$$, $$count(*) > 0 FROM ec_plan('ALTER TABLE regress_rr.users ALTER COLUMN old SET NOT NULL')$$
  ]) WITH ORDINALITY u (c, n) ORDER BY n;
SELECT DISTINCT as_role, what FROM regress_rr.ran ORDER BY 1, 2;

-- A write to the source by the superuser: the target's rules run as its owner, and
-- so they do when it is made again.
DO $$ DECLARE e text; BEGIN
    FOREACH e IN ARRAY '{INSERT,UPDATE,DELETE}'::text[] LOOP
        EXECUTE format('DROP RULE "spy; %s" ON regress_rr.source', e);
        EXECUTE format('DROP RULE "spy; %s" ON regress_rr.users', e);
    END LOOP;
END $$;
INSERT INTO source VALUES (4, 'S4');
UPDATE source SET old = 'S5' WHERE id = 4;
DELETE FROM source WHERE id = 4;
SELECT DISTINCT as_role, what FROM regress_rr.ran ORDER BY 1, 2;
INSERT INTO expand_contract.discrepancies (change, key, operation, direction, error_code, error, is_unset)
VALUES ('rr table', '{"id": 1}', 'update', 'forward', 'P0001', 'planted', false);
SELECT ec_reconcile('rr table');
SELECT DISTINCT as_role FROM regress_rr.ran;
SELECT DISTINCT error_code, split_part(error, E'\n', 1) AS error FROM ec_discrepancies WHERE change = 'rr table' ORDER BY 1, 2;

-- Views and publications of the owner stand in the way of nothing, and see the right columns.
SELECT ec_backfill_change('rr columns', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ok FROM ec_verify_change('rr columns');
SELECT gate, passed, observed FROM ec_gates('rr columns', 'contract') WHERE gate = 'dependents';
SELECT id, old, new FROM regress_rr.users ORDER BY id;
SELECT DISTINCT as_role FROM regress_rr.ran;
SET ROLE regress_rr_reader;
SELECT regress_rr_try('SELECT ec_expand(''x'', ''regress_rr.looks'', ''{"old": "spied"}'')');
RESET ROLE;

-- for the tests that follow
SELECT ec_revert('rr columns'), ec_revert('rr table');
SELECT ec_forget('rr columns'), ec_forget('rr table');
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
DROP PUBLICATION regress_rr;
DROP FUNCTION regress_rr_try(text);
RESET search_path;
DROP SCHEMA regress_rr CASCADE;
DROP OWNED BY regress_rr_mallory, regress_rr_reader;
DROP ROLE regress_rr_mallory, regress_rr_reader;
