-- Roles that can write to a table, and may not compute the expressions, are named.
CREATE SCHEMA writers;
CREATE SCHEMA helpers;
SET search_path = writers, public;
CREATE ROLE regress_ec_w_reader;
CREATE ROLE regress_ec_w_app;
CREATE ROLE regress_ec_w_column;
CREATE ROLE regress_ec_w_view;
CREATE ROLE regress_ec_w_child;
CREATE ROLE regress_ec_w_good;
CREATE ROLE regress_ec_w_outside;
CREATE FUNCTION clean(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)';
CREATE FUNCTION helpers.is_code(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT $1 <> '' $$;
CREATE FUNCTION helpers.add(text, int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT $1 || $2::text $$;
CREATE OPERATOR helpers.+ (LEFTARG = text, RIGHTARG = int, FUNCTION = helpers.add);
CREATE DOMAIN helpers.code AS text CHECK (helpers.is_code(VALUE));
REVOKE EXECUTE ON FUNCTION clean(text), helpers.is_code(text), helpers.add(text, int) FROM PUBLIC;
CREATE TABLE users (id int PRIMARY KEY, legacy text, number int, email text, code helpers.code);
CREATE TABLE users_child () INHERITS (users);
CREATE VIEW shown AS SELECT * FROM users;
CREATE VIEW shown_again AS SELECT id, legacy FROM shown;
GRANT USAGE ON SCHEMA writers TO regress_ec_w_reader, regress_ec_w_app, regress_ec_w_column, regress_ec_w_view, regress_ec_w_child, regress_ec_w_good;
GRANT SELECT, DELETE ON users TO regress_ec_w_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON users TO regress_ec_w_app, regress_ec_w_good, regress_ec_w_outside;
GRANT UPDATE (legacy) ON users TO regress_ec_w_column;
GRANT SELECT, INSERT ON shown_again TO regress_ec_w_view;
GRANT INSERT ON users_child TO regress_ec_w_child;
GRANT USAGE ON SCHEMA helpers TO regress_ec_w_good;
GRANT EXECUTE ON FUNCTION clean(text), helpers.is_code(text), helpers.add(text, int) TO regress_ec_w_good;
SELECT ec_expand('writers_email', 'users', '{"email": "clean(legacy)"}');
SELECT ec_expand('writers_code', 'users', '{"code": "helpers.code(legacy OPERATOR(helpers.+) number)"}', on_error => 'raise');
-- and it is as it says
SET ROLE regress_ec_w_view;
INSERT INTO shown_again VALUES (1, 'One');
RESET ROLE;
GRANT EXECUTE ON FUNCTION writers.clean(text) TO regress_ec_w_app; GRANT EXECUTE ON FUNCTION helpers.add(text,integer) TO regress_ec_w_app; GRANT EXECUTE ON FUNCTION helpers.is_code(text) TO regress_ec_w_app; GRANT USAGE ON SCHEMA helpers TO regress_ec_w_app;
SET ROLE regress_ec_w_app;
INSERT INTO users (id, legacy, number) VALUES (2, 'Two', 2);
RESET ROLE;
SELECT id, email, code FROM users ORDER BY id;
SELECT key, error_code FROM ec_discrepancies WHERE change LIKE 'writers%';

-- functions of the server too, whoever has them revoked
BEGIN;
REVOKE EXECUTE ON FUNCTION pg_catalog.initcap(text) FROM PUBLIC;
CREATE TABLE plain (id int PRIMARY KEY, a text, b text);
GRANT INSERT ON plain TO regress_ec_w_app;
SELECT ec_expand('writers_plain', 'plain', '{"b": "initcap(a)"}');
ROLLBACK;
-- more than anybody would read
DO $$
BEGIN
    FOR i IN 10..25 LOOP
        EXECUTE format('CREATE ROLE regress_ec_w_%s', i);
        EXECUTE format('GRANT INSERT ON writers.users TO regress_ec_w_%s', i);
        EXECUTE format('GRANT USAGE ON SCHEMA writers TO regress_ec_w_%s', i);
    END LOOP;
END $$;
CREATE TABLE many () INHERITS (users);
ALTER TABLE users ADD COLUMN more text;
SELECT ec_expand('writers_more', 'users', '{"more": "clean(legacy)"}');

SET client_min_messages = error;
DROP SCHEMA writers, helpers CASCADE;
DELETE FROM expand_contract.changes WHERE name LIKE 'writers\_%';
DELETE FROM expand_contract.discrepancies WHERE change LIKE 'writers\_%';
DO $$
DECLARE r name;
BEGIN
    FOR r IN SELECT rolname FROM pg_roles WHERE rolname LIKE 'regress\_ec\_w\_%' LOOP
        EXECUTE format('DROP OWNED BY %I', r);
        EXECUTE format('DROP ROLE %I', r);
    END LOOP;
END $$;
