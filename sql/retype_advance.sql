-- ec_advance: takes a change from phase to phase.
\set VERBOSITY default
SET client_min_messages = warning;
CREATE ROLE advance_owner;
CREATE SCHEMA retype_advance;
GRANT ALL ON SCHEMA retype_advance TO advance_owner;
SET search_path = retype_advance, public;
\pset format unaligned

CREATE TABLE orders (id integer PRIMARY KEY, n integer NOT NULL);
CREATE INDEX orders_n ON orders (n);
INSERT INTO orders SELECT i, i FROM generate_series(1, 100) i;
CREATE PROCEDURE wait_until(condition text) LANGUAGE plpgsql AS $$
DECLARE
	holds boolean;
BEGIN
	FOR i IN 1 .. 6000 LOOP
		EXECUTE 'SELECT ' || condition INTO holds;
		EXIT WHEN holds;
		COMMIT;
		PERFORM pg_sleep(0.02);
	END LOOP;
END $$;
-- arguments
SELECT ec_advance(NULL);
SELECT ec_advance('none');
SELECT ec_change_type('c', 'orders', '{"id": "bigint"}');
SELECT ec_advance('c', 'dual_write');
SELECT ec_advance('c', 'contracted');
SELECT ec_advance('c', workers => 0);
SET ROLE advance_owner;
SELECT ec_advance('c');
RESET ROLE;
GRANT EXECUTE ON FUNCTION ec_advance(text, text, integer, integer, integer, timestamptz, text, interval) TO advance_owner;
SET ROLE advance_owner;
SELECT ec_advance('c');
RESET ROLE;
REVOKE ALL ON FUNCTION ec_advance(text, text, integer, integer, integer, timestamptz, text, interval) FROM advance_owner;

-- from phase to phase
SELECT ec_advance('c', 'backfilled', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT phase FROM ec_changes WHERE change = 'c';
SELECT ec_advance('c', 'prepared') AS job \gset
CALL ec_wait(:job);
SELECT phase FROM ec_changes WHERE change = 'c';
SELECT ec_advance('c') AS job \gset
CALL ec_wait(:job);
SELECT phase FROM ec_changes WHERE change = 'c';
-- it is there already
SELECT ec_advance('c', 'prepared') AS job \gset
CALL ec_wait(:job);
SELECT ec_advance('c', 'cut_over') AS job \gset
CALL ec_wait(:job);
SELECT phase FROM ec_changes WHERE change = 'c';
SELECT kind, relation::text, state FROM ec_progress WHERE job >= :job ORDER BY job;
INSERT INTO orders VALUES (1, 3000000000) RETURNING *;
INSERT INTO orders (id, n) VALUES (3000000000, 1) RETURNING *;
SELECT ec_contract('c', '{stabilization}');
SELECT ec_advance('c');

-- at once; something that comes after the verification is built, and looked at
CREATE TABLE items (id integer, n integer, v text);
INSERT INTO items SELECT i, i, 'v' FROM generate_series(1, 50) i;
SELECT ec_change_type('d', 'items', '{"n": "bigint"}', on_error => 'raise');
SELECT ec_advance('d', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT phase FROM ec_changes WHERE change = 'd';
CREATE INDEX items_n ON items (n);
SELECT ec_advance('d', 'cut_over') AS job \gset
CALL ec_wait(:job);
SELECT phase FROM ec_changes WHERE change = 'd';
SELECT indexrelid::regclass AS index FROM pg_index WHERE indrelid = 'items'::regclass ORDER BY indexrelid::regclass::text COLLATE "C";

-- a row that fails stops it; once that is mended, it goes on where it was
CREATE TABLE words (id integer PRIMARY KEY, w text);
INSERT INTO words VALUES (1, '1'), (2, 'two');
SELECT ec_change_type('e', 'words', '{"w": "integer"}', backward => '{"w": "w__new::text"}', on_error => 'record');
SELECT ec_advance('e', 'cut_over', delay_ms => 0) AS job \gset
\set VERBOSITY terse
CALL ec_wait(:job);
\set VERBOSITY default
SELECT kind, state FROM ec_progress WHERE change = 'e' ORDER BY job;
UPDATE words SET w = '2' WHERE id = 2;
SELECT ec_resume(:job);
CALL ec_wait(:job);
SELECT phase FROM ec_changes WHERE change = 'e';
SELECT kind, state FROM ec_progress WHERE change = 'e' ORDER BY job;

-- likewise of one that has been cancelled; a new call takes over what is there
CREATE TABLE others (id integer PRIMARY KEY, w text);
INSERT INTO others VALUES (1, '1'), (2, 'two');
SELECT ec_change_type('f', 'others', '{"w": "integer"}', backward => '{"w": "w__new::text"}');
SELECT ec_backfill_change('f', delay_ms => 0) AS job \gset
\set VERBOSITY terse
CALL ec_wait(:job);
\set VERBOSITY default
UPDATE others SET w = '2' WHERE id = 2;
SELECT ec_advance('f', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT phase FROM ec_changes WHERE change = 'f';
SELECT kind, state FROM ec_progress WHERE change = 'f' ORDER BY job;

-- its parts are paused, and cancelled, with it
SELECT ec_revert('f');
SELECT ec_revert('f');
SELECT ec_change_type('f', 'others', '{"w": "integer"}', backward => '{"w": "w__new::text"}');
SELECT ec_advance('f', batch_size => 1, delay_ms => 60000) AS job \gset
CALL wait_until($$ EXISTS (SELECT FROM ec_progress WHERE change = 'f' AND kind = 'backfill' AND state = 'running' AND rows_done = 1) $$);
SELECT ec_advance('f', 'cut_over') = :job AS same;
SELECT ec_pause(:job);
SELECT kind, state FROM ec_progress WHERE job >= :job ORDER BY job;
SELECT ec_resume(:job);
CALL wait_until($$ EXISTS (SELECT FROM ec_progress WHERE change = 'f' AND kind = 'backfill' AND state = 'running') $$);
SELECT ec_cancel(:job);
SELECT kind, state FROM ec_progress WHERE job >= :job ORDER BY job;
SELECT phase FROM ec_changes WHERE change = 'f';

-- changes that keep no names
CREATE TABLE people (id integer PRIMARY KEY, mail text, email text);
INSERT INTO people VALUES (1, 'a'), (2, 'b');
SELECT ec_expand('g', 'people', '{"email": "mail"}', '{"mail": "email"}');
SELECT ec_advance('g', 'prepared', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT phase FROM ec_changes WHERE change = 'g';
SELECT ec_advance('g') AS job \gset
CALL ec_wait(:job);
SELECT phase FROM ec_changes WHERE change = 'g';
-- gates that are closed are waited for, and named
SELECT ec_dual_write('g', false);
SELECT ec_advance('g', 'cut_over') AS job \gset
CALL wait_until($$ EXISTS (SELECT FROM ec_progress WHERE change = 'g' AND throttled_by LIKE 'gate%') $$);
SELECT throttled_by, expand_contract.throttle_code(throttled_by) FROM ec_progress WHERE job = :job;
-- a change that is given up takes its jobs with it
SELECT ec_revert('g');
SELECT state FROM ec_progress WHERE job = :job;
-- the names of a scope
SET expand_contract.scope = 'app';
CREATE TABLE scoped (id integer PRIMARY KEY);
SELECT ec_change_type('s', 'scoped', '{"id": "bigint"}');
SELECT ec_change_type('s', 'scoped', '{"id": "bigint"}');
SELECT ec_advance('s', 'backfilled') AS job \gset
CALL ec_wait(:job);
SELECT ec_prepare('s') AS job \gset
CALL ec_wait(:job);
SELECT ec_advance('s', 'cut_over') AS job \gset
CALL ec_wait(:job);
SELECT change, phase FROM ec_changes WHERE change = 'app/s';
RESET expand_contract.scope;
SET client_min_messages = error;
DROP SCHEMA retype_advance CASCADE;
SELECT count(ec_forget(change)) > 0 AS forgotten FROM ec_changes;
DROP ROLE advance_owner;
