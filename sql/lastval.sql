-- What dual writes record leaves lastval() to the application.
SET client_min_messages = error;
CREATE SCHEMA last;
SET search_path = last, public;
CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, price text, cents int);
SELECT ec_expand('last_orders', 'orders', '{"cents": "(price::numeric * 100)::int"}');
CREATE TABLE notes (id serial PRIMARY KEY, body text);
CREATE TABLE texts (id int PRIMARY KEY, number int);
SELECT ec_expand('last_notes', 'notes', '{"id": "id", "number": "body::int"}', target => 'texts');
-- a number far from any of ours
SELECT setval('orders_id_seq', 5000), setval('notes_id_seq', 7000);
INSERT INTO orders (price) VALUES ('cheap'), ('1.50');
SELECT lastval(), count(*) FROM expand_contract.discrepancies WHERE change = 'last_orders';
INSERT INTO notes (body) VALUES ('none'), ('1');
SELECT lastval(), count(*) FROM expand_contract.discrepancies WHERE change = 'last_notes';
UPDATE orders SET id = DEFAULT, price = 'dear' WHERE price = 'cheap';
SELECT lastval();
SET expand_contract.enable_modern_write = off;
INSERT INTO orders (price) VALUES ('2');
SELECT lastval(), count(*) FROM expand_contract.gaps WHERE change = 'last_orders';
RESET expand_contract.enable_modern_write;
INSERT INTO orders (price) VALUES ('3');
-- nor does what DDL of the session notes, or a function of ours
ALTER TABLE orders DISABLE TRIGGER USER;
ALTER TABLE orders ENABLE ALWAYS TRIGGER "~ec_last_orders";
SELECT count(ec_set_flag('last_orders', false)) AS flags, lastval();
SELECT count(*) AS order_kept FROM (SELECT at < lag(at) OVER (ORDER BY id) AS odd FROM expand_contract.discrepancies) d WHERE odd;
DROP SCHEMA last CASCADE;
DELETE FROM expand_contract.changes WHERE name LIKE 'last\_%';
DELETE FROM expand_contract.discrepancies WHERE change LIKE 'last\_%';
DELETE FROM expand_contract.gaps WHERE change LIKE 'last\_%';
