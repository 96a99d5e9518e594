-- Dual writes between two tables: every statement, both directions, failures, rights.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\set jobs :abs_srcdir '/test/jobs.sql'
\i :errors
\i :jobs
\set SHOW_CONTEXT never
ALTER TABLE expand_contract.jobs ALTER id RESTART 13000;
-- what a statement writes to a table
CREATE TABLE written (n int GENERATED ALWAYS AS IDENTITY, what text, rows int);
CREATE FUNCTION count_written() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS
    'BEGIN INSERT INTO written (what, rows) SELECT tg_op, count(*) FROM t; RETURN NULL; END';

CREATE TABLE users (gone int, id int PRIMARY KEY, mail text, n int DEFAULT 0);
ALTER TABLE users DROP COLUMN gone;
CREATE TABLE people (junk int, email text, person_id bigint PRIMARY KEY,
    serial int GENERATED ALWAYS AS IDENTITY, loud text GENERATED ALWAYS AS (upper(email)) STORED);
ALTER TABLE people DROP COLUMN junk;
CREATE TRIGGER a AFTER INSERT ON people REFERENCING NEW TABLE AS t FOR EACH STATEMENT EXECUTE FUNCTION count_written();
CREATE TRIGGER b AFTER UPDATE ON people REFERENCING NEW TABLE AS t FOR EACH STATEMENT EXECUTE FUNCTION count_written();
CREATE TRIGGER c AFTER DELETE ON people REFERENCING OLD TABLE AS t FOR EACH STATEMENT EXECUTE FUNCTION count_written();
CREATE FUNCTION in_step() RETURNS text LANGUAGE sql AS $$
    SELECT count(*) || ' rows, ' || count(*) FILTER (WHERE p.person_id IS NULL) || ' missing, '
        || count(*) FILTER (WHERE u.id IS NULL) || ' extra, ' || count(*) FILTER (WHERE p.email IS DISTINCT FROM lower(u.mail)) || ' different'
    FROM users u FULL JOIN people p ON p.person_id = u.id $$;
SELECT ec_expand('people', 'users', '{"person_id": "id", "email": "lower(mail)"}', target => 'people');
SELECT ec_expand('people', 'users', '{"person_id": "id", "email": "lower(mail)"}', target => 'people');
SELECT change, relation, target, phase FROM ec_changes;

-- One statement, one write; what does not change the target writes nothing.
INSERT INTO users SELECT i, 'User' || i FROM generate_series(1, 5) i;
UPDATE users SET mail = mail || '!' WHERE id <= 3;
UPDATE users SET n = n + 1;
UPDATE users SET mail = upper(mail) WHERE id = 4;
UPDATE users SET id = id + 10, mail = 'Moved' WHERE id = 5;
DELETE FROM users WHERE id = 1;
DELETE FROM users WHERE id = 1;
SELECT what, rows FROM written ORDER BY n;
SELECT person_id, email, loud FROM people ORDER BY 1;
-- keys that move over each other
UPDATE users SET id = 3 - id + 2 WHERE id IN (2);
UPDATE users SET id = id + 100;
INSERT INTO users VALUES (1, 'A'), (2, 'B'), (3, 'C');
UPDATE users SET id = -id WHERE id < 100;
SELECT in_step();
-- ON CONFLICT, MERGE, COPY, several statements in one
INSERT INTO users VALUES (-1, 'Conflict'), (7, 'Seven') ON CONFLICT (id) DO UPDATE SET mail = excluded.mail;
MERGE INTO users u USING (VALUES (-1, 'x'), (-2, 'Merged'), (8, 'Eight')) AS s (id, m) ON u.id = s.id
    WHEN MATCHED AND s.m = 'x' THEN DELETE
    WHEN MATCHED THEN UPDATE SET mail = s.m, id = -20
    WHEN NOT MATCHED THEN INSERT (id, mail) VALUES (s.id, s.m);
COPY users (id, mail) FROM stdin;
20	Copied
21	\N
\.
WITH d AS (DELETE FROM users WHERE id = 20 RETURNING *), u AS (UPDATE users SET mail = 'With' WHERE id = 21 RETURNING *)
    INSERT INTO users SELECT id, 'Again' FROM d;
SELECT person_id, email FROM people ORDER BY 1;
SELECT in_step();
-- savepoints, and a missing row, which an update brings
BEGIN;
SAVEPOINT s;
INSERT INTO users VALUES (30, 'Thirty');
ROLLBACK TO s;
UPDATE users SET mail = 'Released' WHERE id = 7;
COMMIT;
DELETE FROM people WHERE person_id = 8;
UPDATE users SET mail = 'Back' WHERE id = 8;
SELECT in_step();
-- TRUNCATE takes what the source has
INSERT INTO people (person_id, email) VALUES (1000, 'only here');
BEGIN;
TRUNCATE users;
SELECT person_id, email FROM people;
ROLLBACK;
SELECT in_step();
DELETE FROM people WHERE person_id = 1000;

-- Updates that foreign keys cascade: one row twice in one statement.
CREATE TABLE parents (id int PRIMARY KEY);
CREATE TABLE pairs (a int REFERENCES parents ON UPDATE CASCADE ON DELETE CASCADE,
    b int REFERENCES parents ON UPDATE CASCADE ON DELETE CASCADE, PRIMARY KEY (a, b));
CREATE TABLE couples (a int, b int, PRIMARY KEY (b, a));
SELECT ec_expand('couples', 'pairs', '{"a": "a", "b": "b"}', target => 'couples');
INSERT INTO parents SELECT generate_series(1, 4);
INSERT INTO pairs VALUES (1, 1), (1, 2), (2, 1), (3, 4);
UPDATE parents SET id = id + 10 WHERE id < 3;
TABLE pairs ORDER BY a, b;
TABLE couples ORDER BY a, b;
DELETE FROM parents WHERE id = 11;
TABLE couples;
TRUNCATE parents CASCADE;
TABLE couples;

-- Partitions: through the parent, straight, moved, truncated.
CREATE TABLE events (id int, at int, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
CREATE TABLE events_2 (junk int, note text, at int NOT NULL, id int NOT NULL) PARTITION BY RANGE (at);
ALTER TABLE events_2 DROP COLUMN junk;
CREATE TABLE events_2a (id int NOT NULL, note text, at int NOT NULL);
ALTER TABLE events_2 ATTACH PARTITION events_2a FOR VALUES FROM (10) TO (15);
ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM (10) TO (20);
CREATE TABLE history (at int, id int, text text, PRIMARY KEY (id, at)) PARTITION BY HASH (id);
CREATE TABLE history_0 PARTITION OF history FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE history_1 PARTITION OF history FOR VALUES WITH (MODULUS 2, REMAINDER 1);
SELECT ec_expand('history', 'events', '{"id": "id", "at": "at", "text": "upper(note)"}', target => 'history');
INSERT INTO events VALUES (1, 1, 'one'), (2, 12, 'two'), (3, 3, 'three');
INSERT INTO events_2 (id, at, note) VALUES (4, 13, 'four');
INSERT INTO events_2a (id, at, note) VALUES (5, 14, 'five');
UPDATE events SET at = at + 9, note = note || '!' WHERE id = 3;
UPDATE events_2a SET note = 'straight' WHERE id = 5;
DELETE FROM events_2 WHERE id = 4;
SELECT id, at, text FROM history ORDER BY id;
TRUNCATE events_2a;
SELECT id, at, text FROM history ORDER BY id;
INSERT INTO events VALUES (6, 16, 'nowhere');
INSERT INTO events VALUES (6, 11, 'six');
TRUNCATE events;
SELECT count(*) FROM history;

-- partitions that come and go: new ones have the triggers, their rows are a gap
CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM (20) TO (30);
INSERT INTO events_3 VALUES (7, 21, 'seven');
CREATE TABLE events_4 (id int NOT NULL, at int NOT NULL, note text);
ALTER TABLE events ATTACH PARTITION events_4 FOR VALUES FROM (30) TO (40);
INSERT INTO events_4 VALUES (8, 31, 'eight');
CREATE TABLE events_5 (id int NOT NULL, at int NOT NULL, note text);
INSERT INTO events_5 VALUES (9, 41, 'nine');
SELECT gaps FROM ec_changes WHERE change = 'history';
ALTER TABLE events ATTACH PARTITION events_5 FOR VALUES FROM (40) TO (50);
SELECT reason FROM expand_contract.gaps WHERE change = 'history';
SELECT id, at, text FROM history ORDER BY id;
ALTER TABLE events DETACH PARTITION events_3;
UPDATE events_3 SET note = 'on its own';
DROP TABLE events_4;
SELECT reason FROM expand_contract.gaps WHERE change = 'history' ORDER BY id;
SELECT id, at, text FROM history ORDER BY id;
DELETE FROM expand_contract.gaps;

-- Children by inheritance.
CREATE TABLE parent (id int PRIMARY KEY, a text);
CREATE TABLE child (extra int, PRIMARY KEY (id)) INHERITS (parent);
CREATE TABLE family (id int PRIMARY KEY, a text);
SELECT ec_expand('family', 'parent', '{"id": "id", "a": "a"}', target => 'family');
INSERT INTO parent VALUES (1, 'Parent');
INSERT INTO child VALUES (2, 'Child');
CREATE TABLE grandchild (PRIMARY KEY (id)) INHERITS (child);
INSERT INTO grandchild VALUES (3, 'Grandchild');
UPDATE parent SET a = a || '!';
SELECT * FROM family ORDER BY id;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
SELECT * FROM errors_of($$CREATE FOREIGN TABLE afar () INHERITS (parent) SERVER nowhere$$);
SET client_min_messages = warning;
DROP FOREIGN DATA WRAPPER nowhere CASCADE;
RESET client_min_messages;

-- Both ways, without an end to it.
CREATE TABLE old_side (id int PRIMARY KEY, a text, b text NOT NULL DEFAULT 'b');
CREATE TABLE new_side (id int PRIMARY KEY, a text, c text DEFAULT 'c', boss int REFERENCES new_side ON DELETE SET NULL);
SELECT ec_expand('sides', 'old_side', '{"id": "id", "a": "lower(a)"}', '{"id": "id", "a": "a"}', target => 'new_side');
INSERT INTO old_side VALUES (1, 'Old'), (2, 'OLD');
INSERT INTO new_side VALUES (3, 'New', 'd', 1), (4, 'NEW', 'd', 3);
UPDATE old_side SET a = upper(a);
UPDATE new_side SET a = 'Back' WHERE id = 2;
UPDATE new_side SET id = 5 WHERE id = 4;
UPDATE old_side SET a = 'There', b = 'bb' WHERE id = 5;
SELECT * FROM old_side ORDER BY id;
SELECT * FROM new_side ORDER BY id;
-- what triggers of the target write goes back
DELETE FROM old_side WHERE id = 1;
SELECT * FROM old_side ORDER BY id;
SELECT * FROM new_side ORDER BY id;
CREATE FUNCTION add_one() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS
    'BEGIN IF new.a = ''more'' THEN INSERT INTO new_side (id, a) VALUES (new.id + 1, ''One more''); END IF; RETURN NULL; END';
CREATE TRIGGER add_one AFTER INSERT ON new_side FOR EACH ROW EXECUTE FUNCTION add_one();
INSERT INTO old_side VALUES (10, 'More');
SELECT * FROM old_side ORDER BY id;
TRUNCATE new_side;
SELECT count(*) FROM old_side;

-- Triggers that write the rows of their own statement again, on either side.
CREATE TABLE source (id int PRIMARY KEY, a text);
CREATE TABLE target (a text, id int PRIMARY KEY);
SELECT ec_expand('again', 'source', '{"id": "id", "a": "a"}', '{"id": "id", "a": "a"}', target => 'target');
CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    IF pg_trigger_depth() > 1 THEN RETURN NULL; END IF;
    UPDATE source SET a = a || '!' WHERE id = new.id AND id < 10;
    UPDATE target SET a = a || '?' WHERE id = new.id AND id >= 10;
    DELETE FROM source WHERE id = 3 AND new.id = 3;
    BEGIN
        UPDATE source SET a = 'undone' WHERE id = new.id;
        RAISE division_by_zero;
    EXCEPTION WHEN division_by_zero THEN
    END;
    RETURN NULL;
END $$;
CREATE TRIGGER again AFTER INSERT OR UPDATE ON source FOR EACH ROW EXECUTE FUNCTION again();
INSERT INTO source VALUES (1, 'a'), (2, 'b'), (3, 'c'), (10, 'd');
UPDATE source SET a = 'new' WHERE id = 1;
UPDATE source SET id = id + 18 WHERE id = 2;
SELECT s.id, s.a, t.id, t.a FROM source s FULL JOIN target t USING (id) ORDER BY 1;

-- Failures are recorded, row by row; the others are written.
CREATE TABLE orders (id int PRIMARY KEY, price text);
CREATE TABLE sales (id int PRIMARY KEY, cents int CHECK (cents >= 0));
CREATE TABLE lines (sale int REFERENCES sales);
SELECT ec_expand('sales', 'orders', '{"id": "id", "cents": "price::numeric * 100"}', target => 'sales');
INSERT INTO orders VALUES (1, '1.5'), (2, 'cheap'), (3, '-1'), (4, '4');
INSERT INTO lines VALUES (1);
UPDATE orders SET price = 'x' || price WHERE id >= 3;
UPDATE orders SET id = id + 10 WHERE id IN (1, 2);
DELETE FROM orders WHERE id = 4;
SELECT * FROM orders ORDER BY id;
SELECT * FROM sales ORDER BY id;
SELECT change, key, operation, direction, error_code, error, writes FROM ec_discrepancies ORDER BY change, key;
-- a rolled back write queues nothing
BEGIN;
SAVEPOINT s;
INSERT INTO orders VALUES (50, 'no');
ROLLBACK TO s;
COMMIT;
SELECT count(*) FROM expand_contract.discrepancies WHERE key = '{"id": 50}';
-- made again from what the source has now
SELECT ec_reconcile('sales');
UPDATE orders SET price = '7' WHERE id IN (3, 11, 12);
DELETE FROM lines;
SELECT ec_reconcile('sales');
SELECT * FROM sales ORDER BY id;
SELECT * FROM ec_discrepancies;
-- 'raise'
CREATE TABLE strict_orders (id int PRIMARY KEY, price text);
CREATE TABLE strict_sales (id int PRIMARY KEY, cents int CHECK (cents >= 0));
SELECT ec_expand('strict', 'strict_orders', '{"id": "id", "cents": "price::numeric * 100"}', target => 'strict_sales', on_error => 'raise');
INSERT INTO strict_orders VALUES (1, '1');
SELECT * FROM errors_of($$INSERT INTO strict_orders VALUES (2, 'x')$$);
SELECT * FROM errors_of($$UPDATE strict_orders SET price = '-1'$$);
SELECT * FROM strict_orders;

-- Switched off: a gap, and nothing else.
SELECT ec_dual_write('sales', false);
UPDATE orders SET id = id;
INSERT INTO orders VALUES (60, '1');
SELECT gaps FROM ec_changes WHERE change = 'sales';
SELECT ec_dual_write('sales', true);
SELECT * FROM sales WHERE id = 60;
SET expand_contract.enable_modern_write = off;
TRUNCATE orders;
RESET expand_contract.enable_modern_write;
SELECT gaps FROM ec_changes WHERE change = 'sales';
INSERT INTO orders VALUES (61, '1');
SELECT * FROM sales WHERE id >= 60;

-- Rights: the writer needs none on the target, and gains none.
CREATE ROLE regress_ec_owner;
CREATE ROLE regress_ec_writer;
GRANT CREATE ON SCHEMA public TO regress_ec_owner;
GRANT EXECUTE ON FUNCTION ec_expand TO regress_ec_owner;
SET ROLE regress_ec_owner;
CREATE TABLE accounts (id int PRIMARY KEY, name text);
CREATE TABLE clients (id int PRIMARY KEY, name text, by_role text DEFAULT current_user);
ALTER TABLE clients ENABLE ROW LEVEL SECURITY;
ALTER TABLE clients FORCE ROW LEVEL SECURITY;
SELECT ec_expand('clients', 'accounts', '{"id": "id", "name": "lower(name)"}', target => 'clients');
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON accounts TO regress_ec_writer;
RESET ROLE;
CREATE SCHEMA hostile;
GRANT ALL ON SCHEMA hostile TO regress_ec_writer;
SET ROLE regress_ec_writer;
CREATE FUNCTION hostile.lower(text) RETURNS text LANGUAGE plpgsql AS
    'BEGIN RAISE WARNING ''captured by %'', current_user; RETURN $1; END';
CREATE FUNCTION hostile.eq(int, int) RETURNS boolean LANGUAGE plpgsql AS
    'BEGIN RAISE WARNING ''captured by %'', current_user; RETURN true; END';
CREATE OPERATOR hostile.= (LEFTARG = int, RIGHTARG = int, FUNCTION = hostile.eq);
CREATE TEMP TABLE clients (id int, name text);
CREATE TEMP TABLE ec_put (id int, name text);
SET search_path = hostile, pg_temp, public, pg_catalog;
INSERT INTO accounts VALUES (1, 'ONE'), (2, 'TWO');
UPDATE accounts SET name = 'ZWEI', id = 3 WHERE name = 'TWO';
DELETE FROM accounts WHERE name = 'ONE';
SELECT current_user;
RESET search_path;
SELECT * FROM errors_of($$SELECT * FROM public.clients$$);
SELECT * FROM errors_of($$INSERT INTO public.clients VALUES (9, 'nine')$$);
SELECT * FROM errors_of($$SELECT ec_dual_write('clients', false)$$);
TABLE pg_temp.clients;
RESET ROLE;
SELECT * FROM public.clients;
SELECT * FROM ec_discrepancies;
SET ROLE regress_ec_writer;
TRUNCATE accounts;
RESET ROLE;
SELECT * FROM public.clients;
DROP TABLE pg_temp.clients, pg_temp.ec_put;

-- The jobs: what nobody writes comes over, and what is wrong is put right.
CREATE TABLE stock (id int PRIMARY KEY, "Code" text, n int);
CREATE TABLE goods (number int PRIMARY KEY, code text, extra text DEFAULT 'x');
INSERT INTO stock SELECT i, 'Code' || i, i FROM generate_series(1, 100) i;
SELECT ec_expand('goods', 'stock', '{"number": "id", "code": "lower(\"Code\")"}', '{"id": "number", "Code": "code"}', target => 'goods');
UPDATE stock SET "Code" = 'Dual' WHERE id = 1;
ALTER TABLE stock RENAME "Code" TO code;
ALTER TABLE goods RENAME number TO num;
SELECT ec_backfill_change('goods', batch_size => 30, delay_ms => 0) AS job \gset
SET client_min_messages = warning;
CALL ec_wait(:job);
RESET client_min_messages;
SELECT * FROM outcome(:job);
SELECT phase FROM ec_changes WHERE change = 'goods';
SELECT count(*), count(*) FILTER (WHERE g.code = lower(s.code)) FROM stock s JOIN goods g ON g.num = s.id;
SELECT count(*) FILTER (WHERE code ~ '^Code') AS untouched FROM stock;
SELECT ec_dual_write('goods', false);
DELETE FROM stock WHERE id = 2;
UPDATE stock SET code = 'Gap' WHERE id = 3;
INSERT INTO goods VALUES (500, 'only here');
SELECT ec_dual_write('goods', true);
SELECT ec_backfill_change('goods', 'repair', delay_ms => 0) AS job \gset
SET client_min_messages = warning;
CALL ec_wait(:job);
RESET client_min_messages;
SELECT gaps FROM ec_changes WHERE change = 'goods';
SELECT s.*, g.* FROM stock s FULL JOIN goods g ON g.num = s.id WHERE s.id IS NULL OR g.num IS NULL OR g.code <> lower(s.code) OR s.id = 3;
-- after the cutover the new table is right
UPDATE expand_contract.changes SET phase = 'cut_over' WHERE name = 'goods';
SELECT ec_dual_write('goods', false);
UPDATE goods SET code = 'Right' WHERE num = 4;
DELETE FROM goods WHERE num = 5;
SELECT ec_dual_write('goods', true);
SELECT ec_backfill_change('goods', 'repair', delay_ms => 0) AS job \gset
SET client_min_messages = warning;
CALL ec_wait(:job);
RESET client_min_messages;
SELECT s.id, s.code, g.code FROM stock s FULL JOIN goods g ON g.num = s.id WHERE s.id IS NULL OR g.num IS NULL OR s.id IN (4, 5);
SELECT * FROM ec_discrepancies;

-- Names are followed, and what would break the triggers is refused.
ALTER TABLE users RENAME TO customers;
ALTER TABLE customers RENAME mail TO address;
ALTER TABLE people RENAME TO "Per;sons";
ALTER TABLE "Per;sons" RENAME email TO "e""mail";
ALTER TABLE "Per;sons" RENAME person_id TO "Person Id";
INSERT INTO customers (id, address) VALUES (70, 'Renamed');
UPDATE customers SET id = 71 WHERE id = 70;
SELECT "Person Id", "e""mail" FROM "Per;sons" WHERE "Person Id" >= 70 ORDER BY 1;
ALTER TABLE "Per;sons" ALTER "Person Id" TYPE numeric, ALTER "e""mail" TYPE varchar(10);
UPDATE customers SET id = 72, address = 'Altered' WHERE id = 71;
UPDATE customers SET address = 'Altered too much' WHERE id = 72;
SELECT "Person Id", "e""mail" FROM "Per;sons" WHERE "Person Id" >= 70 ORDER BY 1;
SELECT key, error FROM ec_discrepancies;
SELECT * FROM errors_of($$DROP TABLE "Per;sons"$$);
SELECT * FROM errors_of($$ALTER TABLE "Per;sons" DROP COLUMN "e""mail"$$);
SELECT * FROM errors_of($$ALTER TABLE customers DROP COLUMN address$$);
SET client_min_messages = warning;
DROP TABLE "Per;sons" CASCADE;
RESET client_min_messages;
INSERT INTO customers (id, address) VALUES (80, 'On my own');

-- Others may not use the trigger function for more than it is for.
CREATE TABLE others (id int);
CREATE TRIGGER t AFTER INSERT ON others FOR EACH ROW EXECUTE FUNCTION expand_contract.dual_write_table('sales');
SELECT * FROM errors_of($$INSERT INTO others VALUES (1)$$);
DROP TRIGGER t ON others;
CREATE TRIGGER t AFTER INSERT ON others REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION expand_contract.dual_write_table('sales');
INSERT INTO others VALUES (1);
INSERT INTO others VALUES (2);

-- What is refused.
CREATE TABLE s (id int PRIMARY KEY, a int, b int UNIQUE);
CREATE TABLE s_child () INHERITS (s);
CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL, b int);
CREATE TABLE t_no_key (id int, a int);
CREATE TABLE t_deferred (id int PRIMARY KEY, a int UNIQUE DEFERRABLE);
CREATE TABLE t_tree (id int PRIMARY KEY, a int REFERENCES t_tree ON DELETE CASCADE);
CREATE TABLE t_ruled (id int PRIMARY KEY);
CREATE RULE r AS ON INSERT TO t_ruled DO ALSO NOTHING;
CREATE VIEW v AS SELECT * FROM t;
CREATE FUNCTION look_up(int) RETURNS int LANGUAGE sql STABLE AS 'SELECT $1';
SELECT * FROM errors_of($$SELECT ec_expand('x', 's', '{"id": "id"}', target => 's')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 's', '{"id": "id"}', target => 's_child')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 's', '{"id": "id"}', target => 'v')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 's', '{"id": "id"}', target => 't_ruled')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 's', '{"id": "id"}', target => 't_no_key')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 's', '{"id": "id"}', target => 't')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 's', '{"a": "a"}', target => 't')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 's', '{"id": "id", "a": "a"}', target => 't', key => '{a}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 's', '{"id": "a", "a": "a"}', target => 't')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 's', '{"id": "look_up(id)", "a": "a"}', target => 't')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 's', '{"id": "id", "a": "a"}', '{"a": "a"}', target => 't')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 's', '{"id": "id", "a": "a"}', target => 't', old_columns => '{id, nothing}')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 's', '{"id": "id", "a": "a"}', target => 't_deferred')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 's', '{"id": "id"}', target => 't_tree')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 's', '{"id": "id"}', target => 'sales')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 'sales', '{"id": "id", "a": "cents"}', target => 't')$$);
SELECT * FROM errors_of($$SELECT ec_expand('x', 's', '{"id": "id", "a": "a"}', target => 'orders')$$);
SELECT ec_expand('x', 's', '{"id": "id", "a": "coalesce(a, 0)"}', target => 't');
-- disabled behind our back
DELETE FROM expand_contract.gaps;
ALTER TABLE s DISABLE TRIGGER "~ec_x_update";
SELECT count(*) FROM expand_contract.gaps;
SELECT * FROM errors_of($$SELECT ec_backfill_change('x')$$);
SELECT ec_expand('x', 's', '{"id": "id", "a": "coalesce(a, 0)"}', target => 't');
SELECT ec_expand('x', 's', '{"id": "id", "a": "coalesce(a, 0)"}', target => 't');
SELECT * FROM errors_of($$SELECT ec_expand('y', 's', '{"id": "id", "a": "coalesce(a, 0)"}', target => 't')$$);

DROP TABLE customers, parents, pairs, couples, events, history, events_3, parent, child, grandchild, family, old_side, new_side, source, target,
    orders, sales, lines, strict_orders, strict_sales, accounts, clients, stock, goods, others, s, s_child, t, t_no_key, t_deferred, t_tree, t_ruled, written CASCADE;
DROP SCHEMA hostile CASCADE;
DROP FUNCTION count_written, in_step, add_one, again, look_up;
DROP OWNED BY regress_ec_owner, regress_ec_writer;
DROP ROLE regress_ec_owner, regress_ec_writer;
DELETE FROM expand_contract.changes;
DELETE FROM expand_contract.gaps;
DELETE FROM expand_contract.discrepancies;
DELETE FROM expand_contract.change_events;
