-- A failure is queued for rows that are stored, not for those that came to nothing.
SET client_min_messages = error;
CREATE SCHEMA proposed;
SET search_path = proposed, public;
CREATE VIEW queued AS
SELECT key::text, operation, direction, error_code FROM ec_discrepancies WHERE change LIKE 'proposed\_%' ORDER BY key::text COLLATE "C", 2, 3;
CREATE TABLE items (id int PRIMARY KEY, price text, hits int NOT NULL DEFAULT 0, cents int);
-- rows that no backfill has seen, so they are not in step
INSERT INTO items VALUES (1, '1'), (2, '2');
SELECT ec_expand('proposed_items', 'items', '{"cents": "(price::numeric * 100)::int"}', '{"price": "(cents / 100.0)::text"}');

-- ON CONFLICT: of the proposal nothing is left
INSERT INTO items (id, price) VALUES (1, 'cheap') ON CONFLICT DO NOTHING;
INSERT INTO items (id, price) VALUES (1, 'cheap'), (2, 'dear'), (3, '3') ON CONFLICT (id) DO NOTHING;
INSERT INTO items (id, price) VALUES (1, 'cheap') ON CONFLICT (id) DO UPDATE SET hits = items.hits + 1;
INSERT INTO items (id, price) VALUES (2, 'cheap') ON CONFLICT (id) DO UPDATE SET price = '20';
INSERT INTO items (id, price) VALUES (2, 'cheap') ON CONFLICT (id) DO UPDATE SET price = excluded.price WHERE items.hits > 5;
SELECT * FROM queued;
-- a row of the same transaction is no row of the statement
BEGIN;
INSERT INTO items (id, price) VALUES (4, '4');
INSERT INTO items (id, price) VALUES (4, 'cheap') ON CONFLICT DO NOTHING;
COMMIT;
SELECT * FROM queued;
-- what is stored is queued: inserted, or updated
INSERT INTO items (id, price) VALUES (1, 'cheap'), (5, 'five'), (6, '6') ON CONFLICT (id) DO NOTHING;
INSERT INTO items (id, price) VALUES (3, 'three') ON CONFLICT (id) DO UPDATE SET price = excluded.price;
SELECT * FROM queued;
TABLE items ORDER BY id;
-- and a proposal for a row that is queued adds nothing to it
INSERT INTO items (id, price) VALUES (5, 'fifty') ON CONFLICT (id) DO NOTHING;
SELECT key, writes FROM ec_discrepancies WHERE change = 'proposed_items' ORDER BY key::text;
UPDATE items SET price = '3' WHERE price = 'three';
UPDATE items SET price = '5' WHERE price = 'five';
SELECT ec_reconcile('proposed_items');

-- COPY, MERGE and a prepared statement
COPY items (id, price) FROM stdin;
7	seven
8	8
\.
MERGE INTO items i USING (VALUES (1, 'one'), (9, 'nine'), (10, '10')) n (id, price) ON i.id = n.id
    WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED THEN INSERT (id, price) VALUES (n.id, n.price);
MERGE INTO items i USING (VALUES (1, 'one'), (11, 'eleven')) n (id, price) ON i.id = n.id
    WHEN MATCHED AND i.hits > 100 THEN UPDATE SET price = n.price WHEN NOT MATCHED THEN DO NOTHING;
PREPARE add (int, text) AS INSERT INTO items (id, price) VALUES ($1, $2) ON CONFLICT DO NOTHING;
EXECUTE add (1, 'one');
EXECUTE add (12, 'twelve');
SELECT * FROM queued;
DELETE FROM items WHERE id > 6;
SELECT ec_reconcile('proposed_items');

-- backward writes
INSERT INTO items (id, cents) VALUES (1, 5) ON CONFLICT DO NOTHING;
SELECT * FROM queued;

-- subtransactions: what was rolled back was not stored
BEGIN;
SAVEPOINT one;
INSERT INTO items (id, price) VALUES (20, 'twenty');
ROLLBACK TO one;
INSERT INTO items (id, price) VALUES (21, 'twenty-one'), (1, 'one') ON CONFLICT DO NOTHING;
SAVEPOINT two;
INSERT INTO items (id, price) VALUES (21, 'again'), (22, 'twenty-two') ON CONFLICT DO NOTHING;
RELEASE two;
INSERT INTO items (id, price) VALUES (20, 'twenty'), (22, 'x') ON CONFLICT DO NOTHING;
COMMIT;
SELECT * FROM queued;
DO $$
BEGIN
    BEGIN
        INSERT INTO items (id, price) VALUES (30, 'thirty');
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN
        INSERT INTO items (id, price) VALUES (31, 'thirty-one'), (1, 'one') ON CONFLICT DO NOTHING;
    END;
END $$;
SELECT * FROM queued WHERE key LIKE '%3%';
DELETE FROM items WHERE id >= 20;
SELECT ec_reconcile('proposed_items');

-- a trigger behind ours throws the row away: new, or a version of an old one
CREATE FUNCTION throw_away() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN new.hits >= 0 THEN new END;
END $$;
CREATE TRIGGER "~zz_last" BEFORE INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION throw_away();
INSERT INTO items (id, price, hits) VALUES (40, 'forty', -1), (41, '41', -1), (42, 'forty-two', 0);
UPDATE items SET price = 'free', hits = -1 WHERE id IN (1, 2);
COPY items (id, price, hits) FROM stdin;
43	forty-three	-1
44	forty-four	0
\.
SELECT * FROM queued;
-- what is queued follows a key, if the row gets it
UPDATE items SET id = 142, hits = -1 WHERE id = 42;
SELECT key FROM queued;
UPDATE items SET id = 144 WHERE id = 44;
SELECT ec_reconcile('proposed_items');
SELECT key FROM queued;
DROP TRIGGER "~zz_last" ON items;
DELETE FROM items WHERE id >= 40;
SELECT ec_reconcile('proposed_items');

-- triggers after the row: one that changes it, one that takes it away
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.hits = 50 THEN
        UPDATE items SET hits = 51 WHERE id IN (new.id, new.id + 1);
    ELSIF new.hits = 60 THEN
        DELETE FROM items WHERE id = new.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER after_all AFTER INSERT ON items FOR EACH ROW EXECUTE FUNCTION touch();
INSERT INTO items (id, price, hits) VALUES (50, 'fifty', 50), (51, 'fifty-one', 0);
SELECT * FROM queued;
DROP TRIGGER after_all ON items;
DELETE FROM items WHERE id >= 50;
SELECT ec_reconcile('proposed_items');

-- a view with an INSTEAD OF trigger that stores some rows only, and a rule
CREATE VIEW shop AS SELECT id, price FROM items;
CREATE FUNCTION shop_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO items (id, price) VALUES (new.id, new.price) ON CONFLICT DO NOTHING;
    RETURN new;
END $$;
CREATE TRIGGER instead INSTEAD OF INSERT ON shop FOR EACH ROW EXECUTE FUNCTION shop_insert();
INSERT INTO shop VALUES (1, 'one'), (60, 'sixty');
CREATE VIEW stall AS SELECT id, price FROM items;
CREATE RULE stall_insert AS ON INSERT TO stall DO INSTEAD INSERT INTO items (id, price) VALUES (new.id, new.price) ON CONFLICT DO NOTHING;
INSERT INTO stall VALUES (1, 'one'), (61, 'sixty-one');
WITH added AS (INSERT INTO items (id, price) VALUES (1, 'one'), (62, 'sixty-two') ON CONFLICT DO NOTHING RETURNING id)
INSERT INTO items (id, price) SELECT id + 100, 'more' FROM added;
SELECT * FROM queued;
SELECT gate, passed FROM ec_gates('proposed_items', 'cutover') WHERE gate = 'discrepancies';
DELETE FROM items WHERE id >= 60;
SELECT ec_reconcile('proposed_items');
SELECT gate, passed FROM ec_gates('proposed_items', 'cutover') WHERE gate = 'discrepancies';

-- a key of several columns in another order than its index has them, of a
-- domain, with a collation; partitions, and a row that moves to another one
CREATE DOMAIN code AS text COLLATE "C" CHECK (value <> '');
CREATE TABLE stock (junk int, place int, code code, price text, cents int, PRIMARY KEY (code, place)) PARTITION BY RANGE (place);
ALTER TABLE stock DROP junk;
CREATE TABLE stock_1 PARTITION OF stock FOR VALUES FROM (0) TO (10);
CREATE TABLE stock_2 (cents int, code code NOT NULL, price text, place int NOT NULL);
ALTER TABLE stock ATTACH PARTITION stock_2 FOR VALUES FROM (10) TO (20);
SELECT ec_expand('proposed_stock', 'stock', '{"cents": "(price::numeric * 100)::int"}');
INSERT INTO stock VALUES (1, 'a', '1'), (11, 'b', '2');
INSERT INTO stock VALUES (1, 'a', 'x'), (11, 'b', 'x'), (12, 'c', 'x') ON CONFLICT DO NOTHING;
INSERT INTO stock_2 (place, code, price) VALUES (11, 'b', 'x'), (13, 'd', 'x') ON CONFLICT DO NOTHING;
SELECT * FROM queued;
UPDATE stock SET place = 15, price = 'moved' WHERE code = 'a';
SELECT * FROM queued WHERE operation = 'update';
SELECT tableoid::regclass, place, code, price, cents FROM stock ORDER BY place;

DROP SCHEMA proposed CASCADE;
DELETE FROM expand_contract.changes WHERE name LIKE 'proposed\_%';
DELETE FROM expand_contract.discrepancies WHERE change LIKE 'proposed\_%';
