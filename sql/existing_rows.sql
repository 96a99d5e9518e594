-- A target that has rows before the change: none of them is overwritten or
-- deleted without a word.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\set jobs :abs_srcdir '/test/jobs.sql'
\i :errors
\i :jobs
\set SHOW_CONTEXT never
CREATE TABLE er_source (id int PRIMARY KEY, mail text, note text);
CREATE TABLE er_target (key bigint PRIMARY KEY, email varchar(20) COLLATE "C", own text DEFAULT 'own');
INSERT INTO er_source VALUES (1, 'One', 'a'), (2, 'Two', 'b'), (3, NULL, 'c');

-- a row that the source does not have, one that is another, both
INSERT INTO er_target VALUES (7, 'seven');
SELECT * FROM errors_of($$SELECT ec_expand('er', 'er_source', '{"key": "id", "email": "lower(mail)"}', target => 'er_target')$$);
UPDATE er_target SET key = 1;
SELECT * FROM errors_of($$SELECT ec_expand('er', 'er_source', '{"key": "id", "email": "lower(mail)"}', target => 'er_target')$$);
UPDATE er_target SET key = 3, email = '';
SELECT * FROM errors_of($$SELECT ec_expand('er', 'er_source', '{"key": "id", "email": "lower(mail)"}', target => 'er_target')$$);
-- nothing has changed by then
SELECT count(*) FROM ec_changes WHERE change = 'er';
SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('er_source'::regclass, 'er_target'::regclass);
-- rows in step: a copy that was begun by hand; what is not mapped is not compared
TRUNCATE er_target;
INSERT INTO er_target VALUES (1, 'one', 'own'), (3, NULL, 'mine');
SELECT ec_expand('er', 'er_source', '{"key": "id", "email": "lower(mail)"}', target => 'er_target');
-- the same call again doesn't ask again
INSERT INTO er_target VALUES (9, 'later');
SELECT ec_expand('er', 'er_source', '{"key": "id", "email": "lower(mail)"}', target => 'er_target');
SELECT ec_revert('er');

-- With backward, a row is in step too when the old columns are what it makes of
-- the new ones.
TRUNCATE er_target;
INSERT INTO er_target VALUES (1, 'One'), (2, 'two');
SELECT ec_expand('er_back', 'er_source', '{"key": "id", "email": "lower(mail)"}', '{"id": "key", "mail": "email"}', target => 'er_target');
SELECT ec_revert('er_back');
UPDATE er_target SET email = 'TWO' WHERE key = 2;
SELECT * FROM errors_of($$SELECT ec_expand('er_back2', 'er_source', '{"key": "id", "email": "lower(mail)"}', '{"id": "key", "mail": "email"}', target => 'er_target')$$);

-- On the caller's word.
SELECT ec_expand('er_word', 'er_source', '{"key": "id", "email": "lower(mail)"}', target => 'er_target', allow_existing => true);
SELECT ec_expand('er_word', 'er_source', '{"key": "id", "email": "lower(mail)"}', target => 'er_target');
SELECT key, email FROM er_target ORDER BY key;
SELECT ec_revert('er_word');
SELECT * FROM errors_of($$SELECT ec_expand('er_null', 'er_source', '{"key": "id", "email": "lower(mail)"}', target => 'er_target', allow_existing => NULL)$$);

-- Keys of several columns, names that have to be quoted, partitions, a value
-- that cannot be computed.
CREATE TABLE "er s" ("A b" int, at date, "select" text, PRIMARY KEY ("A b", at)) PARTITION BY RANGE (at);
CREATE TABLE er_s1 PARTITION OF "er s" FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE "er t" (at date, "A b" int, "from" int, PRIMARY KEY (at, "A b")) PARTITION BY HASH ("A b");
CREATE TABLE er_t1 PARTITION OF "er t" FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO "er s" VALUES (1, '2020-02-01', '10'), (1, '2020-03-01', '20'), (2, '2020-02-01', 'ten');
INSERT INTO "er t" VALUES ('2020-03-01', 1, 20);
SELECT ec_expand('er_parts', '"er s"', '{"at": "at", "A b": "\"A b\"", "from": "\"select\"::int"}', target => '"er t"');
SELECT ec_revert('er_parts');
INSERT INTO "er t" VALUES ('2020-03-01', 2, 20);
SELECT * FROM errors_of($$SELECT ec_expand('er_parts2', '"er s"', '{"at": "at", "A b": "\"A b\"", "from": "\"select\"::int"}', target => '"er t"')$$);

-- Two rows of the target with one row in the source: the second would overwrite
-- it, and the delete of either take it away.
CREATE TABLE er_one (id int PRIMARY KEY, created_at date, v text, UNIQUE (id));
CREATE TABLE er_many (id int, created_at date, v text, PRIMARY KEY (id, created_at));
SELECT * FROM errors_of($$SELECT ec_expand('er_many', 'er_one', '{"id": "id", "created_at": "coalesce(created_at, ''2020-01-01'')", "v": "v"}',
    '{"id": "id", "v": "v"}', target => 'er_many')$$);
-- one way, or when it goes by the whole key, or by another one
SELECT ec_expand('er_many', 'er_one', '{"id": "id", "created_at": "coalesce(created_at, ''2020-01-01'')", "v": "v"}', target => 'er_many');
SELECT ec_revert('er_many');
CREATE UNIQUE INDEX ON er_many (id);
SELECT ec_expand('er_many2', 'er_one', '{"id": "id", "created_at": "coalesce(created_at, ''2020-01-01'')", "v": "v"}',
    '{"id": "id", "v": "v"}', target => 'er_many', key => '{id,created_at}');
SELECT ec_revert('er_many2');

DROP TABLE er_source, er_target, "er s", "er t", er_one, er_many;
DELETE FROM expand_contract.gaps;
DELETE FROM expand_contract.changes WHERE name LIKE 'er%';
