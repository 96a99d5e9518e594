-- Migrations, as a specification: what ec_apply and ec_rollback promise.
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
\set ON_ERROR_STOP true

BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS expand_contract;
SET LOCAL client_min_messages = warning;

SELECT plan(49);

CREATE TABLE users (id integer PRIMARY KEY, legacy_email text);

-- A migration runs once.
SELECT is(ec_apply('001', up => 'ALTER TABLE users ADD COLUMN email text',
                   down => 'ALTER TABLE users DROP COLUMN email'),
          'applied', 'the first call applies the script');
SELECT has_column('users', 'email', 'the script has run');
SELECT is(ec_apply('001', up => 'ALTER TABLE users ADD COLUMN email text',
                   down => 'ALTER TABLE users DROP COLUMN email'),
          'unchanged', 'the second call finds it applied');
SELECT results_eq(
    'SELECT version, phase, state, steps, steps_done, executed_by FROM ec_migrations',
    $$ VALUES ('001', 'expand', 'applied', 1, 1, current_user::text COLLATE "default") $$,
    'the ledger has one row for it');

-- The checksum is that of the tokens.
SELECT is(ec_apply('001', E'-- add the column\r\nalter table USERS\r\n  add column email /* new */ text;\r\n'),
          'unchanged', 'comments, white space, line ends and the case of words do not count');
SELECT is(ec_apply('001', E';;ALTER TABLE users ADD COLUMN email text;;\n;'),
          'unchanged', 'empty statements do not count');
SELECT throws_ok($$ SELECT ec_apply('001', 'ALTER TABLE users ADD COLUMN email varchar') $$, 'XE001',
    'script of migration "001" differs from the one that was applied', 'an edited script is drift');
SELECT throws_ok($$ SELECT ec_apply('001', 'ALTER TABLE users ADD COLUMN "Email" text') $$, 'XE001', NULL,
    'a quoted name is another name');
SELECT is(ec_apply('002', $$ SELECT 'It''s', $x$one
two$x$ $$), 'applied', 'a script with literals');
SELECT is(ec_apply('002', E'SELECT $$It\'s$$, \'one\r\ntwo\''), 'unchanged',
    'the form of quotes and line ends in them do not count');
SELECT throws_ok($$ SELECT ec_apply('002', 'SELECT $a$it''s$a$, $b$one two$b$') $$, 'XE001', NULL,
    'a literal counts exactly');

-- Versions are in natural order, and only go forward.
SELECT is(array_agg(v ORDER BY expand_contract.version_key(v)),
          '{1,9,10,20260101,20260101120000,v1.9,v1.10,v2}',
          'the natural order of versions')
  FROM unnest('{v2,10,v1.10,9,20260101120000,1,v1.9,20260101}'::text[]) v;
SELECT is(ec_apply('010', 'SELECT 10'), 'applied', 'a gap between versions is fine');
SELECT throws_ok($$ SELECT ec_apply('9', 'SELECT 9') $$, 'XE002',
    'migration "9" is older than the newest applied one', 'an older version is out of order');

-- What a migration builds on, it says.
SELECT throws_ok($$ SELECT ec_apply('011', 'SELECT 11', requires => '{001,005}') $$, 'XE003',
    'migration "011" requires migrations that are not applied', 'a missing requirement');
SELECT is(ec_apply('011', up => 'CREATE TABLE t11 ()', down => 'DROP TABLE t11', requires => '{001}'),
          'applied', 'a requirement that is met');

-- A migration is applied as a whole or not at all.
SELECT throws_ok($$ SELECT ec_apply('012', 'CREATE TABLE half (); SELECT 1/0') $$, '22012', NULL,
    'the error of a statement reaches the caller');
SELECT hasnt_table('half', 'nothing of a failed script stays');
SELECT is_empty($$ SELECT FROM ec_migrations WHERE version = '012' $$, 'and it is not in the ledger');
SELECT lives_ok($$ SELECT ec_apply('012', 'CREATE TABLE whole (i int); INSERT INTO whole VALUES (1); ALTER TABLE whole ADD j int') $$,
    'each statement sees those before it');
SAVEPOINT caller;
SELECT is(ec_apply('013', 'CREATE TABLE undone ()'), 'applied', 'it runs in the caller''s transaction');
ROLLBACK TO caller;
SELECT hasnt_table('undone', 'and goes with it');
SELECT is_empty($$ SELECT FROM ec_migrations WHERE version = '013' $$, 'with its row in the ledger');

-- The script runs as the caller would run it, and leaves the session alone.
CREATE SCHEMA tenant;
SET LOCAL search_path = tenant, public;
SELECT lives_ok($$ SELECT ec_apply('014', 'CREATE TABLE here (); SET search_path = pg_catalog; SET work_mem = 64') $$,
    'a script with SET');
SELECT has_table('tenant', 'here', 'the caller''s search_path is the script''s');
SELECT is(current_setting('search_path'), 'tenant, public', 'SET search_path ends with the script');
SELECT isnt(current_setting('work_mem'), '64kB', 'so does any other');
SET LOCAL search_path = public;
SET LOCAL expand_contract.statement_timeout = '50ms';
-- (a cancel is not among the errors that throws_ok catches)
SELECT throws_ok($$ DO $do$ BEGIN
        PERFORM ec_apply('015', 'SELECT pg_sleep(60)');
    EXCEPTION WHEN query_canceled THEN
        RAISE EXCEPTION 'stopped: %', SQLSTATE;
    END $do$ $$, 'P0001', 'stopped: 57014',
    'a statement cannot run longer than expand_contract.statement_timeout');
SET LOCAL expand_contract.statement_timeout = '1min';
SELECT throws_ok($$ SELECT ec_apply('015', 'SELECT ec_apply(''016'', ''SELECT 1'')') $$, '55000', NULL,
    'migrations do not nest');

-- What a script cannot have.
SELECT throws_ok($$ SELECT ec_apply('015', 'ALTER SYSTEM SET work_mem = 64') $$, '0A000', NULL,
    'a statement of which a half could stay behind');
SELECT throws_ok($$ SELECT ec_apply('015', 'SELECT 1; COMMIT') $$, '2D000', NULL, 'transaction control');
SELECT throws_ok($$ SELECT ec_apply('015', 'COPY users FROM STDIN') $$, '0A000', NULL, 'a copy from the client');
SELECT throws_ok($$ SELECT ec_apply('015', E'SELECT 1;\n\\d users') $$, '42601', NULL, 'commands of psql');
SELECT throws_ok($$ SELECT ec_apply('015', NULL) $$, '22004', NULL, 'no script');
SELECT throws_ok($$ SELECT ec_apply(NULL, 'SELECT 1') $$, '22004', NULL, 'no version');

SELECT is(ec_apply('014.1', '-- nothing'), 'applied', 'nothing at all is applied, and stands in the ledger');

-- While a schema expands, nothing goes away.
SELECT throws_ok($$ SELECT ec_apply('015', 'ALTER TABLE users DROP COLUMN legacy_email') $$, 'XE004',
    'migration "015" is not safe in phase "expand": drop_column', 'a drop is refused in phase expand');
SELECT is(ec_apply('015', 'ALTER TABLE users DROP COLUMN legacy_email', phase => 'contract', dry_run => true),
          'planned', 'in phase contract it is not');
SELECT is(ec_apply('015', 'ALTER TABLE users DROP COLUMN legacy_email', allow => '{drop_column}', dry_run => true),
          'planned', 'nor by the rule''s name');
SELECT has_column('users', 'legacy_email', 'a dry run runs nothing');

-- The way back.
SELECT throws_ok($$ SELECT ec_rollback('001') $$, 'XE003', 'migration "001" is required by others',
    'one that another requires stays');
SELECT throws_ok($$ SELECT ec_rollback('014') $$, '55000', 'migration "014" has no down script', 'one without a down script stays');
SELECT throws_ok($$ SELECT ec_rollback('099') $$, '42704', NULL, 'one that is not applied');
SELECT is(ec_rollback('011'), 'rolled back', 'one that nothing requires');
SELECT hasnt_table('t11', 'its down script has run');
SELECT is(ec_rollback('001'), 'rolled back', 'and now the one that it required');
SELECT results_eq(
    $$ SELECT event, version COLLATE "default" FROM expand_contract.migration_events WHERE version IN ('001', '011') ORDER BY id $$,
    $$ VALUES ('apply', '001'), ('apply', '011'), ('rollback', '011'), ('rollback', '001') $$,
    'the log remembers all of it');

-- The ledger belongs to whoever may apply.
CREATE ROLE ec_pgtap_nobody;
GRANT USAGE ON SCHEMA public TO ec_pgtap_nobody;
SET LOCAL ROLE ec_pgtap_nobody;
SELECT is_empty('SELECT FROM ec_migrations', 'others see nothing');
SELECT throws_ok($$ SELECT ec_apply('020', 'SELECT 1') $$, '42501', NULL, 'and apply nothing');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
