-- ec_advise: which way of changing a table fits it.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors

CREATE TABLE small_one (id int PRIMARY KEY, a int);
INSERT INTO small_one SELECT i, i FROM generate_series(1, 100) i;
SELECT approach, recommended FROM ec_advise('small_one');

-- Big by its indexes and rows; the figures are estimates.
CREATE TABLE big_one (id int, filler text) PARTITION BY RANGE (id);
CREATE TABLE big_one_1 PARTITION OF big_one FOR VALUES FROM (0) TO (1000);
CREATE TABLE big_one_2 PARTITION OF big_one FOR VALUES FROM (1000) TO (8000);
ALTER TABLE big_one ALTER filler SET STORAGE EXTERNAL;
ALTER TABLE big_one_2 ALTER filler SET STORAGE EXTERNAL;
INSERT INTO big_one SELECT i, repeat('x', 15000) FROM generate_series(1, 7000) i;
SELECT approach, recommended,
       why ~ 'partition key' AS partitions, why ~ 'needs a key' AS key, cost ~ '2 table' AS tables
  FROM ec_advise('big_one');
CREATE UNIQUE INDEX ON big_one (id);
ALTER TABLE big_one ALTER id SET NOT NULL;
SELECT why ~ 'needs a key' AS key FROM ec_advise('big_one') WHERE approach ~ 'new table';

CREATE VIEW no_table AS SELECT 1 AS one;
SELECT * FROM errors_of($$SELECT ec_advise('no_table')$$);
DROP VIEW no_table;
SELECT * FROM errors_of($$SELECT ec_advise(4294967295::oid::regclass)$$);
-- everyone may ask, and holds up no migration by it
BEGIN;
SELECT count(*) > 0 AS has_advice FROM ec_advise('small_one');
SELECT count(*) AS locks FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'small_one'::regclass;
COMMIT;
DROP TABLE small_one, big_one;
