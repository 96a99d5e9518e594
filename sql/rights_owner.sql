-- Nobody's code runs with rights that its author does not have: what a table's
-- owner has written runs as the owner, whoever calls, and no longer than he owns it.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_ro_owner LOGIN;
CREATE ROLE regress_ro_other LOGIN;
CREATE ROLE regress_ro_member LOGIN IN ROLE regress_ro_owner;
SELECT ec_grant('regress_ro_owner'), ec_grant('regress_ro_member');
CREATE SCHEMA regress_ro AUTHORIZATION regress_ro_owner;
GRANT USAGE ON SCHEMA regress_ro TO PUBLIC;

SET ROLE regress_ro_owner;
CREATE FUNCTION regress_ro.f(t text) RETURNS text LANGUAGE plpgsql STABLE AS
    $$BEGIN IF current_user <> 'regress_ro_owner' THEN RAISE EXCEPTION 'f runs as %', current_user; END IF; RETURN upper(t); END$$;
CREATE FUNCTION regress_ro.good(t text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$BEGIN IF current_user <> 'regress_ro_owner' THEN RAISE EXCEPTION 'the check runs as %', current_user; END IF; RETURN t <> 'bad'; END$$;
CREATE DOMAIN regress_ro.word AS text CHECK (regress_ro.good(VALUE));
CREATE TABLE regress_ro.s (id int PRIMARY KEY, v text);
CREATE TABLE regress_ro.t (id int PRIMARY KEY, v regress_ro.word);
INSERT INTO regress_ro.s VALUES (1, 'one'), (2, 'two');
SET client_min_messages = error;
SELECT ec_expand('ro_move', 'regress_ro.s', '{"id": "id", "v": "regress_ro.f(v)"}', target => 'regress_ro.t',
                 backward => '{"id": "id", "v": "v::text"}');
SET client_min_messages = warning;
GRANT ALL ON regress_ro.s, regress_ro.t TO regress_ro_other;
RESET ROLE;

-- A superuser calls: each of these evaluated the owner's function or check as him.
INSERT INTO regress_ro.s VALUES (3, 'three');
SELECT ec_backfill_change('ro_move', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT * FROM regress_ro.t ORDER BY id;
SELECT ok, rows_source, different FROM ec_verify_change('ro_move');
SELECT verified_by = current_user AS by_the_caller FROM ec_verifications ORDER BY started_at DESC LIMIT 1;
SELECT ec_verify_job('ro_move', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
INSERT INTO regress_ro.s VALUES (4, 'bad');
ALTER DOMAIN regress_ro.word DROP CONSTRAINT word_check;
ALTER DOMAIN regress_ro.word ADD CONSTRAINT word_check CHECK (regress_ro.good(VALUE) AND VALUE <> 'BAD') NOT VALID;
INSERT INTO regress_ro.s VALUES (5, 'bad');
SELECT key, error FROM ec_discrepancies WHERE change = 'ro_move';
UPDATE regress_ro.s SET v = 'five' WHERE id = 5;
DELETE FROM regress_ro.s WHERE id = 4;
INSERT INTO expand_contract.discrepancies (change, key, operation, direction, error_code, error, is_unset)
VALUES ('ro_move', '{"id": 5}', 'update', 'forward', 'P0001', 'planted', false),
       ('ro_move', '{"id": 1}', 'update', 'backward', 'P0001', 'planted', false);
SELECT ec_reconcile('ro_move');
INSERT INTO expand_contract.discrepancies (change, key, operation, direction, error_code, error, is_unset)
VALUES ('ro_move', '{"id": 5}', 'update', 'forward', 'P0001', 'planted', false);
SELECT ec_reconcile_job('ro_move', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT count(*) FROM ec_discrepancies WHERE change = 'ro_move';
-- a member has rights of his own, which are none of the owner's business
SET ROLE regress_ro_member;
SELECT ok FROM ec_verify_change('ro_move');
SELECT ec_backfill_change('ro_move', 'repair', delay_ms => 0) AS job \gset
RESET ROLE;
CALL ec_wait(:job);
SELECT owner, state FROM ec_progress WHERE job = :job;
-- by hand, what is checked is whether values agree, not whether they may be stored
SELECT ok FROM ec_verify('regress_ro.s', 'regress_ro.t', '{"id": "id", "v": "upper(v)"}');

-- Columns of one table: counted, verified, filled and reconciled by a superuser.
SET ROLE regress_ro_owner;
CREATE TABLE regress_ro.c (id int PRIMARY KEY, a text, b regress_ro.word, c text);
CREATE FUNCTION regress_ro.stamp() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN IF current_user <> 'regress_ro_owner' THEN RAISE EXCEPTION 'the trigger runs as %', current_user; END IF;
      NEW.c := 'seen'; RETURN NEW; END$$;
CREATE TRIGGER stamp BEFORE UPDATE ON regress_ro.c FOR EACH ROW EXECUTE FUNCTION regress_ro.stamp();
INSERT INTO regress_ro.c SELECT i, 'a' || i FROM generate_series(1, 3) i;
SELECT ec_expand('ro_column', 'regress_ro.c', '{"b": "regress_ro.f(a)"}', old_columns => '{a}');
RESET ROLE;
SELECT ec_backfill_change('ro_column', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT id, b, c FROM regress_ro.c ORDER BY id;
SELECT ok FROM ec_verify_change('ro_column');
INSERT INTO expand_contract.discrepancies (change, key, operation, direction, error_code, error, is_unset)
VALUES ('ro_column', '{"id": 1}', 'update', 'forward', 'P0001', 'planted', false);
SET ROLE regress_ro_owner;
SET client_min_messages = error;
ALTER TABLE regress_ro.c DISABLE TRIGGER USER;
UPDATE regress_ro.c SET b = 'x' WHERE id = 1;
ALTER TABLE regress_ro.c ENABLE TRIGGER stamp;
ALTER TABLE regress_ro.c ENABLE ALWAYS TRIGGER "~ec_ro_column";
SET client_min_messages = warning;
RESET ROLE;
SELECT ec_reconcile('ro_column');
SELECT id, b FROM regress_ro.c WHERE id = 1;
-- after a cutover, ec_revert counts what is in the new shape only
UPDATE expand_contract.changes SET phase = 'cut_over' WHERE name = 'ro_column';
SELECT * FROM errors_of($$ SELECT ec_revert('ro_column') $$);
UPDATE expand_contract.changes SET phase = 'verified' WHERE name = 'ro_column';
-- what would lead back out of the owner's rights does not
CREATE OR REPLACE FUNCTION regress_ro.f(t text) RETURNS text LANGUAGE plpgsql STABLE AS
    $$BEGIN PERFORM set_config('role', 'none', true); RETURN t; END$$;
SELECT ok FROM ec_verify_change('ro_column');
CREATE OR REPLACE FUNCTION regress_ro.f(t text) RETURNS text LANGUAGE plpgsql STABLE AS
    $$BEGIN IF current_user <> 'regress_ro_owner' THEN RAISE EXCEPTION 'f runs as %', current_user; END IF; RETURN upper(t); END$$;

-- A table changes hands.  What its former owner wrote has no rights any more.
ALTER TABLE regress_ro.t OWNER TO CURRENT_USER;
SET ROLE regress_ro_owner;
CREATE OR REPLACE FUNCTION regress_ro.f(t text) RETURNS text LANGUAGE plpgsql STABLE AS
    $$BEGIN RETURN current_user; END$$;
CREATE OR REPLACE FUNCTION regress_ro.good(t text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
INSERT INTO regress_ro.s VALUES (6, 'six');
UPDATE regress_ro.s SET v = 'seven' WHERE id = 1;
RESET ROLE;
SELECT id, v FROM regress_ro.t WHERE id IN (1, 6);
SELECT key, error FROM ec_discrepancies WHERE change = 'ro_move' ORDER BY key::text;
-- nor has what a superuser starts
INSERT INTO regress_ro.s VALUES (7, 'seven');
SELECT * FROM errors_of($$ SELECT ec_reconcile('ro_move') $$);
SELECT * FROM errors_of($$ SELECT ec_backfill_change('ro_move') $$);
SELECT * FROM errors_of($$ SELECT ec_verify_change('ro_move') $$);
SELECT * FROM errors_of($$ SELECT ec_verify_job('ro_move') $$);
-- a new owner of both, whose tables are still written by what he has not seen
ALTER TABLE regress_ro.s OWNER TO CURRENT_USER;
INSERT INTO regress_ro.s VALUES (8, 'eight');
SELECT count(*) FROM regress_ro.t WHERE id IN (6, 7, 8);
SET client_min_messages = error;
SELECT ec_expand('ro_move', 'regress_ro.s', '{"id": "id", "v": "regress_ro.f(v)"}', target => 'regress_ro.t',
                 backward => '{"id": "id", "v": "v::text"}');
SET client_min_messages = warning;
SELECT ec_reconcile('ro_move');
SELECT id, v = current_user AS as_its_owner FROM regress_ro.t WHERE id IN (6, 7, 8) ORDER BY id;
-- two owners are none
ALTER TABLE regress_ro.t OWNER TO regress_ro_owner;
SELECT * FROM errors_of($$ SELECT ec_expand('ro_move', 'regress_ro.s', '{"id": "id", "v": "regress_ro.f(v)"}', target => 'regress_ro.t',
                 backward => '{"id": "id", "v": "v::text"}') $$);
-- on_error => 'raise': the legacy write fails
ALTER TABLE regress_ro.s OWNER TO regress_ro_owner;
SELECT ec_revert('ro_move');
SET ROLE regress_ro_owner;
SET client_min_messages = error;
SELECT ec_expand('ro_raise', 'regress_ro.s', '{"id": "id", "v": "regress_ro.f(v)"}', target => 'regress_ro.t', on_error => 'raise', allow_existing => true);
SET client_min_messages = warning;
RESET ROLE;
ALTER TABLE regress_ro.t OWNER TO CURRENT_USER;
SELECT * FROM errors_of($$ INSERT INTO regress_ro.s VALUES (9, 'nine') $$);
ALTER TABLE regress_ro.t OWNER TO regress_ro_owner;
INSERT INTO regress_ro.s VALUES (9, 'nine');
SELECT id, v FROM regress_ro.t WHERE id = 9;

-- The same of a change of columns: its jobs, and a job that is under way.
ALTER TABLE regress_ro.c OWNER TO CURRENT_USER;
ALTER TABLE regress_ro.c DISABLE TRIGGER stamp;
UPDATE regress_ro.c SET b = NULL;
SELECT * FROM errors_of($$ SELECT ec_backfill_change('ro_column') $$);
ALTER TABLE regress_ro.c OWNER TO regress_ro_owner;
BEGIN;
SELECT ec_backfill_change('ro_column', delay_ms => 0) AS job \gset
ALTER TABLE regress_ro.c OWNER TO CURRENT_USER;
COMMIT;
CALL ec_wait(:job);
SELECT count(b) FROM regress_ro.c;
-- a role is its OID: another one of that name is another one
UPDATE expand_contract.changes SET owner = 'regress_ro_other'::regrole, owner_name = 'regress_ro_owner' WHERE name = 'ro_column';
ALTER TABLE regress_ro.c OWNER TO regress_ro_owner;
SELECT * FROM errors_of($$ SELECT ec_verify_change('ro_column') $$);
SELECT ec_expand('ro_column', 'regress_ro.c', '{"b": "regress_ro.f(a)"}', old_columns => '{a}');
ALTER ROLE regress_ro_owner RENAME TO regress_ro_renamed;
SELECT rows_source FROM ec_verify_change('ro_column');
ALTER ROLE regress_ro_renamed RENAME TO regress_ro_owner;
-- a job of somebody who is no member of the owner any more
BEGIN;
SET LOCAL ROLE regress_ro_member;
SELECT ec_backfill_change('ro_column', 'repair', delay_ms => 0) AS job \gset
RESET ROLE;
REVOKE regress_ro_owner FROM regress_ro_member;
COMMIT;
CALL ec_wait(:job);
SELECT owner, state, last_error FROM ec_progress WHERE job = :job;

SELECT ec_revert('ro_column'), ec_revert('ro_raise');
DELETE FROM expand_contract.changes WHERE name LIKE 'ro\_%';
DROP SCHEMA regress_ro CASCADE;
DROP OWNED BY regress_ro_owner, regress_ro_other, regress_ro_member;
DROP ROLE regress_ro_owner, regress_ro_other, regress_ro_member;
