-- Triggers of the user's that do not see what dual writes write are told of, with
-- statements that mend it.
CREATE SCHEMA told;
SET search_path = told, public;
CREATE TABLE log (n int GENERATED ALWAYS AS IDENTITY, what text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO told.log (what) VALUES (tg_name || ' ' || tg_op);
    RETURN new;
END $$;
CREATE TABLE users (id int PRIMARY KEY, legacy text, other text, email text);
CREATE TRIGGER on_legacy AFTER UPDATE OF legacy, other ON users FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER on_legacy_statement BEFORE INSERT OR UPDATE OF legacy ON users FOR EACH STATEMENT EXECUTE FUNCTION note();
CREATE TRIGGER "on ""email""'s UPDATE OF email" AFTER UPDATE OF email ON users FOR EACH ROW EXECUTE FUNCTION note('UPDATE OF email');
CREATE CONSTRAINT TRIGGER on_legacy_deferred AFTER UPDATE OF legacy ON users INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER when_legacy BEFORE UPDATE ON users FOR EACH ROW WHEN (old.legacy IS DISTINCT FROM new.legacy) EXECUTE FUNCTION note();
CREATE TRIGGER "~z_last" BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION note();
-- these see everything: of other columns, AFTER with a WHEN, about both sides, about OLD alone, not enabled, BEFORE DELETE
CREATE TRIGGER fine_other AFTER UPDATE OF other ON users FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER fine_after AFTER UPDATE ON users FOR EACH ROW WHEN (old.legacy IS DISTINCT FROM new.legacy) EXECUTE FUNCTION note();
CREATE TRIGGER fine_both AFTER UPDATE OF legacy, email ON users FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER fine_when BEFORE UPDATE ON users FOR EACH ROW WHEN (new.legacy <> '' OR new.email <> '') EXECUTE FUNCTION note();
CREATE TRIGGER fine_old BEFORE UPDATE ON users FOR EACH ROW WHEN (old.legacy <> '') EXECUTE FUNCTION note();
CREATE TRIGGER fine_off AFTER UPDATE OF legacy ON users FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE users DISABLE TRIGGER fine_off;
CREATE TRIGGER "~z_fine" BEFORE DELETE ON users FOR EACH ROW EXECUTE FUNCTION note();
SELECT ec_expand('told_users', 'users', '{"email": "lower(legacy)"}', '{"legacy": "email"}');

-- what it says is so, and what it advises mends it
INSERT INTO users (id, legacy) VALUES (1, 'A');
TRUNCATE log;
UPDATE users SET email = 'b';
SELECT what FROM log WHERE what NOT LIKE 'fine%' ORDER BY what COLLATE "C";
CREATE OR REPLACE TRIGGER on_legacy AFTER UPDATE OF legacy, other, email ON told.users FOR EACH ROW EXECUTE FUNCTION note();
CREATE OR REPLACE TRIGGER on_legacy_statement BEFORE INSERT OR UPDATE OF legacy, email ON told.users FOR EACH STATEMENT EXECUTE FUNCTION note();
CREATE OR REPLACE TRIGGER "on ""email""'s UPDATE OF email" AFTER UPDATE OF email, legacy ON told.users FOR EACH ROW EXECUTE FUNCTION note('UPDATE OF email');
ALTER TRIGGER "~z_last" ON told.users RENAME TO "a_~z_last";
TRUNCATE log;
UPDATE users SET email = 'c';
UPDATE users SET legacy = 'D';
SELECT what FROM log WHERE what NOT LIKE 'fine%' ORDER BY what COLLATE "C";

-- when such a trigger comes later, or gets such a name
CREATE TRIGGER later AFTER UPDATE OF legacy ON users FOR EACH ROW EXECUTE FUNCTION note();
CREATE OR REPLACE TRIGGER later AFTER UPDATE OF legacy, email ON users FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER later_when BEFORE INSERT ON users FOR EACH ROW WHEN (new.legacy = '') EXECUTE FUNCTION note();
CREATE TRIGGER later_row BEFORE INSERT OR UPDATE ON users FOR EACH ROW EXECUTE FUNCTION note();
ALTER TRIGGER later_row ON users RENAME TO "~zzz";
CREATE TRIGGER later_fine AFTER UPDATE OF other ON users FOR EACH ROW EXECUTE FUNCTION note();
-- the change ends: nobody is told any more
SELECT ec_revert('told_users');
CREATE TRIGGER too_late AFTER UPDATE OF legacy ON users FOR EACH ROW EXECUTE FUNCTION note();

-- without a way back, only the new columns change by themselves; partitions and
-- children with columns in another order, and triggers of their own
CREATE TABLE sales (id int, day int, old_price text, price int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE sales_1 (price int, old_price text, day int NOT NULL, id int NOT NULL);
ALTER TABLE sales ATTACH PARTITION sales_1 FOR VALUES FROM (0) TO (10);
CREATE TABLE sales_2 PARTITION OF sales FOR VALUES FROM (10) TO (20);
CREATE TRIGGER on_old AFTER UPDATE OF old_price ON sales FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER on_new AFTER UPDATE OF price ON sales FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER of_one AFTER UPDATE OF price ON sales_1 FOR EACH ROW EXECUTE FUNCTION note();
SELECT ec_expand('told_sales', 'sales', '{"price": "old_price::int"}');
CREATE TRIGGER of_two AFTER UPDATE OF price ON sales_2 FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER on_all BEFORE UPDATE OF price ON sales FOR EACH ROW EXECUTE FUNCTION note();
-- another table is none of ours
CREATE TABLE elsewhere (legacy text, email text);
CREATE TRIGGER of_other AFTER UPDATE OF legacy ON elsewhere FOR EACH ROW EXECUTE FUNCTION note();

-- a change to another table names what it writes, so its triggers fire
CREATE TABLE source (id int PRIMARY KEY, v text, w text);
CREATE TABLE target (id int PRIMARY KEY, v text, w text);
CREATE TRIGGER on_v AFTER UPDATE OF v ON source FOR EACH ROW EXECUTE FUNCTION note();
SELECT ec_expand('told_move', 'source', '{"id": "id", "v": "v", "w": "w"}', '{"id": "id", "v": "v", "w": "w"}', target => 'target');
CREATE TRIGGER on_v2 AFTER UPDATE OF v ON target FOR EACH ROW EXECUTE FUNCTION note();
INSERT INTO source VALUES (1, 'a', 'b');
TRUNCATE log;
UPDATE target SET v = 'c';
UPDATE source SET v = 'd';
SELECT what FROM log ORDER BY n;

SET client_min_messages = warning;
DROP SCHEMA told CASCADE;
DELETE FROM expand_contract.changes WHERE name LIKE 'told\_%';
