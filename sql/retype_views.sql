-- Another type for columns that keep their names: views that read the columns,
-- and all that hangs on these, come back with the swap, and with the way back.
\set VERBOSITY default
SET client_min_messages = warning;
CREATE ROLE retype_reader;
CREATE ROLE retype_granter;
CREATE ROLE retype_owner;
CREATE SCHEMA retype_views;
SET search_path = retype_views, public;
\pset format unaligned
SET DateStyle = 'SQL, DMY';

CREATE TABLE orders (id integer PRIMARY KEY, n integer NOT NULL, v text, at date);
CREATE TABLE log (n bigint, what text);
INSERT INTO orders SELECT i, i * 10, 'v' || i, '2026-01-02'::date + i FROM generate_series(1, 100) i;
-- a chain of four, and one that reads two of them
CREATE VIEW first WITH (security_barrier) AS SELECT id, n AS "N; --", v, at FROM orders WHERE at > '01/02/2026' AND n > 5;
CREATE VIEW "sec""ond" (a, b, c) WITH (security_invoker = true) AS SELECT id, "N; --", v FROM first WHERE id > 0;
CREATE VIEW third AS SELECT a, sum(b) AS total FROM "sec""ond" GROUP BY a;
CREATE VIEW fourth AS WITH RECURSIVE r (a, depth) AS (SELECT a, 1 FROM third UNION ALL SELECT a + 1, depth + 1 FROM r WHERE depth < 2)
	SELECT DISTINCT a, depth FROM r;
CREATE VIEW both_of AS SELECT f.id, t.total FROM first f JOIN third t ON t.a = f.id;
CREATE VIEW filters AS SELECT v FROM orders WHERE id < 50;
CREATE VIEW keyed AS SELECT id, v, count(*) AS c FROM orders GROUP BY id;
CREATE VIEW writable AS SELECT id, n, v FROM orders WHERE n >= 0 WITH LOCAL CHECK OPTION;
CREATE VIEW over_writable WITH (check_option = cascaded) AS SELECT id, n FROM writable;
-- does not read the columns, and stays
CREATE VIEW aside AS SELECT v, at FROM orders;
SELECT 'aside'::regclass::oid AS aside \gset
ALTER VIEW first RENAME COLUMN v TO "it's v";
ALTER VIEW writable ALTER COLUMN n SET DEFAULT 7;
ALTER VIEW over_writable ALTER COLUMN n SET DEFAULT 8;
COMMENT ON VIEW first IS 'it''s the first';
COMMENT ON COLUMN first.id IS 'a column''s';
GRANT SELECT ON first TO retype_granter WITH GRANT OPTION;
GRANT USAGE ON SCHEMA retype_views TO retype_granter, retype_reader;
SET ROLE retype_granter;
GRANT SELECT ON first TO retype_reader;
RESET ROLE;
GRANT SELECT (a), UPDATE (b) ON "sec""ond" TO retype_reader;
GRANT SELECT ON third TO PUBLIC;
REVOKE DELETE ON third FROM CURRENT_USER;
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO log VALUES (NEW.a, TG_OP || ' ' || TG_ARGV[0]); RETURN NEW; END $$;
CREATE TRIGGER "in'stead" INSTEAD OF INSERT OR UPDATE ON third FOR EACH ROW EXECUTE FUNCTION instead('x"y');
CREATE TRIGGER statement AFTER DELETE ON third EXECUTE FUNCTION suppress_redundant_updates_trigger();
COMMENT ON TRIGGER "in'stead" ON third IS 'a trigger';
CREATE RULE "ru""le" AS ON INSERT TO "sec""ond" DO INSTEAD INSERT INTO orders (id, n, v) VALUES (NEW.a, NEW.b, NEW.c) RETURNING id, n, v;
CREATE RULE deleted AS ON DELETE TO both_of DO INSTEAD (DELETE FROM orders WHERE id = OLD.id; INSERT INTO log VALUES (OLD.id, 'both'));
COMMENT ON RULE deleted ON both_of IS 'a rule';
-- rules of tables: of this one, and of another that reads this one, and a view of it
CREATE RULE logged AS ON DELETE TO orders WHERE OLD.n > 6000000 DO ALSO INSERT INTO log VALUES (OLD.n, 'rule');
ALTER TABLE orders ENABLE ALWAYS RULE logged;
COMMENT ON RULE logged ON orders IS 'another rule';
CREATE TABLE elsewhere (x bigint);
CREATE RULE elsewhere AS ON DELETE TO elsewhere DO ALSO UPDATE orders SET v = (SELECT "it's v" FROM first WHERE id = OLD.x) WHERE id = OLD.x;
CREATE FUNCTION reads_third(bigint) RETURNS numeric LANGUAGE plpgsql AS
	$$ DECLARE r third%ROWTYPE; BEGIN SELECT * INTO r FROM third WHERE a = $1; RETURN r.total; END $$;
SELECT reads_third(50);

-- all that the catalog has of the views and rules
CREATE VIEW what_is_there AS
	SELECT c.relname, c.relowner::regrole, c.reloptions::text, c.relacl::text, c.relkind, pg_get_viewdef(c.oid) AS text,
		obj_description(c.oid, 'pg_class') AS comment,
		(SELECT string_agg(concat_ws(' ', attname, attacl, col_description(c.oid, attnum), pg_get_expr(adbin, adrelid)), ', ' ORDER BY attnum)
			FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = c.oid AND attnum > 0) AS columns,
		(SELECT string_agg(concat_ws(' ', pg_get_triggerdef(oid), tgenabled, obj_description(oid, 'pg_trigger')), E'\n' ORDER BY tgname)
			FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal AND NOT starts_with(tgname, '~ec_')) AS triggers,
		(SELECT string_agg(concat_ws(' ', pg_get_ruledef(oid), ev_enabled, obj_description(oid, 'pg_rewrite')), E'\n' ORDER BY rulename)
			FROM pg_rewrite WHERE ev_class = c.oid AND (c.relkind = 'v' OR rulename <> '_RETURN')) AS rules,
		(SELECT string_agg(concat_ws(' ', refclassid::regclass, refobjid, deptype), ', ' ORDER BY refclassid, refobjid) FROM pg_shdepend
			WHERE classid = 'pg_class'::regclass AND objid = c.oid) AS roles
	FROM pg_class c WHERE relnamespace = 'retype_views'::regnamespace AND relkind IN ('v', 'r') AND relname NOT IN ('before', 'what_is_there');
CREATE TABLE before AS TABLE what_is_there;
SELECT count(*), count(text), count(comment), count(triggers), count(rules) FROM before;
CREATE VIEW differs AS SELECT 'now' AS side, n.* FROM what_is_there n WHERE relname <> 'differs'
	AND NOT EXISTS (SELECT FROM before b WHERE (b.*)::text = (n.*)::text);
DELETE FROM before WHERE relname = 'orders';

-- ---------------------------------------------------------- the way, and back
SELECT ec_change_type('c', 'orders', '{"id": "bigint", "n": "bigint"}');
SELECT ec_backfill_change('c', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ec_prepare('c') AS job \gset
CALL ec_wait(:job);
SELECT ok FROM ec_verify_change('c');
ALTER DEFAULT PRIVILEGES IN SCHEMA retype_views GRANT ALL ON TABLES TO retype_reader;
SELECT ec_cutover('c');
SELECT relname FROM differs WHERE relname <> 'orders';
SELECT 'aside'::regclass = :aside AS stays;
SELECT attrelid::regclass, attname, atttypid::regtype FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
	WHERE relnamespace = 'retype_views'::regnamespace AND relkind = 'v' AND attname IN ('id', 'n', 'N; --', 'a', 'total')
	ORDER BY attrelid::regclass::text, attnum;
-- they work
INSERT INTO "sec""ond" VALUES (3000000000, 6000000000, 'big') RETURNING *;
SELECT count(*) FROM "sec""ond";
INSERT INTO third VALUES (4000000000, 1);
INSERT INTO writable (id) VALUES (5000000000) RETURNING *;
INSERT INTO writable (id, n) VALUES (5000000001, -1);
INSERT INTO over_writable (id) VALUES (5000000002) RETURNING *;
DELETE FROM orders WHERE id = 3000000000;
DELETE FROM both_of WHERE id = 77;
SELECT * FROM log ORDER BY n, what;
SELECT reads_third(50), reads_third(3000000000);
SET ROLE retype_reader;
SELECT id FROM first WHERE id > 99;
RESET ROLE;
DELETE FROM orders WHERE id > 2147483647;
SELECT ec_revert('c');
SELECT relname FROM differs WHERE relname <> 'orders';
SELECT attrelid::regclass, attname, atttypid::regtype FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
	WHERE relnamespace = 'retype_views'::regnamespace AND relkind = 'v' AND attname IN ('id', 'n', 'N; --', 'a', 'total')
	ORDER BY attrelid::regclass::text, attnum;
SELECT reads_third(50);
-- and again, to the end
SELECT ec_prepare('c') AS job \gset
CALL ec_wait(:job);
SELECT ok FROM ec_verify_change('c');
SELECT ec_cutover('c');
SELECT relname FROM differs WHERE relname <> 'orders';
SELECT ec_contract('c', '{stabilization}');
SELECT relname FROM differs WHERE relname <> 'orders';
SELECT count(*), max(id) FROM first;

-- ------------------------------------------------------------ what is refused
CREATE TABLE held (id integer PRIMARY KEY, n integer, t text);
CREATE VIEW shows AS SELECT id, n FROM held;
CREATE MATERIALIZED VIEW direct AS SELECT n FROM held;
CREATE MATERIALIZED VIEW through AS SELECT n FROM shows;
CREATE FUNCTION takes(shows) RETURNS integer LANGUAGE sql AS 'SELECT $1.n';
CREATE FUNCTION body() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT sum(n) FROM shows; END;
CREATE TABLE stores (s shows);
CREATE TABLE guarded (id integer);
CREATE POLICY guard ON guarded USING (EXISTS (SELECT FROM shows s WHERE s.id = guarded.id));
CREATE VIEW owned AS SELECT id FROM held;
ALTER VIEW owned OWNER TO retype_owner;
CREATE TEMPORARY VIEW passing AS SELECT id FROM held;
CREATE VIEW circle AS SELECT 1 AS n;
CREATE VIEW circle_too AS SELECT circle.n FROM circle, held WHERE held.n = circle.n;
CREATE OR REPLACE VIEW circle AS SELECT n FROM circle_too;
SELECT ec_change_type('h', 'held', '{"id": "bigint", "n": "bigint"}');
DROP MATERIALIZED VIEW direct, through;
DROP FUNCTION takes(shows);
DROP FUNCTION body();
DROP TABLE stores, guarded;
DROP VIEW owned, passing;
DROP VIEW circle CASCADE;
-- a view that does not take the new type
CREATE VIEW cuts AS SELECT substr(t, 2) AS t FROM held;
CREATE VIEW adds AS SELECT n + 1 AS n FROM held;
CREATE VIEW over_adds AS SELECT n FROM adds;
SELECT ec_change_type('h', 'held', '{"t": "uuid", "n": "text"}', '{"t": "t::uuid", "n": "n::text"}', '{"t": "t__new::text", "n": "NULL"}');
SELECT attname FROM pg_attribute WHERE attrelid = 'held'::regclass AND attnum > 0 ORDER BY 1;
DROP VIEW cuts, adds, over_adds;
SELECT ec_change_type('h', 'held', '{"n": "bigint"}');
-- what has come since
SELECT ec_backfill_change('h', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
CREATE MATERIALIZED VIEW later AS SELECT n FROM shows;
SELECT observed, hint FROM ec_gates('h', 'cutover') WHERE gate = 'prepared';
DROP MATERIALIZED VIEW later;
SELECT observed FROM ec_gates('h', 'cutover') WHERE gate = 'prepared';
SELECT ec_revert('h');

SET client_min_messages = error;
DROP SCHEMA retype_views CASCADE;
SELECT ec_forget(change) FROM ec_changes WHERE change IN ('c', 'h') ORDER BY change;
DROP ROLE retype_reader, retype_granter, retype_owner;
