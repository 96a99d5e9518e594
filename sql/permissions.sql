-- Who may call what, and who sees what.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
ALTER TABLE expand_contract.jobs ALTER id RESTART 3000;
CREATE ROLE regress_ec_owner LOGIN;
CREATE ROLE regress_ec_member LOGIN IN ROLE regress_ec_owner;
CREATE ROLE regress_ec_other LOGIN;
CREATE ROLE regress_ec_monitor LOGIN IN ROLE pg_monitor;
CREATE ROLE regress_ec_group NOLOGIN;
CREATE SCHEMA regress_ec AUTHORIZATION regress_ec_owner;
GRANT USAGE ON SCHEMA regress_ec TO regress_ec_other, regress_ec_group;

-- Nothing that writes is for everyone; what reads is.
SELECT p.oid::regprocedure AS everyones
  FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'expand_contract'
 WHERE has_function_privilege('regress_ec_other', p.oid, 'EXECUTE')
 ORDER BY p.oid::regprocedure::text COLLATE "C";
SELECT c.oid::regclass AS readable
  FROM pg_class c JOIN pg_depend d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'
  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'expand_contract'
 WHERE c.relkind IN ('r', 'v', 'S') AND has_table_privilege('regress_ec_other', c.oid, 'SELECT, INSERT, UPDATE, DELETE')
 ORDER BY c.oid::regclass::text COLLATE "C";

SET ROLE regress_ec_other;
SELECT * FROM errors_of($$SELECT ec_backfill('pg_class', 'relname = ''x''')$$);
SELECT * FROM errors_of($$SELECT ec_pause(1)$$);
SELECT * FROM errors_of($$SELECT ec_grant('regress_ec_other')$$);
SELECT * FROM errors_of($$INSERT INTO expand_contract.jobs DEFAULT VALUES$$);
SELECT count(*) FROM ec_progress;
RESET ROLE;

-- ec_grant hands out the rest, but not itself, nor what only the extension calls.
SELECT ec_grant('regress_ec_owner');
SELECT ec_grant('regress_ec_other');
SELECT ec_grant('regress_ec_group');
SELECT * FROM errors_of($$SELECT ec_grant(NULL)$$);
SELECT p.oid::regprocedure AS still_not
  FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
  JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'expand_contract'
 WHERE NOT has_function_privilege('regress_ec_owner', p.oid, 'EXECUTE') AND p.pronamespace <> 'expand_contract'::regnamespace;

-- A job is its owner's.
SET ROLE regress_ec_owner;
CREATE TABLE regress_ec.users (id int PRIMARY KEY, name text, email text, secret text);
INSERT INTO regress_ec.users SELECT i, 'User' || i FROM generate_series(1, 100) i;
SELECT ec_backfill('regress_ec.users', 'email = lower(name)', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT owner, state, rows_done FROM ec_progress WHERE job = :job;
SELECT count(email) FROM regress_ec.users;
-- the rows were written by the owner
SET ROLE regress_ec_other;
SELECT count(*) FROM ec_progress;
SELECT * FROM errors_of(format('SELECT ec_cancel(%s)', :job));
SELECT * FROM errors_of(format('SELECT ec_configure(%s, delay_ms => 0)', :job));
CALL ec_wait(:job);
-- members of the owner may do as he does
SET ROLE regress_ec_member;
SELECT count(*) FROM ec_progress;
CALL ec_wait(:job);
RESET ROLE;

-- Rights on the table: UPDATE on what is assigned, SELECT on the table.
SET ROLE regress_ec_other;
SELECT * FROM errors_of($$SELECT ec_backfill('regress_ec.users', 'email = upper(name)')$$);
RESET ROLE;
GRANT SELECT, UPDATE (email) ON regress_ec.users TO regress_ec_other, regress_ec_group;
SET ROLE regress_ec_other;
SELECT * FROM errors_of($$SELECT ec_backfill('regress_ec.users', 'secret = name')$$);
SELECT ec_backfill('regress_ec.users', 'email = upper(name)', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT state, rows_done FROM ec_progress WHERE job = :job;
RESET ROLE;
-- a right that is gone when the worker comes to it
SET ROLE regress_ec_other;
BEGIN;
SELECT ec_backfill('regress_ec.users', 'email = lower(name)', delay_ms => 0) AS job \gset
RESET ROLE;
REVOKE UPDATE (email) ON regress_ec.users FROM regress_ec_other;
COMMIT;
SET ROLE regress_ec_other;
CALL ec_wait(:job);
SELECT state, last_error FROM ec_progress WHERE job = :job;
SELECT ec_cancel(:job);
RESET ROLE;

-- Those who monitor see figures, and of errors the code alone: messages can hold row data.
SET ROLE regress_ec_owner;
SELECT ec_backfill('regress_ec.users', 'secret = NULL', 'secret IS NULL AND id = 1', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT state, last_error FROM ec_progress WHERE job = :job;
SET ROLE regress_ec_monitor;
SELECT owner, state, last_error FROM ec_progress WHERE job = :job;
RESET ROLE;
-- unless they may read all rows of the table, and of the one that a copy writes
GRANT SELECT ON regress_ec.users TO regress_ec_monitor;
SET ROLE regress_ec_owner;
CREATE TABLE regress_ec.names (id int PRIMARY KEY, name text UNIQUE);
INSERT INTO regress_ec.names VALUES (-1, 'User1');
SELECT ec_copy('regress_ec.users', 'regress_ec.names', '{"id": "id", "name": "name"}', delay_ms => 0) AS copy \gset
CALL ec_wait(:copy);
SET ROLE regress_ec_monitor;
SELECT job - :job AS job, last_error FROM ec_progress WHERE job IN (:job, :copy) ORDER BY job;
RESET ROLE;
GRANT SELECT ON regress_ec.names TO regress_ec_monitor;
ALTER TABLE regress_ec.users ENABLE ROW LEVEL SECURITY;
SET ROLE regress_ec_monitor;
SELECT job - :job AS job, last_error FROM ec_progress WHERE job IN (:job, :copy) ORDER BY job;
RESET ROLE;
ALTER TABLE regress_ec.users DISABLE ROW LEVEL SECURITY;
SET ROLE regress_ec_monitor;
SELECT job - :job AS job, last_error FROM ec_progress WHERE job IN (:job, :copy) ORDER BY job;
RESET ROLE;
SELECT ec_cancel(:copy);
REVOKE ALL ON regress_ec.users, regress_ec.names FROM regress_ec_monitor;

-- Row security does not hide rows from a backfill: it refuses.
ALTER TABLE regress_ec.users ENABLE ROW LEVEL SECURITY;
GRANT UPDATE ON regress_ec.users TO regress_ec_other;
CREATE POLICY odd ON regress_ec.users USING (id % 2 = 1);
SET ROLE regress_ec_other;
SELECT * FROM errors_of($$SELECT ec_backfill('regress_ec.users', 'email = ''x''')$$);
RESET ROLE;
ALTER TABLE regress_ec.users DISABLE ROW LEVEL SECURITY;

-- A function that the worker calls runs as the job's owner, not as anything more.
SET ROLE regress_ec_owner;
CREATE FUNCTION regress_ec.who(text) RETURNS text LANGUAGE plpgsql STABLE AS
    'BEGIN RETURN concat_ws('' '', session_user, current_user, current_setting(''is_superuser'')); END';
SELECT ec_backfill('regress_ec.users', 'secret = regress_ec.who(name)', 'secret IS NULL', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT DISTINCT secret FROM regress_ec.users;
-- and it cannot reach our tables
CREATE OR REPLACE FUNCTION regress_ec.who(text) RETURNS text LANGUAGE plpgsql AS
    'BEGIN UPDATE expand_contract.jobs SET owner = 10; RETURN NULL; END';
SELECT ec_backfill('regress_ec.users', 'email = regress_ec.who(name)', 'secret IS NOT NULL AND email IS NOT NULL', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
RESET ROLE;

-- A superuser's worker does not call what others put into his search_path for our own statements.
SET ROLE regress_ec_owner;
CREATE FUNCTION regress_ec.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'captured as %', current_user; END$$;
CREATE FUNCTION regress_ec.pg_relation_size(oid) RETURNS bigint LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'captured as %', current_user; END$$;
CREATE FUNCTION regress_ec.differs(anyelement, anyelement) RETURNS boolean LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'captured as %', current_user; END$$;
RESET ROLE;
SET search_path = regress_ec, pg_catalog, public;
SELECT ec_backfill('regress_ec.users', 'email = pg_catalog.lower(name)', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT state, rows_done FROM ec_progress WHERE job = :job;
RESET search_path;

-- A worker connects as the owner, who must be able to log in, or as a member who is no superuser (before 17).
SET ROLE regress_ec_group;
SELECT CASE WHEN current_setting('server_version_num')::int < 170000
       THEN (SELECT string_agg(line, E'\n') FROM errors_of($$SELECT ec_backfill('regress_ec.users', 'email = upper(name)')$$) line)
            = format(E'28000: role "regress_ec_group" cannot own a job because it cannot log in\nDETAIL: Background workers connect as the job''s owner or, where it has no LOGIN, as the role that submits the job and is a member of it; role "%s" is a superuser, whose privileges a worker cannot give up.\nHINT: Log in as a member of it and use SET ROLE, or use ALTER ROLE regress_ec_group LOGIN.', session_user)
       ELSE ec_backfill('regress_ec.users', 'email = upper(name)', delay_ms => 0) > 0
       END AS as_expected;
RESET ROLE;

-- A superuser's settings are his.
SET ROLE regress_ec_other;
SELECT * FROM errors_of($$SET expand_contract.max_workers = 8$$);
SELECT * FROM errors_of($$SET expand_contract.enable_modern_write = off$$);
SELECT * FROM errors_of($$SET expand_contract.stabilization_period = 0$$);
SELECT * FROM errors_of($$SET expand_contract.batch_size = 10$$);
RESET ROLE;

ALTER TABLE expand_contract.jobs ALTER id RESTART 3100;
-- An owner that is dropped leaves a job that can only be read about.
CREATE ROLE regress_ec_leaver LOGIN SUPERUSER;
SET ROLE regress_ec_leaver;
BEGIN;
SELECT ec_backfill('regress_ec.users', 'email = ''left''', delay_ms => 0) AS job \gset
SELECT ec_pause(:job);
COMMIT;
RESET ROLE;
DROP ROLE regress_ec_leaver;
SELECT state, owner ~ '^unknown' AS owner_is_unknown FROM ec_progress WHERE job = :job;
SELECT * FROM errors_of(format('SELECT ec_resume(%s)', :job));
SELECT ec_cancel(:job);

DROP SCHEMA regress_ec CASCADE;
DROP OWNED BY regress_ec_owner, regress_ec_member, regress_ec_other, regress_ec_monitor, regress_ec_group;
DROP ROLE regress_ec_owner, regress_ec_member, regress_ec_other, regress_ec_monitor, regress_ec_group;
