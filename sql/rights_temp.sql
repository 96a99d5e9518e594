-- A table target is written as its owner, in the session of whoever writes the
-- source: temporary objects of that session must not get in the way.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
CREATE ROLE regress_rt_owner;
CREATE ROLE regress_rt_writer;
SELECT ec_grant('regress_rt_owner');
CREATE SCHEMA regress_rt AUTHORIZATION regress_rt_owner;
GRANT USAGE ON SCHEMA regress_rt TO PUBLIC;
SET ROLE regress_rt_owner;
CREATE TABLE regress_rt.log (id int, who text DEFAULT current_user);
CREATE TABLE regress_rt.s (id int PRIMARY KEY, v text);
CREATE TABLE regress_rt.t (id int PRIMARY KEY, v text);
-- its name finds the owner's table in the applications' sessions
CREATE FUNCTION regress_rt.audit() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN INSERT INTO log (id) VALUES (NEW.id); RETURN NULL; END$$;
CREATE TRIGGER audit AFTER INSERT ON regress_rt.t FOR EACH ROW EXECUTE FUNCTION regress_rt.audit();
CREATE FUNCTION regress_rt.up(t text) RETURNS text LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT upper(t); END;
-- each function that has no SET is named
SELECT ec_expand('rt', 'regress_rt.s', '{"id": "id", "v": "regress_rt.up(v)"}', target => 'regress_rt.t');
GRANT INSERT, UPDATE, SELECT ON regress_rt.s TO regress_rt_writer;
RESET ROLE;

SET ROLE regress_rt_writer;
-- the attack: a trigger of the writer's on a table of the name that the owner's trigger looks for
CREATE FUNCTION pg_temp.mine() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN RAISE WARNING 'the writer''s code runs as %', current_user; RETURN NEW; END$$;
CREATE TEMP TABLE log (id int);
CREATE TRIGGER mine BEFORE INSERT ON pg_temp.log FOR EACH ROW EXECUTE FUNCTION pg_temp.mine();
GRANT ALL ON pg_temp.log TO PUBLIC;
INSERT INTO regress_rt.s VALUES (1, 'one');
RESET ROLE;
SELECT key, error_code, error FROM ec_discrepancies WHERE change = 'rt';
SELECT * FROM regress_rt.t;

-- a SET that leads past what is temporary
ALTER FUNCTION regress_rt.audit() SET search_path = regress_rt, pg_temp;
SET ROLE regress_rt_writer;
INSERT INTO regress_rt.s VALUES (2, 'two');
RESET ROLE;
SELECT * FROM regress_rt.t;
SELECT * FROM regress_rt.log;
-- one that does not name pg_temp looks there first: it counts where nothing is hidden
ALTER FUNCTION regress_rt.audit() SET search_path = regress_rt;
SET ROLE regress_rt_writer;
INSERT INTO regress_rt.s VALUES (3, 'three');
ALTER TABLE pg_temp.log RENAME TO notes;
INSERT INTO regress_rt.s VALUES (4, 'four');
RESET ROLE;
SELECT * FROM regress_rt.t ORDER BY id;
SELECT key FROM ec_discrepancies WHERE change = 'rt' ORDER BY key::text;
-- what fails here is made up for by a session that has nothing temporary
DISCARD TEMP;
SELECT ec_reconcile('rt');
SELECT * FROM regress_rt.t ORDER BY id;
SELECT * FROM regress_rt.log ORDER BY id;

-- Functions in the mapping, defaults, checks and indexes run as the owner too.
SET ROLE regress_rt_owner;
SELECT ec_revert('rt');
CREATE FUNCTION regress_rt.rate(t text) RETURNS text LANGUAGE plpgsql STABLE AS
    $$BEGIN RETURN (SELECT r FROM rates LIMIT 1); EXCEPTION WHEN undefined_table THEN RETURN t; END$$;
SELECT ec_expand('rt2', 'regress_rt.s', '{"id": "id", "v": "regress_rt.rate(v)"}', target => 'regress_rt.t', on_error => 'raise', allow_existing => true);
RESET ROLE;
SET ROLE regress_rt_writer;
INSERT INTO regress_rt.s VALUES (5, 'five');
CREATE FUNCTION pg_temp.spy() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN 'spied as ' || current_user; END$$;
CREATE TEMP VIEW rates AS SELECT pg_temp.spy() AS r;
GRANT SELECT ON rates TO PUBLIC;
SELECT * FROM errors_of($$ INSERT INTO regress_rt.s VALUES (6, 'six') $$);
RESET ROLE;
SELECT * FROM regress_rt.t WHERE id IN (5, 6);
DISCARD TEMP;
CREATE FUNCTION regress_rt.fits(t text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN true; END$$;
CREATE TEMP TABLE anything (id int);
SET ROLE regress_rt_owner;
SELECT ec_revert('rt2');
SET client_min_messages = warning;
CREATE TABLE regress_rt.t2 (id int PRIMARY KEY, v text, CHECK (regress_rt.fits(v)));
SELECT ec_expand('rt3', 'regress_rt.s', '{"id": "id", "v": "v"}', target => 'regress_rt.t2', on_error => 'raise');
RESET ROLE;
SELECT * FROM errors_of($$ INSERT INTO regress_rt.s VALUES (7, 'seven') $$);
SELECT ec_revert('rt3');
RESET client_min_messages;
SET client_min_messages = warning;
DELETE FROM expand_contract.changes WHERE name LIKE 'rt%';
DROP SCHEMA regress_rt CASCADE;
DROP OWNED BY regress_rt_owner, regress_rt_writer;
DROP ROLE regress_rt_owner, regress_rt_writer;
