-- Everybody's DDL passes our event triggers: what it has nothing to do with is
-- neither touched, nor held up, nor repaired.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_ec_root;
CREATE ROLE regress_ec_part;
CREATE ROLE regress_ec_else;
SELECT ec_grant('regress_ec_root');
CREATE SCHEMA regress_ec_et;
GRANT ALL ON SCHEMA regress_ec_et TO regress_ec_root, regress_ec_part, regress_ec_else;
SET search_path = regress_ec_et, public;

-- What of the extension's tables this transaction has locked or scanned.
CREATE FUNCTION touched() RETURNS TABLE (object text, how text) LANGUAGE sql AS $$
    SELECT c.oid::regclass::text, l.mode
      FROM pg_locks l JOIN pg_class c ON c.oid = l.relation AND l.pid = pg_backend_pid()
     WHERE c.relnamespace = 'expand_contract'::regnamespace
     UNION
    SELECT c.oid::regclass::text, 'scanned'
      FROM pg_class c
     WHERE c.relnamespace = 'expand_contract'::regnamespace AND c.relkind = 'r'
       AND pg_stat_get_xact_numscans(c.oid) > 0
     UNION
    SELECT c.oid::regclass::text, 'written'
      FROM pg_class c
     WHERE c.relnamespace = 'expand_contract'::regnamespace AND c.relkind = 'r'
       AND pg_stat_get_xact_tuples_inserted(c.oid) + pg_stat_get_xact_tuples_updated(c.oid) > 0
     ORDER BY 1, 2
$$;

-- A change of columns, one to another table, and tables that have none.
CREATE TABLE named (id int PRIMARY KEY, old text, new text);
SELECT ec_expand('et_columns', 'named', '{"new": "lower(old)"}', '{"old": "new"}');
SET ROLE regress_ec_root;
CREATE TABLE source (id int, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE source_1 PARTITION OF source FOR VALUES FROM (0) TO (10);
CREATE TABLE source_2 PARTITION OF source FOR VALUES FROM (10) TO (20);
CREATE TABLE target (id int PRIMARY KEY, w text);
SELECT ec_expand('et_table', 'source', '{"id": "id", "w": "upper(v)"}', target => 'target');
RESET ROLE;
ALTER TABLE source_1 OWNER TO regress_ec_part;
CREATE TABLE other (id int PRIMARY KEY, a text) PARTITION BY RANGE (id);
CREATE TABLE other_1 PARTITION OF other FOR VALUES FROM (0) TO (10);
CREATE TABLE parent (id int);
CREATE TABLE child (id int);
ALTER TABLE other OWNER TO regress_ec_else;

-- Nothing of ours is locked or read for what is not about a change.
SELECT pg_stat_force_next_flush();
BEGIN;
ALTER TABLE other ADD b int;
ALTER TABLE other RENAME b TO c;
ALTER TABLE other ALTER c SET DEFAULT 1, DISABLE TRIGGER USER;
CREATE INDEX other_a ON other (a);
CREATE TABLE other_2 PARTITION OF other FOR VALUES FROM (10) TO (20);
ALTER TABLE other DETACH PARTITION other_1;
ALTER TABLE other ATTACH PARTITION other_1 FOR VALUES FROM (0) TO (10);
ALTER TABLE child INHERIT parent;
ALTER TABLE child NO INHERIT parent;
CREATE TABLE of_its_own (id int GENERATED ALWAYS AS IDENTITY, x text UNIQUE);
DROP TABLE other_2, of_its_own;
SELECT * FROM touched();
ROLLBACK;
-- It is for what is: the name that a dump has, and a warning.
BEGIN;
ALTER TABLE named RENAME new TO newer;
SELECT name, present_name FROM expand_contract.change_columns WHERE change = 'et_columns' AND name = 'new';
SET client_min_messages = error;
ALTER TABLE target RENAME w TO y;
SELECT name, present_name FROM expand_contract.change_columns WHERE change = 'et_table' AND name = 'w';
ROLLBACK;
CREATE UNIQUE INDEX named_new ON named (new);
DROP INDEX named_new;

-- The owner of a partition ends its dual writes: that is no one else's business ...
CREATE FUNCTION triggers() RETURNS TABLE (relation regclass, triggers bigint) LANGUAGE sql AS $$
    SELECT c.oid::regclass, count(t.oid)
      FROM pg_class c LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgname LIKE '~ec%'
     WHERE c.relnamespace = 'regress_ec_et'::regnamespace AND c.relname LIKE 'source%' AND c.relkind IN ('r', 'p')
     GROUP BY 1 ORDER BY 1::text COLLATE "C"
$$;
SET ROLE regress_ec_part;
DROP TRIGGER "~ec_et_table_insert" ON source_1;
SET ROLE regress_ec_else;
CREATE TABLE other_3 PARTITION OF other FOR VALUES FROM (20) TO (30);
ALTER TABLE other_3 ADD CHECK (id > 0);
DROP TABLE other_3;
SET ROLE regress_ec_root;
CREATE TABLE source_3 PARTITION OF source FOR VALUES FROM (20) TO (30);
ALTER TABLE source DETACH PARTITION source_2;
ALTER TABLE source ATTACH PARTITION source_2 FOR VALUES FROM (10) TO (20);
RESET ROLE;
ALTER TABLE child INHERIT parent;
ALTER TABLE source_1 ADD CHECK (id >= 0);
-- ... and nobody's DDL gives them back.
SELECT * FROM triggers();

-- What comes with a statement is followed, whoever owns it.
SET ROLE regress_ec_root;
CREATE TABLE source_4 (LIKE source) PARTITION BY RANGE (id);
CREATE TABLE source_4_1 PARTITION OF source_4 FOR VALUES FROM (30) TO (35);
INSERT INTO source_4 VALUES (31, 'came');
RESET ROLE;
ALTER TABLE source_4_1 OWNER TO regress_ec_part;
SET ROLE regress_ec_root;
ALTER TABLE source ATTACH PARTITION source_4 FOR VALUES FROM (30) TO (40);
RESET ROLE;
SELECT * FROM triggers();
SELECT current_user = session_user AS same_user;
SELECT change, reason FROM expand_contract.gaps WHERE change = 'et_table' ORDER BY id;
INSERT INTO source VALUES (32, 'written');
SELECT * FROM target;
SET ROLE regress_ec_root;
ALTER TABLE source DETACH PARTITION source_4;
RESET ROLE;
SELECT * FROM triggers();

-- A root that lacks one of its triggers hands none on.
BEGIN;
DROP TRIGGER "~ec_et_table_truncate" ON source CASCADE;
CREATE TABLE source_5 PARTITION OF source FOR VALUES FROM (50) TO (60);
SELECT * FROM triggers();
ROLLBACK;

-- Triggers of one's own that look like a change's concern nobody else.
SET ROLE regress_ec_else;
CREATE TABLE source_mine (id int, v text);
CREATE TABLE source_mine_too () INHERITS (source_mine);
CREATE TRIGGER "~ec_et_table_insert" AFTER INSERT ON source_mine REFERENCING NEW TABLE AS ec_new
    FOR EACH STATEMENT EXECUTE FUNCTION expand_contract.dual_write_table('et_table');
CREATE TRIGGER "~ec_et_table_insert" AFTER INSERT ON source_mine_too REFERENCING NEW TABLE AS ec_new
    FOR EACH STATEMENT EXECUTE FUNCTION expand_contract.dual_write_table('et_table');
ALTER TABLE source_mine_too NO INHERIT source_mine;
ALTER TABLE source_mine_too INHERIT source_mine;
CREATE TABLE source_mine_three () INHERITS (source_mine);
DROP TABLE source_mine CASCADE;
RESET ROLE;
SELECT count(*) FROM expand_contract.gaps WHERE change = 'et_table' AND reason <> 'attach partition' AND reason <> 'detach partition';
SELECT reason, count(*) FROM expand_contract.gaps WHERE change = 'et_table' GROUP BY 1 ORDER BY 1;

-- Called by hand, and for what they are not made.
SELECT * FROM errors_of('SELECT expand_contract.note_ddl()');
SELECT * FROM errors_of('SELECT expand_contract.note_partitions()');
CREATE EVENT TRIGGER regress_ec_wrong ON ddl_command_start WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION expand_contract.note_ddl();
SELECT * FROM errors_of('CREATE VIEW seen AS SELECT 1');
DROP EVENT TRIGGER regress_ec_wrong;
CREATE EVENT TRIGGER regress_ec_wrong ON table_rewrite EXECUTE FUNCTION expand_contract.note_partitions();
SELECT * FROM errors_of('ALTER TABLE parent ALTER id TYPE bigint');
DROP EVENT TRIGGER regress_ec_wrong;
CREATE EVENT TRIGGER regress_ec_wrong ON ddl_command_end WHEN TAG IN ('CREATE VIEW', 'COMMENT') EXECUTE FUNCTION expand_contract.note_partitions();
CREATE VIEW seen AS SELECT 1 AS one;
COMMENT ON VIEW seen IS 'by a trigger for other statements';
DROP EVENT TRIGGER regress_ec_wrong;

RESET search_path;
DROP SCHEMA regress_ec_et CASCADE;
DELETE FROM expand_contract.gaps WHERE change LIKE 'et\_%';
DELETE FROM expand_contract.changes WHERE name LIKE 'et\_%';
DROP OWNED BY regress_ec_root, regress_ec_part, regress_ec_else;
DROP ROLE regress_ec_root, regress_ec_part, regress_ec_else;
