-- Migrations that run in steps, and the down script of those that were given none.
-- In phase contract the lint has no say.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
SET client_min_messages = warning;
SET expand_contract.scope = 'online_down';
ALTER TABLE expand_contract.jobs ALTER id RESTART 7800;
CREATE SCHEMA "online ""down""";
SET search_path = "online ""down""", public;
-- one row a page: it counts as large
CREATE TABLE "Big" (id integer PRIMARY KEY, name text, filler char(5000));
ALTER TABLE "Big" ALTER filler SET STORAGE PLAIN;
INSERT INTO "Big" SELECT g, 'User' || g, '' FROM generate_series(1, 1100) g;
CREATE VIEW shape AS
    SELECT 1 AS part, attname::text AS name, format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
           || coalesce(' DEFAULT ' || pg_get_expr(adbin, adrelid), '') AS definition, true AS valid
      FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
     WHERE attrelid = '"Big"'::regclass AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT 2, indexrelid::regclass::text, substring(pg_get_indexdef(indexrelid) FROM 'USING.*'), indisvalid FROM pg_index WHERE indrelid = '"Big"'::regclass
    UNION ALL SELECT 3, conname::text, pg_get_constraintdef(oid), convalidated FROM pg_constraint WHERE conrelid = '"Big"'::regclass AND contype <> 'n'
    ORDER BY 1, 2;
TABLE shape;

-- up, in steps
SET expand_contract.backfill_delay = 0;
CALL ec_migrate('d001', $$
    CREATE INDEX ON "Big" (lower(name));
    ALTER TABLE "Big" ADD CONSTRAINT "named!" CHECK (name IS NOT NULL);
    ALTER TABLE "Big" ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();
$$, phase => 'contract');
SELECT state, steps, steps_done, error FROM ec_migrations WHERE version = 'd001';
SELECT step, kind, command, done_at IS NOT NULL AS done FROM expand_contract.migration_steps WHERE version = 'd001' ORDER BY step;
TABLE shape;
SELECT count(DISTINCT token) FROM "Big";
-- and down again, from the plan
SET client_min_messages = notice;
SELECT ec_rollback('d001', dry_run => true);
SET client_min_messages = warning;
SELECT ec_rollback('d001');
CALL ec_wait_migration('d001');
SELECT count(*) FROM ec_migrations WHERE version = 'd001';
TABLE shape;
SELECT event, script FROM ec_migration_events JOIN expand_contract.migration_events USING (id, event, version) WHERE version = 'd001' ORDER BY id DESC LIMIT 1;

-- what runs as it is, nobody takes back
CALL ec_migrate('d001', 'ALTER TABLE "Big" ADD COLUMN plain integer; CREATE INDEX big_name ON "Big" (name)', phase => 'contract');
SELECT errors_of($$ SELECT ec_rollback('d001') $$);
DROP INDEX big_name;
ALTER TABLE "Big" DROP COLUMN plain;

-- one that has failed half-way: what is done is taken back, and no more
ALTER TABLE "Big" ADD CONSTRAINT taken CHECK (true);
CREATE INDEX in_the_way ON "Big" (id, name);
SELECT ec_apply('d002', $$
    CREATE INDEX first_one ON "Big" (name);
    CREATE INDEX in_the_way ON "Big" (name);
    ALTER TABLE "Big" ADD CONSTRAINT never CHECK (id > 0);
$$, phase => 'contract');
CALL ec_wait_migration('d002');
SELECT state, steps, steps_done FROM ec_migrations WHERE version = 'd002';
SELECT ec_rollback('d002');
CALL ec_wait_migration('d002');
TABLE shape;
DROP INDEX in_the_way;
-- a constraint that is violated
SELECT ec_apply('d003', 'ALTER TABLE "Big" ADD CONSTRAINT few CHECK (id < 1000)', phase => 'contract');
CALL ec_wait_migration('d003');
SELECT state, steps, steps_done, error FROM ec_migrations WHERE version = 'd003';
SELECT conname, convalidated FROM pg_constraint WHERE conname = 'few';
SELECT ec_rollback('d003');
CALL ec_wait_migration('d003');
SELECT conname, convalidated FROM pg_constraint WHERE conname = 'few';
-- applied again once the cause is gone
SELECT ec_apply('d003', 'ALTER TABLE "Big" ADD CONSTRAINT few CHECK (id < 1000)', phase => 'contract');
CALL ec_wait_migration('d003');
DELETE FROM "Big" WHERE id >= 1000;
SELECT ec_apply('d003', 'ALTER TABLE "Big" ADD CONSTRAINT few CHECK (id < 1000)', phase => 'contract');
CALL ec_wait_migration('d003');
SELECT conname, convalidated FROM pg_constraint WHERE conname = 'few';

-- a down script that is given goes the same way as one up
CALL ec_migrate('d004', 'CREATE INDEX big_name ON "Big" (name)', 'DROP INDEX big_name', phase => 'contract');
SELECT ec_rollback('d004');
SELECT step, kind, command FROM expand_contract.migration_steps WHERE version = 'd004' AND direction = 'down';
CALL ec_wait_migration('d004');
TABLE shape;

-- whose names: a role goes on with what was planned for itself
CREATE ROLE regress_ec_planner LOGIN;
SELECT ec_grant('regress_ec_planner');
GRANT ALL ON SCHEMA "online ""down""" TO regress_ec_planner;
ALTER TABLE "Big" OWNER TO regress_ec_planner;
SET ROLE regress_ec_planner;
SELECT ec_apply('d005', 'ALTER TABLE "Big" ADD CONSTRAINT fewer CHECK (id < 900)', phase => 'contract');
CALL ec_wait_migration('d005');
RESET ROLE;
SELECT errors_of($$ SELECT ec_apply('d005', 'ALTER TABLE "Big" ADD CONSTRAINT fewer CHECK (id < 900)', phase => 'contract') $$);
SELECT errors_of($$ SELECT ec_rollback('d005') $$);
SET ROLE regress_ec_planner;
SELECT ec_rollback('d005');
CALL ec_wait_migration('d005');
RESET ROLE;
SELECT state FROM ec_migrations WHERE version = 'd005';
ALTER TABLE "Big" OWNER TO CURRENT_USER;
SELECT version, state FROM ec_migrations WHERE state NOT IN ('applied', 'baselined');
DROP SCHEMA "online ""down""" CASCADE;
DROP OWNED BY regress_ec_planner;
DROP ROLE regress_ec_planner;
