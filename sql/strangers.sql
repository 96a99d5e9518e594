-- What a role learns of others, and what it makes others do, with no more than
-- a table of its own and ec_grant.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE strangers_owner;
CREATE ROLE strangers_other;
CREATE SCHEMA strangers;
GRANT USAGE, CREATE ON SCHEMA strangers TO strangers_owner, strangers_other;
SELECT ec_grant('strangers_owner') IS NULL AS granted;

-- what ec_grant hands out is what users call, and nothing that the extension keeps for itself
SELECT p.oid::regprocedure AS internal
  FROM pg_proc p
 WHERE p.pronamespace = 'expand_contract'::regnamespace
   AND has_function_privilege('strangers_owner', p.oid, 'EXECUTE')
   AND NOT has_function_privilege('strangers_other', p.oid, 'EXECUTE');

SET search_path = strangers, public;

-- where a sequence is that one has no right on: a default may name it by its OID
SET ROLE strangers_other;
CREATE SEQUENCE secret;
SELECT setval('secret', 4242);
SET ROLE strangers_owner;
CREATE TABLE drawn (id int PRIMARY KEY, old int, new int);
DO $$ BEGIN EXECUTE format('ALTER TABLE drawn ALTER new SET DEFAULT nextval(%s::regclass)', (SELECT quote_literal(oid) FROM pg_class WHERE relname = 'secret')); END $$;
INSERT INTO drawn VALUES (1, 100000, 100000);
CREATE INDEX ON drawn (new);
SELECT nextval('secret');
SET client_min_messages = error;
SELECT ec_expand('strangers_drawn', 'drawn', '{"new": "old"}', '{"old": "new"}');
SET client_min_messages = warning;
SELECT passed, observed, hint FROM ec_gates('strangers_drawn', 'cutover') WHERE gate = 'sequences';
SELECT 'sequences' = ANY (blocked_by) AS blocked FROM ec_changes WHERE change = 'strangers_drawn';
-- nor is it touched
SELECT ec_cutover('strangers_drawn', '{backfill_complete,verified,sequences}');
RESET ROLE;
SELECT last_value FROM secret;
-- whoever has a right on it is told, and it is brought forward if he may do that
GRANT USAGE ON SEQUENCE secret TO strangers_owner;
SELECT passed, observed FROM ec_gates('strangers_drawn', 'contract') WHERE gate = 'sequences';
GRANT UPDATE ON SEQUENCE secret TO strangers_owner;
SELECT passed, observed FROM ec_gates('strangers_drawn', 'contract') WHERE gate = 'sequences';

-- whoever reads the view of all changes runs no code of their tables' owners
SET ROLE strangers_owner;
CREATE TABLE planned (id int PRIMARY KEY, old int, new serial);
CREATE FUNCTION harmless(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1; END';
CREATE INDEX ON planned ((harmless(1) + old));
CREATE INDEX ON planned (new);
INSERT INTO planned VALUES (1, 1, 1);
SET client_min_messages = error;
SELECT ec_expand('strangers_planned', 'planned', '{"new": "old"}', '{"old": "new"}');
SET client_min_messages = warning;
CREATE OR REPLACE FUNCTION harmless(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the code of % runs', current_user; END $$;
RESET ROLE;
SELECT change, blocked_by FROM ec_changes WHERE change = 'strangers_planned';

-- what the end of an index tells without a plan: of all kinds of numbers, up and down
SET ROLE strangers_owner;
CREATE DOMAIN number AS bigint;
CREATE SEQUENCE s_small; CREATE SEQUENCE s_big; CREATE SEQUENCE s_numeric; CREATE SEQUENCE s_domain;
CREATE SEQUENCE s_down INCREMENT -1;
CREATE SEQUENCE s_cycles CYCLE;
CREATE TABLE ends (id int PRIMARY KEY, old int,
    small smallint DEFAULT nextval('s_small'), big bigint DEFAULT nextval('s_big'),
    numb numeric DEFAULT nextval('s_numeric'), dom number DEFAULT nextval('s_domain'),
    down int DEFAULT nextval('s_down'), cycles int DEFAULT nextval('s_cycles'));
CREATE INDEX ON ends (small DESC);
CREATE INDEX ON ends (big);
CREATE INDEX ON ends (numb);
CREATE INDEX ON ends (dom, old);
CREATE INDEX ON ends (down);
CREATE INDEX ON ends (cycles);
CREATE INDEX ON ends (old);
INSERT INTO ends SELECT i, i, i, i, i + 0.5, i, -i, i FROM generate_series(1, 7) i;
INSERT INTO ends VALUES (8, 8, 8, 8, 'NaN', 8, -8, 8), (9, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SET client_min_messages = error;
SELECT ec_expand('strangers_ends', 'ends',
    '{"small": "old", "big": "old", "numb": "old", "dom": "old", "down": "-old", "cycles": "old"}');
SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'strangers' AND sequencename LIKE 's\_%' ORDER BY 1;
SET client_min_messages = warning;
RESET ROLE;

-- a row of another table may be at the place of an entry of the queue
CREATE TABLE failing (id int PRIMARY KEY, old text, new int);
CREATE TABLE elsewhere (a int);
CREATE TRIGGER settle AFTER INSERT ON elsewhere FOR EACH ROW EXECUTE FUNCTION expand_contract.settle_discrepancy();
SELECT ec_expand('strangers_failing', 'failing', '{"new": "old::int"}', '{"old": "new::text"}');
BEGIN;
INSERT INTO failing VALUES (1, 'x');
INSERT INTO elsewhere VALUES (1);
ROLLBACK;

-- a function that is too long to be looked into stops nobody who looks, and is named
SET ROLE strangers_other;
DO $$ BEGIN EXECUTE format('CREATE FUNCTION long() RETURNS text LANGUAGE plpgsql AS %L', 'BEGIN RETURN ''' || repeat('x', 1100000) || '''; END'); END $$;
RESET ROLE;
SELECT object, goes, falls, blocks, because FROM expand_contract.dependents('planned'::regclass) WHERE kind = 'function';

DROP SCHEMA strangers CASCADE;
DELETE FROM expand_contract.changes WHERE name LIKE 'strangers\_%';
DELETE FROM expand_contract.discrepancies WHERE change LIKE 'strangers\_%';
DELETE FROM expand_contract.flags WHERE name LIKE 'strangers\_%';
DROP OWNED BY strangers_owner, strangers_other;
DROP ROLE strangers_owner, strangers_other;
