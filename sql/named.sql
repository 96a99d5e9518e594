-- What an INSERT names gives the direction, not what the values are.
SET client_min_messages = warning;
CREATE SCHEMA named;
SET search_path = named, public;
CREATE TABLE accounts (id int PRIMARY KEY, status text DEFAULT 'active',
                       is_active boolean NOT NULL DEFAULT false, note text);
SELECT ec_expand('named_accounts', 'accounts', forward => $${"is_active": "coalesce(status = 'active', false)"}$$,
                 backward => $${"status": "CASE WHEN is_active THEN 'active' ELSE 'inactive' END"}$$);
-- the first write of a session
\c -
SET client_min_messages = warning;
SET search_path = named, public;
INSERT INTO accounts (id, is_active) VALUES (10, false) RETURNING id, status, is_active;
CREATE FUNCTION taken(OUT id int, OUT status text, OUT is_active boolean) RETURNS SETOF record LANGUAGE sql AS
    $$ WITH gone AS (DELETE FROM named.accounts RETURNING id, status, is_active) SELECT * FROM gone ORDER BY id $$;
SELECT * FROM taken();

-- the table: old named, new named, both, neither; values are defaults, NULL, DEFAULT, or something else
INSERT INTO accounts (id, status) VALUES (1, 'active'), (2, 'gone'), (3, NULL), (4, DEFAULT);
INSERT INTO accounts (id, is_active) VALUES (11, false), (12, true), (13, DEFAULT);
INSERT INTO accounts (id, status, is_active) VALUES (21, 'active', false), (22, NULL, true), (23, DEFAULT, DEFAULT);
INSERT INTO accounts (id) VALUES (31);
INSERT INTO accounts (id, note) VALUES (32, 'x');
INSERT INTO accounts VALUES (41, 'gone'), (42, 'active');
INSERT INTO accounts VALUES (43, 'active', false, 'x');
SELECT * FROM taken();

-- INSERT ... SELECT, writable CTEs on the same table
INSERT INTO accounts (id, is_active) SELECT g, g % 2 = 0 FROM generate_series(1, 2) g;
INSERT INTO accounts (status, id) SELECT 'active', g FROM generate_series(3, 4) g;
WITH a AS (INSERT INTO accounts (id, is_active) VALUES (5, false)),
     b AS (INSERT INTO accounts (id, status) VALUES (6, 'active') RETURNING id),
     c AS (INSERT INTO accounts (id, status, is_active) VALUES (7, 'active', false))
INSERT INTO accounts (id, is_active) SELECT id + 2, false FROM b;
SELECT * FROM taken();

-- ON CONFLICT: what is proposed by name, what is updated by change
INSERT INTO accounts (id, is_active) VALUES (1, true), (2, false);
INSERT INTO accounts (id, is_active) VALUES (1, false), (2, false), (3, false)
    ON CONFLICT (id) DO UPDATE SET is_active = EXCLUDED.is_active;
INSERT INTO accounts (id, status) VALUES (3, 'active') ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status;
INSERT INTO accounts (id, is_active) VALUES (3, false), (4, false) ON CONFLICT DO NOTHING;
SELECT * FROM taken();

-- MERGE: one INSERT, and several
INSERT INTO accounts (id, is_active) VALUES (1, true);
MERGE INTO accounts a USING generate_series(1, 3) g ON a.id = g
    WHEN MATCHED THEN UPDATE SET is_active = false
    WHEN NOT MATCHED THEN INSERT (id, is_active) VALUES (g, false);
MERGE INTO accounts a USING generate_series(1, 5) g ON a.id = g
    WHEN NOT MATCHED THEN INSERT (id, status) VALUES (g, 'active');
MERGE INTO accounts a USING generate_series(6, 9) g ON a.id = g
    WHEN NOT MATCHED AND g = 6 THEN INSERT (id, status) VALUES (g, 'gone')
    WHEN NOT MATCHED AND g = 7 THEN INSERT (id, is_active) VALUES (g, true)
    WHEN NOT MATCHED AND g = 8 THEN INSERT (id, status, is_active) VALUES (g, 'gone', true)
    WHEN NOT MATCHED THEN INSERT (id) VALUES (g);
SELECT * FROM taken();

-- COPY with and without a list
COPY accounts (id, is_active) FROM stdin;
1	false
2	true
\.
COPY accounts (status, id) FROM stdin;
active	3
gone	4
\.
COPY accounts FROM stdin;
5	active	false	x
6	\N	true	x
\.
COPY accounts (id) FROM stdin;
7
\.
SELECT * FROM taken();

-- prepared, with a generic plan too
SET plan_cache_mode = force_generic_plan;
PREPARE new_app AS INSERT INTO accounts (id, is_active) VALUES ($1, $2);
PREPARE old_app AS INSERT INTO accounts (id, status) VALUES ($1, $2);
EXECUTE new_app (1, false);
EXECUTE old_app (2, 'active');
EXECUTE new_app (3, false);
EXECUTE new_app (4, NULL);
RESET plan_cache_mode;
EXECUTE new_app (5, false);
EXECUTE old_app (6, NULL);
SELECT * FROM taken();

-- views: updatable, one on another, by INSTEAD OF, by rule
CREATE VIEW v1 AS SELECT is_active AS flag, id AS number, status FROM accounts;
CREATE VIEW v2 AS SELECT status AS s, number AS n, flag AS f FROM v1 WHERE number > 0 WITH CHECK OPTION;
INSERT INTO v1 (number, flag) VALUES (1, false);
INSERT INTO v1 (number, status) VALUES (2, 'active');
INSERT INTO v2 (n, f) VALUES (3, false), (4, DEFAULT);
INSERT INTO v2 (n, s, f) VALUES (5, 'active', false);
INSERT INTO v2 (n) VALUES (6);
CREATE VIEW v3 AS SELECT id, is_active FROM accounts OFFSET 0;
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO named.accounts (id, is_active) VALUES (NEW.id, NEW.is_active); RETURN NEW; END $$;
CREATE TRIGGER instead INSTEAD OF INSERT ON v3 FOR EACH ROW EXECUTE FUNCTION instead();
INSERT INTO v3 VALUES (7, false);
CREATE VIEW v4 AS SELECT id, status FROM accounts OFFSET 0;
CREATE RULE instead AS ON INSERT TO v4 DO INSTEAD
    INSERT INTO accounts (id, status) VALUES (NEW.id, NEW.status);
INSERT INTO v4 VALUES (8, 'active');
CREATE TABLE requests (id int, is_active boolean DEFAULT false);
CREATE RULE also AS ON INSERT TO requests DO ALSO
    INSERT INTO accounts (id, is_active) VALUES (NEW.id, NEW.is_active);
INSERT INTO requests VALUES (9);
SELECT * FROM taken();
DROP RULE also ON requests;

-- functions: SQL, PL/pgSQL, DO; one within the other
CREATE FUNCTION add_new(n int) RETURNS boolean LANGUAGE sql AS
    $$ INSERT INTO named.accounts (id, is_active) VALUES (n, false) RETURNING is_active $$;
CREATE FUNCTION add_old(n int) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO named.accounts (id, status) VALUES (n, 'active'); RETURN false; END $$;
SELECT add_new(1), add_old(2);
DO $$ BEGIN INSERT INTO named.accounts (id, is_active) VALUES (3, named.add_old(4)); END $$;
INSERT INTO accounts (id, status) SELECT 5, CASE WHEN add_new(6) THEN 'gone' ELSE 'active' END;
SELECT * FROM taken();

-- triggers, one that inserts into its own table too
CREATE FUNCTION add_shadow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id < 100 THEN
        INSERT INTO named.accounts (id, status) VALUES (NEW.id + 100, 'active');
        INSERT INTO named.accounts (id, is_active) VALUES (NEW.id + 200, false);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER shadow_before BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION add_shadow();
INSERT INTO accounts (id, is_active) VALUES (1, false), (2, true);
INSERT INTO accounts (id, status) VALUES (3, 'active');
DROP TRIGGER shadow_before ON accounts;
CREATE TRIGGER shadow_after AFTER INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION add_shadow();
INSERT INTO accounts (id, is_active) VALUES (4, false);
DROP TRIGGER shadow_after ON accounts;
CREATE TRIGGER of_request AFTER INSERT ON requests FOR EACH ROW EXECUTE FUNCTION instead();
INSERT INTO requests VALUES (5);
COPY requests FROM stdin;
6	false
\.
SELECT * FROM taken();

-- a later row of the same session is told after an error too
DO $$ BEGIN INSERT INTO named.accounts (id, is_active) VALUES (1, false), (1, true);
      EXCEPTION WHEN unique_violation THEN INSERT INTO named.accounts (id, status) VALUES (1, 'active'); END $$;
INSERT INTO accounts (id, is_active) VALUES (2, false);
SELECT * FROM taken();

-- after the cutover as before
SELECT ec_cutover('named_accounts', override => ARRAY(SELECT gate FROM ec_gates('named_accounts', 'cutover')));
INSERT INTO accounts (id, is_active) VALUES (1, false);
INSERT INTO accounts (id, status) VALUES (2, 'active');
INSERT INTO accounts (id) VALUES (3);
SELECT * FROM taken();

-- no constant: left out is left out
CREATE TABLE prices (id int PRIMARY KEY, cents int, price numeric DEFAULT 0, label text DEFAULT '' NOT NULL,
                     name text, at timestamptz DEFAULT now());
SELECT ec_expand('named_prices', 'prices', forward => '{"price": "cents / 100.0", "label": "coalesce(name, ''?'')"}',
                 backward => '{"cents": "(price * 100)::int", "name": "label"}');
INSERT INTO prices (id, price) VALUES (1, 0);
INSERT INTO prices (id, label) VALUES (2, '');
INSERT INTO prices (id, cents) VALUES (3, 250);
INSERT INTO prices (id, name, label) VALUES (4, 'x', '');
SELECT id, cents, price, label, name FROM prices ORDER BY id;

-- partitions whose columns have other numbers; rows that move
CREATE TABLE parts (id int, region text, status text, is_active boolean DEFAULT false, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE part_a PARTITION OF parts FOR VALUES IN ('a');
CREATE TABLE part_b (is_active boolean DEFAULT false, gone int, status text, region text NOT NULL, id int NOT NULL);
ALTER TABLE part_b DROP COLUMN gone;
ALTER TABLE parts ATTACH PARTITION part_b FOR VALUES IN ('b');
SELECT ec_expand('named_parts', 'parts', forward => $${"is_active": "status = 'active'"}$$,
                 backward => $${"status": "CASE WHEN is_active THEN 'active' ELSE 'inactive' END"}$$);
INSERT INTO parts (id, region, is_active) VALUES (1, 'a', false), (2, 'b', false), (3, 'a', NULL), (4, 'b', NULL);
INSERT INTO parts (id, region, status) VALUES (5, 'a', 'active'), (6, 'b', 'active');
INSERT INTO part_b (id, region, is_active) VALUES (7, 'b', false);
INSERT INTO part_a (id, region, status) VALUES (8, 'a', 'active');
COPY parts (region, id, is_active) FROM stdin;
a	9	false
b	10	false
\.
COPY part_b (region, id, is_active) FROM stdin;
b	11	false
\.
SELECT id, status, is_active FROM parts ORDER BY id;
-- the mapping is not made twice of a row that moves, nor where both sides were written
UPDATE parts SET region = 'b', status = 'odd', is_active = true WHERE id = 1;
UPDATE parts SET region = 'a', status = 'active' WHERE id = 2;
UPDATE parts SET region = 'b', is_active = true WHERE id = 3;
UPDATE parts SET region = 'a', is_active = NULL WHERE id = 6;
UPDATE parts SET region = CASE region WHEN 'a' THEN 'b' ELSE 'a' END WHERE id IN (4, 5);
SELECT id, region, status, is_active FROM parts WHERE id < 7 ORDER BY id;
MERGE INTO parts p USING generate_series(1, 14) g ON p.id = g
    WHEN MATCHED AND g = 1 THEN UPDATE SET region = 'a', status = 'odder', is_active = false
    WHEN MATCHED AND g < 6 THEN UPDATE SET region = CASE region WHEN 'a' THEN 'b' ELSE 'a' END, status = 'other'
    WHEN MATCHED THEN UPDATE SET is_active = NULL
    WHEN NOT MATCHED THEN INSERT (region, id, is_active) VALUES (CASE WHEN g % 2 = 0 THEN 'a' ELSE 'b' END, g, false);
SELECT id, region, status, is_active FROM parts ORDER BY id;

-- a cascade of a foreign key is an UPDATE
CREATE TABLE kinds (kind text PRIMARY KEY);
CREATE TABLE things (id int PRIMARY KEY, kind text DEFAULT 'none' REFERENCES kinds ON UPDATE CASCADE ON DELETE SET DEFAULT,
                     upper_kind text DEFAULT 'NONE');
INSERT INTO kinds VALUES ('none'), ('x'), ('y');
SELECT ec_expand('named_things', 'things', forward => '{"upper_kind": "upper(kind)"}', backward => '{"kind": "lower(upper_kind)"}');
INSERT INTO things (id, kind) VALUES (1, 'x'), (2, 'y');
INSERT INTO things (id, upper_kind) VALUES (3, 'NONE');
UPDATE kinds SET kind = 'z' WHERE kind = 'x';
DELETE FROM kinds WHERE kind = 'y';
SELECT * FROM things ORDER BY id;

-- children that inherit
CREATE TABLE parent (id int PRIMARY KEY, status text, is_active boolean DEFAULT false);
CREATE TABLE child (extra text) INHERITS (parent);
SELECT ec_expand('named_parent', 'parent', forward => $${"is_active": "status = 'active'"}$$,
                 backward => $${"status": "CASE WHEN is_active THEN 'active' ELSE 'inactive' END"}$$);
INSERT INTO child (id, is_active) VALUES (1, false);
INSERT INTO parent (id, is_active) VALUES (2, false);
INSERT INTO child (id, status) VALUES (3, 'active');
SELECT * FROM parent ORDER BY id;

DROP SCHEMA named CASCADE;
DELETE FROM expand_contract.changes WHERE name LIKE 'named\_%';
