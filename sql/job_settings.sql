-- A worker runs a script under the settings of the session that submitted it,
-- each with its own value.
SET client_min_messages = warning;
ALTER TABLE expand_contract.jobs ALTER id RESTART 25000;
CREATE TABLE settings_seen (name text, value text);
SET maintenance_work_mem = '65MB';
SET work_mem = '5MB';
SET max_parallel_maintenance_workers = 1;
SET expand_contract.statement_timeout = '33s';
SET expand_contract.lock_timeout = '7s';
SELECT ec_apply('settings', $$VACUUM settings_seen;
    INSERT INTO settings_seen SELECT name, setting FROM pg_settings
     WHERE name IN ('maintenance_work_mem', 'work_mem', 'max_parallel_maintenance_workers', 'expand_contract.statement_timeout', 'expand_contract.lock_timeout')$$);
CALL ec_wait_migration('settings');
SELECT * FROM settings_seen ORDER BY name COLLATE "C";
DELETE FROM expand_contract.schema_migrations WHERE version = 'settings';
DELETE FROM expand_contract.migration_events WHERE version = 'settings';
DROP TABLE settings_seen;
