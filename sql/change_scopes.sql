-- One name of a change in two scopes is two changes; and whoever names one under a
-- scope means its own.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE SCHEMA tenant_a;
CREATE SCHEMA tenant_b;
CREATE SCHEMA "c/d";
CREATE TABLE tenant_a.users (id integer PRIMARY KEY, email text, email_lower text);
CREATE TABLE tenant_b.users (LIKE tenant_a.users INCLUDING ALL);
CREATE TABLE "c/d".users (LIKE tenant_a.users INCLUDING ALL);
CREATE TABLE public.users (LIKE tenant_a.users INCLUDING ALL);
INSERT INTO tenant_a.users SELECT g, 'A' || g FROM generate_series(1, 3) g;

SET expand_contract.scope = 'tenant_a';
SET search_path = tenant_a, public;
SELECT ec_expand('users_email', 'users', '{"email_lower": "lower(email)"}', '{"email": "email_lower"}');
SET expand_contract.scope = 'tenant_b';
SET search_path = tenant_b, public;
SELECT ec_expand('users_email', 'users', '{"email_lower": "lower(email)"}', '{"email": "email_lower"}');
SET expand_contract.scope = 'c/d';
SET search_path = "c/d", public;
SELECT ec_expand('users_email', 'users', '{"email_lower": "lower(email)"}', '{"email": "email_lower"}');
RESET expand_contract.scope;
RESET search_path;
SELECT ec_expand('users_email', 'users', '{"email_lower": "lower(email)"}', '{"email": "email_lower"}');
SELECT change, scope, relation, phase FROM ec_changes ORDER BY change COLLATE "C";
SELECT c.relname, n.nspname, tgname FROM pg_trigger g JOIN pg_class c ON c.oid = tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE tgname ~ '^~ec_' ORDER BY tgname;
INSERT INTO tenant_a.users VALUES (4, 'A4');
INSERT INTO tenant_b.users VALUES (4, 'B4');
SELECT * FROM tenant_a.users ORDER BY id;
SELECT * FROM tenant_b.users;

-- each function means the scope's own
SET expand_contract.scope = 'tenant_a';
SELECT ec_dual_write('users_email', false);
SELECT ec_set_flag('users_email', true);
SELECT ec_flag('users_email'), ec_flag('tenant_a/users_email'), ec_flag('tenant_b/users_email');
SELECT ec_require_version('users_email', 'app', '2');
SELECT change, application, minimum FROM expand_contract.required_versions;
SELECT gate, passed FROM ec_gates('users_email', 'cutover') WHERE gate = 'dual_write';
SET expand_contract.scope = 'tenant_b';
SELECT ec_flag('users_email'), ec_flag('tenant_b/users_email');
SELECT gate, passed FROM ec_gates('users_email', 'cutover') WHERE gate = 'dual_write';
SELECT ec_cutover('users_email');
SELECT ec_verify_change('users_email') IS NOT NULL AS verified;
SELECT ec_reconcile('users_email');
SELECT split_part(ec_runbook('users_email'), E'\n', 1);
-- of another scope only where none is set
SELECT ec_revert('tenant_a/users_email');
RESET expand_contract.scope;
SELECT ec_flag('users_email'), ec_flag('tenant_a/users_email'), ec_flag('tenant_b/users_email');
SELECT ec_revert('tenant_a/users_email');
SELECT change, phase, flag, dual_write FROM ec_changes ORDER BY change COLLATE "C";
SELECT change, count(*) > 0 FROM ec_change_events WHERE change LIKE '%users_email' GROUP BY change ORDER BY change COLLATE "C";

-- a job of it
SET expand_contract.scope = 'tenant_b';
BEGIN;
SELECT ec_backfill_change('users_email') IS NOT NULL AS submitted;
SELECT DISTINCT change FROM ec_progress WHERE change LIKE '%users_email';
ROLLBACK;
SET expand_contract.scope = 'tenant_a';
SELECT ec_forget('users_email');
SELECT ec_forget('users_email');
SELECT ec_expand('', 'tenant_a.users', '{"email_lower": "lower(email)"}');
SELECT ec_expand(repeat('x', 42), 'tenant_a.users', '{"email_lower": "lower(email)"}');
SELECT ec_expand('tenant_a/users_email', 'tenant_a.users', '{"email_lower": "lower(email)"}', '{"email": "email_lower"}');
RESET expand_contract.scope;
SELECT change, scope FROM ec_changes WHERE change LIKE 'tenant_a%';

-- A script is one of its scope, whatever the session's is, and leaves that alone.
SELECT ec_apply('001', $$SELECT ec_revert('users_email'); SELECT ec_set_flag('own', true)$$, scope => 'tenant_a');
SHOW expand_contract.scope;
SELECT change, phase FROM ec_changes ORDER BY change COLLATE "C";
SELECT ec_flag('own'), ec_flag('tenant_a/own');
SELECT ec_apply('001', $$SELECT ec_set_flag('own', true)$$, $$SELECT ec_set_flag('own', false)$$, scope => 'tenant_b');
SELECT ec_flag('tenant_b/own');
SELECT ec_rollback('001', scope => 'tenant_b');
SELECT ec_flag('tenant_a/own'), ec_flag('tenant_b/own');

DROP TABLE tenant_a.users, tenant_b.users, "c/d".users, public.users;
DROP SCHEMA tenant_a, tenant_b, "c/d" CASCADE;

-- for the tests that follow
DELETE FROM expand_contract.changes;
DELETE FROM expand_contract.flags;
DELETE FROM expand_contract.schema_migrations;
DELETE FROM expand_contract.migration_events;
DELETE FROM expand_contract.change_events;
