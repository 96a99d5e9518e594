-- A mismatch that cannot be shown does not cost the verdict on the other rows:
-- what is too long is shown cut.
SET client_min_messages = warning;
CREATE TABLE sc_source (id int PRIMARY KEY, piece text, times int, b bytea);
CREATE TABLE sc_target (id int PRIMARY KEY, a text, b bytea);
-- 190000000 in place of it would be more than a gigabyte as JSON
INSERT INTO sc_source VALUES (1, E'\x01', 10000000, NULL), (2, 'x', 1, 'x'), (3, 'é', 40000, decode(repeat('00', 70000), 'hex')), (4, 'z', 60000, NULL);
INSERT INTO sc_target VALUES (2, 'y', 'x'), (3, repeat('é', 40000), decode(repeat('01', 70000), 'hex')), (4, repeat('y', 60000), NULL);
SELECT ok, missing, extra, different FROM ec_verify('sc_source', 'sc_target', '{"id": "id", "a": "repeat(piece, times)", "b": "b"}');
SELECT key, column_name, length(source_value), left(source_value, 12), right(source_value, 24), length(target_value), left(target_value, 12), right(target_value, 16)
  FROM ec_mismatches WHERE verification = (SELECT max(verification) FROM ec_mismatches) ORDER BY key, column_name;
-- of one table, and keys that are too long: no repair, which has to write them out
CREATE TABLE sc_keys (k text PRIMARY KEY, a text, b text);
INSERT INTO sc_keys VALUES (repeat('k', 100000), repeat('a', 100000), 'b'), ('k', 'a', 'b');
SELECT ok, different FROM ec_verify('sc_keys', '{"b": "a"}');
SELECT left(key ->> 'k', 3), right(key ->> 'k', 20), right(source_value, 20), target_value, repair FROM ec_mismatches
 WHERE verification = (SELECT max(verification) FROM ec_mismatches) ORDER BY 1;
DROP TABLE sc_source, sc_target, sc_keys;
