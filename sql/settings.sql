-- Every setting: its default, its unit, its range, who may set it.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
LOAD 'expand_contract';
SELECT name, boot_val, unit, context FROM pg_settings WHERE name ~ '^expand_contract\.' ORDER BY name COLLATE "C";
SHOW expand_contract.stabilization_period;
SHOW expand_contract.lock_timeout;
SET expand_contract.backfill_delay = '1min';
SHOW expand_contract.backfill_delay;
SELECT * FROM errors_of('SET expand_contract.batch_size = -1');
SELECT * FROM errors_of('SET expand_contract.batch_size = 2000000');
SELECT * FROM errors_of('SET expand_contract.max_growth = 0.5');
SELECT * FROM errors_of('SET expand_contract.max_workers = -1');
SELECT * FROM errors_of('SET expand_contract.target_batch_time = 0');
-- the pattern has to compile and to have two groups
SELECT * FROM errors_of($$SET expand_contract.app_version_pattern = '('$$);
SELECT * FROM errors_of($$SET expand_contract.app_version_pattern = '.*'$$);
SELECT * FROM errors_of($$SET expand_contract.app_version_pattern = '^(.*)-v(\d+)$'$$);
-- a misspelt setting is not taken for one
SELECT * FROM errors_of('SET expand_contract.btach_size = 1');
