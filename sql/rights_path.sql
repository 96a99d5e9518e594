-- Our own SQL means the same whatever the search_path of who calls, and reads
-- tables only; what it sets off has the search_path and row_security of the caller.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_rp_planter;
CREATE ROLE regress_rp_owner LOGIN;
SELECT ec_grant('regress_rp_owner');
CREATE SCHEMA regress_rp AUTHORIZATION regress_rp_planter;
CREATE SCHEMA regress_rp_app AUTHORIZATION regress_rp_owner;
GRANT USAGE ON SCHEMA regress_rp, regress_rp_app TO PUBLIC;
SELECT expand_contract.version_key('1') IS NOT NULL AS there;
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;

-- ec_adopt: operators and functions that fit better than the server's
SET ROLE regress_rp_planter;
CREATE FUNCTION regress_rp.trap(varchar, varchar) RETURNS boolean LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'a planted operator runs as %', current_user; END$$;
CREATE FUNCTION regress_rp.trap(int, int) RETURNS boolean LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'a planted operator runs as %', current_user; END$$;
CREATE FUNCTION regress_rp.trap(varchar, unknown) RETURNS boolean LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'a planted operator runs as %', current_user; END$$;
CREATE OPERATOR regress_rp.<> (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = regress_rp.trap);
CREATE OPERATOR regress_rp.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = regress_rp.trap);
CREATE OPERATOR regress_rp.!~~ (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = regress_rp.trap);
CREATE OPERATOR regress_rp.= (LEFTARG = int, RIGHTARG = int, FUNCTION = regress_rp.trap);
CREATE TABLE regress_rp.flyway_schema_history (
    installed_rank integer PRIMARY KEY, version varchar(50), description varchar(200), type varchar(20),
    installed_by varchar(100), installed_on timestamp, success boolean);
INSERT INTO regress_rp.flyway_schema_history VALUES (1, '1', 'one', 'SQL', 'x', now(), true);
-- views of the names that are looked for
CREATE FUNCTION regress_rp.seen(text) RETURNS text LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'a planted view runs as %', current_user; END$$;
CREATE VIEW regress_rp.schema_migrations AS SELECT regress_rp.seen('1')::varchar AS version;
GRANT SELECT ON ALL TABLES IN SCHEMA regress_rp TO PUBLIC;
-- a domain of the planter's
CREATE DOMAIN regress_rp.stamp AS timestamptz;
CREATE TABLE regress_rp.goose_db_version (id int, version_id bigint, is_applied boolean, tstamp regress_rp.stamp);
INSERT INTO regress_rp.goose_db_version VALUES (1, 5, true, now());
ALTER DOMAIN regress_rp.stamp ADD CHECK (regress_rp.seen(VALUE::text) IS NULL) NOT VALID;
-- an index expression that the planner computes when it looks at the table
CREATE FUNCTION regress_rp.one() RETURNS int LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN IF current_user <> 'regress_rp_planter' THEN RAISE EXCEPTION 'an index expression runs as %', current_user; END IF; RETURN 1; END$$;
CREATE TABLE regress_rp."_sqlx_migrations" (version bigint, description text, installed_on timestamptz, success boolean);
CREATE INDEX ON regress_rp."_sqlx_migrations" ((version + regress_rp.one()));
INSERT INTO regress_rp."_sqlx_migrations" VALUES (20240101, 'one', now(), true);
GRANT SELECT ON ALL TABLES IN SCHEMA regress_rp TO PUBLIC;
RESET ROLE;
SET search_path = regress_rp, pg_catalog, public;
SELECT ec_adopt('flyway');
SELECT * FROM errors_of($$ SELECT ec_adopt('rails') $$);
SELECT * FROM errors_of($$ SELECT ec_adopt('dbmate', 'regress_rp.schema_migrations') $$);
SELECT ec_adopt('sqlx');
DELETE FROM expand_contract.schema_migrations;
SELECT ec_adopt('goose');
DELETE FROM expand_contract.schema_migrations;
-- the caller has to have the right to read it, and the whole of it
REVOKE SELECT ON regress_rp.flyway_schema_history FROM PUBLIC;
SET ROLE regress_rp_owner;
SELECT * FROM errors_of($$ SELECT ec_adopt('flyway') $$);
RESET ROLE;
GRANT SELECT ON regress_rp.flyway_schema_history TO PUBLIC;
ALTER TABLE regress_rp.flyway_schema_history ENABLE ROW LEVEL SECURITY;
SET ROLE regress_rp_owner;
SELECT * FROM errors_of($$ SELECT ec_adopt('flyway') $$);
RESET ROLE;
RESET search_path;
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;

-- The SQL of a repair: no operator but the server's.
SET ROLE regress_rp_owner;
CREATE TABLE regress_rp_app.r (id int PRIMARY KEY, a text, b text);
INSERT INTO regress_rp_app.r VALUES (1, 'A', 'x');
SELECT ok FROM ec_verify('regress_rp_app.r', '{"b": "lower(a)"}');
RESET ROLE;
SELECT repair FROM expand_contract.mismatches ORDER BY verification DESC LIMIT 1;
SET search_path = regress_rp, pg_catalog, public;
SELECT repair FROM expand_contract.mismatches ORDER BY verification DESC LIMIT 1 \gexec
RESET search_path;
SELECT * FROM regress_rp_app.r;

-- What a job of a change sets off has the submitter's search_path.
SET ROLE regress_rp_owner;
SET search_path = regress_rp_app, public;
CREATE TABLE log (id int, n int DEFAULT 1);
CREATE TABLE old (id int PRIMARY KEY, a text, b text, c text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO log (id) VALUES (NEW.id); RETURN NULL; END$$;
CREATE TRIGGER note AFTER UPDATE ON old FOR EACH ROW EXECUTE FUNCTION note();
INSERT INTO old SELECT i, 'A' || i FROM generate_series(1, 3) i;
SELECT ec_expand('rp', 'old', '{"b": "lower(a)"}', '{"a": "b"}');
SELECT ec_backfill_change('rp', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT id, b FROM old ORDER BY id;
SELECT id, n FROM log ORDER BY id;
RESET ROLE;
SET client_min_messages = error;
ALTER TABLE regress_rp_app.old DISABLE TRIGGER USER;
UPDATE regress_rp_app.old SET b = 'wrong' WHERE id < 3;
ALTER TABLE regress_rp_app.old ENABLE TRIGGER note;
ALTER TABLE regress_rp_app.old ENABLE ALWAYS TRIGGER "~ec_rp";
SET client_min_messages = warning;
INSERT INTO expand_contract.discrepancies (change, key, operation, direction, error_code, error, is_unset)
VALUES ('rp', '{"id": 1}', 'update', 'forward', 'P0001', 'planted', false);
SET ROLE regress_rp_owner;
SELECT ec_reconcile('rp');
RESET ROLE;
INSERT INTO expand_contract.discrepancies (change, key, operation, direction, error_code, error, is_unset)
VALUES ('rp', '{"id": 2}', 'update', 'forward', 'P0001', 'planted', false);
SET ROLE regress_rp_owner;
SELECT ec_reconcile_job('rp', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT id, b FROM old ORDER BY id;
SELECT id, count(*) FROM log GROUP BY id ORDER BY id;
-- a job to another table: its triggers
SELECT ec_revert('rp');
CREATE TABLE new (id int PRIMARY KEY, a text);
CREATE TRIGGER note AFTER INSERT ON new FOR EACH ROW EXECUTE FUNCTION note();
SET client_min_messages = error;
SELECT ec_expand('rp2', 'old', '{"id": "id", "a": "upper(a)"}', target => 'new');
SET client_min_messages = warning;
SELECT ec_backfill_change('rp2', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT * FROM new ORDER BY id;
SELECT id, count(*) FROM log GROUP BY id ORDER BY id;
SELECT ec_revert('rp2');

-- And its row_security: policies of other tables apply to triggers as they do by
-- hand, and none may hide rows of the table that the job is about.
CREATE TABLE guarded (id int, n int);
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
ALTER TABLE guarded FORCE ROW LEVEL SECURITY;
CREATE POLICY all_of_it ON guarded USING (true);
INSERT INTO guarded VALUES (1, 0);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN UPDATE guarded SET n = n + 1; RETURN NULL; END$$;
DROP TRIGGER note ON old;
CREATE TRIGGER touch AFTER UPDATE ON old FOR EACH ROW EXECUTE FUNCTION touch();
UPDATE old SET c = 'by hand' WHERE id = 1;
SELECT ec_backfill('old', 'c = ''x''', 'c IS DISTINCT FROM ''x''', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT n FROM guarded;
SELECT ec_expand('rp3', 'old', '{"b": "upper(a)"}');
SELECT ec_backfill_change('rp3', 'repair', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT n FROM guarded;
SELECT id, b FROM old ORDER BY id;
-- of the table itself: a refusal, at submission and in the worker
ALTER TABLE old ENABLE ROW LEVEL SECURITY;
ALTER TABLE old FORCE ROW LEVEL SECURITY;
CREATE POLICY some_of_it ON old USING (id = 1);
SELECT * FROM errors_of($$ SELECT ec_backfill('old', 'c = ''y''', 'c IS DISTINCT FROM ''y''') $$);
SELECT * FROM errors_of($$ SELECT ec_backfill_change('rp3', 'repair') $$);
SELECT * FROM errors_of($$ SELECT ec_verify_change('rp3') $$);
ALTER TABLE old NO FORCE ROW LEVEL SECURITY;
BEGIN;
SELECT ec_backfill('old', 'c = ''y''', 'c IS DISTINCT FROM ''y''', delay_ms => 0) AS job \gset
ALTER TABLE old FORCE ROW LEVEL SECURITY;
COMMIT;
CALL ec_wait(:job);
ALTER TABLE old NO FORCE ROW LEVEL SECURITY;
SELECT count(*) FROM old WHERE c = 'y';
SELECT ec_revert('rp3');
RESET ROLE;
RESET search_path;
DELETE FROM expand_contract.changes WHERE name LIKE 'rp%';
DROP SCHEMA regress_rp, regress_rp_app CASCADE;
DROP OWNED BY regress_rp_planter, regress_rp_owner;
DROP ROLE regress_rp_planter, regress_rp_owner;
