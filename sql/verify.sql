-- ec_verify(relation, mapping): the columns of a table against expressions over the same row.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
CREATE FUNCTION refusal(mapping jsonb) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT * FROM errors_of(format('SELECT ec_verify(''users'', %L)', mapping));
$$;
-- what a verification found, without what changes from run to run
CREATE FUNCTION verified(relation regclass, mapping jsonb, OUT ok boolean, OUT rows_source bigint, OUT rows_target bigint,
                         OUT missing bigint, OUT extra bigint, OUT different bigint, OUT same_checksum boolean)
LANGUAGE sql AS $$
    SELECT ok, rows_source, rows_target, missing, extra, different, checksum_source = checksum_target FROM ec_verify($1, $2);
$$;
CREATE VIEW last_mismatches AS
SELECT key, column_name, source_value, target_value FROM ec_mismatches
 WHERE verification = (SELECT max(id) FROM expand_contract.verifications)
 ORDER BY key, column_name;

CREATE TABLE users (id int PRIMARY KEY, legacy_email text, email varchar(40), score numeric(10,2), tag char(4));
INSERT INTO users SELECT i, 'User' || i || '@Example.com', 'user' || i || '@example.com', i / 4.0, 'x' || i % 10
  FROM generate_series(1, 1000) i;

-- all is well
SELECT * FROM verified('users', '{"email": "lower(legacy_email)"}');
SELECT * FROM verified('users', '{"email": "lower(legacy_email)", "score": "id / 4.0", "tag": "''x'' || id % 10"}');
-- the checksums are those of ec_checksum, columns in the table's order
SELECT v.checksum_target = c.checksum AS target, v.checksum_source = c.checksum AS source,
       v.started_at <= v.finished_at AS times
  FROM ec_verify('users', '{"score": "id / 4.0", "email": "lower(users.legacy_email)"}') v,
       (SELECT ec_checksum(email, score) AS checksum FROM users) c;
SELECT target_name, mapping, rows_source, different FROM expand_contract.verifications ORDER BY id DESC LIMIT 1;

-- damage
UPDATE users SET email = 'nobody' WHERE id = 7;
UPDATE users SET email = NULL WHERE id = 8;
UPDATE users SET email = '', score = score + 1 WHERE id = 9;
UPDATE users SET email = (SELECT u.email FROM users u WHERE u.id = 31 - users.id) WHERE id IN (15, 16);
SELECT * FROM verified('users', '{"email": "lower(legacy_email)", "score": "id / 4.0"}');
TABLE last_mismatches;
-- at most so many rows of each, while the count is exact
SET expand_contract.max_mismatches = 2;
SELECT * FROM verified('users', '{"email": "lower(legacy_email)", "score": "id / 4.0"}');
TABLE last_mismatches;
SET expand_contract.max_mismatches = 0;
SELECT * FROM verified('users', '{"email": "lower(legacy_email)"}');
TABLE last_mismatches;
RESET expand_contract.max_mismatches;
-- NULL on both sides is equal
UPDATE users SET legacy_email = NULL WHERE id = 8;
SELECT different FROM verified('users', '{"email": "lower(legacy_email)"}');
-- it sees what its own transaction has written
BEGIN;
UPDATE users SET email = lower(legacy_email);
SELECT * FROM verified('users', '{"email": "lower(legacy_email)"}');
ROLLBACK;
SELECT different FROM verified('users', '{"email": "(SELECT lower(u.legacy_email) FROM users u WHERE u.id = users.id) -- as it was\n"}');

-- equality follows the type's =, assignment its coercions
CREATE TABLE kinds (n numeric, f float8, c char(5), j json, x xml, p point, js json[], jb jsonb, i interval, d date, src text);
INSERT INTO kinds VALUES (1.00, '-0', 'a', '{"a":1}', '<a/>', '(1,2)', '{"{\"a\":1}"}', '{"a": 1.0}', '1 month', '2026-01-01', '2026-01-01');
SELECT * FROM verified('kinds', '{"n": "1.0", "f": "0::float8", "c": "''a   ''", "i": "interval ''30 days''", "jb": "jsonb ''{\"a\": 1.00}''"}');
SELECT * FROM verified('kinds', '{"j": "json ''{\"a\":1}''", "x": "xml ''<a/>''", "p": "point(1, 2)", "js": "array[json ''{\"a\":1}'']"}');
SELECT * FROM verified('kinds', '{"j": "json ''{\"a\": 1}''", "x": "xml ''<b/>''", "p": "point(2, 1)", "js": "array[json ''{\"a\": 1}'']"}');
TABLE last_mismatches;
-- as INSERT does it: an assignment, not a cast
SELECT * FROM errors_of($$SELECT ec_verify('kinds', '{"d": "src"}')$$);
SELECT * FROM verified('kinds', '{"d": "src::date"}');
SELECT * FROM verified('kinds', '{"n": "1.0::float8", "src": "n::text"}');
SELECT * FROM errors_of($$SELECT ec_verify('kinds', '{"c": "''too long''"}')$$);

-- rows without a primary key are found by ctid; partitions have each their own
CREATE TABLE keyless (a int, b int);
INSERT INTO keyless VALUES (1, 1), (2, 3);
SELECT * FROM verified('keyless', '{"b": "a"}');
TABLE last_mismatches;
CREATE TABLE parts (id int, a text, b text) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
INSERT INTO parts SELECT i, 'A', CASE WHEN i IN (5, 15) THEN 'b' ELSE 'a' END FROM generate_series(0, 19) i;
SELECT * FROM verified('parts', '{"b": "lower(a)"}');
TABLE last_mismatches;
ALTER TABLE parts ADD PRIMARY KEY (id);
SELECT * FROM verified('parts', '{"b": "lower(a)"}');
TABLE last_mismatches;
SELECT * FROM verified('parts_1', '{"b": "lower(a)"}');
CREATE TABLE composite_key (a text, b numeric, c timestamptz, v int, PRIMARY KEY (b, a, c));
INSERT INTO composite_key VALUES ('x"y', 'NaN', '2026-01-02 03:04:05+00', 1), ('z', 1.50, '2026-01-02 03:04:05+00', 2);
SET timezone = 'UTC';
SET datestyle = 'German';
SELECT different FROM verified('composite_key', '{"v": "0"}');
TABLE last_mismatches;
RESET datestyle;
RESET timezone;

-- other things with rows
CREATE MATERIALIZED VIEW users_mv AS SELECT id, lower(legacy_email) AS a, email AS b FROM users;
SELECT different FROM verified('users_mv', '{"b": "a"}');
CREATE TABLE generated (a int, b int GENERATED ALWAYS AS (a * 2) STORED, gone int);
ALTER TABLE generated DROP COLUMN gone;
INSERT INTO generated VALUES (1), (NULL);
SELECT * FROM verified('generated', '{"b": "a * 2"}');
CREATE TEMP TABLE empty_table (a int, b int);
SELECT ok, rows_source, checksum_source FROM ec_verify('empty_table', '{"b": "a"}');
-- hostile names
CREATE TABLE "a""b'c;--" ("id" int PRIMARY KEY, "x""y'z;--" text, "SELECT" text, "from $1 {%s}" text);
INSERT INTO "a""b'c;--" VALUES (1, 'A', 'a', 'a'), (2, 'B', 'b', 'q');
SELECT * FROM verified('"a""b''c;--"', '{"SELECT": "lower(\"x\"\"y''z;--\")", "from $1 {%s}": "lower(\"a\"\"b''c;--\".\"x\"\"y''z;--\")"}');
TABLE last_mismatches;
-- an operator of the caller's own is not taken for the type's =
CREATE SCHEMA mine;
CREATE FUNCTION mine.never(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR mine.= (FUNCTION = mine.never, LEFTARG = text, RIGHTARG = text);
SET search_path = mine, pg_catalog, public;
SELECT ok FROM verified('users_mv', '{"a": "a"}');
RESET search_path;

-- bad mappings
SELECT * FROM refusal('[]');
SELECT * FROM refusal('"x"');
SELECT * FROM refusal('{}');
SELECT * FROM refusal('{"email": 1}');
SELECT * FROM refusal('{"email": {"a": "b"}}');
SELECT * FROM refusal('{"email": null}');
SELECT * FROM refusal('{"nosuch": "1"}');
SELECT * FROM refusal('{"Email": "legacy_email"}');
SELECT * FROM refusal('{"ctid": "ctid"}');
SELECT * FROM errors_of($$SELECT ec_verify('generated', '{"gone": "a"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('generated', '{"........pg.dropped.3........": "a"}')$$);
-- bad expressions: exactly one, and nothing else
SELECT * FROM refusal('{"email": ""}');
SELECT * FROM refusal('{"email": "  "}');
SELECT * FROM refusal('{"email": "-- nothing"}');
SELECT * FROM refusal('{"email": "true) OR (true"}');
SELECT * FROM refusal('{"email": "legacy_email) FROM users; DROP TABLE users; SELECT (1"}');
SELECT * FROM refusal('{"email": "1; DROP TABLE users"}');
SELECT * FROM refusal('{"email": "1;"}');
SELECT * FROM refusal('{"email": "legacy_email -- "}');
SELECT * FROM refusal('{"email": "legacy_email /* "}');
SELECT * FROM refusal('{"email": "legacy_email AS e"}');
SELECT * FROM refusal('{"email": "legacy_email, email"}');
SELECT * FROM refusal('{"email": "legacy_email FROM users"}');
SELECT * FROM refusal('{"email": "legacy_email WHERE true"}');
SELECT * FROM refusal('{"email": "legacy_email ORDER BY 1"}');
SELECT * FROM refusal('{"email": "legacy_email LIMIT 1"}');
SELECT * FROM refusal('{"email": "DISTINCT legacy_email"}');
SELECT * FROM refusal('{"email": "legacy_email FOR UPDATE"}');
SELECT * FROM refusal('{"email": "legacy_email UNION SELECT 1"}');
SELECT * FROM refusal('{"email": "SELECT 1"}');
SELECT * FROM refusal('{"email": "*"}');
SELECT * FROM refusal('{"email": "DEFAULT"}');
SELECT * FROM refusal('{"email": "$1"}');
-- one expression, but not a good one
SELECT * FROM refusal('{"email": "nosuch"}');
SELECT * FROM refusal('{"email": "nosuch(legacy_email)"}');
SELECT * FROM refusal('{"score": "legacy_email"}');
SELECT * FROM refusal('{"email": "max(legacy_email)"}');
SELECT * FROM refusal('{"score": "row_number() OVER ()"}');
SELECT * FROM refusal('{"score": "generate_series(1, 2)"}');
SELECT * FROM refusal('{"score": "random()"}');
CREATE SEQUENCE s;
SELECT * FROM refusal('{"score": "(SELECT nextval(''s''))"}');
SELECT * FROM refusal('{"score": "1 / (id - id)"}');
SELECT * FROM refusal('{"email": "(WITH d AS (DELETE FROM users RETURNING 1) SELECT ''a'' FROM d)"}');
-- the position is one in the expression
SELECT ec_verify('users', '{"email": "lower(nosuch)"}');
SELECT count(*) FROM users;
-- bad relations
CREATE VIEW users_v AS SELECT * FROM users;
SELECT * FROM errors_of($$SELECT ec_verify('users_v', '{"email": "legacy_email"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('s', '{"last_value": "1"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('users_pkey', '{"id": "1"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('nosuch', '{"id": "1"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify(4000000000::regclass, '{"id": "1"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify(NULL, '{"id": "1"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('users', NULL)$$);
CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS a WITH NO DATA;
SELECT * FROM errors_of($$SELECT ec_verify('unfilled', '{"a": "1"}')$$);
CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE collated (a text COLLATE ignore_case, b text);
SELECT * FROM errors_of($$SELECT ec_verify('collated', '{"a": "b"}')$$);
SELECT ok FROM ec_verify('collated', '{"b": "a"}');
BEGIN READ ONLY;
SELECT ec_verify('users', '{"email": "legacy_email"}');
ROLLBACK;

-- rights
CREATE ROLE regress_verify_reader;
CREATE ROLE regress_verify_stranger;
SET ROLE regress_verify_reader;
SELECT * FROM errors_of($$SELECT ec_verify('users', '{"email": "lower(legacy_email)"}')$$);
SELECT ec_checksum(1) IS NOT NULL AS checksum_is_for_everyone;
SELECT * FROM errors_of('TABLE expand_contract.mismatches');
SELECT * FROM errors_of('TABLE expand_contract.verifications');
RESET ROLE;
GRANT EXECUTE ON FUNCTION ec_verify(regclass, jsonb) TO regress_verify_reader;
SET ROLE regress_verify_reader;
SELECT * FROM errors_of($$SELECT ec_verify('users', '{"email": "lower(legacy_email)"}')$$);
SELECT * FROM errors_of('DELETE FROM expand_contract.mismatches');
RESET ROLE;
GRANT SELECT (id, legacy_email, email) ON users TO regress_verify_reader;
SET ROLE regress_verify_reader;
SELECT * FROM errors_of($$SELECT ec_verify('users', '{"score": "id / 4.0"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('users', '{"email": "tag"}')$$);
SELECT * FROM errors_of($$SELECT ec_verify('users', '{"email": "(SELECT b FROM keyless)::text"}')$$);
SELECT different, id AS verification FROM ec_verify('users', '{"email": "lower(legacy_email)"}') \gset
SELECT :different AS different;
-- the values need SELECT on all of the table
SELECT count(*) FROM ec_mismatches WHERE verification = :verification;
RESET ROLE;
GRANT SELECT ON users TO regress_verify_reader;
SET ROLE regress_verify_reader;
SELECT count(*) FROM ec_mismatches WHERE verification = :verification;
-- and on all else that the expressions have read
RESET ROLE;
SELECT id AS nosy FROM ec_verify('users', '{"email": "(SELECT max(b)::text FROM keyless k WHERE k.a < (SELECT count(*) FROM parts))"}') \gset
SET ROLE regress_verify_reader;
SELECT count(*) FROM ec_mismatches WHERE verification = :nosy;
RESET ROLE;
GRANT SELECT ON keyless TO regress_verify_reader;
SET ROLE regress_verify_reader;
SELECT count(*) FROM ec_mismatches WHERE verification = :nosy;
RESET ROLE;
GRANT SELECT ON parts TO regress_verify_reader;
SET ROLE regress_verify_reader;
SELECT count(*) FROM ec_mismatches WHERE verification = :nosy;
-- the expression runs as the caller, not as the extension's owner
SELECT different = 1000 AS as_caller FROM ec_verify('users', '{"email": "current_user::text"}');
SELECT DISTINCT source_value FROM ec_mismatches WHERE verification = (SELECT max(verification) FROM ec_mismatches);
SET ROLE regress_verify_stranger;
SELECT count(*) FROM ec_mismatches;
-- neither a cheap function of one's own sees what the view hides
CREATE FUNCTION pg_temp.peep(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'peep %', $1; RETURN true; END $$;
SELECT count(*) FROM ec_mismatches WHERE pg_temp.peep(source_value);
RESET ROLE;
DROP FUNCTION pg_temp.peep(text);
-- row security: an error instead of hidden rows
CREATE TABLE tenants (id int PRIMARY KEY, tenant name, a text, b text);
INSERT INTO tenants VALUES (1, 'regress_verify_reader', 'x', 'y'), (2, 'somebody', 'secret', 'other');
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON tenants USING (tenant = current_user);
GRANT SELECT ON tenants TO regress_verify_reader;
SELECT id AS verification FROM ec_verify('tenants', '{"b": "a"}') \gset
SELECT count(*) FROM ec_mismatches WHERE verification = :verification;
SET ROLE regress_verify_reader;
SELECT count(*) FROM tenants;
SELECT * FROM errors_of($$SELECT ec_verify('tenants', '{"b": "a"}')$$);
SELECT count(*) FROM ec_mismatches WHERE verification = :verification;
SHOW row_security;
RESET ROLE;
-- the table is gone: so are the rights on it
DROP TABLE tenants;
SELECT count(*) FROM ec_mismatches WHERE verification = :verification;
SET ROLE regress_verify_reader;
SELECT count(*) FROM ec_mismatches WHERE verification = :verification;
RESET ROLE;


-- the examples of doc/verification.md
CREATE TABLE people (id int PRIMARY KEY, legacy_email text, email text);
INSERT INTO people VALUES (1, 'Ada@Example.com', 'ada@example.com'), (2, 'Bob@Example.com', 'bob@example.com'),
                          (3, 'Eve@Example.com', 'eve@example.com');
SELECT ec_checksum(id, email) FROM people;
SELECT ec_checksum(id, email) = ec_checksum(id, lower(legacy_email)) AS equal FROM people;
SELECT ec_checksum(p) FROM people p;
UPDATE people SET email = CASE id WHEN 1 THEN 'bob@example.com' ELSE 'ada@example.com' END WHERE id < 3;
SELECT ok, rows_source, rows_target, different, checksum_source, checksum_target FROM ec_verify('people', '{"email": "lower(legacy_email)"}');
SELECT key, column_name, source_value, target_value FROM ec_mismatches
 WHERE verification = (SELECT max(id) FROM expand_contract.verifications);
DROP TABLE people;

-- A function may read what its caller may not: then the values are for the one who verified.
CREATE TABLE secrets (id int, secret text);
INSERT INTO secrets SELECT id, 'secret' || id FROM users;
CREATE FUNCTION peek(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT secret FROM secrets WHERE id = $1 LIMIT 1';
SELECT (ec_verify('users', '{"tag": "left(peek(id), 4)"}')).different > 0 AS differs;
SELECT count(*) > 0 AS mine FROM last_mismatches;
GRANT SELECT ON users, last_mismatches TO regress_verify_reader;
SET ROLE regress_verify_reader;
SELECT count(*) FROM ec_mismatches WHERE source_value ~ 'secr';
RESET ROLE;
DROP FUNCTION peek;
DROP TABLE secrets;

DROP VIEW last_mismatches, users_v;
DROP MATERIALIZED VIEW users_mv, unfilled;
DROP TABLE users, kinds, keyless, parts, composite_key, generated, empty_table, "a""b'c;--", collated;
DROP COLLATION ignore_case;
DROP SEQUENCE s;
DROP SCHEMA mine CASCADE;
DROP FUNCTION refusal, verified;
REVOKE ALL ON FUNCTION ec_verify(regclass, jsonb) FROM regress_verify_reader;
DROP ROLE regress_verify_reader;
DROP ROLE regress_verify_stranger;
