-- Distributed tables: Citus lists them in pg_catalog.pg_dist_partition, and their
-- rows are elsewhere.  A table of that name stands in for Citus's.
CREATE TABLE here (id int PRIMARY KEY, a text, b text);
INSERT INTO here SELECT i, i::text FROM generate_series(1, 10) i;
CREATE TABLE there (id int PRIMARY KEY, a text, b text);
CREATE TABLE "half ""there" (id int, a text, b text) PARTITION BY LIST (id);
CREATE TABLE "half'1" PARTITION OF "half ""there" FOR VALUES IN (1);
CREATE TABLE later (id int PRIMARY KEY, a text, b text);
SELECT ec_expand('before', 'later', '{"b": "a"}', '{"a": "b"}');
SET allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass PRIMARY KEY, partmethod "char" NOT NULL);
RESET allow_system_table_mods;
GRANT SELECT ON pg_catalog.pg_dist_partition TO PUBLIC;
-- Nothing is distributed yet.
SELECT (ec_verify('here', '{"a": "id::text"}')).ok;
INSERT INTO pg_catalog.pg_dist_partition VALUES ('there', 'h'), ('"half''1"', 'h'), ('later', 'h');
\set VERBOSITY default
SELECT ec_backfill('there', 'b = a', 'b IS NULL');
SELECT ec_backfill('"half ""there"', 'b = a', 'b IS NULL');
SELECT ec_copy('there', 'here', '{"id": "id", "a": "a"}');
SELECT ec_copy('here', 'there', '{"id": "id", "a": "a"}');
SELECT ec_expand('c', 'there', '{"b": "a"}');
SELECT ec_expand('c', 'here', '{"id": "id", "b": "a"}', target => 'there');
SELECT ec_verify('there', '{"b": "a"}');
SELECT ec_verify('here', 'there', '{"id": "id", "a": "a"}');
DO $$
BEGIN
    PERFORM ec_track('there');
EXCEPTION WHEN feature_not_supported OR object_not_in_prerequisite_state THEN
    RAISE NOTICE 'not tracked';
END $$;
-- A table that was distributed after ec_expand.
SELECT ec_backfill_change('before');
SELECT ec_verify_change('before');
SELECT gate, passed, observed FROM ec_gates('before', 'cutover') WHERE gate = 'dual_write';
-- No index is built on it as if it were empty.
SELECT rule, severity FROM ec_lint('CREATE INDEX ON there (a)');
-- The others are as before.
SELECT ec_expand('c', 'here', '{"b": "a"}');
INSERT INTO here VALUES (11, 'x') RETURNING b;
SELECT ec_revert('c');
DELETE FROM pg_catalog.pg_dist_partition WHERE logicalrelid = 'later'::regclass;
SELECT gate, passed FROM ec_gates('before', 'cutover') WHERE gate = 'dual_write';
SELECT ec_revert('before');
DROP TABLE pg_catalog.pg_dist_partition;
SET client_min_messages = warning;
DROP TABLE there, "half ""there", later;
DELETE FROM expand_contract.changes WHERE name IN ('before', 'c');
DELETE FROM expand_contract.change_events WHERE change IN ('before', 'c');
-- Rows that no sweep meets: an index that lacks them.  The job ends with an
-- error, as it could never end otherwise.
CREATE TABLE hidden (id int NOT NULL UNIQUE, a int);
INSERT INTO hidden VALUES (1);
UPDATE pg_index SET indisready = false WHERE indexrelid = 'hidden_id_key'::regclass;
INSERT INTO hidden VALUES (2);
UPDATE pg_index SET indisready = true WHERE indexrelid = 'hidden_id_key'::regclass;
SELECT ec_backfill('hidden', 'a = id', 'a IS NULL', delay_ms => 0, method => 'key') AS job \gset
\set VERBOSITY sqlstate
CALL ec_wait(:job);
\set VERBOSITY default
SELECT state, regexp_replace(last_error, 'table \S+', 'table ...') FROM ec_progress WHERE job = :job;
SELECT * FROM hidden ORDER BY id;
-- and goes on from there
REINDEX TABLE hidden;
SELECT ec_resume(:job) IN ('queued', 'running');
CALL ec_wait(:job);
SELECT * FROM hidden ORDER BY id;
DROP TABLE hidden, here;
