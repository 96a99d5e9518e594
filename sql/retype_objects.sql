-- Another type for columns that keep their names: extended statistics,
-- publications with columns or a filter, constraint triggers, functions with a
-- parsed body: what comes with the columns, and what is refused.
\set VERBOSITY default
SET client_min_messages = warning;
CREATE ROLE retype_owner;
CREATE ROLE retype_third;
CREATE SCHEMA retype_objects;
SET search_path = retype_objects, public;
GRANT ALL ON SCHEMA retype_objects TO PUBLIC;
\pset format unaligned

-- ------------------------------------------------------------- refused by name
CREATE SCHEMA aside;
CREATE TABLE full_house (id integer PRIMARY KEY, n integer, j text, v text);
CREATE VIEW shown AS SELECT id, n FROM full_house;
CREATE STATISTICS of_third ON n, v FROM full_house;
CREATE STATISTICS aside.elsewhere ON n, v FROM full_house;
CREATE STATISTICS no_order ON j, v FROM full_house;
CREATE STATISTICS no_operator ON (n & 1), v FROM full_house;
SET client_min_messages = error;
CREATE PUBLICATION retype_mine FOR TABLE full_house (id, n);
SET client_min_messages = warning;
CREATE FUNCTION of_third() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT max(n) FROM full_house; END;
CREATE FUNCTION aside.elsewhere() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT max(n) FROM full_house; END;
CREATE FUNCTION of_row() RETURNS SETOF full_house LANGUAGE sql BEGIN ATOMIC SELECT * FROM full_house; END;
CREATE FUNCTION of_rows() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT max(f.n) FROM of_row() f; END;
CREATE FUNCTION of_view() RETURNS SETOF shown LANGUAGE sql BEGIN ATOMIC SELECT * FROM shown; END;
CREATE FUNCTION own() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT max(n) FROM shown; END;
ALTER TABLE full_house OWNER TO retype_owner;
ALTER VIEW shown OWNER TO retype_owner;
ALTER STATISTICS aside.elsewhere OWNER TO retype_owner;
ALTER STATISTICS no_order OWNER TO retype_owner;
ALTER STATISTICS no_operator OWNER TO retype_owner;
ALTER STATISTICS of_third OWNER TO retype_third;
ALTER FUNCTION of_third() OWNER TO retype_third;
ALTER FUNCTION aside.elsewhere() OWNER TO retype_owner;
ALTER FUNCTION of_row() OWNER TO retype_owner;
ALTER FUNCTION of_rows() OWNER TO retype_owner;
ALTER FUNCTION of_view() OWNER TO retype_owner;
ALTER FUNCTION own() OWNER TO retype_owner;
SELECT ec_change_type('house', 'full_house', '{"n": "bigint"}');
SELECT ec_change_type('house', 'full_house', '{"n": "numeric", "j": "json"}', backward => '{"j": "j__new::text"}');
-- a function that does not take the new type
CREATE TABLE typed (id integer PRIMARY KEY, n integer);
CREATE FUNCTION bits() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT n & 1 FROM typed; END;
SELECT ec_change_type('typed', 'typed', '{"n": "numeric"}');
DROP FUNCTION bits();
SELECT ec_change_type('typed', 'typed', '{"n": "numeric"}');
SELECT ec_revert('typed');
-- the ways that are told
DROP FUNCTION own(), of_view(), of_rows(), of_row(), aside.elsewhere(), of_third();
ALTER STATISTICS of_third OWNER TO retype_owner;
GRANT CREATE, USAGE ON SCHEMA aside TO retype_owner;
ALTER PUBLICATION retype_mine DROP TABLE full_house;
SELECT ec_change_type('house', 'full_house', '{"n": "bigint"}');
SELECT ec_revert('house');

-- -------------------------------------------------------------- what comes along
CREATE TABLE orders (id integer PRIMARY KEY, n integer NOT NULL DEFAULT 1, v text);
INSERT INTO orders (id, n, v) SELECT i, i % 7, 'v' || i % 3 FROM generate_series(1, 500) i;
CREATE STATISTICS both_of (dependencies, ndistinct) ON n, v FROM orders;
CREATE STATISTICS parity ON (n % 2) FROM orders;
CREATE STATISTICS parity__new ON (id % 2), v FROM orders;
ALTER STATISTICS both_of SET STATISTICS 300;
SET client_min_messages = error;
CREATE PUBLICATION retype_columns FOR TABLE orders (id, n) WHERE (n < 6 AND id > 0) WITH (publish = 'insert');
SET client_min_messages = warning;
CREATE VIEW large AS SELECT id, n FROM orders WHERE n > 2;
CREATE FUNCTION total(above integer DEFAULT 0) RETURNS bigint LANGUAGE sql STABLE STRICT PARALLEL SAFE COST 7
	BEGIN ATOMIC SELECT sum(n) FROM large WHERE n > total.above; END;
CREATE FUNCTION total_of_total() RETURNS bigint RETURN total(1) + (SELECT max(n) FROM orders);
CREATE VIEW totals AS SELECT total(), total_of_total(), max(n) FROM large;
CREATE PROCEDURE put(id integer, n bigint) BEGIN ATOMIC INSERT INTO orders (id, n) VALUES (id, n); UPDATE orders SET v = 'put' WHERE orders.id = put.id; END;
GRANT EXECUTE ON FUNCTION total(integer) TO retype_third;
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '% %', TG_NAME, NEW.n; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER UPDATE OF n ON orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.n > 100) EXECUTE FUNCTION noted();
COMMENT ON TRIGGER late ON orders IS 'deferred';
SELECT oid AS total FROM pg_proc WHERE oid = 'total'::regproc \gset
CREATE VIEW defined AS
	SELECT regexp_replace(pg_get_statisticsobjdef(oid), 'retype_objects.', '', 'g') || ' ' || coalesce(stxstattarget, -1) AS definition FROM pg_statistic_ext WHERE stxrelid = 'orders'::regclass
	UNION ALL SELECT pg_get_functiondef(oid) || ' ' || coalesce(proacl::text, '') FROM pg_proc WHERE prosqlbody IS NOT NULL AND pronamespace = 'retype_objects'::regnamespace
	UNION ALL SELECT format('%s %s %s %s', pubname, tablename, attnames, rowfilter) FROM pg_publication_tables WHERE pubname = 'retype_columns'
	UNION ALL SELECT pg_get_triggerdef(oid) || ' ' || obj_description(oid, 'pg_trigger') FROM pg_trigger WHERE tgname = 'late';
CREATE TABLE before AS TABLE defined;
SELECT ec_change_type('c', 'orders', '{"n": "bigint"}');
SELECT ec_backfill_change('c', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT observed FROM ec_gates('c', 'cutover') WHERE gate = 'prepared';
SELECT ec_prepare('c') AS job \gset
CALL ec_wait(:job);
SELECT ok FROM ec_verify_change('c');
SELECT ec_cutover('c');
SELECT * FROM defined WHERE definition NOT LIKE 'CREATE OR REPLACE%' ORDER BY definition COLLATE "C";
SELECT * FROM totals;
CALL put(501, 3000000000);
SELECT id, n, v FROM orders WHERE n > 100;
UPDATE orders SET n = 3000000001 WHERE id = 501;
SELECT 'total'::regproc::oid = :total AS same, total(0), total_of_total();
-- they are filled: ec_prepare has analysed the table
SELECT s.stxname FROM pg_statistic_ext s JOIN pg_statistic_ext_data d ON d.stxoid = s.oid WHERE stxrelid = 'orders'::regclass ORDER BY 1;
DELETE FROM orders WHERE id = 501;
SELECT ec_revert('c');
SELECT ec_revert('c');
(TABLE before EXCEPT TABLE defined) UNION ALL (TABLE defined EXCEPT TABLE before);
SELECT ec_change_type('c', 'orders', '{"n": "bigint"}');
SELECT ec_backfill_change('c', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ec_prepare('c') AS job \gset
CALL ec_wait(:job);
SELECT ok FROM ec_verify_change('c');
SELECT ec_cutover('c');
SELECT ec_contract('c', '{stabilization}');
SELECT * FROM defined WHERE definition NOT LIKE 'CREATE OR REPLACE%' ORDER BY definition COLLATE "C";
SELECT stxname FROM pg_statistic_ext WHERE stxrelid = 'orders'::regclass ORDER BY 1;
SET client_min_messages = error;
DROP PUBLICATION retype_mine, retype_columns;
DROP SCHEMA retype_objects, aside CASCADE;
SELECT count(ec_forget(change)) > 0 AS forgotten FROM ec_changes;
DROP ROLE retype_owner, retype_third;
