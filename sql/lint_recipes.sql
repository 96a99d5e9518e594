-- Which findings have a recipe, and which have none.
SET client_min_messages = error;
CREATE TABLE recipe_users (id int PRIMARY KEY, n int UNIQUE);
CREATE TABLE recipe_orders (id int PRIMARY KEY, n int, u int, t text, s int4range, g int GENERATED ALWAYS AS (n + 1) STORED);
CREATE INDEX recipe_orders_u ON recipe_orders (u);
ALTER TABLE recipe_orders ADD CONSTRAINT late CHECK (n > 0) NOT VALID;
CREATE TABLE recipe_parted (id int, n int) PARTITION BY RANGE (id);
CREATE TABLE recipe_rest PARTITION OF recipe_parted DEFAULT;
CREATE TABLE recipe_part (id int, n int);
CREATE TABLE recipe_ranges (id int, n int) PARTITION BY RANGE (id);
CREATE TABLE recipe_range PARTITION OF recipe_ranges FOR VALUES FROM (0) TO (10);
CREATE MATERIALIZED VIEW recipe_keyed AS SELECT id, n FROM recipe_orders;
CREATE UNIQUE INDEX recipe_keyed_id ON recipe_keyed (id);
CREATE MATERIALIZED VIEW recipe_keyless AS SELECT n FROM recipe_orders;
CREATE DOMAIN recipe_positive AS int CHECK (VALUE > 0);
CREATE TABLE recipe_domained (d recipe_positive);
ALTER DOMAIN recipe_positive ADD CONSTRAINT late CHECK (VALUE < 9) NOT VALID;
UPDATE pg_class SET relpages = 100000, reltuples = 5000000 WHERE relname ~ '^recipe_' AND relkind IN ('r', 'i', 'm');
CREATE TABLE recipe_scripts (n int GENERATED ALWAYS AS IDENTITY, script text);
INSERT INTO recipe_scripts (script) VALUES
    ('ALTER TABLE recipe_orders ALTER n SET NOT NULL'),
    ('CREATE INDEX ON recipe_orders (n)'),
    ('ALTER TABLE recipe_orders ADD z uuid DEFAULT gen_random_uuid()'),
    ('ALTER TABLE recipe_orders ADD z int GENERATED ALWAYS AS (n * 2) STORED'),
    ('ALTER TABLE recipe_orders ADD z recipe_positive'),
    ('ALTER TABLE recipe_orders ALTER n TYPE bigint'),
    ('ALTER TABLE recipe_orders ALTER t TYPE varchar(5)'),
    ('ALTER TABLE recipe_orders ALTER u TYPE oid'),
    ('ALTER TABLE recipe_orders SET UNLOGGED'),
    ('VACUUM FULL recipe_orders'),
    ('CLUSTER recipe_orders USING recipe_orders_u'),
    ('ALTER TABLE recipe_orders ADD CHECK (n > 0)'),
    ('ALTER TABLE recipe_orders ADD FOREIGN KEY (u) REFERENCES recipe_users'),
    ('ALTER TABLE recipe_orders ADD UNIQUE (u)'),
    ('ALTER TABLE recipe_orders ADD EXCLUDE (n WITH =)'),
    ('ALTER TABLE recipe_orders ADD z int; ALTER TABLE recipe_orders VALIDATE CONSTRAINT late'),
    ('ALTER TABLE recipe_users ADD z int; CREATE INDEX ON recipe_orders (n)'),
    ('ALTER DOMAIN recipe_positive VALIDATE CONSTRAINT late'),
    ('ALTER DOMAIN recipe_positive SET NOT NULL'),
    ('ALTER DOMAIN recipe_positive ADD CHECK (VALUE < 5)'),
    ('ALTER TABLE recipe_parted ATTACH PARTITION recipe_part FOR VALUES FROM (1) TO (5)'),
    ('CREATE TABLE recipe_new PARTITION OF recipe_parted FOR VALUES FROM (1) TO (5)'),
    ('ALTER TABLE recipe_ranges DETACH PARTITION recipe_range'),
    ('ALTER TABLE recipe_parted DETACH PARTITION recipe_rest'),
    ('DROP INDEX recipe_orders_u'),
    ('REINDEX INDEX recipe_orders_u'),
    ('REFRESH MATERIALIZED VIEW recipe_keyed'),
    ('REFRESH MATERIALIZED VIEW recipe_keyless'),
    ('UPDATE recipe_orders SET n = 1'),
    ('UPDATE recipe_orders SET n = n + 1'),
    ('DELETE FROM recipe_orders'),
    ('LOCK TABLE recipe_orders'),
    ('ALTER TABLE recipe_orders ADD FOREIGN KEY (n) REFERENCES recipe_users NOT VALID'),
    ('ALTER TABLE recipe_orders ADD z int NOT NULL');
SELECT script, rule, severity, recipe IS NOT NULL AS has_recipe FROM recipe_scripts, LATERAL ec_lint(script) ORDER BY n, statement, rule, relation::text COLLATE "C";
-- a type change has another way than a plan, which is printed; it works as printed
CREATE TABLE "recipe ""types" ("a b" int PRIMARY KEY, n numeric(8, 2));
INSERT INTO "recipe ""types" SELECT i, i FROM generate_series(1, 100) i;
UPDATE pg_class SET relpages = 100000, reltuples = 5000000 WHERE oid = '"recipe ""types"'::regclass;
SELECT ec_apply('1', 'ALTER TABLE "recipe ""types" ALTER n TYPE numeric(20, 10)');
SELECT unnest(string_to_array(recipe, E'\n')) FROM ec_lint('ALTER TABLE "recipe ""types" ALTER "a b" TYPE bigint') WHERE rule = 'rewrite_table' \gexec
-- and with online off
SET expand_contract.online = off;
SELECT rule, recipe FROM ec_lint('ALTER TABLE "recipe ""types" ALTER n TYPE numeric(20, 10)');
RESET expand_contract.online;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '"recipe ""types"'::regclass AND attnum > 0 AND attname IN ('a b', 'n') ORDER BY attnum;
SELECT count(*), min("a b"), max(n) FROM "recipe ""types";
SELECT ec_contract(change, override => '{stabilization}', quarantine => '0') FROM ec_changes ORDER BY change COLLATE "C";
DROP TABLE "recipe ""types";
SELECT ec_forget(change) FROM ec_changes ORDER BY change COLLATE "C";
-- 400 constraints in one statement: the recipe is of the whole statement, and too long to be shown with each of them
SELECT rule, severity, count(*), count(recipe) FROM ec_lint('ALTER TABLE recipe_orders '
    || (SELECT string_agg('ADD CHECK (n > ' || i || repeat(' ', 60) || ')', ', ') FROM generate_series(1, 400) i)) GROUP BY 1, 2 ORDER BY 1;
DROP TABLE recipe_users, recipe_orders, recipe_parted, recipe_part, recipe_ranges, recipe_scripts, recipe_domained CASCADE;
DROP DOMAIN recipe_positive;
