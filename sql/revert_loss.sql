-- ec_revert refuses to go back where the new columns have what the old do not.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
ALTER TABLE expand_contract.jobs ALTER id RESTART 62000;
CREATE SCHEMA revert_loss;
SET search_path = revert_loss, public;
CREATE PROCEDURE to_cutover(change text) LANGUAGE plpgsql AS $$
DECLARE
    job bigint := ec_backfill_change(change, delay_ms => 0);
BEGIN
    COMMIT;
    CALL ec_wait(job);
    PERFORM ec_verify_change(change);
    PERFORM ec_cutover(change);
END $$;
\set VERBOSITY default
-- backward has no old value for it
CREATE TABLE small ("the id" int, part text, old int, new bigint, PRIMARY KEY ("the id", part));
INSERT INTO small SELECT i, 'b', i FROM generate_series(1, 10) i;
INSERT INTO small VALUES (11, 'null', NULL);
SELECT ec_expand('widen', 'small', '{"new": "old"}', '{"old": "CASE WHEN new < 2147483648 THEN new::int END"}');
SET client_min_messages = warning;
CALL to_cutover('widen');
RESET client_min_messages;
INSERT INTO small ("the id", part, new) VALUES (12, 'in range', 12), (13, 'out, of range', 3000000000);
SELECT * FROM errors_of($$SELECT ec_revert('widen')$$);
SELECT phase, flag FROM ec_changes WHERE change = 'widen';
UPDATE small SET new = 13 WHERE part = 'out, of range';
SELECT ec_revert('widen');
SELECT * FROM small WHERE "the id" > 10 ORDER BY 1;

-- A value that no old column is computed from; what forward gives again is not lost.
CREATE TABLE names (id int PRIMARY KEY, name text, first text, last text, nick text DEFAULT 'none', shown text);
INSERT INTO names (id, name) VALUES (1, 'Ada Lovelace'), (2, 'Plato');
SELECT ec_expand('names', 'names',
    '{"first": "split_part(name, '' '', 1)", "last": "nullif(split_part(name, '' '', 2), '''')", "nick": "''none''", "shown": "coalesce(name, ''nobody'')"}',
    '{"name": "first || coalesce('' '' || last, '''')"}');
SET client_min_messages = warning;
CALL to_cutover('names');
RESET client_min_messages;
INSERT INTO names (id, name) VALUES (3, NULL);
INSERT INTO names (id, first, last, shown) VALUES (4, 'Alan', 'Turing', 'Alan Turing');
SELECT * FROM names ORDER BY id;
UPDATE names SET nick = 'countess' WHERE id = 1;
SELECT * FROM errors_of($$SELECT ec_revert('names')$$);
UPDATE names SET nick = 'none' WHERE id = 1;
SELECT ec_revert('names');

-- Several new columns, of which one has no old value.
CREATE TABLE pairs (id int PRIMARY KEY, a int, b int, a2 bigint, b2 bigint);
INSERT INTO pairs VALUES (1, 1, 1);
SELECT ec_expand('pairs', 'pairs', '{"a2": "a", "b2": "b"}',
    '{"a": "CASE WHEN a2 < 100 THEN a2::int END", "b": "CASE WHEN b2 < 100 THEN b2::int END"}');
SET client_min_messages = warning;
CALL to_cutover('pairs');
RESET client_min_messages;
UPDATE pairs SET b2 = 1000 WHERE id = 1;
SELECT * FROM errors_of($$SELECT ec_revert('pairs')$$);

-- A mapping that loses information forward, and nothing backward.
CREATE TABLE lossy (id int PRIMARY KEY, old text, new text);
INSERT INTO lossy VALUES (1, 'Aa');
SELECT ec_expand('lossy', 'lossy', '{"new": "lower(old)"}', '{"old": "new"}');
SET client_min_messages = warning;
CALL to_cutover('lossy');
RESET client_min_messages;
INSERT INTO lossy (id, new) VALUES (2, 'Bb');
SELECT ec_revert('lossy');
SET client_min_messages = warning;
SELECT ec_revert(change) FROM ec_changes WHERE change IN ('widen', 'names', 'lossy') ORDER BY change;
DROP SCHEMA revert_loss CASCADE;
DELETE FROM expand_contract.changes WHERE name IN ('widen', 'names', 'pairs', 'lossy');
