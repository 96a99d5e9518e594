-- Plain ALTER COLUMN ... TYPE that would write the rows anew: it becomes a change
-- that keeps the column's name.
\set VERBOSITY default
SET client_min_messages = warning;
SET expand_contract.scope = 'online_retype';
SET expand_contract.backfill_delay = 0;
CREATE SCHEMA online_retype;
SET search_path = online_retype, public;
\pset format unaligned
\pset footer off

CREATE TABLE orders (id serial PRIMARY KEY, amount integer NOT NULL DEFAULT 3 CHECK (amount > 0), "odd ""'name" smallint,
	at timestamp, note text, code varchar(10), j json);
CREATE TABLE items (order_id integer REFERENCES orders);
CREATE VIEW large AS SELECT id, amount FROM orders WHERE amount > 5;
CREATE TABLE keyless (n integer);
CREATE TABLE parted (id integer, n integer) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF parted FOR VALUES FROM (0) TO (1000);
CREATE TABLE base (n integer);
CREATE TABLE heir () INHERITS (base);
INSERT INTO orders (amount, note) SELECT i, i::text FROM generate_series(1, 50) i;
INSERT INTO items SELECT i FROM generate_series(1, 20) i;
INSERT INTO keyless VALUES (1), (2);
INSERT INTO part_1 VALUES (1, 1);
INSERT INTO heir VALUES (1);
CREATE PROCEDURE enlarge() LANGUAGE sql AS
	$$ UPDATE pg_class SET relpages = 100000, reltuples = 5000000 WHERE relnamespace = 'online_retype'::regnamespace AND relkind = 'r' $$;
CALL enlarge();
CREATE FUNCTION steps(script text) RETURNS TABLE (kind text, command text, lock_mode text, scans boolean)
	LANGUAGE sql AS 'SELECT kind, command, lock_mode, scans FROM ec_plan(script) ORDER BY step';
CREATE FUNCTION reasons(script text) RETURNS TABLE (rule text, severity text, detail text)
	LANGUAGE sql AS 'SELECT rule, severity, detail FROM ec_lint(script) ORDER BY 1';

-- ------------------------------------------------------------------- the plans
SELECT * FROM steps('ALTER TABLE orders ALTER COLUMN id TYPE bigint');
SELECT * FROM steps('ALTER TABLE IF EXISTS ONLY orders ALTER "odd ""''name" SET DATA TYPE numeric(20, 2) USING "odd ""''name"::numeric, ADD COLUMN x integer, ALTER amount TYPE int8');
SELECT * FROM steps('ALTER TABLE orders ADD COLUMN x integer; ALTER TABLE orders ALTER amount TYPE bigint; CREATE INDEX by_amount ON orders (amount)');
SELECT * FROM steps('ALTER TABLE keyless ALTER n TYPE bigint');
SELECT recipe FROM ec_lint('ALTER TABLE orders ALTER COLUMN id TYPE bigint') ORDER BY recipe;
-- others have no such way, and are told another
SELECT * FROM reasons('ALTER TABLE orders ALTER amount TYPE bigint USING amount * 2');
SELECT * FROM steps('ALTER TABLE orders ALTER at TYPE timestamptz');
SELECT * FROM steps('ALTER TABLE orders ALTER amount TYPE bigint USING amount * 2');
SELECT * FROM reasons('ALTER TABLE parted ALTER n TYPE bigint');
SELECT * FROM reasons('ALTER TABLE part_1 ALTER n TYPE bigint');
SELECT * FROM reasons('ALTER TABLE base ALTER n TYPE bigint');
SELECT ec_apply('r0', 'ALTER TABLE parted ALTER n TYPE bigint');
-- a small table, a new one, and one that another statement has made: as written
SELECT * FROM steps('CREATE TABLE new (n integer); ALTER TABLE new ALTER n TYPE bigint');
UPDATE pg_class SET relpages = 1, reltuples = 1 WHERE oid = 'keyless'::regclass;
SELECT * FROM steps('ALTER TABLE keyless ALTER n TYPE bigint');
CALL enlarge();

-- --------------------------------------------------------------------- they run
SELECT ec_apply('042', 'ALTER TABLE orders ALTER COLUMN id TYPE bigint', dry_run => true);
CALL ec_migrate('042', 'ALTER TABLE orders ALTER COLUMN id TYPE bigint');
SELECT state, steps, steps_done, error FROM ec_migrations WHERE version = '042';
SELECT change, phase FROM ec_changes ORDER BY change;
INSERT INTO orders (id) VALUES (3000000000) RETURNING id, id__old;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum;
SELECT count(*) FROM large;
SELECT conname, convalidated FROM pg_constraint WHERE conrelid = 'items'::regclass AND contype = 'f';
DELETE FROM orders WHERE id > 2147483647;
CALL enlarge();
-- while a change has the key, another of the table would not know the rows
SELECT ec_apply('052', 'ALTER TABLE orders ALTER amount TYPE bigint');
\set VERBOSITY terse
CALL ec_wait_migration('052');
\set VERBOSITY default
SELECT ec_contract('orders_id', '{stabilization}');
CALL ec_migrate('052', 'ALTER TABLE orders ALTER amount TYPE bigint');
SELECT ec_contract('orders_amount', '{stabilization}');
CALL enlarge();
-- two columns at once, between other statements
CALL ec_migrate('053', $$
	CREATE INDEX by_amount ON orders (amount);
	ALTER TABLE orders ALTER amount TYPE numeric, ALTER "odd ""'name" TYPE bigint, ADD COLUMN added integer;
	CREATE INDEX by_both ON orders (amount, "odd ""'name");
	$$, phase => 'contract');
SELECT state, steps, steps_done, error FROM ec_migrations WHERE version = '053';
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'orders'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum;
SELECT indexrelid::regclass AS index, indisvalid FROM pg_index WHERE indrelid = 'orders'::regclass ORDER BY indexrelid::regclass::text COLLATE "C";
-- a change that cannot be: nothing has changed, and the way is told
CREATE MATERIALIZED VIEW kept AS SELECT n FROM keyless;
\set VERBOSITY terse
CALL ec_migrate('054', 'ALTER TABLE keyless ALTER n TYPE bigint');
\set VERBOSITY default
SELECT state, steps_done, error FROM ec_migrations WHERE version = '054';
SELECT attname FROM pg_attribute WHERE attrelid = 'keyless'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum;
DROP MATERIALIZED VIEW kept;
CALL ec_migrate('054', 'ALTER TABLE keyless ALTER n TYPE bigint');
SELECT change, phase FROM ec_changes ORDER BY change;
-- once the old columns are gone, the columns can have other types again
SELECT ec_contract('orders_amount_odd "''name', '{stabilization}');
SELECT ec_contract('keyless_n', '{stabilization}');
CALL enlarge();
CALL ec_migrate('055', 'ALTER TABLE orders ALTER id TYPE numeric');
SELECT state, steps, steps_done FROM ec_migrations WHERE version = '055';
SELECT pg_typeof(id), count(*) FROM orders GROUP BY 1;
-- a job that fails: the migration fails with its error, and goes on when it is applied again
INSERT INTO keyless VALUES (100000);
CALL enlarge();
\set VERBOSITY terse
CALL ec_migrate('056', 'ALTER TABLE keyless ALTER n TYPE smallint', allow => '{change_type}');
\set VERBOSITY default
SELECT state, steps, steps_done FROM ec_migrations WHERE version = '056';
SELECT kind, state FROM ec_progress WHERE change = 'online_retype/keyless_n' AND state <> 'done' ORDER BY job;
UPDATE keyless SET n = 3 WHERE n = 100000;
CALL ec_migrate('056', 'ALTER TABLE keyless ALTER n TYPE smallint', allow => '{change_type}');
SELECT state, steps, steps_done FROM ec_migrations WHERE version = '056';
SELECT pg_typeof(n), count(*) FROM keyless GROUP BY 1;
SELECT change, phase FROM ec_changes ORDER BY change;
SET client_min_messages = error;
DROP SCHEMA online_retype CASCADE;
SELECT count(ec_forget(change)) > 0 AS forgotten FROM ec_changes;
