-- ec_backfill along a key: method => 'key', and tables that are not heaps.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set jobs :abs_srcdir '/test/jobs.sql'
\i :jobs
\set SHOW_CONTEXT never
SET client_min_messages = warning;
ALTER TABLE expand_contract.jobs ALTER id RESTART 6000;
SET expand_contract.backfill_delay = 0;

-- updates in their order, each as a transaction has made it
CREATE TABLE done (position int GENERATED ALWAYS AS IDENTITY, key text, transaction xid8 DEFAULT pg_current_xact_id());
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN EXECUTE format(''INSERT INTO done (key) SELECT ($1).%s::text'', tg_argv[0]) USING new; RETURN NULL; END';

-- A heap, on request.
CREATE TABLE users (id bigint PRIMARY KEY, name text, email text);
INSERT INTO users SELECT i, 'User' || i FROM generate_series(1, 2500) i ORDER BY random();
CREATE TRIGGER note AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION note('id');
SELECT ec_backfill('users', 'email = lower(name)', batch_size => 100, method => 'key') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(*) FILTER (WHERE email = lower(name)) AS set FROM users;
SELECT count(*), count(DISTINCT key) AS keys FROM done;
SELECT max(rows) <= 100 AS bounded FROM (SELECT count(*) AS rows FROM done GROUP BY transaction) t;
-- idempotent, and what is out of step is found
SELECT ec_backfill('users', 'email = lower(name)', method => 'key') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
UPDATE users SET email = 'wrong' WHERE id % 100 = 0;
SELECT ec_backfill('users', 'email = lower(name)', method => 'key', batch_size => 7) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);

-- Another access method: by key without being asked.
CREATE ACCESS METHOD pile TYPE TABLE HANDLER heap_tableam_handler;
CREATE TABLE piled (a int, b text, v int, PRIMARY KEY (a, b)) USING pile;
INSERT INTO piled SELECT i % 10, 'k' || i FROM generate_series(1, 3000) i;
SELECT ec_backfill('piled', 'v = 1', batch_size => 17) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT place IS NOT NULL AS by_key FROM expand_contract.job_leaves WHERE job = :job;
SELECT * FROM errors_of($$SELECT ec_backfill('piled', 'v = 2', method => 'blocks')$$);

-- Keys of any type, in whatever order their index has them.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN code AS varchar(20);
CREATE FUNCTION check_key(columns text, index_columns text, rows text)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    DROP TABLE IF EXISTS keyed;
    EXECUTE format('CREATE TABLE keyed (%s, v int)', columns);
    EXECUTE format('CREATE UNIQUE INDEX "keyed""_key" ON keyed (%s)', index_columns);
    EXECUTE format('INSERT INTO keyed %s', rows);
    RETURN NULL;
END $$;
SELECT check_key('k timestamptz NOT NULL', 'k', $$SELECT '2026-01-01'::timestamptz + i * interval '1.000001 s' FROM generate_series(1, 50) i$$);
SET DateStyle = 'SQL, DMY';
SELECT ec_backfill('keyed', 'v = 1', batch_size => 3, method => 'key') AS job \gset
RESET DateStyle;
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT check_key('k float8 NOT NULL', 'k DESC', $$SELECT i / 7.0 FROM generate_series(1, 50) i UNION ALL SELECT unnest('{NaN,Infinity,-Infinity}'::float8[])$$);
SET extra_float_digits = -3;
SELECT ec_backfill('keyed', 'v = 1', batch_size => 3, method => 'key') AS job \gset
RESET extra_float_digits;
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT check_key('k interval NOT NULL, l text NOT NULL', 'k, l text_pattern_ops', $$SELECT i * interval '-1 day 2 hours', E'a''"\\ ,' || i % 3 FROM generate_series(1, 50) i$$);
SET IntervalStyle = 'sql_standard';
SELECT ec_backfill('keyed', 'v = 1', batch_size => 3, method => 'key') AS job \gset
RESET IntervalStyle;
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT check_key('k mood NOT NULL, l code NOT NULL, m int NOT NULL', 'k DESC NULLS LAST, l, m DESC', $$SELECT (enum_range(NULL::mood))[1 + i % 3], 'x' || i % 4, i FROM generate_series(1, 50) i$$);
SELECT ec_backfill('keyed', 'v = 1', batch_size => 3, method => 'key') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT check_key('"k""'';--" bytea NOT NULL, l uuid NOT NULL, n numeric NOT NULL', '"k""'';--" DESC, l DESC, n DESC', $$SELECT decode(md5((i % 5)::text), 'hex'), md5((i % 7)::text)::uuid, i / 3.0 FROM generate_series(1, 50) i$$);
SELECT ec_backfill('keyed', 'v = 1', batch_size => 3, method => 'key') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(v) FROM keyed;
-- a collation that is not that of the type, and one by which different texts are equal
CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN c_text AS text COLLATE "C";
SELECT check_key('k c_text COLLATE caseless NOT NULL, l name COLLATE "POSIX" NOT NULL, n int NOT NULL', 'k, l, n', $$SELECT chr(65 + i % 2 * 32), 'x' || i % 4, i FROM generate_series(1, 50) i$$);
SELECT ec_backfill('keyed', 'v = 1', batch_size => 3, method => 'key') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT check_key('k c_text COLLATE caseless NOT NULL, n int NOT NULL', 'k DESC, n', $$SELECT chr(65 + i % 2 * 32), i FROM generate_series(1, 50) i$$);
SELECT ec_backfill('keyed', 'v = 1', batch_size => 3, method => 'key') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
-- what the server cannot compare
CREATE DOMAIN a_mood AS mood;
SELECT check_key('k a_mood NOT NULL', 'k', $$SELECT 'ok'$$);
SELECT * FROM errors_of($$SELECT ec_backfill('keyed', 'v = 1', method => 'key')$$);
-- many rows of one value in the first column
SELECT check_key('k int NOT NULL, l int NOT NULL', 'k, l DESC', $$SELECT 1, i FROM generate_series(1, 5000) i$$);
SELECT ec_backfill('keyed', 'v = 1', batch_size => 100, method => 'key') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);

-- The order is that of the key, and the key is what the job remembers: the table may be rewritten,
-- its columns renamed, its index built anew.
CREATE TABLE moving (key int PRIMARY KEY, a int, b int);
INSERT INTO moving SELECT i, i FROM generate_series(100, 1, -1) i;
CREATE TRIGGER note AFTER UPDATE ON moving FOR EACH ROW EXECUTE FUNCTION note('a');
TRUNCATE done;
SELECT ec_backfill('moving', 'b = a', batch_size => 1, delay_ms => 3600000, method => 'key') AS job \gset
SELECT wait_for_rows(:job, 1);
ALTER TABLE moving RENAME key TO the_key;
ALTER TABLE moving RENAME TO moved;
REINDEX INDEX CONCURRENTLY moving_pkey;
VACUUM FULL moved;
INSERT INTO moved VALUES (0, 0), (-1, -1);
SELECT ec_configure(:job, batch_size => 7, delay_ms => 0);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(DISTINCT key) AS keys FROM done;
SELECT count(*) FILTER (WHERE lowest < previous) AS out_of_order FROM
    (SELECT min(key::int) AS lowest, lag(max(key::int)) OVER (ORDER BY min(position)) AS previous
       FROM done WHERE key::int > 0 GROUP BY transaction) t;
-- the key is another one: the sweep begins again
SELECT ec_backfill('moved', 'b = -a', batch_size => 1, delay_ms => 3600000, method => 'key') AS job \gset
SELECT wait_for_rows(:job, 1);
ALTER TABLE moved DROP CONSTRAINT moving_pkey;
ALTER TABLE moved ALTER a SET NOT NULL;
CREATE UNIQUE INDEX moved_a ON moved (a DESC);
SELECT ec_configure(:job, batch_size => 7, delay_ms => 0);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
-- its columns get another type; a domain gets a check that rows of before do not pass
CREATE DOMAIN number AS int;
CREATE TABLE typed (id int PRIMARY KEY, v int);
INSERT INTO typed SELECT generate_series(1, 100);
SELECT ec_backfill('typed', 'v = id', batch_size => 1, delay_ms => 3600000, method => 'key') AS job \gset
SELECT wait_for_rows(:job, 1);
ALTER TABLE typed ALTER id TYPE bigint;
SELECT ec_configure(:job, batch_size => 7, delay_ms => 0);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
ALTER TABLE typed ALTER id TYPE number;
SELECT ec_backfill('typed', 'v = -id', batch_size => 1, delay_ms => 3600000, method => 'key') AS job \gset
SELECT wait_for_rows(:job, 1);
ALTER DOMAIN number ADD CHECK (value > 50) NOT VALID;
SELECT ec_configure(:job, batch_size => 7, delay_ms => 0);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
DROP TABLE typed;
-- there is none any more
SELECT ec_backfill('moved', 'b = a', batch_size => 1, delay_ms => 3600000, method => 'key') AS job \gset
SELECT wait_for_rows(:job, 1);
DROP INDEX moved_a;
SELECT ec_configure(:job, batch_size => 7, delay_ms => 0);
CALL ec_wait(:job);
ALTER TABLE moved ADD PRIMARY KEY (the_key);
SELECT ec_resume(:job);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);

-- Several workers share the table in ranges of keys; one is added, one is taken away.
CREATE TABLE counted (id int, pid int DEFAULT pg_backend_pid());
CREATE FUNCTION count_update() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO counted VALUES (new.id); RETURN NULL; END';
CREATE TABLE shared (id int, region text, v int, w int, PRIMARY KEY (region, id));
INSERT INTO shared SELECT i, 'r' || i % 3, i FROM generate_series(1, 20000) i;
CREATE TRIGGER counted AFTER UPDATE ON shared FOR EACH ROW EXECUTE FUNCTION count_update();
SELECT ec_backfill('shared', 'w = v', batch_size => 1, delay_ms => 3600000, method => 'key', workers => 2) AS job \gset
SELECT wait_for_rows(:job, 2);
SELECT workers FROM ec_progress WHERE job = :job;
SELECT ec_configure(:job, batch_size => 100, delay_ms => 1);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(DISTINCT id), count(DISTINCT pid) AS workers FROM counted;
TRUNCATE counted;
SELECT ec_backfill('shared', 'w = -v', batch_size => 1, delay_ms => 3600000, method => 'key') AS job \gset
SELECT wait_for_rows(:job, 1);
SELECT ec_configure(:job, workers => 2);
SELECT wait_for_rows(:job, 2);
SELECT workers FROM ec_progress WHERE job = :job;
SELECT ec_configure(:job, workers => 1, batch_size => 1000, delay_ms => 0);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(DISTINCT id) FROM counted;
-- a worker is terminated within its range, and the other one takes over what it has left
TRUNCATE counted;
SELECT ec_backfill('shared', 'w = 2 * v', batch_size => 1, delay_ms => 3600000, method => 'key', workers => 2) AS job \gset
SELECT wait_for_rows(:job, 2);
SELECT count(pg_terminate_backend(pid, 60000)) FROM expand_contract.live_slots() WHERE job = :job AND slot = 0;
SELECT ec_configure(:job, batch_size => 1000, delay_ms => 0);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(DISTINCT id) FROM counted;

-- Partitions: each along its own key, or all of them on request.
CREATE TABLE parts (id int NOT NULL, v int, w int) PARTITION BY RANGE (id);
CREATE TABLE parts_heap PARTITION OF parts FOR VALUES FROM (0) TO (1000);
CREATE TABLE parts_pile (w int, gone int, v int, id int PRIMARY KEY) USING pile;
ALTER TABLE parts_pile DROP gone;
ALTER TABLE parts ATTACH PARTITION parts_pile FOR VALUES FROM (1000) TO (2000);
CREATE TABLE parts_sub PARTITION OF parts FOR VALUES FROM (2000) TO (3000) PARTITION BY RANGE (id);
CREATE TABLE parts_sub_1 PARTITION OF parts_sub FOR VALUES FROM (2000) TO (3000) USING pile;
CREATE UNIQUE INDEX ON parts_sub_1 (id DESC);
CREATE TABLE parts_none PARTITION OF parts FOR VALUES FROM (3000) TO (4000) USING pile;
INSERT INTO parts SELECT i, i FROM generate_series(0, 2999) i;
CREATE TRIGGER counted AFTER UPDATE ON parts FOR EACH ROW EXECUTE FUNCTION count_update();
TRUNCATE counted;
SELECT * FROM errors_of($$SELECT ec_backfill('parts', 'w = v')$$);
DROP TABLE parts_none;
SELECT * FROM errors_of($$SELECT ec_backfill('parts', 'w = v', method => 'blocks')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('parts', 'w = v', method => 'key')$$);
SELECT ec_backfill('parts', 'w = parts.v', batch_size => 17, workers => 2) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT leaf::regclass, place IS NOT NULL AS by_key FROM expand_contract.job_leaves WHERE job = :job ORDER BY leaf::regclass::text;
SELECT tableoid::regclass AS leaf, count(*) FILTER (WHERE w = v) AS set FROM parts GROUP BY tableoid ORDER BY tableoid::regclass::text;
SELECT count(*), count(DISTINCT id) FROM counted;
-- all by key, and a leaf changes its access method under way
ALTER TABLE parts_heap ADD PRIMARY KEY (id);
SELECT ec_backfill('parts', 'w = -v', batch_size => 1, delay_ms => 3600000, method => 'key') AS job \gset
SELECT wait_for_rows(:job, 1);
ALTER TABLE parts_heap SET ACCESS METHOD pile;
SELECT ec_configure(:job, batch_size => 100, delay_ms => 0);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT leaf::regclass, place IS NOT NULL AS by_key FROM expand_contract.job_leaves WHERE job = :job ORDER BY leaf::regclass::text;
SELECT ec_backfill('parts', 'w = 0', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
ALTER TABLE parts_heap SET ACCESS METHOD heap;
ALTER TABLE parts_pile SET ACCESS METHOD heap;
SELECT ec_configure(:job, batch_size => 100, delay_ms => 0);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*) FROM parts WHERE w = 0;
-- inheritance
CREATE TABLE parent (id int PRIMARY KEY, v int, w int);
CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent);
INSERT INTO parent SELECT i, i FROM generate_series(1, 100) i;
INSERT INTO child SELECT i, i FROM generate_series(1, 100) i;
SELECT ec_backfill('parent', 'w = v', batch_size => 7, method => 'key') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);

-- What compares keys can be user code, and runs as the job's owner: also while a worker claims its range.
CREATE ROLE key_owner LOGIN;
GRANT EXECUTE ON FUNCTION ec_backfill TO key_owner;
GRANT CREATE ON SCHEMA public TO key_owner;
CREATE FUNCTION compare(int, int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF current_user <> 'key_owner' THEN RAISE EXCEPTION 'compared as %', current_user; END IF;
    RETURN btint4cmp($1, $2);
END $$;
DO $$
DECLARE
    operator record;
BEGIN
    FOR operator IN SELECT * FROM (VALUES ('lt', '<', '>'), ('le', '<=', '>='), ('eq', '=', '='), ('ge', '>=', '<='), ('gt', '>', '<'))
        o (name, sign, commutator) LOOP
        EXECUTE format('CREATE FUNCTION compare_%s(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN compare($1, $2) %s 0', operator.name, operator.sign);
        EXECUTE format('CREATE OPERATOR @%s@ (FUNCTION = compare_%s, LEFTARG = int, RIGHTARG = int, COMMUTATOR = @%s@)',
            operator.sign, operator.name, operator.commutator);
    END LOOP;
END $$;
CREATE OPERATOR CLASS compared FOR TYPE int USING btree AS OPERATOR 1 @<@, OPERATOR 2 @<=@, OPERATOR 3 @=@, OPERATOR 4 @>=@, OPERATOR 5 @>@,
    FUNCTION 1 compare(int, int);
SET ROLE key_owner;
CREATE TABLE compared (id int NOT NULL, v int);
CREATE UNIQUE INDEX ON compared (id compared);
INSERT INTO compared SELECT generate_series(1, 1200);
SELECT ec_backfill('compared', 'v = id', batch_size => 20, method => 'key') AS job \gset
RESET ROLE;
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*) FROM compared WHERE v = id;
DROP TABLE compared;
DROP OPERATOR FAMILY compared USING btree;
DROP FUNCTION compare, compare_lt, compare_le, compare_eq, compare_ge, compare_gt CASCADE;
DROP OWNED BY key_owner;
DROP ROLE key_owner;

-- It has to end, as ever.
SELECT ec_backfill('moved', 'b = 0', 'b <= a AND a = 20', method => 'key') AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER guard BEFORE UPDATE ON moved FOR EACH ROW WHEN (old.a = 7) EXECUTE FUNCTION guard();
SELECT ec_backfill('moved', 'b = 5', method => 'key') AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);

-- What there is no key for.
CREATE TABLE no_key (a int, b int NOT NULL, c int NOT NULL, d int NOT NULL);
CREATE UNIQUE INDEX ON no_key (a);
CREATE UNIQUE INDEX ON no_key (b) WHERE c > 0;
CREATE UNIQUE INDEX ON no_key ((b + c));
CREATE INDEX ON no_key (b);
ALTER TABLE no_key ADD UNIQUE (d) DEFERRABLE;
SELECT * FROM errors_of($$SELECT ec_backfill('no_key', 'c = 1', method => 'key')$$);
SELECT * FROM errors_of($$SELECT ec_backfill('moved', 'b = 1', method => 'KEY')$$);
CREATE TABLE pile_of_nothing (a int, b int) USING pile;
SELECT * FROM errors_of($$SELECT ec_backfill('pile_of_nothing', 'b = 1')$$);

DROP TABLE users, piled, keyed, moved, done, no_key, pile_of_nothing, shared, parts, parent, child, counted;
DROP ACCESS METHOD pile;
DROP DOMAIN a_mood, c_text, code, number;
DROP TYPE mood;
DROP COLLATION caseless;
DROP FUNCTION note, check_key, guard, count_update;
