-- A large partition is detached online; the CHECK that the server leaves in the
-- place of the bound goes, and one of the user's of that name stays.
SET client_min_messages = error;
CREATE TABLE "D t" (id int NOT NULL, v int) PARTITION BY RANGE (id);
CREATE TABLE "D 1" PARTITION OF "D t" FOR VALUES FROM (0) TO (50);
CREATE TABLE "D 2" PARTITION OF "D t" FOR VALUES FROM (50) TO (200);
ALTER TABLE "D 1" ADD CONSTRAINT "D 1_id_check" CHECK (id <> 7);
INSERT INTO "D t" SELECT i, i FROM generate_series(10, 100) i;
-- what is known of their size says that they are large
UPDATE pg_class SET relpages = 100000, reltuples = 5000000 WHERE relname IN ('D 1', 'D 2');
SELECT step, kind, lock_mode, command FROM ec_plan('ALTER TABLE "D t" DETACH PARTITION "D 1"', 'contract');
CALL ec_migrate('detach', 'ALTER TABLE "D t" DETACH PARTITION "D 1"', phase => 'contract');
SELECT state, steps, error FROM ec_migrations WHERE version = 'detach';
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = '"D 1"'::regclass AND contype = 'c';
SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = '"D t"'::regclass;
SELECT count(*) FROM "D 1";
-- beside a default partition it is as written
CREATE TABLE "D 3" PARTITION OF "D t" DEFAULT;
SELECT step, kind, lock_mode, command FROM ec_plan('ALTER TABLE "D t" DETACH PARTITION "D 2"', 'contract');
DELETE FROM expand_contract.schema_migrations WHERE version = 'detach';
DROP TABLE "D t", "D 1";
