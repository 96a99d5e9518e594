-- ec_verify_change and ec_verify_job: the rows of a change, by its own expressions and its own rules.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set jobs :abs_srcdir '/test/jobs.sql'
\i :jobs
CREATE FUNCTION verified(change text, OUT ok boolean, OUT rows bigint, OUT different bigint, OUT same_checksum boolean)
LANGUAGE sql AS 'SELECT ok, rows_source, different, checksum_source = checksum_target FROM ec_verify_change($1)';
CREATE VIEW found AS
SELECT ok, rows_source, different, checksum_source = checksum_target AS same_checksum, change, finished_at IS NOT NULL AS finished
  FROM ec_verifications ORDER BY verification DESC LIMIT 1;
CREATE VIEW last_mismatches AS
SELECT key, column_name, source_value, target_value, repair FROM ec_mismatches
 WHERE verification = (SELECT max(verification) FROM ec_verifications) ORDER BY key, column_name;

CREATE TABLE users (id bigint PRIMARY KEY, legacy_email text, email text DEFAULT '', note text);
INSERT INTO users SELECT i, 'User' || i || '@Example.com' FROM generate_series(1, 2000) i;
SELECT ec_expand('users_email', 'users', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}');

-- what is not filled yet is out of step
SELECT * FROM verified('users_email');
ALTER TABLE users DISABLE TRIGGER USER;
UPDATE users SET email = lower(legacy_email);
ALTER TABLE users ENABLE TRIGGER USER;
SELECT * FROM verified('users_email');
SELECT phase FROM expand_contract.changes;
-- the mapping loses information: a row that was written through the new column is right
UPDATE users SET email = 'Mixed@Example.com' WHERE id = 7;
SELECT id, legacy_email, email FROM users WHERE id = 7;
SELECT * FROM verified('users_email');
-- ... but not one whose new columns are unset, nor one that neither mapping explains
ALTER TABLE users DISABLE TRIGGER USER;
UPDATE users SET email = '' WHERE id = 8;
UPDATE users SET email = NULL WHERE id = 9;
UPDATE users SET email = 'Other' WHERE id = 10;
UPDATE users SET email = '', legacy_email = '' WHERE id = 11;
UPDATE users SET email = NULL, legacy_email = NULL WHERE id = 12;
ALTER TABLE users ENABLE TRIGGER USER;
SELECT * FROM verified('users_email');
TABLE last_mismatches;
-- a verification that is not ok takes the word back
SELECT phase FROM expand_contract.changes;

-- the same in the background, in chunks, by one worker and by two
SELECT ec_verify_job('users_email', batch_size => 300, delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
TABLE found;
TABLE last_mismatches;
SELECT ec_verify_job('users_email', batch_size => 100, delay_ms => 0, workers => 2) AS job \gset
CALL ec_wait(:job);
SELECT * FROM outcome(:job);
TABLE found;
SELECT count(*) FROM last_mismatches;
-- ... and recorded for whoever looks
SELECT change, source, target, mapping, verified_by = current_user AS mine, job = :job AS job,
       pg_snapshot_xmin(first_snapshot) <= pg_snapshot_xmin(last_snapshot) AS snapshots
  FROM ec_verifications WHERE job = :job;
SELECT kind, change, relation FROM ec_progress WHERE job = :job;
-- the repairs are exact; columns may have been renamed
ALTER TABLE users RENAME legacy_email TO "Old Mail";
SELECT * FROM verified('users_email');
SELECT repair AS sql FROM last_mismatches \gexec
SELECT * FROM verified('users_email');
ALTER TABLE users RENAME "Old Mail" TO legacy_email;

-- after the switch of reads the new column is right
UPDATE expand_contract.changes SET phase = 'cut_over';
ALTER TABLE users DISABLE TRIGGER USER;
UPDATE users SET email = 'newer@example.com' WHERE id = 20;
ALTER TABLE users ENABLE TRIGGER USER;
SELECT * FROM verified('users_email');
TABLE last_mismatches;
SELECT phase FROM expand_contract.changes;
UPDATE expand_contract.changes SET phase = 'dual_write';
UPDATE users SET legacy_email = email WHERE id = 20;

-- a job that stops in the middle goes on there; nothing counts twice
ALTER TABLE users DISABLE TRIGGER USER;
UPDATE users SET email = 'wrong' WHERE id IN (1, 1000, 2000);
ALTER TABLE users ENABLE TRIGGER USER;
SELECT ec_verify_job('users_email', batch_size => 100, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 100);
SELECT ec_pause(:job);
SELECT finished_at IS NULL AS unfinished, ok IS NULL AS unknown FROM ec_verifications WHERE job = :job;
SELECT ec_configure(:job, delay_ms => 0);
SELECT ec_resume(:job);
CALL ec_wait(:job);
TABLE found;
SELECT key, source_value FROM last_mismatches;
-- at most so many rows are recorded, the count is exact all the same
ALTER ROLE CURRENT_USER SET expand_contract.max_mismatches = 2;
SELECT ec_verify_job('users_email', batch_size => 100, delay_ms => 0) AS job \gset
CALL ec_wait(:job);
ALTER ROLE CURRENT_USER RESET expand_contract.max_mismatches;
TABLE found;
SELECT count(*) FROM last_mismatches;

-- empty, partitioned, with a composite key
CREATE TABLE parted (region text, n int, old int, new int, PRIMARY KEY (region, n)) PARTITION BY LIST (region);
CREATE TABLE parted_a PARTITION OF parted FOR VALUES IN ('a', 'b');
CREATE TABLE parted_c PARTITION OF parted DEFAULT;
SELECT ec_expand('parted_new', 'parted', '{"new": "old * 2"}');
SELECT ec_verify_job('parted_new') AS job \gset
CALL ec_wait(:job);
TABLE found;
INSERT INTO parted SELECT chr(97 + i % 4), i, i FROM generate_series(1, 1000) i;
ALTER TABLE parted DISABLE TRIGGER USER;
UPDATE parted SET new = 0 WHERE n IN (4, 999);
ALTER TABLE parted ENABLE TRIGGER USER;
SELECT ec_verify_job('parted_new', batch_size => 70, delay_ms => 0, workers => 2) AS job \gset
CALL ec_wait(:job);
TABLE found;
TABLE last_mismatches;

-- errors
SELECT * FROM errors_of($$SELECT ec_verify_change('nosuch')$$);
SELECT * FROM errors_of($$SELECT ec_verify_job('nosuch')$$);
SELECT * FROM errors_of($$SELECT ec_verify_change(NULL)$$);
SELECT * FROM errors_of($$SELECT ec_verify_job(NULL)$$);
SELECT * FROM errors_of($$SELECT ec_verify_job('users_email', batch_size => -1)$$);
SELECT * FROM errors_of($$SELECT ec_verify_job('users_email', workers => 0)$$);
SELECT * FROM errors_of($$SELECT ec_verify_job('users_email', run_window => 'tomorrow')$$);
CREATE TABLE keyless (a int, b int);
SELECT ec_expand('keyless_b', 'keyless', '{"b": "a"}', on_error => 'raise');
SELECT ok FROM ec_verify_change('keyless_b');
SELECT * FROM errors_of($$SELECT ec_verify_job('keyless_b')$$);
-- another key will do: rows are known by it
CREATE TABLE unique_key (code text NOT NULL UNIQUE, a int, b int);
SELECT ec_expand('unique_b', 'unique_key', '{"b": "a"}', key => '{code}');
INSERT INTO unique_key SELECT 'c' || i, i FROM generate_series(1, 500) i;
ALTER TABLE unique_key DISABLE TRIGGER USER;
UPDATE unique_key SET b = 0 WHERE code = 'c77';
ALTER TABLE unique_key ENABLE TRIGGER USER;
SELECT ec_verify_job('unique_b', batch_size => 100, delay_ms => 0) AS job \gset
CALL ec_wait(:job);
TABLE found;
TABLE last_mismatches;
-- a domain gets a check that rows of before do not pass
CREATE DOMAIN number AS int;
CREATE TABLE numbered (id number PRIMARY KEY, a int, b int);
INSERT INTO numbered SELECT i, i, i FROM generate_series(1, 500) i;
SELECT ec_expand('numbered_b', 'numbered', '{"b": "a"}');
SELECT ec_verify_job('numbered_b', batch_size => 100, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 100);
ALTER DOMAIN number ADD CHECK (value > 400) NOT VALID;
SELECT ec_configure(:job, delay_ms => 0);
CALL ec_wait(:job);
TABLE found;
DROP TABLE numbered;
DROP DOMAIN number;
-- the table goes while the job is at work
SELECT ec_verify_job('unique_b', batch_size => 100, delay_ms => 3600000) AS job \gset
SELECT wait_for_rows(:job, 100);
DROP TABLE unique_key;
SELECT ec_configure(:job, delay_ms => 0);
CALL ec_wait(:job);
BEGIN READ ONLY;
SELECT ec_verify_change('users_email');
ROLLBACK;
-- rights: those of the table's owner
CREATE ROLE regress_verify_other LOGIN;
SELECT ec_grant('regress_verify_other');
GRANT SELECT ON users TO regress_verify_other;
SET ROLE regress_verify_other;
SELECT * FROM errors_of($$SELECT ec_verify_change('users_email')$$);
SELECT * FROM errors_of($$SELECT ec_verify_job('users_email')$$);
RESET ROLE;

-- an owner who is no superuser: the worker is he, and so is whoever reads
CREATE ROLE regress_verify_owner LOGIN;
SELECT ec_grant('regress_verify_owner');
CREATE SCHEMA owned AUTHORIZATION regress_verify_owner;
SET ROLE regress_verify_owner;
CREATE FUNCTION owned.me(text) RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_user || ' ' || $1 $$;
CREATE TABLE owned.people (id int PRIMARY KEY, old text, new text);
SELECT ec_expand('owned_people', 'owned.people', '{"new": "owned.me(old)"}', on_error => 'raise');
INSERT INTO owned.people (id, old) SELECT i, 'n' || i FROM generate_series(1, 300) i;
SELECT ec_verify_job('owned_people', batch_size => 50, delay_ms => 0, workers => 2) AS job \gset
CALL ec_wait(:job);
SELECT ok, rows_source, verified_by FROM ec_verifications WHERE job = :job;
UPDATE owned.people SET new = 'wrong', old = 'n' WHERE id = 99;
SELECT ec_verify_job('owned_people', batch_size => 50, delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT m.key, m.source_value, m.target_value FROM ec_mismatches m JOIN ec_verifications v USING (verification) WHERE v.job = :job;
-- row security that hides rows is an error, not half an answer
ALTER TABLE owned.people ENABLE ROW LEVEL SECURITY;
ALTER TABLE owned.people FORCE ROW LEVEL SECURITY;
CREATE POLICY few ON owned.people USING (id < 50);
SELECT * FROM errors_of($$SELECT ec_verify_change('owned_people')$$);
SELECT * FROM errors_of($$SELECT ec_verify_job('owned_people')$$);
RESET ROLE;
DROP SCHEMA owned CASCADE;
DROP OWNED BY regress_verify_owner;
DROP ROLE regress_verify_owner;

DROP VIEW found, last_mismatches;
DROP TABLE users, parted, keyless;
DROP FUNCTION verified;
DELETE FROM expand_contract.changes;
DELETE FROM expand_contract.gaps;
DROP OWNED BY regress_verify_other;
DROP ROLE regress_verify_other;
