-- Column usage without the library preloaded: nothing is tracked, and nothing
-- is taken for silence.  What is counted, and how, is in test/tap.
-- With the library preloaded there is another result, so the file ends here then.
SELECT current_setting('shared_preload_libraries') ~ 'expand_contract' AS is_preloaded \gset
\if :is_preloaded
\quit
\endif
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
CREATE TABLE watched (id int PRIMARY KEY, old text, new text);
SELECT * FROM errors_of($$SELECT ec_track('watched', '{old}')$$);
SELECT * FROM errors_of($$SELECT ec_track(NULL)$$);
SELECT ec_untrack('watched');
SELECT count(*) FROM ec_column_usage;

-- What a dump brings is tracked by name, and starts afresh.
INSERT INTO expand_contract.usage (relation, attnum, column_name, tracked_since, reads, readers, unknown_until)
VALUES ('watched', 7, 'old', '2000-01-01', 42, '\x00', '2000-01-01'), ('watched', 1, 'gone', now(), 0, '', NULL);
SELECT relation, attnum, column_name, tracked_since > '2000-01-02' AS afresh, reads, readers, unknown_until
  FROM expand_contract.usage;
SELECT old FROM watched;
SELECT relation, column_name, reads, last_read, last_reader, writes, last_write, last_writer,
       unknown_since = tracked_since AS unknown_since_tracked, unknown_until, readers, writers
  FROM ec_column_usage;
ALTER TABLE watched RENAME old TO older;
SELECT column_name FROM ec_column_usage;
SELECT ec_untrack('watched', '{id, older}');
SELECT count(*) FROM ec_column_usage;

-- Errors.
SELECT * FROM errors_of($$SELECT ec_untrack('watched', '{old}')$$);
SELECT * FROM errors_of($$SELECT ec_untrack('watched', '{ctid}')$$);
SELECT * FROM errors_of($$SELECT ec_untrack('watched', '{id, NULL}')$$);
SELECT * FROM errors_of($$SELECT ec_untrack(NULL)$$);
SELECT * FROM errors_of($$SELECT ec_untrack('pg_class')$$);
SELECT * FROM errors_of($$SELECT ec_untrack('ec_column_usage')$$);
SELECT * FROM errors_of($$SELECT ec_untrack('watched_pkey')$$);
CREATE TEMP TABLE passing (a int);
SELECT * FROM errors_of($$SELECT ec_untrack('passing')$$);
SELECT * FROM errors_of($$SELECT ec_import_usage(NULL, '{}')$$);
SELECT * FROM errors_of($$SELECT ec_import_usage('standby', NULL)$$);
SELECT * FROM errors_of($$SELECT ec_import_usage('standby', ec_export_usage())$$);
SELECT ec_export_usage() -> 'columns';

-- The trigger is no one else's.
CREATE TRIGGER mine BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION expand_contract.usage_changed();
SELECT * FROM errors_of('INSERT INTO watched VALUES (1)');

-- Only the owner.
CREATE ROLE regress_ec_stranger;
SELECT ec_grant('regress_ec_stranger');
SET ROLE regress_ec_stranger;
SELECT * FROM errors_of($$SELECT ec_untrack('watched')$$);
SELECT * FROM errors_of($$SELECT count(*) FROM expand_contract.usage$$);
SELECT count(*) FROM ec_column_usage;
SELECT count(*) FROM ec_standby_usage;
RESET ROLE;
DROP OWNED BY regress_ec_stranger;
DROP ROLE regress_ec_stranger;
DROP TABLE watched, passing;
