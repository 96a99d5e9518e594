-- A migration's ALTER TABLE that runs in steps fires the triggers of the table,
-- which the statement as written does not: their author gets no rights by that.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET expand_contract.scope = 'rights_online';
SET expand_contract.backfill_delay = 0;
CREATE ROLE regress_on_owner LOGIN;
CREATE ROLE regress_on_heir LOGIN;
CREATE ROLE regress_on_deploy LOGIN IN ROLE regress_on_owner;
SELECT ec_grant('regress_on_deploy');
CREATE SCHEMA rights_online AUTHORIZATION regress_on_owner;
SET ROLE regress_on_owner;
SET search_path = rights_online, public;
CREATE TABLE seen (what text, who text, PRIMARY KEY (what, who));
-- one row a page: it counts as large
CREATE TABLE big (id integer PRIMARY KEY, v integer, filler char(5000));
ALTER TABLE big ALTER filler SET STORAGE PLAIN;
INSERT INTO big SELECT g, g, '' FROM generate_series(1, 1100) g;
CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO rights_online.seen VALUES ('trigger', current_user) ON CONFLICT DO NOTHING;
    BEGIN
        EXECUTE 'RESET ROLE';
        INSERT INTO rights_online.seen VALUES ('reset', current_user) ON CONFLICT DO NOTHING;
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
    RETURN new;
END$$;
CREATE TRIGGER spy BEFORE UPDATE ON big FOR EACH ROW EXECUTE FUNCTION spy();
-- a plan has its constants evaluated
CREATE FUNCTION marked(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE AS $$
BEGIN
    IF current_setting('application_name') LIKE 'expand\_contract %' AND current_user <> 'regress_on_owner' THEN
        RAISE EXCEPTION 'the index is evaluated as %', current_user;
    END IF;
    RETURN $1;
END$$;
CREATE INDEX ON big ((marked(1) + v));
ANALYZE big;
RESET ROLE;

-- a superuser's: it was he who fired the triggers
CALL ec_migrate('1', 'ALTER TABLE rights_online.big ADD COLUMN c uuid DEFAULT gen_random_uuid()');
SELECT kind, owner = current_user AS by_the_caller, state FROM ec_progress WHERE migration = '1' AND kind = 'backfill';
SELECT count(*) AS unfilled FROM rights_online.big WHERE c IS NULL;
SELECT DISTINCT who FROM rights_online.seen;
DELETE FROM rights_online.seen;

-- a member's, who has rights of his own
SET SESSION AUTHORIZATION regress_on_deploy;
SET client_min_messages = warning;
SET expand_contract.scope = 'rights_online';
SET expand_contract.backfill_delay = 0;
CALL ec_migrate('2', 'ALTER TABLE rights_online.big ADD COLUMN d uuid NOT NULL DEFAULT gen_random_uuid()');
RESET SESSION AUTHORIZATION;
SELECT DISTINCT who FROM rights_online.seen;
DELETE FROM rights_online.seen;

-- what the steps make belongs to whom the statement would have given it to
CALL ec_migrate('3', 'ALTER TABLE rights_online.big ADD COLUMN s serial, ADD COLUMN i integer GENERATED ALWAYS AS IDENTITY');
SELECT c.relname, c.relowner::regrole FROM pg_class c
 WHERE c.relnamespace = 'rights_online'::regnamespace AND c.relkind IN ('S', 'i') ORDER BY 1;
SELECT DISTINCT who FROM rights_online.seen;
DELETE FROM rights_online.seen;

-- the table changes hands while the job is under way: its triggers are another's business now
ALTER TABLE rights_online.seen OWNER TO regress_on_heir;
GRANT ALL ON rights_online.seen TO PUBLIC;
GRANT USAGE ON SCHEMA rights_online TO PUBLIC;
CALL ec_migrate('4', 'ALTER TABLE rights_online.big ADD COLUMN g uuid DEFAULT gen_random_uuid()');
DELETE FROM rights_online.seen;
UPDATE rights_online.big SET g = NULL;
DELETE FROM rights_online.seen;
ALTER TABLE rights_online.big OWNER TO regress_on_heir;
SELECT max(job) AS job FROM ec_progress WHERE kind = 'backfill' AND migration = '4' \gset
UPDATE expand_contract.jobs SET state = 'failed' WHERE id = :job;
SELECT ec_resume(:job);
\set VERBOSITY sqlstate
CALL ec_wait(:job);
\set VERBOSITY default
SELECT regexp_replace(last_error, '\d+', 'N', 'g') FROM ec_progress WHERE job = :job;
TABLE rights_online.seen;
-- nor has a role that is no member of the owner any more anything done as the owner
ALTER TABLE rights_online.big OWNER TO regress_on_owner;
SELECT max(job) AS job FROM ec_progress WHERE kind = 'backfill' AND migration = '2' \gset
ALTER TABLE rights_online.big ALTER d DROP NOT NULL;
UPDATE rights_online.big SET d = NULL;
DELETE FROM rights_online.seen;
UPDATE expand_contract.jobs SET state = 'failed' WHERE id = :job;
REVOKE regress_on_owner FROM regress_on_deploy;
SELECT ec_resume(:job);
\set VERBOSITY sqlstate
CALL ec_wait(:job);
\set VERBOSITY default
TABLE rights_online.seen;

DELETE FROM expand_contract.jobs WHERE parameters ->> 'scope' = 'rights_online' OR relation = 'rights_online.big'::regclass;
DELETE FROM expand_contract.schema_migrations WHERE scope = 'rights_online';
DROP SCHEMA rights_online CASCADE;
DROP OWNED BY regress_on_owner, regress_on_heir, regress_on_deploy;
DROP ROLE regress_on_owner, regress_on_heir, regress_on_deploy;
