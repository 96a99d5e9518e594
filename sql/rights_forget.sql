-- ec_forget frees a name.  It is another's afterwards, and what went by the name of
-- the former change does not go by it any more.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_fg_one LOGIN;
CREATE ROLE regress_fg_two LOGIN;
SELECT ec_grant('regress_fg_one'), ec_grant('regress_fg_two');
CREATE SCHEMA fg;
GRANT USAGE, CREATE ON SCHEMA fg TO regress_fg_one, regress_fg_two;
SET ROLE regress_fg_one;
CREATE TABLE fg.one (id int PRIMARY KEY, old text, new text);
INSERT INTO fg.one VALUES (1, 'A');
SELECT ec_expand('fg', 'fg.one', '{"new": "lower(old)"}', '{"old": "new"}');
SELECT ec_cutover('fg', '{backfill_complete,verified}');
SELECT ec_flag('fg');

-- not a stranger, not while it can go on
SET ROLE regress_fg_two;
SELECT * FROM errors_of($$SELECT ec_forget('fg')$$);
SET ROLE regress_fg_one;
SELECT * FROM errors_of($$SELECT ec_forget('fg')$$);
SELECT ec_backfill_change('fg', 'repair', start_at => NULL, delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ec_revert('fg'), ec_revert('fg');
-- a stranger neither forgets what is over
SET ROLE regress_fg_two;
SELECT * FROM errors_of($$SELECT ec_forget('fg')$$);
CREATE TABLE fg.two (id int PRIMARY KEY, old text, new text);
INSERT INTO fg.two VALUES (1, 'B');
SELECT * FROM errors_of($$SELECT ec_expand('fg', 'fg.two', '{"new": "lower(old)"}')$$);
SET ROLE regress_fg_one;
SELECT ec_forget('fg');
SELECT ec_set_flag('fg', true);

-- the name is another's: its flag begins false, and is its owner's
SET ROLE regress_fg_two;
SELECT ec_expand('fg', 'fg.two', '{"new": "lower(old)"}', '{"old": "new"}');
SELECT ec_flag('fg');
SET ROLE regress_fg_one;
SELECT * FROM errors_of($$SELECT ec_set_flag('fg', true)$$);
SELECT * FROM errors_of($$SELECT ec_forget('fg')$$);
SELECT * FROM errors_of($$SELECT ec_revert('fg')$$);
SELECT * FROM errors_of($$SELECT * FROM ec_gates('fg', 'cutover')$$);
-- what belonged to the former is the former's: his job, his events
SELECT change, phase FROM ec_changes ORDER BY change;
SELECT DISTINCT change FROM ec_change_events ORDER BY change;
SELECT change FROM ec_progress WHERE job = :job;
UPDATE fg.one SET old = 'C';
SELECT old, new FROM fg.one;
SET ROLE regress_fg_two;
SELECT change, phase FROM ec_changes ORDER BY change;
SELECT DISTINCT change FROM ec_change_events ORDER BY change;
SELECT count(*) FROM ec_progress WHERE job = :job;
UPDATE fg.two SET old = 'D';
SELECT old, new FROM fg.two;
-- a job of the former does nothing to the latter
RESET ROLE;
UPDATE expand_contract.jobs SET state = 'failed' WHERE id = :job;
SET ROLE regress_fg_one;
SELECT ec_resume(:job) IN ('queued', 'running') AS resumed;
\set VERBOSITY sqlstate
CALL ec_wait(:job);
\set VERBOSITY default
SET ROLE regress_fg_two;
SELECT old, new FROM fg.two;

-- the table goes, and the role: another one of its name is another one
DROP TABLE fg.two;
SELECT * FROM errors_of($$SELECT * FROM ec_gates('fg', 'cutover')$$) LIMIT 1;
RESET ROLE;
DROP OWNED BY regress_fg_two;
DROP ROLE regress_fg_two;
CREATE ROLE regress_fg_two LOGIN;
SELECT ec_grant('regress_fg_two');
SET ROLE regress_fg_two;
SELECT * FROM errors_of($$SELECT ec_forget('fg')$$);
SET ROLE regress_fg_one;
SELECT * FROM errors_of($$SELECT ec_forget('fg')$$);
RESET ROLE;
-- a superuser can
SELECT ec_forget('fg');

DELETE FROM expand_contract.changes WHERE name LIKE 'fg%';
DELETE FROM expand_contract.flags WHERE name LIKE 'fg%';
DROP SCHEMA fg CASCADE;
DROP OWNED BY regress_fg_one, regress_fg_two;
DROP ROLE regress_fg_one, regress_fg_two;
