-- Moving an index copies it under a lock that no query can be planned against.
SET client_min_messages = error;
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE regress_first LOCATION '';
CREATE TABLESPACE regress_second LOCATION '';
CREATE TABLE moves (id int PRIMARY KEY, n int) TABLESPACE regress_first;
CREATE INDEX moves_n ON moves (n) TABLESPACE regress_first;
CREATE TABLE moves_too (id int, n int) PARTITION BY RANGE (id) TABLESPACE regress_first;
CREATE TABLE moves_1 PARTITION OF moves_too FOR VALUES FROM (1) TO (10);
CREATE INDEX moves_too_n ON moves_too (n) TABLESPACE regress_first;
CREATE MATERIALIZED VIEW moves_seen TABLESPACE regress_first AS SELECT * FROM moves;
UPDATE pg_class SET relpages = 100000, reltuples = 5000000 WHERE relname LIKE 'moves%' AND relkind IN ('r', 'i', 'm');
CREATE FUNCTION moved(script text) RETURNS TABLE (rule text, severity text, relation regclass, lock_mode text) LANGUAGE sql AS
    $$ SELECT rule, severity, relation, lock_mode FROM ec_lint(script) ORDER BY relation::text COLLATE "C" $$;
SET expand_contract.online = off;
SELECT * FROM moved('ALTER INDEX moves_n SET TABLESPACE regress_second');
SELECT * FROM moved('ALTER TABLE moves_n SET TABLESPACE regress_second');
SELECT * FROM moved('ALTER INDEX moves_n SET TABLESPACE regress_first');
-- a partitioned index has no file, and its parts stay
SELECT * FROM moved('ALTER INDEX moves_too_n SET TABLESPACE regress_second');
SELECT * FROM moved('ALTER TABLE moves_too SET TABLESPACE regress_second');
SELECT * FROM moved('ALTER TABLE moves SET TABLESPACE regress_second');
SELECT * FROM moved('ALTER INDEX ALL IN TABLESPACE regress_first SET TABLESPACE regress_second');
SELECT * FROM moved('ALTER TABLE ALL IN TABLESPACE regress_first SET TABLESPACE regress_second');
SELECT * FROM moved('ALTER MATERIALIZED VIEW ALL IN TABLESPACE regress_first SET TABLESPACE regress_second');
SELECT * FROM moved('ALTER TABLE ALL IN TABLESPACE regress_first SET TABLESPACE regress_first');
SELECT * FROM moved('ALTER TABLE ALL IN TABLESPACE regress_second SET TABLESPACE regress_first');
SELECT * FROM moved('ALTER TABLE ALL IN TABLESPACE regress_first OWNED BY CURRENT_USER SET TABLESPACE pg_default');
SELECT * FROM moved('ALTER TABLE ALL IN TABLESPACE regress_first OWNED BY pg_monitor SET TABLESPACE pg_default');
-- what the script has made is nobody's yet
SELECT * FROM moved('DROP MATERIALIZED VIEW moves_seen; CREATE TABLE made (id int) TABLESPACE regress_first; ALTER MATERIALIZED VIEW ALL IN TABLESPACE regress_first SET TABLESPACE pg_default; ALTER TABLE made SET TABLESPACE pg_default');
-- the server does what is said
BEGIN;
SELECT pg_relation_filenode('moves_n') AS before \gset
ALTER INDEX moves_n SET TABLESPACE regress_second;
SELECT pg_relation_filenode('moves_n') <> :before AS copied, mode FROM pg_locks WHERE relation = 'moves_n'::regclass AND granted;
ROLLBACK;
-- and the recipe, as printed, does it while others read and write
SELECT recipe FROM ec_lint('ALTER INDEX moves_n SET TABLESPACE regress_second') \gexec
CREATE FUNCTION tablespace_of(index regclass) RETURNS text LANGUAGE sql AS
    $$ SELECT coalesce(spcname, 'that of the database') FROM pg_class c LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace WHERE c.oid = index $$;
SELECT tablespace_of('moves_n');
UPDATE pg_class SET relpages = 100000 WHERE relname = 'moves_n';
-- online it is done like that, all of a tablespace too, and taken back
RESET expand_contract.online;
SELECT rule, severity, recipe FROM ec_lint('ALTER TABLE moves_n SET TABLESPACE pg_default');
SELECT kind, command, lock_mode FROM ec_plan('ALTER INDEX moves_n SET TABLESPACE pg_default') ORDER BY step;
CALL ec_migrate('1', 'ALTER INDEX moves_n SET TABLESPACE pg_default');
SELECT tablespace_of('moves_n');
UPDATE pg_class SET relpages = 100000 WHERE relname = 'moves_n';
SELECT ec_rollback('1');
CALL ec_wait_migration('1');
SELECT tablespace_of('moves_n');
CREATE INDEX "moves b" ON moves (n, id) TABLESPACE regress_second;
UPDATE pg_class SET relpages = 100000 WHERE oid = '"moves b"'::regclass;
CREATE TABLE moves_apart (span int4range, EXCLUDE USING gist (span WITH &&) USING INDEX TABLESPACE regress_first);
UPDATE pg_class SET relpages = 100000 WHERE relname = 'moves_n';
SELECT command FROM ec_plan('ALTER INDEX ALL IN TABLESPACE regress_second SET TABLESPACE regress_first') ORDER BY command COLLATE "C";
CALL ec_migrate('2', 'ALTER INDEX ALL IN TABLESPACE regress_second SET TABLESPACE regress_first NOWAIT');
SELECT tablespace_of('moves_n'), tablespace_of('"moves b"');
UPDATE pg_class SET relpages = 100000 WHERE relname = 'moves_apart_span_excl';
SELECT rule, severity, recipe, detail FROM ec_lint('ALTER INDEX moves_apart_span_excl SET TABLESPACE regress_second');
RESET client_min_messages;
CALL ec_migrate('3', 'ALTER INDEX moves_apart_span_excl SET TABLESPACE regress_second');
SET client_min_messages = error;
TRUNCATE expand_contract.schema_migrations, expand_contract.migration_events CASCADE;
DROP TABLE moves_apart;
DROP FUNCTION tablespace_of;
DROP MATERIALIZED VIEW moves_seen;
DROP TABLE moves, moves_too;
DROP FUNCTION moved(text);
DROP TABLESPACE regress_first;
DROP TABLESPACE regress_second;
