-- Modern writes that fail: the legacy write goes through, the row is queued, and reconciled.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\set jobs :abs_srcdir '/test/jobs.sql'
\i :errors
\i :jobs
\set SHOW_CONTEXT never
ALTER TABLE expand_contract.jobs ALTER id RESTART 7100;

-- until a job has tried rows so often, and rests
CREATE FUNCTION wait_for_attempts(wanted text, attempts int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..6000 LOOP
        IF (SELECT min(d.attempts) >= wait_for_attempts.attempts FROM ec_discrepancies d WHERE d.change = wanted)
           AND EXISTS (SELECT FROM ec_progress WHERE change = wanted AND throttled_by = 'backoff') THEN RETURN; END IF;
        PERFORM pg_sleep(0.01);
    END LOOP;
    RAISE EXCEPTION 'no attempts';
END $$;

CREATE TABLE orders (id int PRIMARY KEY, price text, cents int CHECK (cents >= 0), code varchar(3), note text);
SELECT ec_expand('cents', 'orders', '{"cents": "price::numeric * 100"}', '{"price": "(cents / 100.0)::numeric(10,2)::text"}');
SELECT ec_expand('code', 'orders', '{"code": "note"}');

-- computing, coercing, CHECK
INSERT INTO orders (id, price, note) VALUES (1, '1.50', 'abc'), (2, 'cheap', 'ab'), (3, '-1', 'abcd'), (4, '99999999999', NULL);
UPDATE orders SET price = 'dear' WHERE id = 1;
UPDATE orders SET price = '0.10' WHERE id = 2;
SELECT * FROM orders ORDER BY id;
SELECT change, relation, key, operation, direction, error_code, error, writes, attempts FROM ec_discrepancies ORDER BY change, key;
-- a hot row stays one line
UPDATE orders SET price = 'dearer' WHERE id = 1;
UPDATE orders SET price = 'dearest' WHERE id = 1;
SELECT change, key, error, writes, attempts FROM ec_discrepancies WHERE key = '{"id": 1}';
-- right by now, or gone: leaves the queue; the rest is folded, with the new error
DELETE FROM orders WHERE id = 4;
SELECT ec_reconcile('cents');
SELECT change, key, error_code, error, writes, attempts, next_attempt_at > now() AS waits FROM ec_discrepancies ORDER BY change, key;
SELECT count(*) FROM expand_contract.discrepancies;
-- the cause removed: with the row, or with the table
ALTER TABLE orders DROP CONSTRAINT orders_cents_check;
UPDATE orders SET price = '3' WHERE id = 1;
SELECT ec_reconcile('cents');
SELECT ec_reconcile();
UPDATE orders SET note = 'x' WHERE id = 3;
SELECT ec_reconcile();
SELECT * FROM orders ORDER BY id;
SELECT * FROM ec_discrepancies;

-- Backwards: what the older application reads stays.
UPDATE orders SET cents = 2000000000 WHERE id = 1;
SELECT id, price, cents FROM orders WHERE id = 1;
CREATE FUNCTION plain_cents(int) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN IF $1 > 100 THEN RAISE EXCEPTION ''too much: %'', $1; END IF; RETURN $1; END';
CREATE TABLE both_ways (id int PRIMARY KEY, a text, b int);
SELECT ec_expand('both_ways', 'both_ways', '{"b": "a::int"}', '{"a": "plain_cents(b)"}');
INSERT INTO both_ways VALUES (1, '5'), (2, '6');
UPDATE both_ways SET b = 500 WHERE id = 1;
SELECT * FROM both_ways ORDER BY id;
SELECT ec_reconcile('both_ways');
-- the new application's value is not lost
SELECT * FROM both_ways ORDER BY id;
SELECT change, key, direction, error FROM ec_discrepancies;
CREATE OR REPLACE FUNCTION plain_cents(int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1::text';
SELECT ec_reconcile('both_ways');
SELECT * FROM both_ways ORDER BY id;

-- The queue follows a row whose key changes.
INSERT INTO both_ways (id, a) VALUES (3, 'three');
UPDATE both_ways SET id = 33 WHERE id = 3;
SELECT ec_reconcile('both_ways');
SELECT key, error FROM ec_discrepancies;
UPDATE both_ways SET a = '33' WHERE id = 33;
SELECT ec_reconcile('both_ways');

-- What an application has written to both sides since is not overwritten.
INSERT INTO both_ways (id, a) VALUES (40, 'forty'), (41, 'forty-one');
UPDATE both_ways SET a = '4', b = 40 WHERE id = 40;
DELETE FROM both_ways WHERE id = 41;
INSERT INTO both_ways VALUES (41, '4', 41);
SELECT ec_reconcile('both_ways');
SELECT * FROM both_ways WHERE id IN (40, 41) ORDER BY id;

-- So it does where the mapping is what changes the key.
CREATE TABLE keyed (id int PRIMARY KEY, price text, new_id bigint, cents int);
SELECT ec_expand('keyed', 'keyed', '{"new_id": "id::bigint", "cents": "price::numeric * 100"}', '{"id": "new_id::int"}');
INSERT INTO keyed (id, price) VALUES (3, 'x');
UPDATE keyed SET new_id = 7;
SELECT id, new_id FROM keyed;
SELECT key FROM ec_discrepancies WHERE change = 'keyed' ORDER BY key;
SELECT ec_reconcile('keyed');

-- A key is found whatever the settings of the session that wrote it, and by its type's own equality.
CREATE TABLE moments (at timestamptz PRIMARY KEY, a text, b int);
SELECT ec_expand('moments', 'moments', '{"b": "a::int"}');
SET timezone = 'Asia/Tokyo';
INSERT INTO moments VALUES ('2020-01-01 00:00 UTC', 'x');
SET timezone = 'UTC';
UPDATE moments SET at = '2021-01-01 00:00 UTC';
SELECT ec_reconcile('moments');
UPDATE moments SET a = '1';
SELECT ec_reconcile('moments');
RESET timezone;
SET client_min_messages = warning;
CREATE TYPE label;
CREATE FUNCTION label_in(cstring) RETURNS label LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION label_out(label) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE label (INPUT = label_in, OUTPUT = label_out, LIKE = text);
CREATE FUNCTION label_lt(label, label) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1::text COLLATE "C" < $2::text';
CREATE FUNCTION label_eq(label, label) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1::text = $2::text';
CREATE FUNCTION label_cmp(label, label) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.bttextcmp($1::text COLLATE "C", $2::text)';
CREATE OPERATOR < (LEFTARG = label, RIGHTARG = label, FUNCTION = label_lt);
CREATE OPERATOR = (LEFTARG = label, RIGHTARG = label, FUNCTION = label_eq);
CREATE OPERATOR CLASS label_ops DEFAULT FOR TYPE label USING btree AS OPERATOR 1 <, OPERATOR 3 =, FUNCTION 1 label_cmp(label, label);
RESET client_min_messages;
CREATE TABLE labelled (id label PRIMARY KEY, a text, b int);
SELECT ec_expand('labelled', 'labelled', '{"b": "a::int"}');
INSERT INTO labelled VALUES ('one', 'x');
SET expand_contract.enable_modern_write = off;
UPDATE labelled SET a = '1';
RESET expand_contract.enable_modern_write;
SELECT ec_reconcile('labelled');
SELECT * FROM labelled;
DROP TABLE keyed, moments, labelled;
DELETE FROM expand_contract.gaps;
SET client_min_messages = warning;
DROP TYPE label CASCADE;
RESET client_min_messages;

-- A queue whose table is gone keeps nobody from the others'.
CREATE TABLE gone (id int PRIMARY KEY, a text, b int);
SELECT ec_expand('gone', 'gone', '{"b": "a::int"}');
INSERT INTO gone VALUES (1, 'x');
DROP TABLE gone;
SELECT ec_reconcile();
SELECT * FROM errors_of($$SELECT ec_reconcile('gone')$$);
DELETE FROM expand_contract.discrepancies WHERE change = 'gone';

-- In the background: again and again, until the queue is empty.
SELECT * FROM errors_of($$SELECT ec_reconcile_job(NULL)$$);
SELECT * FROM errors_of($$SELECT ec_reconcile_job('nothing')$$);
INSERT INTO both_ways (id, a) VALUES (50, 'fifty'), (51, 'fifty-one');
SELECT ec_reconcile_job('both_ways', delay_ms => 0) AS job \gset
SELECT wait_for_attempts('both_ways', 1);
SELECT kind, change, relation FROM ec_progress WHERE job = :job;
-- how often it has tried is chance
SET client_min_messages = warning;
UPDATE both_ways SET a = id::text WHERE id > 49;
CALL ec_wait(:job);
SELECT state, last_error FROM ec_progress WHERE job = :job;
SELECT count(*) FROM ec_discrepancies;
-- it gives up loudly, and begins anew when it is resumed
INSERT INTO both_ways (id, a) VALUES (52, 'fifty-two');
UPDATE expand_contract.discrepancies SET attempts = 11;
SELECT ec_reconcile_job('both_ways', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT state, last_error FROM ec_progress WHERE job = :job;
UPDATE both_ways SET a = id::text WHERE id > 49;
SELECT ec_resume(:job);
CALL ec_wait(:job);
SELECT count(*) FROM ec_discrepancies;

RESET client_min_messages;

-- NOT NULL: the new column stays as it was.
CREATE TABLE strict (id int PRIMARY KEY, a text, b int NOT NULL DEFAULT 0 CHECK (b <> 13), c int GENERATED ALWAYS AS (b + 1) STORED);
SELECT ec_expand('strict', 'strict', '{"b": "a::int"}');
INSERT INTO strict (id, a) VALUES (1, '7'), (2, 'x'), (3, NULL), (4, '13');
ALTER TABLE strict ALTER b DROP DEFAULT;
UPDATE strict SET a = 'y' WHERE id = 1;
SELECT * FROM strict ORDER BY id;
SELECT key, error_code, error FROM ec_discrepancies ORDER BY key;

-- A CHECK that looks at what is generated later is the server's.
CREATE TABLE doubled (id int PRIMARY KEY, a text, b int, c int GENERATED ALWAYS AS (b * 2) STORED);
CREATE FUNCTION is_doubled(doubled) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.c IS NOT NULL';
ALTER TABLE doubled ADD CHECK (is_doubled(doubled));
SELECT ec_expand('doubled', 'doubled', '{"b": "a::int"}');
INSERT INTO doubled (id, a) VALUES (1, '3');
SELECT * FROM doubled;
DROP TABLE doubled CASCADE;

-- A rolled back write queues nothing.
BEGIN;
SAVEPOINT s;
UPDATE strict SET a = 'z' WHERE id = 3;
ROLLBACK TO s;
COMMIT;
SELECT key, writes FROM ec_discrepancies ORDER BY key;

-- 'raise' fails the write, as the server would.
CREATE TABLE raising (id int, a text, b int CHECK (b > 0));
SELECT ec_expand('raising', 'raising', '{"b": "a::int"}', on_error => 'raise');
INSERT INTO raising (id, a) VALUES (1, '1');
SELECT * FROM errors_of($$INSERT INTO raising (id, a) VALUES (2, 'x')$$);
SELECT * FROM errors_of($$INSERT INTO raising (id, a) VALUES (2, '-1')$$);
SELECT * FROM raising;

-- What ends the promise is said when it comes, and fails with its own error.
CREATE TABLE unique_later (id int PRIMARY KEY, a text, b text, c text);
SELECT ec_expand('unique_later', 'unique_later', '{"b": "lower(a)"}');
CREATE INDEX plain_later ON unique_later (b);
CREATE UNIQUE INDEX other_later ON unique_later (c);
CREATE UNIQUE INDEX unique_later_b ON unique_later (b);
DROP INDEX unique_later_b;
CREATE UNIQUE INDEX unique_later_upper ON unique_later (upper(b));
DROP INDEX unique_later_upper;
ALTER TABLE unique_later ADD FOREIGN KEY (b) REFERENCES unique_later (c) NOT VALID;
ALTER TABLE unique_later DROP CONSTRAINT unique_later_b_fkey;
CREATE UNIQUE INDEX CONCURRENTLY unique_later_b ON unique_later (b);
INSERT INTO unique_later (id, a) VALUES (1, 'X');
SELECT * FROM errors_of($$INSERT INTO unique_later (id, a) VALUES (2, 'x')$$);
DROP TABLE unique_later;

-- A function that is gone, or that the writer may not call, is a failure too.
CREATE FUNCTION secret(text) RETURNS text LANGUAGE sql STABLE AS 'SELECT upper($1)';
CREATE TABLE secrets (id int PRIMARY KEY, a text, b text);
SELECT ec_expand('secrets', 'secrets', '{"b": "secret(a)"}');
CREATE ROLE regress_ec_writer;
GRANT SELECT, INSERT, UPDATE ON secrets TO regress_ec_writer;
REVOKE EXECUTE ON FUNCTION secret FROM PUBLIC;
INSERT INTO secrets (id, a) VALUES (1, 'owner');
SET ROLE regress_ec_writer;
INSERT INTO secrets (id, a) VALUES (2, 'writer');
SELECT * FROM ec_discrepancies;
RESET ROLE;
INSERT INTO secrets (id, a) VALUES (3, 'owner again');
SELECT * FROM secrets ORDER BY id;
SELECT key, error_code, error FROM ec_discrepancies WHERE change = 'secrets';
SELECT ec_reconcile('secrets');
SELECT * FROM secrets ORDER BY id;

-- A superuser does not run as himself what is in somebody else's mappings.
GRANT CREATE ON SCHEMA public TO regress_ec_writer;
GRANT EXECUTE ON FUNCTION ec_expand TO regress_ec_writer;
SET ROLE regress_ec_writer;
CREATE TABLE theirs (id int PRIMARY KEY, a text, b text);
CREATE FUNCTION whose(text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF $1 = 'fails' THEN RAISE EXCEPTION 'no'; END IF;
    RETURN $1 || ' by ' || current_user;
END $$;
SELECT ec_expand('theirs', 'theirs', '{"b": "whose(a)"}');
INSERT INTO theirs VALUES (1, 'fails');
CREATE OR REPLACE FUNCTION whose(text) RETURNS text LANGUAGE sql STABLE AS $$SELECT $1 || ' by ' || current_user$$;
RESET ROLE;
SELECT ec_reconcile('theirs');
SELECT * FROM theirs;
DROP TABLE theirs;
DROP FUNCTION whose;

-- Whose it is.
GRANT EXECUTE ON FUNCTION ec_reconcile TO regress_ec_writer;
SET ROLE regress_ec_writer;
SELECT * FROM errors_of($$SELECT ec_reconcile('strict')$$);
SELECT ec_reconcile();
RESET ROLE;
SELECT * FROM errors_of($$SELECT ec_reconcile('nothing')$$);

-- A function that writes to the table is refused: it would come into its own computation.
CREATE TABLE again (id int PRIMARY KEY, a text, b text);
CREATE FUNCTION write_again(text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM set_config('role', 'regress_ec_writer', true);
    INSERT INTO again VALUES (length($1) + 1, $1 || 'x');
    RETURN upper($1);
END $$;
CREATE FUNCTION hidden_again(text) RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT write_again($1)); END';
GRANT INSERT ON again TO regress_ec_writer;
SELECT ec_expand('again', 'again', '{"b": "hidden_again(a) || upper(a)"}');
INSERT INTO again VALUES (1, '');
SELECT * FROM again;
SELECT key, error_code, error FROM ec_discrepancies WHERE change = 'again';
DROP TABLE again;
DROP FUNCTION write_again, hidden_again;

-- A cancel is no failure of the modern write.
CREATE FUNCTION slow(text) RETURNS text LANGUAGE plpgsql STABLE AS 'BEGIN PERFORM pg_sleep(3600); RETURN $1; END';
CREATE TABLE slowly (id int PRIMARY KEY, a text, b text);
SELECT ec_expand('slowly', 'slowly', '{"b": "slow(a)"}');
SET statement_timeout = '100ms';
INSERT INTO slowly (id, a) VALUES (1, 'x');
RESET statement_timeout;
SELECT count(*) FROM slowly;
SELECT count(*) FROM expand_contract.discrepancies WHERE change = 'slowly';

DROP TABLE orders, both_ways, strict, raising, secrets, slowly;
DROP FUNCTION plain_cents, secret, slow, wait_for_attempts;
DROP OWNED BY regress_ec_writer;
DROP ROLE regress_ec_writer;
DELETE FROM expand_contract.changes;
DELETE FROM expand_contract.discrepancies;
