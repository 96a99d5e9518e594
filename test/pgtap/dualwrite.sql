-- Dual writes as a specification.
\set QUIET 1
\set ON_ERROR_STOP 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS expand_contract;

BEGIN;
SELECT plan(40);

-- the surface
SELECT has_function('ec_expand', ARRAY['text', 'regclass', 'jsonb', 'jsonb', 'regclass', 'text[]', 'text[]', 'text', 'boolean']);
SELECT has_function('ec_dual_write', ARRAY['text', 'boolean']);
SELECT has_function('ec_reconcile', ARRAY['text']);
SELECT has_function('ec_backfill_change', ARRAY['text', 'text', 'integer', 'integer', 'integer', 'timestamp with time zone', 'text', 'interval', 'text']);
SELECT volatility_is('ec_flag', ARRAY['text'], 'stable');
SELECT has_view('ec_changes');
SELECT has_view('ec_discrepancies');
SELECT ok(NOT has_function_privilege('public', f, 'EXECUTE'), f || ' is handed out, not everyone''s')
  FROM unnest(ARRAY['ec_expand(text, regclass, jsonb, jsonb, regclass, text[], text[], text, boolean)', 'ec_dual_write(text, boolean)',
                    'ec_reconcile(text)', 'ec_reconcile_job(text, integer, integer, timestamptz, text, interval)', 'ec_set_flag(text, boolean)',
                    'ec_backfill_change(text, text, integer, integer, integer, timestamptz, text, interval, text)']) f;
SELECT ok(has_function_privilege('public', 'ec_flag(text)', 'EXECUTE'), 'ec_flag is everyone''s');

CREATE TABLE users (id int PRIMARY KEY, legacy_email text, email text, price text, cents int CHECK (cents >= 0), note text);
SELECT is(ec_expand('email', 'users', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}'), 'expanded', 'a change is registered');
SELECT is(ec_expand('email', 'users', '{"email": "lower(legacy_email)"}', '{"legacy_email": "email"}'), 'unchanged', '... once');
SELECT is(ec_expand('cents', 'users', '{"cents": "price::int"}'), 'expanded', 'a table may have several');
SELECT has_trigger('users', '~ec_email', 'its trigger is there');
SELECT throws_ok($$SELECT ec_expand('more', 'users', '{"email": "note"}')$$, '55006', NULL, 'no column is written by two changes');
SELECT throws_ok($$SELECT ec_expand('more', 'users', '{"note": "email"}')$$, '55006', NULL, 'no change goes on from another');
SELECT throws_ok($$SELECT ec_expand('more', 'users', '{"note": "now()::text"}')$$, '42P17', NULL, 'an expression gives the same everywhere');

-- a write to either side keeps the other in step
INSERT INTO users (id, legacy_email) VALUES (1, 'Ada');
INSERT INTO users (id, email) VALUES (2, 'Bob');
INSERT INTO users (id, legacy_email, email) VALUES (3, 'one', 'other');
SELECT results_eq('SELECT legacy_email, email FROM users ORDER BY id', $$VALUES ('Ada', 'ada'), ('Bob', 'Bob'), ('one', 'other')$$,
    'INSERT computes what is unset');
UPDATE users SET legacy_email = 'EVE' WHERE id = 1;
UPDATE users SET email = 'Zed' WHERE id = 2;
UPDATE users SET legacy_email = 'x', email = 'y' WHERE id = 3;
SELECT results_eq('SELECT legacy_email, email FROM users ORDER BY id', $$VALUES ('EVE', 'eve'), ('Zed', 'Zed'), ('x', 'y')$$,
    'UPDATE goes by what has changed');
UPDATE users SET note = 'z';
SELECT is((SELECT email FROM users WHERE id = 3), 'y', 'other columns are no occasion');

-- a failing modern write never blocks the legacy write, and is never lost
SELECT lives_ok($$UPDATE users SET price = 'cheap' WHERE id = 1$$, 'what cannot be computed does not fail the write');
SELECT lives_ok($$UPDATE users SET price = '-5' WHERE id = 2$$, '... nor what a CHECK refuses');
SELECT results_eq($$SELECT change, key, error_code FROM ec_discrepancies ORDER BY key$$,
    $$VALUES ('cents' COLLATE "C", '{"id": 1}'::jsonb, '22P02'), ('cents', '{"id": 2}', '23514')$$, 'both are in the queue');
SELECT is(ec_reconcile('cents'), 2::bigint, 'and stay there while the cause does');
UPDATE users SET price = '7' WHERE id IN (1, 2);
SELECT is(ec_reconcile(), 0::bigint, 'a row that is right by now leaves it');
SELECT is((SELECT array_agg(cents ORDER BY id) FROM users), ARRAY[7, 7, NULL], 'and all are in step');

-- switches
SELECT is(ec_dual_write('email', false), 'off', 'the modern write can be switched off');
UPDATE users SET legacy_email = 'Gap' WHERE id = 1;
SELECT is((SELECT email FROM users WHERE id = 1), 'eve', '... then nothing is carried over');
SELECT is((SELECT gaps FROM ec_changes WHERE change = 'email'), 1::bigint, '... but the gap is known');
SELECT is(ec_dual_write('email', true), 'on', 'and on again');
SELECT is(ec_flag('email'), false, 'a read switch is off until it is set');
SELECT is(ec_set_flag('email', true), true, '... which is done at once');
SELECT is(ec_flag('email'), true, '... and seen by the next statement');

-- DDL
SELECT throws_ok('ALTER TABLE users DROP COLUMN legacy_email', '2BP01', NULL, 'a mapped column cannot be dropped');
SELECT lives_ok('ALTER TABLE users RENAME legacy_email TO address', 'but renamed');
UPDATE users SET address = 'Renamed' WHERE id = 2;
SELECT is((SELECT email FROM users WHERE id = 2), 'renamed', 'and is followed');

SELECT * FROM finish();
ROLLBACK;
