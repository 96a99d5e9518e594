-- ec_delete: rows are deleted in batches, in the background.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set jobs :abs_srcdir '/test/jobs.sql'
\i :jobs
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA deletes;
SET search_path = deletes, public;
SET expand_contract.backfill_delay = 0;

-- each row that is gone, as a transaction has deleted it
CREATE TABLE gone (key text, transaction xid8 DEFAULT pg_current_xact_id());
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO gone (key) VALUES (old.id::text); RETURN NULL; END';
CREATE TABLE users (id bigint PRIMARY KEY, name text, created_at timestamptz);
INSERT INTO users SELECT i, 'User' || i, now() - i * interval '1 day' FROM generate_series(1, 2500) i;
CREATE TRIGGER note AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION note();

-- By blocks.
SELECT ec_delete('users', 'id % 5 = 0', batch_size => 100) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT kind, relation, percent FROM ec_progress WHERE job = :job;
SELECT count(*), count(*) FILTER (WHERE id % 5 = 0) AS left_over FROM users;
SELECT count(*), count(DISTINCT key) AS keys FROM gone;
SELECT max(rows) <= 100 AS bounded FROM (SELECT count(*) AS rows FROM gone GROUP BY transaction) t;
-- none is left
SELECT ec_delete('users', 'id % 5 = 0') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
-- By key, with several workers.
SELECT ec_delete('users', 'id % 5 = 1', method => 'key', batch_size => 7, workers => 2) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(*) FILTER (WHERE id % 5 = 1) AS left_over FROM users;
-- Sized by time.
SELECT ec_delete('users', 'id % 5 = 2', batch_size => 0) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);

-- The time of the call counts, as in a single DELETE: for each function that
-- reads it, in sub-selects too, and whatever the DateStyle.
CREATE TABLE late (id int PRIMARY KEY, at timestamptz, day date, local timestamp);
INSERT INTO late SELECT i, now() - i * interval '1 s', current_date - 1, localtimestamp - interval '1 h' FROM generate_series(1, 50) i;
CREATE TABLE limits (older interval);
INSERT INTO limits VALUES ('1 s'), (NULL);
CREATE VIEW the_limits AS SELECT * FROM limits;
SET DateStyle = 'SQL, DMY';
BEGIN;
SELECT now() AS "then" \gset
INSERT INTO late VALUES (100, now() + interval '10 ms', current_date + 1, localtimestamp + interval '10 ms');
SELECT ec_delete('late', 'at <= now() - (SELECT min(older) FROM the_limits WHERE now() = transaction_timestamp())
    AND day < CURRENT_DATE AND local < LOCALTIMESTAMP AND CURRENT_TIMESTAMP(3) > at AND (at + interval ''1 s'' <= statement_timestamp())') AS job \gset
SELECT pg_sleep(0.1);
COMMIT;
CALL ec_wait(:job);
RESET DateStyle;
SELECT * FROM outcome(:job);
SELECT id FROM late;
SELECT parameters ->> 'predicate' ~* 'now\(\)|current_|localtimestamp|_timestamp\(' AS reads_clock,
    parameters ->> 'predicate' LIKE '%the_limits%' AS reads_view
  FROM expand_contract.jobs WHERE id = :job;

-- Conditions: NULL is no reason to delete; sub-selects read other tables.
CREATE TABLE doomed (id bigint);
INSERT INTO doomed VALUES (3), (4), (8), (4711);
SELECT ec_delete('users', 'id IN (SELECT id FROM doomed)') AS job \gset
CALL ec_wait(:job);
SELECT ec_delete('users', 'users.name = NULL') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT * FROM errors_of($$SELECT ec_delete('users', 'id > 1 -- and more')$$);
SELECT ec_delete('users', $$EXISTS (SELECT FROM doomed d WHERE d.id = users.id - 5) -- a comment, 'that' ends
$$) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
-- All rows, said in words.
SELECT ec_delete('users', 'true', batch_size => 100) AS job \gset
CALL ec_wait(:job);
SELECT count(*) FROM users;
SELECT * FROM outcome(:job);

-- What is refused.
SELECT * FROM errors_of($$SELECT ec_delete(NULL, 'true')$$);
SELECT * FROM errors_of($$SELECT ec_delete('users', NULL)$$);
SELECT * FROM errors_of($$SELECT ec_delete('users', ' ')$$);
SELECT * FROM errors_of($$SELECT ec_delete('users', 'id > 1; DROP TABLE users')$$);
SELECT * FROM errors_of($$SELECT ec_delete('users', 'id > 1) RETURNING (id')$$);
SELECT * FROM errors_of($$SELECT ec_delete('users', 'id')$$);
SELECT * FROM errors_of($$SELECT ec_delete('users', 'ID_ > 1')$$);
SELECT * FROM errors_of($$SELECT ec_delete('users', 'random() < 0.5')$$);
SELECT * FROM errors_of($$SELECT ec_delete('users', 'clock_timestamp() > created_at')$$);
SELECT * FROM errors_of($$SELECT ec_delete('users', 'true', method => 'index')$$);
SELECT * FROM errors_of($$SELECT ec_delete('users', 'true', batch_size => -1)$$);
SELECT * FROM errors_of($$SELECT ec_delete('users', 'true', workers => 0)$$);
SELECT * FROM errors_of($$SELECT ec_delete(4711::oid, 'true')$$);
-- A DELETE has one snapshot; batches have many.
SELECT * FROM errors_of($$SELECT ec_delete('users', 'id < (SELECT avg(id) FROM users)')$$);
CREATE VIEW the_users AS SELECT * FROM users;
SELECT * FROM errors_of($$SELECT ec_delete('users', 'EXISTS (SELECT FROM the_users u WHERE u.name = users.name AND u.id < users.id)')$$);
-- What is no table of rows to delete.
SELECT * FROM errors_of($$SELECT ec_delete('the_users', 'true')$$);
SELECT * FROM errors_of($$SELECT ec_delete('pg_class', 'relname = ''users''')$$);
SELECT * FROM errors_of($$SELECT ec_delete('users_pkey', 'true')$$);
CREATE TEMP TABLE here (id int);
SELECT * FROM errors_of($$SELECT ec_delete('here', 'true')$$);
CREATE TABLE ruled (id int);
CREATE RULE keep AS ON DELETE TO ruled DO INSTEAD NOTHING;
SELECT * FROM errors_of($$SELECT ec_delete('ruled', 'true')$$);
-- a rule on another command is none of ours
DROP RULE keep ON ruled;
CREATE RULE keep AS ON UPDATE TO ruled DO INSTEAD NOTHING;
INSERT INTO ruled VALUES (1);
SELECT ec_delete('ruled', 'true') AS job \gset
CALL ec_wait(:job);
SELECT count(*) FROM ruled;
-- without a key, by key
SELECT * FROM errors_of($$SELECT ec_delete('ruled', 'true', method => 'key')$$);

-- Partitions and children; one with columns in another order, one with a rule.
CREATE TABLE events (id int, region text, note text) PARTITION BY LIST (region);
CREATE TABLE events_eu PARTITION OF events FOR VALUES IN ('eu') PARTITION BY RANGE (id);
CREATE TABLE events_eu_1 PARTITION OF events_eu FOR VALUES FROM (0) TO (500);
CREATE TABLE "events ""eu"" 2" (note text, dropped int, region text NOT NULL, id int);
ALTER TABLE "events ""eu"" 2" DROP COLUMN dropped;
ALTER TABLE events_eu ATTACH PARTITION "events ""eu"" 2" FOR VALUES FROM (500) TO (2000);
CREATE TABLE events_us PARTITION OF events FOR VALUES IN ('us');
INSERT INTO events SELECT i, CASE WHEN i % 2 = 0 THEN 'eu' ELSE 'us' END, 'n' FROM generate_series(1, 1500) i;
SELECT ec_delete('events', 'events.id % 10 < 5', batch_size => 50, workers => 2) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*), count(*) FILTER (WHERE id % 10 < 5) AS left_over FROM events;
SELECT ec_delete('events_eu', 'true') AS job \gset
CALL ec_wait(:job);
SELECT region, count(*) FROM events GROUP BY 1;
SELECT * FROM errors_of($$SELECT ec_delete('events_us', 'id < (SELECT max(id) FROM events)')$$);
SELECT * FROM errors_of($$SELECT ec_delete('events', 'id < (SELECT max(id) FROM events_us)')$$);
CREATE RULE keep AS ON DELETE TO events_us DO INSTEAD NOTHING;
SELECT * FROM errors_of($$SELECT ec_delete('events', 'true')$$);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (more text) INHERITS (parent);
INSERT INTO parent VALUES (1), (2);
INSERT INTO child VALUES (2), (3);
SELECT ec_delete('parent', 'id >= 2') AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT tableoid::regclass, id FROM parent;

-- Foreign keys: what refers to the rows goes with them, or keeps them, and the
-- error says which row that is.
CREATE TABLE accounts (id int PRIMARY KEY, region text);
CREATE TABLE orders (id int PRIMARY KEY, account int REFERENCES accounts ON DELETE CASCADE);
CREATE TABLE notes (id int PRIMARY KEY, account int REFERENCES accounts ON DELETE SET NULL);
INSERT INTO accounts SELECT i, 'eu' FROM generate_series(1, 300) i;
INSERT INTO orders SELECT i, i % 300 + 1 FROM generate_series(1, 600) i;
INSERT INTO notes SELECT i, i FROM generate_series(1, 300) i;
SELECT ec_delete('accounts', 'id <= 100', batch_size => 30) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT (SELECT count(*) FROM accounts) AS accounts, (SELECT count(*) FROM orders) AS orders, (SELECT count(account) FROM notes) AS notes;
CREATE TABLE bills (id int PRIMARY KEY, account int REFERENCES accounts);
INSERT INTO bills VALUES (1, 222);
SELECT ec_delete('accounts', 'true', batch_size => 30) AS job \gset
\set VERBOSITY default
CALL ec_wait(:job);
\set VERBOSITY terse
SELECT count(*) >= 1 AS kept, bool_or(id = 222) AS referenced FROM accounts;
-- mended, it goes on
DELETE FROM bills;
SELECT ec_resume(:job);
CALL ec_wait(:job);
SELECT (SELECT count(*) FROM accounts) AS accounts, (SELECT count(*) FROM orders) AS orders;
-- RESTRICT has other words from version 18 on
INSERT INTO accounts VALUES (7, 'eu');
CREATE TABLE receipts (id int PRIMARY KEY, account int REFERENCES accounts ON DELETE RESTRICT);
INSERT INTO receipts VALUES (1, 7);
CREATE FUNCTION error_of(job_id bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1..6000 LOOP
        EXIT WHEN (SELECT state = 'failed' FROM ec_progress WHERE job = job_id);
        PERFORM pg_sleep(0.01);
    END LOOP;
    RETURN (SELECT last_error FROM ec_progress WHERE job = job_id);
END $$;
SELECT ec_delete('accounts', 'true') AS job \gset
SELECT error_of(:job) ~ '^23(503|001): .* The row is \(id\)=\(7\) of table deletes\.accounts\.' AS names_the_row;
SELECT ec_cancel(:job);
DROP TABLE receipts;
DELETE FROM accounts;
-- one that is checked at the end of the transaction
DROP TABLE bills;
CREATE TABLE bills (id int PRIMARY KEY, account int REFERENCES accounts DEFERRABLE INITIALLY DEFERRED);
INSERT INTO accounts VALUES (1, 'eu'), (2, 'eu');
INSERT INTO bills VALUES (1, 2);
SELECT ec_delete('accounts', 'true') AS job \gset
\set VERBOSITY default
CALL ec_wait(:job);
\set VERBOSITY terse
SELECT id FROM accounts ORDER BY id;
SELECT ec_cancel(:job);

-- Triggers: one keeps rows, one makes them again, as many or fewer.
CREATE TABLE kept (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, name text);
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN old.name = ''kept'' THEN NULL ELSE old END; END';
CREATE TRIGGER keep BEFORE DELETE ON kept FOR EACH ROW EXECUTE FUNCTION keep();
INSERT INTO kept (name) SELECT CASE WHEN i = 42 THEN 'kept' ELSE 'gone' END FROM generate_series(1, 100) i;
SELECT ec_delete('kept', 'true', batch_size => 10) AS job \gset
\set VERBOSITY default
CALL ec_wait(:job);
\set VERBOSITY terse
SELECT * FROM kept;
SELECT ec_cancel(:job);
DROP TRIGGER keep ON kept;
CREATE FUNCTION make_again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF tg_argv[0] = 'all' THEN INSERT INTO kept (name) VALUES (old.name);
    ELSIF old.name <> 'once' THEN INSERT INTO kept (name) VALUES ('once');
    END IF;
    RETURN old;
END $$;
CREATE TRIGGER again AFTER DELETE ON kept FOR EACH ROW EXECUTE FUNCTION make_again('all');
INSERT INTO kept (name) SELECT 'again' FROM generate_series(1, 100) i;
SELECT ec_delete('kept', 'true', batch_size => 10) AS job \gset
CALL ec_wait(:job);
SELECT count(*) FROM kept;
SELECT ec_cancel(:job);
-- by key the rows come in behind the last one, again and again
SELECT ec_delete('kept', 'true', batch_size => 10, method => 'key') AS job \gset
CALL ec_wait(:job);
SELECT count(*) FROM kept;
SELECT ec_cancel(:job);
-- before the row is gone
DROP TRIGGER again ON kept;
CREATE TRIGGER again BEFORE DELETE ON kept FOR EACH ROW EXECUTE FUNCTION make_again('all');
SELECT ec_delete('kept', 'true', batch_size => 0) AS job \gset
CALL ec_wait(:job);
SELECT ec_cancel(:job);
-- once only: it ends
DROP TRIGGER again ON kept;
CREATE TRIGGER again AFTER DELETE ON kept FOR EACH ROW EXECUTE FUNCTION make_again('once');
DELETE FROM kept;
DELETE FROM kept;
INSERT INTO kept (name) SELECT 'old' FROM generate_series(1, 100) i;
SELECT ec_delete('kept', 'true', batch_size => 10) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT count(*) FROM kept;
-- and the backfill's key walk ends, too
DROP TRIGGER again ON kept;
CREATE TRIGGER again AFTER UPDATE ON kept FOR EACH ROW EXECUTE FUNCTION make_again('all');
INSERT INTO kept (name) SELECT 'old' FROM generate_series(1, 100) i;
SELECT ec_backfill('kept', 'name = ''new''', 'name = ''old''', batch_size => 10, method => 'key') AS job \gset
CALL ec_wait(:job);
SELECT count(*) < 500 AS bounded FROM kept;
SELECT ec_cancel(:job);

-- Rights: the submitter's, on the table and on what the predicate reads, at
-- submission and in each batch; row security hides nothing silently.
CREATE ROLE regress_ec_deleter LOGIN;
CREATE ROLE regress_ec_other LOGIN;
GRANT USAGE ON SCHEMA deletes TO regress_ec_deleter, regress_ec_other;
SELECT ec_grant('regress_ec_deleter');
CREATE TABLE secrets (id int PRIMARY KEY, of text);
INSERT INTO secrets SELECT i, CASE WHEN i % 2 = 0 THEN 'regress_ec_deleter' ELSE 'regress_ec_other' END FROM generate_series(1, 10) i;
GRANT SELECT ON secrets TO regress_ec_deleter;
SET ROLE regress_ec_other;
SELECT * FROM errors_of($$SELECT ec_delete('secrets', 'true')$$);
SET ROLE regress_ec_deleter;
SELECT * FROM errors_of($$SELECT ec_delete('secrets', 'true')$$);
RESET ROLE;
REVOKE SELECT ON secrets FROM regress_ec_deleter;
GRANT DELETE ON secrets TO regress_ec_deleter;
SET ROLE regress_ec_deleter;
SELECT * FROM errors_of($$SELECT ec_delete('secrets', 'true')$$);
SELECT * FROM errors_of($$SELECT ec_delete('secrets', 'id IN (SELECT id FROM doomed)')$$);
RESET ROLE;
GRANT SELECT ON secrets TO regress_ec_deleter;
SET ROLE regress_ec_deleter;
SELECT ec_delete('secrets', 'id = 1') AS job \gset
CALL ec_wait(:job);
SELECT owner, state, rows_done FROM ec_progress WHERE job = :job;
RESET ROLE;
CREATE POLICY own ON secrets USING (of = current_user);
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
SET ROLE regress_ec_deleter;
SELECT * FROM errors_of($$SELECT ec_delete('secrets', 'true')$$);
RESET ROLE;
SELECT count(*) FROM secrets;
-- partitions are deleted from by their own names
GRANT SELECT, DELETE ON events TO regress_ec_deleter;
DROP RULE keep ON events_us;
SET ROLE regress_ec_deleter;
SELECT * FROM errors_of($$SELECT ec_delete('events', 'true')$$);
RESET ROLE;

-- Names from hell, and a job that is paused and resumed.
CREATE SCHEMA "s""x'y;--";
CREATE TABLE "s""x'y;--"."T '""; DROP" ("a ""b'c;--" int PRIMARY KEY, "select" text);
INSERT INTO "s""x'y;--"."T '""; DROP" SELECT i, 'x' FROM generate_series(1, 500) i;
SELECT ec_delete($$"s""x'y;--"."T '""; DROP"$$, $$"a ""b'c;--" > 100 AND "T '""; DROP"."select" = 'x'$$, batch_size => 10, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
SELECT ec_pause(:job);
SELECT ec_configure(:job, delay_ms => 0);
SELECT ec_resume(:job);
CALL ec_wait(:job);
SELECT count(*) FROM "s""x'y;--"."T '""; DROP";
DROP SCHEMA "s""x'y;--" CASCADE;
DROP SCHEMA deletes CASCADE;
DROP OWNED BY regress_ec_deleter;
DROP ROLE regress_ec_deleter, regress_ec_other;
