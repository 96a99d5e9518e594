-- ec_backfill of partitioned tables and of tables with inheritance children.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set jobs :abs_srcdir '/test/jobs.sql'
\i :jobs
\set SHOW_CONTEXT never
SET client_min_messages = warning;
ALTER TABLE expand_contract.jobs ALTER id RESTART 5000;
SET expand_contract.backfill_delay = 0;

-- every update that commits is counted: what is done twice shows
CREATE TABLE counted (id int, leaf regclass, pid int DEFAULT pg_backend_pid());
CREATE FUNCTION count_update() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO counted VALUES (new.id, tg_relid); RETURN NULL; END';

-- Several levels, leaves whose columns have other numbers, empty ones, names that need quotes.
CREATE TABLE events (id int, region text, a int, b int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE events_eu PARTITION OF events FOR VALUES IN ('eu') PARTITION BY RANGE (id);
CREATE TABLE events_eu_1 PARTITION OF events_eu FOR VALUES FROM (0) TO (1000);
CREATE TABLE "e""v'; --" (gone int, b int, also_gone text, a int, region text NOT NULL, id int NOT NULL, extra int);
ALTER TABLE "e""v'; --" DROP gone, DROP also_gone, DROP extra;
ALTER TABLE events_eu ATTACH PARTITION "e""v'; --" FOR VALUES FROM (1000) TO (2000);
CREATE TABLE events_us PARTITION OF events FOR VALUES IN ('us');
CREATE TABLE events_none PARTITION OF events FOR VALUES IN ('none') PARTITION BY RANGE (id);
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE TRIGGER counted AFTER UPDATE ON events FOR EACH ROW EXECUTE FUNCTION count_update();
INSERT INTO events SELECT i, CASE WHEN i < 2000 THEN 'eu' ELSE 'us' END, i FROM generate_series(1, 3000) i;
SELECT ec_backfill('events', 'b = a + 1') AS job \gset
CALL ec_wait(:job);
SELECT relation, state, rows_done, percent, table_growth > 0 AS has_growth FROM ec_progress WHERE job = :job;
SELECT tableoid::regclass AS leaf, count(*), count(*) FILTER (WHERE b = a + 1) AS set FROM events GROUP BY tableoid ORDER BY tableoid::regclass::text;
SELECT count(*), count(DISTINCT id), count(DISTINCT leaf) AS leaves FROM counted;
-- idempotent
SELECT ec_backfill('events', 'b = a + 1') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
-- the columns under the name of the partitioned table; a whole row; a predicate; small batches
SELECT ec_backfill('events', 'b = (events).a + 2', 'events.b = events.a + 1', batch_size => 17) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*) FROM events WHERE b = a + 2;
-- a part of it
SELECT ec_backfill('events_eu', 'b = 0') AS job \gset
CALL ec_wait(:job);
SELECT relation, state, rows_done FROM ec_progress WHERE job = :job;
-- none at all
SELECT ec_backfill('events_none', 'b = 0') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);

-- A row that does not become right is named with its table.
SELECT ec_backfill('events', 'b = a', 'a = 2501 AND b > 0') AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
UPDATE events SET b = a;

-- What cannot be done is said at submission.
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
CREATE TABLE mixed (id int, a int) PARTITION BY RANGE (id);
CREATE TABLE mixed_1 PARTITION OF mixed FOR VALUES FROM (0) TO (10);
CREATE FOREIGN TABLE mixed_2 PARTITION OF mixed FOR VALUES FROM (10) TO (20) SERVER nowhere;
CREATE TABLE by_sum (id int, a int, b int, c int) PARTITION BY RANGE (id);
CREATE TABLE by_sum_1 PARTITION OF by_sum FOR VALUES FROM (0) TO (10) PARTITION BY RANGE ((a + b));
CREATE TABLE by_sum_1_1 (c int, b int, a int, id int) PARTITION BY LIST (c);
ALTER TABLE by_sum_1 ATTACH PARTITION by_sum_1_1 FOR VALUES FROM (0) TO (10);
SELECT * FROM errors_of($$SELECT ec_backfill('mixed', 'a = 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('events', 'region = ''x''', 'region = ''us''')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('events', 'a = 1, id = 3', 'a IS NULL')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('events_eu', 'region = ''x''', 'region = ''us''')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('by_sum', 'b = 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('by_sum_1_1', 'b = 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('by_sum', 'c = 1')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('events', 'b = DEFAULT')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('events', 'nope = 1')$$);
CREATE RULE no_updates AS ON UPDATE TO mixed_1 DO INSTEAD NOTHING;
DROP FOREIGN TABLE mixed_2;
SELECT * FROM errors_of($$SELECT ec_backfill('mixed', 'a = 1')$$);
SELECT count(*) FROM ec_progress WHERE relation IN ('mixed'::regclass, 'by_sum');

-- Rights on the partitioned table alone do not suffice.
CREATE ROLE partition_writer LOGIN;
GRANT EXECUTE ON FUNCTION ec_backfill, ec_cancel TO partition_writer;
GRANT EXECUTE ON PROCEDURE ec_wait TO partition_writer;
GRANT SELECT, UPDATE (b) ON events, events_eu_1, events_us, events_rest TO partition_writer;
SET ROLE partition_writer;
SELECT * FROM errors_of($$SELECT ec_backfill('events', 'b = 7')$$);
RESET ROLE;
GRANT SELECT, UPDATE (b) ON "e""v'; --" TO partition_writer;
GRANT INSERT ON counted TO partition_writer;
ALTER TABLE events_us ENABLE ROW LEVEL SECURITY;
SET ROLE partition_writer;
SELECT * FROM errors_of($$SELECT ec_backfill('events', 'b = 7')$$);
RESET ROLE;
ALTER TABLE events_us DISABLE ROW LEVEL SECURITY;
SET ROLE partition_writer;
SELECT ec_backfill('events', 'b = 7', 'b <> 7') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
RESET ROLE;
SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'events_us'::regclass;

-- Changes while the job runs.  The first batch is of one row, and a long pause follows.
-- The leaf it is at, events_eu_1, and one that comes later are renamed.
TRUNCATE counted;
SELECT ec_backfill('events', 'b = 8', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
ALTER TABLE events_eu_1 RENAME TO events_eu_one;
ALTER TABLE events_us RENAME TO events_united_states;
ALTER TABLE events RENAME TO happenings;
SELECT ec_configure(:job, delay_ms => 0, batch_size => 1000);
CALL ec_wait(:job);
SELECT relation, state, rows_done FROM ec_progress WHERE job = :job;
SELECT count(*), count(DISTINCT id) FROM counted;
ALTER TABLE happenings RENAME TO events;
ALTER TABLE events_united_states RENAME TO events_us;
-- the leaf it is at is detached, another one as well, and a third is dropped: the rest is done
SELECT ec_backfill('events', 'b = 9', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
ALTER TABLE events_eu DETACH PARTITION events_eu_one;
ALTER TABLE events_eu DETACH PARTITION "e""v'; --";
DROP TABLE events_rest;
SELECT ec_configure(:job, delay_ms => 0, batch_size => 1000);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT (SELECT count(*) FROM events WHERE b = 9) AS attached, (SELECT count(*) FROM events_eu_one WHERE b = 9) AS detached,
       (SELECT count(*) FROM "e""v'; --" WHERE b = 9) AS detached_too;
-- the one it is at is dropped
CREATE TABLE events_a PARTITION OF events FOR VALUES IN ('a');
DROP TABLE events_us;
CREATE TABLE events_us PARTITION OF events FOR VALUES IN ('us');
INSERT INTO events SELECT i, CASE WHEN i < 500 THEN 'a' ELSE 'us' END, i FROM generate_series(1, 1000) i;
SELECT ec_backfill('events', 'b = 10', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
DROP TABLE events_a;
SELECT ec_configure(:job, delay_ms => 0, batch_size => 1000);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(*) FILTER (WHERE b = 10) AS set FROM events;
-- some are attached: before and after the one it is at, by their OIDs, and one with partitions of its own
SELECT ec_backfill('events', 'b = 11', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
ALTER TABLE events_eu ATTACH PARTITION events_eu_one FOR VALUES FROM (0) TO (1000);
CREATE TABLE events_new PARTITION OF events FOR VALUES IN ('new') PARTITION BY RANGE (id);
CREATE TABLE events_new_1 PARTITION OF events_new FOR VALUES FROM (0) TO (10);
INSERT INTO events SELECT i, 'new', i FROM generate_series(1, 9) i;
SELECT ec_configure(:job, delay_ms => 0, batch_size => 1000);
CALL ec_wait(:job);
SELECT state, rows_done, percent FROM outcome(:job);
SELECT tableoid::regclass AS leaf, count(*), count(*) FILTER (WHERE b = 11) AS set FROM events GROUP BY tableoid ORDER BY tableoid::regclass::text;
-- the one it is at is rewritten, one that is still to come is emptied and filled again
SELECT ec_backfill('events', 'b = 12', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
VACUUM FULL events_eu_one;
TRUNCATE events_us;
INSERT INTO events SELECT i, 'us', i FROM generate_series(1, 100) i;
SELECT ec_configure(:job, delay_ms => 0, batch_size => 1000);
CALL ec_wait(:job);
SELECT state, rows_done, percent FROM outcome(:job);
SELECT count(*), count(*) FILTER (WHERE b = 12) AS set FROM events;
-- one that cannot be backfilled is attached
SELECT ec_backfill('events', 'b = 13', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
CREATE FOREIGN TABLE elsewhere (id int NOT NULL, region text NOT NULL, a int, b int) SERVER nowhere;
ALTER TABLE events DROP CONSTRAINT events_pkey;
ALTER TABLE events DISABLE TRIGGER counted;
ALTER TABLE events ATTACH PARTITION elsewhere FOR VALUES IN ('elsewhere');
SELECT ec_configure(:job, delay_ms => 0, batch_size => 1000);
CALL ec_wait(:job);
-- and detached: the job goes on
ALTER TABLE events DETACH PARTITION elsewhere;
SELECT ec_resume(:job);
CALL ec_wait(:job);
SELECT state, rows_done FROM outcome(:job);
-- all is dropped
SELECT ec_backfill('events', 'b = 14', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
DROP TABLE events;
SELECT ec_configure(:job, delay_ms => 0);
CALL ec_wait(:job);
SELECT ec_cancel(:job);

-- 500 partitions, most of them empty, some small, some large, and two workers: each row once.
CREATE TABLE many (id int NOT NULL, pad text, a int, b int) PARTITION BY RANGE (id);
DO $$
BEGIN
    FOR i IN 0..499 LOOP
        EXECUTE format('CREATE TABLE many_%s PARTITION OF many FOR VALUES FROM (%s) TO (%s)', i, i * 10000, (i + 1) * 10000);
    END LOOP;
END $$;
INSERT INTO many SELECT i, repeat('x', 1000), i FROM generate_series(1000000, 1004999) i;
INSERT INTO many SELECT i, repeat('x', 1000), i FROM generate_series(3000000, 3004999) i;
INSERT INTO many SELECT i * 10000, 'x', i FROM generate_series(0, 499, 7) i;
TRUNCATE counted;
CREATE TRIGGER counted AFTER UPDATE ON many FOR EACH ROW EXECUTE FUNCTION count_update();
SELECT ec_backfill('many', 'b = a', workers => 2, batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 2);
SELECT workers FROM ec_progress WHERE job = :job;
SELECT worker, pid IS NOT NULL AS is_live, relation::text ~ '^many_' AS at_a_partition, sweep, rows_done, throttled_by, wal_bytes > 0 AS wal, skipped_locked
  FROM ec_progress_workers WHERE job = :job ORDER BY worker;
SELECT ec_configure(:job, batch_size => 100, delay_ms => 1);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(DISTINCT id) AS rows, count(DISTINCT pid) AS workers, count(DISTINCT leaf) AS leaves FROM counted;
SELECT count(*), count(*) FILTER (WHERE a = b) AS set FROM many;
SELECT table_growth < 1.5 AS little_growth FROM ec_progress WHERE job = :job;
-- a worker is terminated within a leaf, and the other one takes over what it has left
TRUNCATE counted;
SELECT ec_backfill('many', 'b = -a', workers => 2, batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 2);
SELECT count(pg_terminate_backend(pid, 60000)) FROM expand_contract.live_slots() WHERE job = :job AND slot = 0;
SELECT ec_configure(:job, batch_size => 1000, delay_ms => 0);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(DISTINCT id) FROM counted;

DROP TABLE many;

-- Inheritance: the table and its children as one set.
CREATE TABLE parent (id int, a int, b int);
CREATE TABLE child (c int) INHERITS (parent);
CREATE TABLE grandchild (b int, d int, a int) INHERITS (child);
INSERT INTO parent SELECT i, i FROM generate_series(1, 100) i;
INSERT INTO child SELECT i, i FROM generate_series(101, 200) i;
INSERT INTO grandchild (id, a) SELECT i, i FROM generate_series(201, 300) i;
SELECT ec_backfill('parent', 'b = parent.a') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT tableoid::regclass AS leaf, count(b) FROM parent GROUP BY tableoid ORDER BY tableoid::regclass::text;
-- a child comes and a child goes
SELECT ec_backfill('parent', 'b = -a', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
CREATE TABLE second_child () INHERITS (parent);
INSERT INTO second_child SELECT i, i FROM generate_series(301, 400) i;
ALTER TABLE grandchild NO INHERIT child;
SELECT ec_configure(:job, batch_size => 1000, delay_ms => 0);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT tableoid::regclass AS leaf, count(*) FILTER (WHERE b = -a) AS set FROM parent GROUP BY tableoid ORDER BY tableoid::regclass::text;

DROP FOREIGN DATA WRAPPER nothing CASCADE;
DROP TABLE "e""v'; --", mixed, by_sum, counted, parent, child, grandchild, second_child;
DROP OWNED BY partition_writer;
DROP ROLE partition_writer;
DROP FUNCTION count_update;
