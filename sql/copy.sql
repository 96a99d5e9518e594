-- ec_copy: from table to table, by a mapping and a key.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set jobs :abs_srcdir '/test/jobs.sql'
\i :jobs
\set SHOW_CONTEXT never
SET client_min_messages = warning;
ALTER TABLE expand_contract.jobs ALTER id RESTART 8000;
SET expand_contract.backfill_delay = 0;

-- row versions that were written, by what wrote them
CREATE TABLE written (id bigint, what text, transaction xid8 DEFAULT pg_current_xact_id());
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO written SELECT coalesce(new.id, old.id), tg_op; RETURN NULL; END';

CREATE TABLE people (id int PRIMARY KEY, name varchar(40), born date, score float8);
INSERT INTO people SELECT i, 'User' || i, '2000-01-01'::date + i, i / 3.0 FROM generate_series(1, 2500) i ORDER BY random();
INSERT INTO people VALUES (0, NULL, NULL, NULL), (-1, '', 'infinity', 'NaN');
CREATE TABLE users (id bigint PRIMARY KEY, email varchar(50), born timestamptz, score numeric(10,2), note text DEFAULT 'new');
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON users FOR EACH ROW EXECUTE FUNCTION note();
CREATE VIEW wanted AS SELECT id::bigint, lower(name)::varchar(50) AS email, born::timestamptz, score::numeric(10,2) FROM people;
CREATE VIEW missing AS SELECT * FROM wanted EXCEPT SELECT id, email, born, score FROM users;
CREATE VIEW extra AS SELECT id, email, born, score FROM users EXCEPT SELECT * FROM wanted;
\set mapping '''{"id": "id", "email": "lower(people.name)", "born": "born", "score": "score"}'''

-- fill leaves alone what is there, right or wrong
INSERT INTO users VALUES (7, 'kept', NULL, 1, 'old'), (9999, 'extra', NULL, 1, 'old');
TRUNCATE written;
SELECT ec_copy('people', 'users', :mapping, batch_size => 100) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT kind, relation FROM ec_progress WHERE job = :job;
SELECT id FROM missing;
SELECT * FROM extra ORDER BY id;
SELECT note, count(*) FROM users GROUP BY 1 ORDER BY 1;
SELECT what, count(*), count(DISTINCT id) FROM written GROUP BY 1;
SELECT max(rows) <= 100 AS bounded FROM (SELECT count(*) AS rows FROM written GROUP BY transaction) t;
-- again: nothing to do
SELECT ec_copy('people', 'users', :mapping) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);

-- repair writes what differs, and nothing else, and deletes what the source has not
TRUNCATE written;
UPDATE users SET score = 0 WHERE id BETWEEN 11 AND 20;
DELETE FROM users WHERE id BETWEEN 31 AND 40;
INSERT INTO users SELECT i, 'extra' FROM generate_series(-50, -41) i;
UPDATE users SET email = NULL WHERE id = -1;
TRUNCATE written;
SELECT ec_copy('people', 'users', :mapping, mode => 'repair', batch_size => 100) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*) FROM (TABLE missing UNION ALL TABLE extra) t;
SELECT what, min(id), max(id), count(*) FROM written GROUP BY 1 ORDER BY 1;
TRUNCATE written;
SELECT ec_copy('people', 'users', :mapping, mode => 'repair', workers => 2) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*) FROM written;
-- the rows of an empty source
CREATE TABLE nobody (LIKE people INCLUDING ALL);
SELECT ec_copy('nobody', 'users', '{"id": "id"}') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT ec_copy('nobody', 'users', '{"id": "id"}', mode => 'repair', batch_size => 7) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*) FROM users;

-- along a key
SELECT ec_copy('people', 'users', :mapping, method => 'key', batch_size => 100) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
UPDATE users SET score = 0 WHERE id % 10 = 0;
INSERT INTO users VALUES (7777, 'extra');
SELECT ec_copy('people', 'users', :mapping, mode => 'repair', method => 'key', batch_size => 7) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*) FROM (TABLE missing UNION ALL TABLE extra) t;

-- Several workers on one source: each row once.
INSERT INTO people SELECT i, repeat('x', 30) FROM generate_series(3000, 60000) i;
TRUNCATE users, written;
SELECT ec_copy('people', 'users', :mapping, workers => 2) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT what, count(*), count(DISTINCT id) FROM written GROUP BY 1;
SELECT count(*) FROM (TABLE missing UNION ALL TABLE extra) t;
-- along a key as well, and in the second phase
TRUNCATE users;
INSERT INTO users SELECT i FROM generate_series(100001, 130000) i;
TRUNCATE written;
SELECT ec_copy('people', 'users', :mapping, mode => 'repair', method => 'key', workers => 2) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT what, count(*), count(DISTINCT id) FROM written GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM (TABLE missing UNION ALL TABLE extra) t;
DELETE FROM people WHERE id >= 3000;
SELECT ec_copy('people', 'users', :mapping, mode => 'repair', workers => 2) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*) FROM (TABLE missing UNION ALL TABLE extra) t;

-- A row is looked up in the other table by its key, even where statistics promise that reading all of it is cheaper.
CREATE TABLE plain (id int PRIMARY KEY, v int);
CREATE TABLE small (id bigint PRIMARY KEY, v int) PARTITION BY RANGE (id);
CREATE TABLE small_part PARTITION OF small FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
INSERT INTO plain VALUES (0);
INSERT INTO small VALUES (0);
ANALYZE plain, small;
INSERT INTO plain SELECT i FROM generate_series(1, 2000) i;
CREATE TABLE scans (what text, scans bigint);
CREATE FUNCTION count_scans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- by this session lately: those of the look after a sweep may be among them
    INSERT INTO scans SELECT tg_op, sum(pg_stat_get_xact_numscans(c.oid)) FROM pg_class c WHERE relname IN ('plain', 'small_part');
    RETURN NULL;
END $$;
CREATE TRIGGER count_scans AFTER INSERT OR DELETE ON small FOR EACH STATEMENT EXECUTE FUNCTION count_scans();
CREATE TRIGGER count_scans AFTER DELETE ON small_part FOR EACH STATEMENT EXECUTE FUNCTION count_scans();
SELECT ec_copy('plain', 'small', '{"id": "id", "v": "v"}', batch_size => 100) AS job \gset
CALL ec_wait(:job);
DELETE FROM plain WHERE id > 0;
SELECT ec_copy('plain', 'small', '{"id": "id", "v": "v"}', mode => 'repair', batch_size => 100) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT what, count(*) > 10 AS some, max(scans) < 10 AS by_index FROM scans GROUP BY what ORDER BY what;
DROP TABLE plain, small, scans;

-- In the middle of it the tables are rewritten, renamed, emptied.
TRUNCATE users;
SELECT ec_copy('people', 'users', :mapping, batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
VACUUM FULL people;
ALTER TABLE people RENAME TO persons;
ALTER TABLE users RENAME TO accounts;
CLUSTER accounts USING users_pkey;
INSERT INTO persons VALUES (-7, 'Late');
SELECT ec_configure(:job, batch_size => 100, delay_ms => 0);
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*) FROM (TABLE missing UNION ALL TABLE extra) t;
ALTER TABLE persons RENAME TO people;
ALTER TABLE accounts RENAME TO users;
TRUNCATE users;
SELECT ec_copy('people', 'users', :mapping, batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
TRUNCATE people;
-- a key that no row had: mode fill leaves alone what the first batch has copied
INSERT INTO people VALUES (-8, 'Only');
SELECT ec_configure(:job, batch_size => 100, delay_ms => 0);
CALL ec_wait(:job);
SELECT state, last_error FROM outcome(:job);
SELECT count(*) FROM missing;
-- one of them becomes a part of the other
CREATE TABLE part_of (id int PRIMARY KEY, name varchar(40), born date, score float8);
SELECT ec_copy('people', 'part_of', '{"id": "id", "score": "-score"}', mode => 'repair', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
ALTER TABLE part_of INHERIT people;
SELECT ec_configure(:job, delay_ms => 0);
CALL ec_wait(:job);
SELECT ec_cancel(:job);
DROP TABLE part_of;
-- one of them is dropped
INSERT INTO people SELECT i, 'x' FROM generate_series(100, 110) i;
CREATE TABLE goes (id int PRIMARY KEY);
SELECT ec_copy('people', 'goes', '{"id": "id"}', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
DROP TABLE goes;
SELECT ec_configure(:job, delay_ms => 0);
CALL ec_wait(:job);
SELECT ec_cancel(:job);
DELETE FROM people WHERE id >= 100;
DROP TABLE nobody;

-- Keys of several columns, names that are not plain, values that are hard on text, identity, toast.
CREATE SCHEMA "Odd ""schema";
CREATE TABLE "Odd ""schema"."So'urce;--" ("k""1" text COLLATE "C", "select" int, "a.b" jsonb, source text, target bytea, excluded text[],
    PRIMARY KEY ("select", "k""1"));
INSERT INTO "Odd ""schema"."So'urce;--" SELECT E'\\"''' || i % 7, i, jsonb_build_object('x', i), repeat(md5(i::text), 300), decode(md5(i::text), 'hex'),
    ARRAY[NULL, '{', i::text] FROM generate_series(1, 100) i;
CREATE TABLE "Odd ""schema"."T""arget" (excluded text[], target bytea, "N o" int GENERATED ALWAYS AS IDENTITY, "K" text NOT NULL, "a.b" json, source text,
    doubled int GENERATED ALWAYS AS ("N o" * 2) STORED);
CREATE UNIQUE INDEX ON "Odd ""schema"."T""arget" ("K", "N o");
\set odd '''{"N o": "\\"select\\"", "K": "\\"So''''urce;--\\".\\"k\\"\\"1\\" || E''''\\\\\\\\''''", "a.b": "\\"a.b\\"", "source": "source", "target": "target", "excluded": "excluded"}'''
SELECT ec_copy('"Odd ""schema"."So''urce;--"', '"Odd ""schema"."T""arget"', :odd, key => '{"N o",K}') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
UPDATE "Odd ""schema"."T""arget" SET "a.b" = NULL, excluded = '{}' WHERE "N o" < 10;
DELETE FROM "Odd ""schema"."So'urce;--" WHERE "select" > 90;
CREATE INDEX ON "Odd ""schema"."So'urce;--" (("k""1" || E'\\'));
SELECT ec_copy('"Odd ""schema"."So''urce;--"', '"Odd ""schema"."T""arget"', :odd, key => '{"N o",K}', mode => 'repair') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(*) FILTER (WHERE s."a.b"::text = t."a.b"::text AND s.source = t.source AND s.target = t.target AND s.excluded = t.excluded
        AND s."k""1" || '\' = t."K")
  FROM "Odd ""schema"."So'urce;--" s FULL JOIN "Odd ""schema"."T""arget" t ON s."select" = t."N o";

-- A key alone: there is nothing to update.
CREATE TABLE ids (id int PRIMARY KEY);
INSERT INTO ids VALUES (0);
SELECT ec_copy('people', 'ids', '{"id": "id"}', mode => 'repair') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
TABLE ids;

-- A row as a whole.
CREATE TABLE wholes (id int PRIMARY KEY, row people, j jsonb);
SELECT ec_copy('people', 'wholes', '{"id": "id", "row": "people", "j": "to_jsonb(people)"}', mode => 'repair') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*) FILTER (WHERE w.row = p AND w.j = to_jsonb(p)) FROM people p JOIN wholes w USING (id);
DROP TABLE wholes;

-- Partitioned on either side: the source leaf by leaf, the target through its parent.
CREATE TABLE parts (id int, region text, v int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
CREATE TABLE parts_b (v int, extra int, region text NOT NULL, id int NOT NULL);
ALTER TABLE parts_b DROP extra;
ALTER TABLE parts ATTACH PARTITION parts_b FOR VALUES IN ('b');
INSERT INTO parts SELECT i, CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END, i FROM generate_series(1, 1000) i;
CREATE TABLE ranges (id bigint PRIMARY KEY, region text, v int) PARTITION BY RANGE (id);
CREATE TABLE ranges_1 PARTITION OF ranges FOR VALUES FROM (0) TO (500);
CREATE TABLE ranges_2 PARTITION OF ranges FOR VALUES FROM (500) TO (5000);
INSERT INTO ranges VALUES (2000, 'extra');
SELECT ec_copy('parts', 'ranges', '{"id": "id", "region": "parts.region", "v": "v"}', mode => 'repair', workers => 2, batch_size => 50) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(*) FILTER (WHERE p = r) FROM (SELECT id::bigint, region, v FROM parts) p FULL JOIN ranges r USING (id);
-- each along its own key
DELETE FROM ranges WHERE id % 3 = 0;
UPDATE ranges SET v = 0 WHERE id % 3 = 1;
INSERT INTO ranges VALUES (2000, 'extra'), (2001, 'extra');
SELECT ec_copy('parts', 'ranges', '{"id": "id", "region": "parts.region", "v": "v"}', mode => 'repair', method => 'key', workers => 2, batch_size => 50) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(*) FILTER (WHERE p = r) FROM (SELECT id::bigint, region, v FROM parts) p FULL JOIN ranges r USING (id);
INSERT INTO parts VALUES (7000, 'a', 0);
SELECT ec_copy('parts', 'ranges', '{"id": "id"}') AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);

-- What cannot be written is an error of the job, and never an endless loop.
CREATE TABLE rows_in (id int PRIMARY KEY, code text, n int);
INSERT INTO rows_in SELECT i, 'c' || i / 2, i FROM generate_series(1, 10) i;
CREATE TABLE rows_out (id int PRIMARY KEY, code text UNIQUE, n int CHECK (n < 100), s varchar(3));
-- another unique index
SELECT ec_copy('rows_in', 'rows_out', '{"id": "id", "code": "code"}') AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
-- one over the key, which calls other rows equal
CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE words_in (word text PRIMARY KEY, n int);
INSERT INTO words_in VALUES ('a', 1), ('A', 2);
CREATE TABLE words_out (word text PRIMARY KEY, n int);
CREATE UNIQUE INDEX words_caseless ON words_out (word COLLATE caseless);
SELECT ec_copy('words_in', 'words_out', '{"word": "word", "n": "n"}', batch_size => 1) AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
SELECT ec_copy('words_in', 'words_out', '{"word": "word", "n": "n"}', mode => 'repair', batch_size => 1) AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
TABLE words_out;
DROP INDEX words_caseless;
SELECT ec_copy('words_in', 'words_out', '{"word": "word", "n": "n"}', mode => 'repair', batch_size => 1) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
DROP TABLE words_in, words_out;
DROP COLLATION caseless;
-- several rows of one key
DELETE FROM rows_in WHERE id NOT IN (3, 6, 7, 8);
SELECT ec_copy('rows_in', 'rows_out', '{"id": "id / 2", "n": "n"}') AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
CREATE INDEX ON rows_in ((id / 2));
SELECT ec_copy('rows_in', 'rows_out', '{"id": "id / 2", "n": "n"}', mode => 'repair', batch_size => 1) AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
INSERT INTO rows_in SELECT i, 'c' || i / 2, i FROM generate_series(1, 10) i ON CONFLICT DO NOTHING;
-- a null in the key, a value that is too long (and is not cut), a constraint
SELECT ec_copy('rows_in', 'rows_out', '{"id": "nullif(id, 5)"}') AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
SELECT ec_copy('rows_in', 'rows_out', '{"id": "id + 100", "s": "code || ''long''"}') AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
SELECT ec_copy('rows_in', 'rows_out', '{"id": "id + 100", "n": "n * 50"}') AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
-- a trigger that keeps rows out, or changes them
TRUNCATE rows_out;
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE tg_argv[0] WHEN 'nothing' THEN RETURN NULL; WHEN 'key' THEN new.id := new.id + 1000; ELSE new.n := coalesce(old.n, 0) + 1; END CASE;
    RETURN new;
END $$;
CREATE TRIGGER meddle BEFORE INSERT ON rows_out FOR EACH ROW WHEN (new.id = 7) EXECUTE FUNCTION meddle('nothing');
SELECT ec_copy('rows_in', 'rows_out', '{"id": "id", "n": "n"}') AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
SELECT count(*) FROM rows_out;
DROP TRIGGER meddle ON rows_out;
CREATE TRIGGER meddle BEFORE INSERT ON rows_out FOR EACH ROW EXECUTE FUNCTION meddle('key');
SELECT ec_copy('rows_in', 'rows_out', '{"id": "id", "n": "n"}') AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
DROP TRIGGER meddle ON rows_out;
CREATE TRIGGER meddle BEFORE UPDATE ON rows_out FOR EACH ROW EXECUTE FUNCTION meddle('value');
INSERT INTO rows_out VALUES (7);
SELECT ec_copy('rows_in', 'rows_out', '{"id": "id", "n": "n"}', mode => 'repair') AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
DROP TRIGGER meddle ON rows_out;
CREATE TRIGGER meddle BEFORE DELETE ON rows_out FOR EACH ROW EXECUTE FUNCTION meddle('nothing');
INSERT INTO rows_out VALUES (77);
SELECT ec_copy('rows_in', 'rows_out', '{"id": "id", "n": "n"}', mode => 'repair') AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
DROP TRIGGER meddle ON rows_out;
SELECT ec_copy('rows_in', 'rows_out', '{"id": "id", "n": "n"}', mode => 'repair') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(*) FILTER (WHERE i.n = o.n) FROM rows_in i FULL JOIN rows_out o USING (id);

-- A foreign table as the source: along the key, a range at a time.
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE numbers (n int) SERVER files OPTIONS (program 'seq 1 250');
CREATE TABLE counted (tens bigint, ones int, n int NOT NULL CHECK (n < 1000), PRIMARY KEY (tens, ones));
INSERT INTO counted VALUES (3, 3, 0), (99, 99, 99);
\set tens '''{"tens": "n / 10", "ones": "n % 10", "n": "numbers.n"}'''
SELECT ec_copy('numbers', 'counted', :tens, batch_size => 7) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(DISTINCT n), count(*) FILTER (WHERE n <> tens * 10 + ones) AS other FROM counted;
SELECT ec_copy('numbers', 'counted', :tens, mode => 'repair', batch_size => 0) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(DISTINCT n), count(*) FILTER (WHERE n <> tens * 10 + ones) AS other FROM counted;
-- by one worker, however many there are; children of it are none of its rows, but copied too
CREATE TABLE more_numbers () INHERITS (numbers);
INSERT INTO more_numbers SELECT generate_series(251, 300);
INSERT INTO counted VALUES (99, 99, 99);
SELECT ec_copy('numbers', 'counted', :tens, mode => 'repair', workers => 2, batch_size => 7) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(DISTINCT n), count(*) FILTER (WHERE n <> tens * 10 + ones) AS other FROM counted;
DROP TABLE more_numbers;
DELETE FROM counted WHERE n > 250;
-- types whose bare name means a length of one
CREATE FOREIGN TABLE codes (code char(6), bits bit(8)) SERVER files OPTIONS (program 'for i in 1 2 3 4 5 6 7 8; do printf "a$i\\t1000000%d\\n" $((i % 2)); done');
CREATE TABLE coded (code char(6), bits bit(8), PRIMARY KEY (bits, code));
SELECT ec_copy('codes', 'coded', '{"code": "code", "bits": "bits"}', batch_size => 3) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*) FROM coded;
DROP TABLE coded;
-- a slow one does not run out of the time that a batch has
SELECT current_database() AS db \gset
ALTER DATABASE :"db" SET deadlock_timeout = '100ms';
CREATE FOREIGN TABLE slow (n int) SERVER files OPTIONS (program 'sleep 0.1; seq 1 20');
CREATE TABLE slowly (n int PRIMARY KEY, transaction xid8 DEFAULT pg_current_xact_id());
SELECT ec_copy('slow', 'slowly', '{"n": "n"}', batch_size => 15) AS job \gset
CALL ec_wait(:job);
SELECT count(*), count(DISTINCT transaction) AS batches FROM slowly;
ALTER DATABASE :"db" RESET deadlock_timeout;
DROP TABLE slowly;
-- what cannot be written
SELECT ec_copy('numbers', 'rows_out', '{"id": "least(n, 249)"}') AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
SELECT ec_copy('numbers', 'rows_out', '{"id": "nullif(n, 200)"}', batch_size => 10) AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
CREATE TRIGGER meddle BEFORE INSERT ON rows_out FOR EACH ROW WHEN (new.id = 777) EXECUTE FUNCTION meddle('nothing');
SELECT ec_copy('numbers', 'rows_out', '{"id": "CASE n WHEN 250 THEN 777 ELSE n END"}') AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
SELECT * FROM errors_of($$SELECT ec_copy('numbers', 'counted', '{"tens": "n", "ones": "n", "n": "n"}', method => 'blocks')$$);
SELECT * FROM errors_of($$SELECT ec_copy('counted', 'numbers', '{"n": "n"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('numbers', 'counted', '{"tens": "n"}')$$);

-- Errors at submission; nothing has changed then.
SELECT max(id) AS last_job FROM expand_contract.jobs \gset
-- the tables
CREATE VIEW a_view AS SELECT 1 AS id;
CREATE TEMP TABLE a_temp (id int PRIMARY KEY);
CREATE TABLE ruled (id int PRIMARY KEY);
CREATE RULE nothing AS ON INSERT TO ruled DO INSTEAD NOTHING;
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent);
SELECT * FROM errors_of($$SELECT ec_copy(NULL, 'rows_out', '{"id": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', NULL, '{"id": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', NULL)$$);
SELECT * FROM errors_of($$SELECT ec_copy(0, 'rows_out', '{"id": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_in', '{"id": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('child', 'parent', '{"id": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'parent', '{"id": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('a_view', 'rows_out', '{"id": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'a_view', '{"id": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'a_temp', '{"id": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('pg_class', 'rows_out', '{"id": "relpages"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'ruled', '{"id": "id"}')$$);
-- mode, method, pace
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "id"}', mode => 'merge')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "id"}', method => 'hash')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "id"}', batch_size => -1)$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "id"}', run_window => 'never')$$);
-- the mapping
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '["id"]')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": 1}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "id", "m": "n"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "id", "n": "m"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "id", "ctid": "n"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "id", "n": "n) FROM rows_in; DROP TABLE rows_in; --"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "id", "n": "code"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "id", "n": "sum(n)"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "id", "n": "rank() over ()"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "generate_series(1, id)"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "id", "n": "(SELECT max(n) FROM rows_in)"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "id", "n": "random() * 9"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "id", "code": "now()"}', mode => 'repair')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "extract(day FROM now())"}')$$);
CREATE TABLE strict (id int PRIMARY KEY, must text NOT NULL, v int GENERATED ALWAYS AS (id) STORED, tags varchar(3)[]);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'strict', '{"id": "id"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'strict', '{"id": "id", "must": "code", "v": "n"}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'strict', '{"id": "id", "must": "code", "tags": "array[code]"}')$$);
CREATE TABLE numbered (code text PRIMARY KEY, id int GENERATED ALWAYS AS IDENTITY);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'numbered', '{"code": "code", "id": "id"}', mode => 'repair')$$);
DROP TABLE numbered;
-- the key
CREATE TABLE keys (a int, b int NOT NULL, c int NOT NULL, d int NOT NULL, e int);
CREATE UNIQUE INDEX ON keys (a);
CREATE UNIQUE INDEX ON keys (b) WHERE c > 0;
CREATE UNIQUE INDEX ON keys (c, (d + 1));
CREATE UNIQUE INDEX ON keys (b, c) INCLUDE (e);
ALTER TABLE keys ADD UNIQUE (d) DEFERRABLE;
\set keys '''{"a": "id", "b": "id", "c": "id", "d": "id"}'''
SELECT * FROM errors_of(format('SELECT ec_copy(''rows_in'', ''keys'', %L)', :keys));
SELECT * FROM errors_of(format('SELECT ec_copy(''rows_in'', ''keys'', %L, key => ''{a}'')', :keys));
SELECT * FROM errors_of(format('SELECT ec_copy(''rows_in'', ''keys'', %L, key => ''{b}'')', :keys));
SELECT * FROM errors_of(format('SELECT ec_copy(''rows_in'', ''keys'', %L, key => ''{c}'')', :keys));
SELECT * FROM errors_of(format('SELECT ec_copy(''rows_in'', ''keys'', %L, key => ''{d}'')', :keys));
SELECT * FROM errors_of(format('SELECT ec_copy(''rows_in'', ''keys'', %L, key => ''{b,b}'')', :keys));
SELECT * FROM errors_of(format('SELECT ec_copy(''rows_in'', ''keys'', %L, key => ''{x}'')', :keys));
SELECT * FROM errors_of(format('SELECT ec_copy(''rows_in'', ''keys'', %L, key => ''{}'')', :keys));
SELECT * FROM errors_of(format('SELECT ec_copy(''rows_in'', ''keys'', %L, key => ''{null}'')', :keys));
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'keys', '{"b": "id"}', key => '{c,b}')$$);
SELECT * FROM errors_of($$SELECT ec_copy('rows_in', 'rows_out', '{"id": "id * 3"}', mode => 'repair')$$);
SELECT count(*) AS jobs FROM expand_contract.jobs WHERE id > :last_job;
SELECT ec_copy('rows_in', 'keys', :keys, key => '{c,b}') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);

-- Rights: as whoever submits.
CREATE ROLE regress_ec_copier LOGIN;
SELECT ec_grant('regress_ec_copier');
CREATE SCHEMA regress_ec;
GRANT USAGE ON SCHEMA regress_ec TO regress_ec_copier;
CREATE TABLE regress_ec.a (id int PRIMARY KEY, v int);
CREATE TABLE regress_ec.b (id int PRIMARY KEY, v int);
INSERT INTO regress_ec.a VALUES (1, 1);
INSERT INTO regress_ec.b VALUES (2, 2);
GRANT SELECT ON regress_ec.a, regress_ec.b TO regress_ec_copier;
GRANT INSERT ON regress_ec.b TO regress_ec_copier;
SET ROLE regress_ec_copier;
SELECT * FROM errors_of($$SELECT ec_copy('regress_ec.a', 'regress_ec.b', '{"id": "id"}')$$);
RESET ROLE;
GRANT UPDATE (v) ON regress_ec.a TO regress_ec_copier;
SET ROLE regress_ec_copier;
SELECT ec_copy('regress_ec.a', 'regress_ec.b', '{"id": "id"}') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT * FROM errors_of($$SELECT ec_copy('regress_ec.a', 'regress_ec.b', '{"id": "id"}', mode => 'repair')$$);
RESET ROLE;
GRANT UPDATE, DELETE ON regress_ec.b TO regress_ec_copier;
SET ROLE regress_ec_copier;
SELECT ec_copy('regress_ec.a', 'regress_ec.b', '{"id": "id", "v": "v"}', mode => 'repair') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
RESET ROLE;
TABLE regress_ec.b;
ALTER TABLE regress_ec.a ENABLE ROW LEVEL SECURITY;
SET ROLE regress_ec_copier;
SELECT * FROM errors_of($$SELECT ec_copy('regress_ec.a', 'regress_ec.b', '{"id": "id"}')$$);
RESET ROLE;

DROP SCHEMA regress_ec, "Odd ""schema" CASCADE;
DROP OWNED BY regress_ec_copier;
DROP ROLE regress_ec_copier;
DROP TABLE people, users, written, ids, parts, ranges, rows_in, rows_out, ruled, parent, child, strict, keys, a_temp CASCADE;
DROP VIEW a_view;
DROP EXTENSION file_fdw CASCADE;
DROP TABLE counted;
DROP FUNCTION note, meddle, count_scans;
