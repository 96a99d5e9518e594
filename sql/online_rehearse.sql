-- The rehearsal of a migration that runs online: its steps, and how long they take.
SET client_min_messages = warning;
CREATE SCHEMA online_rehearse;
SET search_path = online_rehearse, public;
CREATE TABLE "Big" (id integer PRIMARY KEY, name text, filler char(5000));
ALTER TABLE "Big" ALTER filler SET STORAGE PLAIN;
INSERT INTO "Big" SELECT g, 'User' || g, '' FROM generate_series(1, 1100) g;
CREATE INDEX old ON "Big" (name);
CREATE TEMPORARY TABLE seen AS
SELECT * FROM ec_rehearse($$
    CREATE INDEX " CONCURRENTLY" ON "Big" (lower(name));
    ALTER TABLE "Big" ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();
    ALTER TABLE "Big" ADD CONSTRAINT u UNIQUE (token);
    UPDATE "Big" SET name = 'It''s ' || id;
    DROP INDEX old;
$$);
SELECT DISTINCT step, command, duration > '0' AS timed, error FROM seen WHERE direction = 'up' ORDER BY 1, 2;
-- as the statements are, where nothing is to run online
SET expand_contract.online = off;
SELECT DISTINCT step, command, lock_mode, error FROM ec_rehearse('CREATE INDEX i ON "Big" (lower(name))') ORDER BY 1;
RESET expand_contract.online;
-- it has left nothing
SELECT indexrelid::regclass FROM pg_index WHERE indrelid = '"Big"'::regclass ORDER BY 1;
SELECT count(*) FROM ec_progress WHERE relation = '"Big"'::regclass;
DROP SCHEMA online_rehearse CASCADE;
