-- Another type for columns that keep their names: what is refused, who may write
-- what in which phase, and the way there and back.
\set VERBOSITY default
SET client_min_messages = warning;
CREATE ROLE retype_other;
CREATE SCHEMA retype;
SET search_path = retype, public;
\pset format unaligned

-- ---------------------------------------------------------------- arguments
CREATE TABLE plain (id integer PRIMARY KEY, n integer DEFAULT 7, t text);
SELECT ec_change_type(NULL, 'plain', '{"n": "bigint"}');
SELECT ec_change_type('c', 'plain', '[]');
SELECT ec_change_type('c', 'plain', '{}');
SELECT ec_change_type('c', 'plain', '{"n": 5}');
SELECT ec_change_type('c', 'plain', '{"x": "bigint"}');
SELECT ec_change_type('c', 'plain', '{"ctid": "bigint"}');
SELECT ec_change_type('c', 'plain', '{"n": "no_such_type"}');
SELECT ec_change_type('c', 'plain', '{"n": "integer"}');
SELECT ec_change_type('c', 'plain', '{"n": "bigint"}', '{"t": "t"}');
SELECT ec_change_type('c', 'plain', '{"n": "bigint"}', backward => '{"t": "t"}');
SELECT ec_change_type('c', 'plain', '{"n": "bigint"}', on_error => 'x');
SELECT ec_change_type('c', 'plain', '{"t": "uuid"}');
SELECT ec_change_type('c', 'plain', '{"t": "integer"}', '{"t": "length(t)"}');
SELECT ec_prepare('c');
GRANT USAGE ON SCHEMA retype TO retype_other;
SET ROLE retype_other;
SELECT ec_change_type('c', 'plain', '{"n": "bigint"}');
RESET ROLE;
GRANT EXECUTE ON FUNCTION ec_change_type(text, regclass, jsonb, jsonb, jsonb, text) TO retype_other;
SET ROLE retype_other;
SELECT ec_change_type('c', 'plain', '{"n": "bigint"}');
RESET ROLE;
-- nothing of it is left
SELECT attname FROM pg_attribute WHERE attrelid = 'plain'::regclass AND attnum > 0 ORDER BY 1;

-- ------------------------------------------------------ what has no twin yet
CREATE TABLE parent (id integer PRIMARY KEY);
CREATE TABLE full_house (
    id integer PRIMARY KEY REFERENCES parent,
    boss integer REFERENCES full_house,
    n integer,
    twice integer GENERATED ALWAYS AS (n * 2) STORED,
    r int4range,
    EXCLUDE USING gist (r WITH &&) WHERE (n > 0),
    CHECK (full_house IS NOT NULL));
CREATE TABLE child (house integer REFERENCES full_house);
CREATE VIEW shown AS SELECT id, n FROM full_house;
CREATE MATERIALIZED VIEW shown_too AS SELECT n FROM full_house;
CREATE FUNCTION body() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT sum(n) FROM full_house; END;
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER of_n BEFORE UPDATE OF n ON full_house FOR EACH ROW EXECUTE FUNCTION noted();
CREATE TRIGGER when_n BEFORE UPDATE ON full_house FOR EACH ROW WHEN (NEW.n > 5) EXECUTE FUNCTION noted();
CREATE POLICY seen ON full_house USING (n > 0);
CREATE STATISTICS together ON id, n FROM full_house;
CREATE RULE quiet AS ON DELETE TO full_house WHERE OLD.n > 5 DO INSTEAD NOTHING;
CREATE TABLE holds (z full_house);
CREATE INDEX whole ON full_house (n) WHERE full_house IS NOT NULL;
SELECT ec_change_type('house', 'full_house', '{"id": "bigint", "n": "bigint"}');
CREATE TABLE measured (at date, n integer, PRIMARY KEY (at, n)) PARTITION BY RANGE (at);
SELECT ec_change_type('part', 'measured', '{"n": "bigint"}');
CREATE TABLE parent_of (n integer);
CREATE TABLE child_of () INHERITS (parent_of);
SELECT ec_change_type('inh', 'parent_of', '{"n": "bigint"}');
SELECT ec_change_type('inh', 'child_of', '{"n": "bigint"}');
CREATE TABLE odd (id integer PRIMARY KEY, d text DEFAULT 'no uuid', j text);
CREATE INDEX odd_j ON odd (j text_pattern_ops);
SELECT ec_change_type('odd', 'odd', '{"d": "uuid", "j": "jsonb"}', backward => '{"d": "d__new::text", "j": "j__new::text"}');
CREATE TABLE numbered (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
CREATE TABLE shares (id bigint DEFAULT nextval('numbered_id_seq'));
SELECT ec_change_type('ident', 'numbered', '{"id": "bigint"}');
SELECT ec_change_type('ident', 'numbered', '{"id": "numeric"}');
SELECT ec_change_type('parent', 'parent', '{"id": "text"}', backward => $${"id": "CASE WHEN id__new ~ '^[0-9]{1,9}$' THEN id__new::integer END"}$$);
-- columns of another change
CREATE TABLE mapped (id integer PRIMARY KEY, a integer, b integer);
SELECT ec_expand('first', 'mapped', '{"b": "a"}');
SELECT ec_change_type('second', 'mapped', '{"a": "bigint"}');

-- ------------------------------------------------------------ who is right
INSERT INTO plain (id, t) SELECT i, 'v' || i FROM generate_series(1, 10) i;
SELECT ec_change_type('c', 'plain', '{"id": "bigint", "n": "bigint"}');
SELECT ec_change_type('c', 'plain', '{"id": "bigint", "n": "bigint"}');
SELECT ec_change_type('c', 'plain', '{"id": "bigint"}');
-- without its trigger it is set up again
DROP TRIGGER "~ec_c" ON plain;
SELECT ec_change_type('c', 'plain', '{"id": "bigint", "n": "bigint"}');
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'plain'::regclass;
SELECT ec_dual_write('c', false);
INSERT INTO plain (id, n) VALUES (11, 1) RETURNING *;
INSERT INTO plain (id) VALUES (12) RETURNING *;
INSERT INTO plain (id__new, n) VALUES (13, 1);
INSERT INTO plain VALUES (13, 1, 't', 13, 1) RETURNING *;
INSERT INTO plain VALUES (14, 1, 't', 15, 1);
INSERT INTO plain VALUES (14, 1, 't', NULL, NULL) RETURNING *;
UPDATE plain SET n = 2 WHERE id = 11 RETURNING *;
UPDATE plain SET n__new = 3 WHERE id = 11;
UPDATE plain SET n = 4, n__new = 4 WHERE id = 11 RETURNING *;
UPDATE plain SET n = NULL WHERE id = 11 RETURNING *;
-- a row of before is filled by whatever writes it
UPDATE plain SET t = 'x' WHERE id = 1 RETURNING *;
COPY plain (id, n) FROM stdin;
21	5
\.
INSERT INTO plain (id, n) VALUES (21, 6) ON CONFLICT (id) DO UPDATE SET n = excluded.n RETURNING *;
SET expand_contract.enable_modern_write = off;
INSERT INTO plain (id, n) VALUES (22, 1) RETURNING *;
RESET expand_contract.enable_modern_write;
SELECT gate, observed, hint FROM ec_gates('c', 'cutover') WHERE NOT passed;
SELECT ec_prepare('c');
SELECT ec_cutover('c', '{backfill_complete,verified}');
SELECT ec_backfill_change('c', 'repair', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ec_prepare('c') AS job \gset
CALL ec_wait(:job);
SELECT substring(ec_runbook('c') FROM '(1. dual_write.*?)\n\n');
-- what came later is missing, and named
CREATE INDEX later ON plain (n);
ALTER TABLE plain ADD CONSTRAINT later_too CHECK (n < 100);
CREATE MATERIALIZED VIEW latest AS SELECT n FROM plain;
SELECT gate, observed, hint FROM ec_gates('c', 'cutover') WHERE NOT passed;
DROP MATERIALIZED VIEW latest;
SELECT gate, observed, hint FROM ec_gates('c', 'cutover') WHERE NOT passed;
SELECT ec_prepare('c') AS job \gset
CALL ec_wait(:job);
-- so is what has lost its twin
DROP INDEX later__new;
SELECT gate, observed FROM ec_gates('c', 'cutover') WHERE gate = 'prepared';
SELECT ec_cutover('c', '{prepared,verified}');
SELECT ec_prepare('c') AS job \gset
CALL ec_wait(:job);
SELECT phase FROM ec_changes WHERE change = 'c';
SELECT ok, different FROM ec_verify_change('c');
SELECT gate, passed FROM ec_gates('c', 'cutover');
SELECT ec_cutover('c');
\d plain
INSERT INTO plain (id, n) VALUES (3000000000, 1) RETURNING *;
INSERT INTO plain VALUES (31, 1, 't');
INSERT INTO plain (id) VALUES (32) RETURNING *;
UPDATE plain SET n__old = 5 WHERE id = 32;
UPDATE plain SET n = 6 WHERE id = 32 RETURNING *;
UPDATE plain SET t = 'still' WHERE id = 3000000000 RETURNING *;
INSERT INTO plain (id, n) VALUES (4000000000, 1) RETURNING *;
SELECT ok, different FROM ec_verify_change('c');
SELECT ec_revert('c');
DELETE FROM plain WHERE id > 2147483647;
-- a small table is prepared for the way back as it goes
SELECT ec_revert('c');
\d plain
SELECT ok FROM ec_verify_change('c');
SELECT ec_prepare('c') AS job \gset
CALL ec_wait(:job);
SELECT ec_cutover('c');
SELECT gate, passed FROM ec_gates('c', 'contract');
SELECT ec_contract('c', auto_drop => true);
SET client_min_messages = notice;
SELECT ec_contract('c', '{stabilization}');
SET client_min_messages = warning;
\d plain
SELECT ec_contract('c');
-- a change that does not keep names has nothing to prepare
SELECT ec_prepare('first');

-- ------------------------------------- taken back before: nothing is left of it
CREATE TABLE early (id smallint PRIMARY KEY, n smallint NOT NULL DEFAULT 3 CHECK (n > 0));
SELECT ec_change_type('e', 'early', '{"n": "integer"}');
SELECT ec_backfill_change('e', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ec_prepare('e') AS job \gset
CALL ec_wait(:job);
SELECT ec_revert('e');
\d early
-- a name of our kind may be somebody's already
ALTER TABLE early ADD COLUMN n__new text, ADD COLUMN n__old text, ADD CONSTRAINT early_n_check__new CHECK (true);
SELECT ec_change_type('e', 'early', '{"n": "bigint"}');
SELECT ec_backfill_change('e', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ec_prepare('e') AS job \gset
CALL ec_wait(:job);
SELECT ok FROM ec_verify_change('e');
SELECT ec_cutover('e');
\d early
SET client_min_messages = error;
DROP SCHEMA retype CASCADE;
SELECT ec_forget(change) FROM (VALUES ('e'), ('e~1'), ('c'), ('first')) c (change);
REVOKE ALL ON FUNCTION ec_change_type(text, regclass, jsonb, jsonb, jsonb, text) FROM retype_other;
DROP ROLE retype_other;
