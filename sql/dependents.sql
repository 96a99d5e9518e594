-- What goes with a column, and what stands in the way of dropping it.
SET client_min_messages = error;
CREATE FUNCTION about(relation regclass, VARIADIC columns text[]) RETURNS TABLE (kind text, object text, goes boolean, falls boolean, blocks boolean, because text)
LANGUAGE sql AS $$
    SELECT d.* FROM expand_contract.dependents(relation,
        (SELECT array_agg(a.attnum) FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = ANY (columns))) d
$$;

CREATE TABLE users (id int PRIMARY KEY, old_email text UNIQUE CHECK (old_email <> ''), "old ""name" text DEFAULT 'x', other text);
SELECT * FROM about('users', 'other');
SELECT * FROM about('users', 'old_email');

CREATE INDEX users_lower ON users (lower(old_email), other);
CREATE STATISTICS users_stats ON old_email, other FROM users;
CREATE VIEW all_users AS SELECT * FROM users;
CREATE VIEW users_of_view AS SELECT id FROM all_users;
CREATE MATERIALIZED VIEW counted AS SELECT old_email, count(*) FROM users GROUP BY 1;
CREATE POLICY mine ON users USING (old_email = current_user);
CREATE TABLE refers (email text REFERENCES users (old_email));
ALTER TABLE users ADD derived text GENERATED ALWAYS AS (upper(old_email)) STORED;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.other := NEW.old_email; RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION touch();
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER on_change AFTER UPDATE OF old_email ON users FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE FUNCTION mail_of(int) RETURNS text LANGUAGE sql AS 'SELECT OLD_EMAIL FROM Users WHERE id = $1';
CREATE FUNCTION parsed(int) RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT old_email FROM users WHERE id = $1; END;
CREATE FUNCTION elsewhere() RETURNS text LANGUAGE sql AS $$ SELECT 'old_email' $$;
CREATE FUNCTION longer_name() RETURNS text LANGUAGE sql AS $$ SELECT 'my_old_email of users' $$;
CREATE ROLE ec_reader;
GRANT SELECT (old_email) ON users TO ec_reader;
CREATE PUBLICATION a_few FOR TABLE users (id, old_email);
CREATE PUBLICATION others FOR TABLE users (id, other);
CREATE PUBLICATION everything FOR ALL TABLES;
SELECT * FROM about('users', 'old_email');

-- Words in comments are no names, and words in strings are no proof.
CREATE FUNCTION commented() RETURNS int LANGUAGE sql AS 'SELECT id FROM users /* not old_email */ -- old_email';
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN /* users, NEW.old_email */ RETURN NEW; /* -- */ END $$;
CREATE TRIGGER noted BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION noted();
CREATE FUNCTION of_another() RETURNS text LANGUAGE sql AS 'SELECT a.old_email FROM (SELECT other AS old_email FROM users) a';
CREATE FUNCTION starred() RETURNS SETOF users LANGUAGE sql AS 'SELECT * FROM users';
CREATE FUNCTION dynamic() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'UPDATE users SET old_email = NULL'; END $$;
CREATE FUNCTION queries() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT u.old_email FROM users u LIMIT 1); END $$;
CREATE FUNCTION unknowable() RETURNS text LANGUAGE sql AS 'SELECT ''x''';
-- parsed at its next use
SET check_function_bodies = off;
CREATE OR REPLACE FUNCTION unknowable() RETURNS text LANGUAGE sql AS 'SELECT old_email FROM users JOIN no_such_table USING (id)';
RESET check_function_bodies;
-- a view of a view, and what the server drops with that
CREATE VIEW upon AS SELECT old_email FROM all_users;
CREATE UNIQUE INDEX counted_email ON counted (old_email);
SELECT * FROM about('users', 'old_email') WHERE object ~ 'commented|noted|of_another|starred|dynamic|queries|unknowable|upon|counted';
-- the server drops these, no more and no less
CREATE TABLE dropped (object text);
CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO dropped SELECT object_type || ' ' || object_identity FROM pg_event_trigger_dropped_objects() WHERE NOT is_temporary; END $$;
CREATE EVENT TRIGGER note ON sql_drop EXECUTE FUNCTION note();
BEGIN;
CREATE TEMP TABLE told AS SELECT kind || ' ' || object AS object FROM about('users', 'old_email') WHERE falls AND kind <> 'grant';
ALTER TABLE users DROP old_email CASCADE;
SELECT 'only told' AS which, object FROM told EXCEPT SELECT 'only told', object FROM dropped ORDER BY 1, 2;
SELECT 'only dropped' AS which, object FROM dropped
 WHERE object !~ '^(rule "_RETURN"|type|toast table|index pg_toast|trigger "RI_|default value for public.users.derived)' -- parts of others
EXCEPT SELECT 'only dropped', object FROM told ORDER BY 1, 2;
ROLLBACK;
DROP EVENT TRIGGER note;
DROP FUNCTION note, commented, of_another, starred, dynamic, queries, unknowable;
DROP TABLE dropped;
DROP TRIGGER noted ON users;
DROP FUNCTION noted;

-- Names are taken literally.
ALTER TABLE users ADD "dot.ted" int;
CREATE FUNCTION dotted() RETURNS int LANGUAGE sql AS $$ SELECT max("dot.ted") FROM users $$;
CREATE FUNCTION undotted() RETURNS text LANGUAGE sql AS $$ SELECT 'dot-ted users' $$;
SELECT * FROM about('users', 'dot.ted');
CREATE FUNCTION quoted() RETURNS text LANGUAGE sql AS $$ SELECT max("old ""name") FROM users $$;
SELECT * FROM about('users', 'old "name');

-- A table as a whole.
CREATE TABLE parent (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, n serial, a text);
CREATE TABLE child (p int REFERENCES parent);
CREATE VIEW parents AS SELECT a FROM parent;
GRANT SELECT ON parent TO ec_reader;
CREATE TABLE counts_on (n int DEFAULT nextval('parent_n_seq'));
SELECT * FROM expand_contract.dependents('parent'::regclass);
SELECT * FROM about('parent', 'n');
DROP TABLE counts_on;

-- A partition's own index and view count, whatever the column's number there.
CREATE TABLE parts (id int, old text) PARTITION BY LIST (id);
CREATE TABLE part_1 (junk int, old text, id int);
ALTER TABLE part_1 DROP junk;
ALTER TABLE parts ATTACH PARTITION part_1 FOR VALUES IN (1);
CREATE INDEX part_1_old ON part_1 (old);
CREATE VIEW of_part AS SELECT old FROM part_1;
DROP PUBLICATION everything;
SELECT * FROM about('parts', 'old');

DROP PUBLICATION a_few, others;
DROP VIEW of_part;
DROP TABLE parts;
DROP TABLE parent, child CASCADE;
DROP TABLE users, refers CASCADE;
DROP FUNCTION touch, nothing, mail_of, elsewhere, longer_name, dotted, undotted, quoted, about;
DROP ROLE ec_reader;
