-- ec_verify_change and ec_verify_job for a change to another table.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set jobs :abs_srcdir '/test/jobs.sql'
\i :jobs
CREATE FUNCTION verified(change text, OUT ok boolean, OUT rows_source bigint, OUT rows_target bigint, OUT missing bigint, OUT extra bigint,
                         OUT different bigint, OUT same_checksum boolean)
LANGUAGE sql AS 'SELECT ok, rows_source, rows_target, missing, extra, different, checksum_source = checksum_target FROM ec_verify_change($1)';
CREATE VIEW found AS
SELECT ok, rows_source, rows_target, missing, extra, different, checksum_source = checksum_target AS same_checksum, change, finished_at IS NOT NULL AS finished
  FROM ec_verifications ORDER BY verification DESC LIMIT 1;
CREATE VIEW last_mismatches AS
SELECT key, difference, column_name, source_value, target_value FROM ec_mismatches
 WHERE verification = (SELECT max(verification) FROM ec_verifications) ORDER BY key, column_name;
CREATE VIEW last_repairs AS
SELECT DISTINCT key, repair FROM ec_mismatches WHERE verification = (SELECT max(verification) FROM ec_verifications) ORDER BY key, repair;
-- writes that dual writes do not see
CREATE PROCEDURE unseen(VARIADIC statements text[]) LANGUAGE plpgsql AS $$
DECLARE statement text;
BEGIN
    SET LOCAL expand_contract.enable_modern_write = off;
    FOREACH statement IN ARRAY statements LOOP EXECUTE statement; END LOOP;
END $$;

CREATE TABLE customers (gone int, id int PRIMARY KEY, mail text, note text);
ALTER TABLE customers DROP COLUMN gone;
CREATE TABLE people (note text, junk int, email text DEFAULT '', person_id bigint PRIMARY KEY, since date DEFAULT '2020-01-01');
ALTER TABLE people DROP COLUMN junk;
INSERT INTO customers SELECT i, 'User' || i || '@Example.com', 'n' || i FROM generate_series(1, 2000) i;
SELECT ec_expand('people', 'customers', target => 'people',
                 forward  => '{"person_id": "id::bigint", "email": "lower(mail)", "note": "note"}',
                 backward => '{"id": "person_id", "mail": "email", "note": "note"}');

-- nothing has been copied yet
SELECT * FROM verified('people');
SELECT ec_backfill_change('people', batch_size => 1000, delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT phase FROM ec_changes WHERE change = 'people';
SELECT * FROM verified('people');
SELECT phase FROM ec_changes WHERE change = 'people';
SELECT change, source, target, mapping, key FROM ec_verifications ORDER BY verification DESC LIMIT 1;

-- the mapping loses information: a row that was written to the new table is right, in either verification
UPDATE people SET email = 'Mixed@Example.com' WHERE person_id = 7;
SELECT mail FROM customers WHERE id = 7;
SELECT * FROM verified('people');
SELECT ec_verify_job('people', batch_size => 300, delay_ms => 0) AS job \gset
CALL ec_wait(:job);
TABLE found;

-- what neither mapping explains, and rows that one table has alone
CALL unseen('UPDATE people SET email = $m$Other$m$ WHERE person_id = 10', 'UPDATE people SET email = NULL, note = $m$$m$ WHERE person_id = 11',
            'DELETE FROM people WHERE person_id IN (12, 2000)', 'DELETE FROM customers WHERE id IN (13, 1000)',
            'UPDATE people SET person_id = -14 WHERE person_id = 14');
SELECT * FROM verified('people');
TABLE last_mismatches;
TABLE last_repairs;
-- a verification that is not ok takes the word back
SELECT phase FROM ec_changes WHERE change = 'people';
-- the same in the background, by one worker and by two
SELECT ec_verify_job('people', batch_size => 300, delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
SELECT kind, change, relation FROM ec_progress WHERE job = :job;
TABLE found;
TABLE last_mismatches;
SELECT ec_verify_job('people', batch_size => 100, delay_ms => 0, workers => 2) AS job \gset
CALL ec_wait(:job);
TABLE found;
SELECT count(*) FROM last_mismatches;
-- a job that stops in the middle goes on there; nothing counts twice
SELECT ec_verify_job('people', batch_size => 100, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 100);
SELECT ec_pause(:job);
SELECT ec_configure(:job, delay_ms => 0);
SELECT ec_resume(:job);
CALL ec_wait(:job);
TABLE found;

-- tables and columns may have been renamed; the repairs are exact
ALTER TABLE customers RENAME TO "Old Customers";
ALTER TABLE "Old Customers" RENAME mail TO "Old Mail";
ALTER TABLE people RENAME person_id TO "Id";
SELECT * FROM verified('people');
BEGIN;
SET LOCAL expand_contract.enable_modern_write = off;
SELECT repair AS sql FROM last_repairs \gexec
COMMIT;
SELECT * FROM verified('people');
SELECT phase FROM ec_changes WHERE change = 'people';
ALTER TABLE "Old Customers" RENAME TO customers;
ALTER TABLE customers RENAME "Old Mail" TO mail;
ALTER TABLE people RENAME "Id" TO person_id;

-- after the switch of reads the new table is right, and repairs flow to the old one
UPDATE expand_contract.changes SET phase = 'cut_over' WHERE name = 'people';
CALL unseen('UPDATE people SET email = $m$newer@example.com$m$ WHERE person_id = 20', 'DELETE FROM people WHERE person_id = 21',
            'INSERT INTO people (person_id, email) VALUES (3000, $m$Added$m$)');
SELECT * FROM verified('people');
TABLE last_mismatches;
TABLE last_repairs;
BEGIN;
SET LOCAL expand_contract.enable_modern_write = off;
SELECT repair AS sql FROM last_repairs \gexec
COMMIT;
SELECT * FROM verified('people');
SELECT id, mail FROM customers WHERE id IN (20, 21, 3000) ORDER BY id;
SELECT phase FROM ec_changes WHERE change = 'people';

-- one way only: then nothing is known of the old table after the switch
CREATE TABLE a (id int PRIMARY KEY, x int);
CREATE TABLE b (id int PRIMARY KEY, y int);
SELECT ec_expand('a_b', 'a', '{"id": "id", "y": "x + 1"}', target => 'b');
INSERT INTO a SELECT i, i FROM generate_series(1, 5) i;
-- what is written to b stays there
UPDATE b SET y = 0 WHERE id = 2;
DELETE FROM b WHERE id = 3;
INSERT INTO b VALUES (6, 6);
SELECT * FROM verified('a_b');
TABLE last_repairs;
UPDATE expand_contract.changes SET phase = 'cut_over' WHERE name = 'a_b';
SELECT * FROM verified('a_b');
TABLE last_repairs;

-- partitions on either side, written straight too; a key of several columns, of domains and text
CREATE DOMAIN region AS varchar(10);
CREATE TABLE sales (region region, n int, amount numeric, PRIMARY KEY (region, n)) PARTITION BY LIST (region);
CREATE TABLE sales_a PARTITION OF sales FOR VALUES IN ('a', 'b');
CREATE TABLE sales_rest (amount numeric, n int NOT NULL, extra text, region region NOT NULL);
ALTER TABLE sales_rest DROP COLUMN extra;
ALTER TABLE sales ATTACH PARTITION sales_rest DEFAULT;
CREATE TABLE revenue (cents bigint, place text, number bigint, PRIMARY KEY (place, number)) PARTITION BY RANGE (number);
CREATE TABLE revenue_1 PARTITION OF revenue FOR VALUES FROM (MINVALUE) TO (500);
CREATE TABLE revenue_2 PARTITION OF revenue FOR VALUES FROM (500) TO (MAXVALUE);
SELECT ec_expand('revenue', 'sales', '{"place": "region", "number": "n", "cents": "amount * 100"}', target => 'revenue',
                 backward => '{"region": "place", "n": "number", "amount": "cents / 100.0"}');
-- nothing to read
SELECT ec_verify_job('revenue') AS job \gset
CALL ec_wait(:job);
TABLE found;
INSERT INTO sales SELECT chr(97 + i % 4), i, i FROM generate_series(1, 1000) i;
INSERT INTO sales_rest (region, n, amount) VALUES ('z', 1, 1.5);
UPDATE revenue_2 SET cents = cents + 1 WHERE number = 600;
SELECT amount FROM sales WHERE n = 600;
SELECT * FROM verified('revenue');
SELECT ec_verify_job('revenue', batch_size => 70, delay_ms => 0, workers => 2) AS job \gset
CALL ec_wait(:job);
TABLE found;
CALL unseen('UPDATE revenue_1 SET cents = 0 WHERE number = 3', 'DELETE FROM sales_rest WHERE n IN (998, 999)', 'DELETE FROM revenue WHERE number = 500',
            'INSERT INTO revenue VALUES (1, $m$zz$m$, 1000)');
SELECT ec_verify_job('revenue', batch_size => 70, delay_ms => 0, workers => 2) AS job \gset
CALL ec_wait(:job);
TABLE found;
TABLE last_mismatches;
TABLE last_repairs;
SELECT * FROM verified('revenue');

-- a job walks over both tables by the key: each needs it plain, with an index in that order
CREATE TABLE c (code text PRIMARY KEY, x int);
CREATE TABLE d (code text PRIMARY KEY, x int);
SELECT ec_expand('c_d', 'c', '{"code": "upper(code)", "x": "x"}', target => 'd');
INSERT INTO c SELECT 'c' || i, i FROM generate_series(1, 100) i;
SELECT * FROM verified('c_d');
SELECT * FROM errors_of($$SELECT ec_verify_job('c_d')$$);
CREATE TABLE e (code text COLLATE "C" PRIMARY KEY, x int);
CREATE TABLE f (code text COLLATE "POSIX" PRIMARY KEY, x int);
SELECT ec_expand('e_f', 'e', '{"code": "code", "x": "x"}', target => 'f');
INSERT INTO e SELECT 'c' || i, i FROM generate_series(1, 100) i;
SELECT * FROM verified('e_f');
SELECT * FROM errors_of($$SELECT ec_verify_job('e_f')$$);
CREATE INDEX ON e (code COLLATE "POSIX");
SELECT ec_verify_job('e_f', batch_size => 30, delay_ms => 0) AS job \gset
CALL ec_wait(:job);
TABLE found;
-- keys that order by the source's type, casts that lose nothing or may lose something
CREATE TABLE g (day date PRIMARY KEY, x int);
CREATE TABLE h (at timestamp PRIMARY KEY, x int);
SELECT ec_expand('g_h', 'g', '{"at": "day", "x": "x"}', '{"day": "at", "x": "x"}', target => 'h');
INSERT INTO g SELECT date '2020-01-01' + i, i FROM generate_series(1, 100) i;
CALL unseen('UPDATE h SET x = 0 WHERE x = 77');
SELECT ec_verify_job('g_h', batch_size => 30, delay_ms => 0) AS job \gset
CALL ec_wait(:job);
TABLE found;
TABLE last_mismatches;
CREATE TABLE i (at timestamp PRIMARY KEY, x int);
CREATE TABLE j (day date PRIMARY KEY, x int);
SELECT ec_expand('i_j', 'i', '{"day": "at", "x": "x"}', target => 'j');
INSERT INTO i SELECT timestamp '2020-01-01 10:00' + i * interval '1 day', i FROM generate_series(1, 100) i;
SELECT * FROM verified('i_j');
SELECT * FROM errors_of($$SELECT ec_verify_job('i_j')$$);

-- a table goes while the job is at work
SELECT ec_verify_job('a_b', batch_size => 1, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 1);
DROP TABLE b CASCADE;
SELECT ec_configure(:job, delay_ms => 0);
CALL ec_wait(:job);
SELECT * FROM errors_of($$SELECT ec_verify_change('a_b')$$);

-- rights: the change is its owner's, and what he may not read he may not compare
CREATE ROLE regress_verify_owner LOGIN;
CREATE ROLE regress_verify_other LOGIN;
SELECT ec_grant('regress_verify_owner');
SELECT ec_grant('regress_verify_other');
CREATE SCHEMA owned AUTHORIZATION regress_verify_owner;
SET ROLE regress_verify_owner;
CREATE FUNCTION owned.me(text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_user || ' ' || $1 $$;
CREATE TABLE owned.old (id int PRIMARY KEY, x text);
CREATE TABLE owned.new (id int PRIMARY KEY, y text);
SELECT ec_expand('owned_new', 'owned.old', '{"id": "id", "y": "owned.me(x)"}', target => 'owned.new');
INSERT INTO owned.old SELECT i, 'n' || i FROM generate_series(1, 300) i;
UPDATE owned.new SET y = 'wrong' WHERE id = 99;
SELECT ec_verify_job('owned_new', batch_size => 50, delay_ms => 0, workers => 2) AS job \gset
CALL ec_wait(:job);
SELECT ok, different, verified_by FROM ec_verifications WHERE job = :job;
SELECT key, source_value, target_value FROM ec_mismatches WHERE verification = (SELECT verification FROM ec_verifications WHERE job = :job);
RESET ROLE;
GRANT USAGE ON SCHEMA owned TO regress_verify_other;
GRANT SELECT ON owned.old, owned.new TO regress_verify_other;
SET ROLE regress_verify_other;
SELECT * FROM errors_of($$SELECT ec_verify_change('owned_new')$$);
SELECT * FROM errors_of($$SELECT ec_verify_job('owned_new')$$);
RESET ROLE;
ALTER TABLE owned.new OWNER TO regress_verify_other;
REVOKE SELECT ON owned.new FROM regress_verify_owner;
SET ROLE regress_verify_owner;
SELECT * FROM errors_of($$SELECT ec_verify_change('owned_new')$$);
SELECT * FROM errors_of($$SELECT ec_verify_job('owned_new')$$);
SELECT count(*) AS seen FROM ec_mismatches WHERE verification = (SELECT verification FROM ec_verifications WHERE job = :job);
RESET ROLE;

DROP SCHEMA owned CASCADE;
DROP VIEW found, last_mismatches, last_repairs;
DROP PROCEDURE unseen;
DROP TABLE customers, people, a, sales, revenue, c, d, e, f, g, h, i, j CASCADE;
DROP DOMAIN region;
DROP FUNCTION verified;
DELETE FROM expand_contract.gaps;
DELETE FROM expand_contract.changes;
DROP OWNED BY regress_verify_owner, regress_verify_other;
DROP ROLE regress_verify_owner, regress_verify_other;
