-- A down script is run by who gave it, or who has said SET ROLE to it; and names that
-- are stored have a length.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DELETE FROM expand_contract.schema_migrations;
CREATE ROLE regress_ec_lesser;
SELECT count(ec_grant('regress_ec_lesser'));
-- the author has all rights of who rolls back: still, nobody asked for his script
SELECT ec_apply('na1', 'SELECT 1', 'SELECT ''of the superuser''');
SET ROLE regress_ec_lesser;
SELECT left(line, 60) FROM errors_of($$SELECT ec_rollback('na1')$$) line;
RESET ROLE;
SELECT ec_rollback('na1');
SET ROLE regress_ec_lesser;
SELECT ec_apply('na2', 'SELECT 1', 'SELECT 2');
RESET ROLE;
SELECT left(line, 60) FROM errors_of($$SELECT ec_rollback('na2')$$) line;
SET ROLE regress_ec_lesser;
SELECT ec_rollback('na2');
RESET ROLE;

SELECT * FROM errors_of($$SELECT ec_import_usage(repeat('s', 64), ec_export_usage())$$);
SELECT * FROM errors_of($$SELECT ec_import_usage(repeat('s', 10000000), ec_export_usage())$$);
SELECT * FROM errors_of($$SELECT ec_import_usage('', ec_export_usage())$$);
SELECT * FROM errors_of($$SELECT ec_import_usage(repeat('s', 63), ec_export_usage())$$);

DROP OWNED BY regress_ec_lesser;
DROP ROLE regress_ec_lesser;
DELETE FROM expand_contract.schema_migrations;
