-- The name of a change that is over is free; a change that can go neither forward
-- nor back can be forgotten, and the hints say so.
\getenv abs_srcdir PG_ABS_SRCDIR
\set errors :abs_srcdir '/test/errors.sql'
\i :errors
\set SHOW_CONTEXT never
ALTER TABLE expand_contract.jobs ALTER id RESTART 65000;
SET expand_contract.stabilization_period = 0;
SET client_min_messages = error;
CREATE SCHEMA dead_ends;
SET search_path = dead_ends, public;
CREATE PROCEDURE to_cutover(change text, override text[] = '{}') LANGUAGE plpgsql AS $$
DECLARE
    job bigint := ec_backfill_change(change, delay_ms => 0);
BEGIN
    COMMIT;
    CALL ec_wait(job);
    PERFORM ec_verify_change(change);
    PERFORM ec_cutover(change, override);
END $$;
CREATE VIEW changes AS SELECT change, phase, dual_write, flag FROM ec_changes WHERE relation::text !~ '\.' AND change ~ '^dead ' ORDER BY change;

-- A migration with ec_expand goes up, down and up; so it can be rehearsed.
CREATE TABLE t (id int PRIMARY KEY, old text);
INSERT INTO t VALUES (1, 'a');
\set up 'ALTER TABLE dead_ends.t ADD COLUMN new text; SELECT ec_expand(''dead end'', ''dead_ends.t'', ''{"new": "old"}'', ''{"old": "new"}'')'
\set down 'SELECT ec_revert(''dead end''); ALTER TABLE dead_ends.t DROP COLUMN new'
SELECT direction, step, error FROM ec_rehearse(:'up', :'down') WHERE step IS NOT NULL ORDER BY 1, 2;
SELECT * FROM changes;
SELECT ec_apply('dead_ends_1', :'up', :'down');
SELECT ec_rollback('dead_ends_1');
SELECT ec_apply('dead_ends_1', :'up', :'down');
SELECT * FROM changes;
UPDATE t SET old = 'b';
SELECT * FROM t;

-- What was of the earlier change is not of the new one: gates begin anew.
CALL to_cutover('dead end');
SELECT ec_contract('dead end', '{old_reads, old_writes}', '0');
SELECT ec_contract('dead end', '{old_reads, old_writes}');
ALTER TABLE t ADD newer text;
SELECT ec_expand('dead end', 't', '{"newer": "upper(new)"}', '{"new": "newer"}');
SELECT * FROM changes;
SELECT gate FROM ec_gates('dead end', 'contract') WHERE NOT passed AND gate !~ '^old_' ORDER BY gate;
SELECT change, event, value FROM ec_change_events WHERE change ~ '^dead ' AND event = 'phase' ORDER BY id;
-- a rollback must not take what the contracted one has left
SELECT * FROM errors_of($$SELECT ec_rollback('dead_ends_1')$$);

-- Forgotten is what is over, and nothing else.
SELECT * FROM errors_of($$SELECT ec_forget('dead end')$$);
SELECT * FROM errors_of($$SELECT ec_forget('no such')$$);
SELECT * FROM errors_of($$SELECT ec_forget(NULL)$$);
SELECT ec_forget('dead end~1'), ec_forget('dead end~2');
SELECT ec_revert('dead end'), ec_forget('dead end');
SELECT * FROM changes;
SELECT count(*) FROM expand_contract.change_columns WHERE change ~ '^dead ';

-- Neither a way back nor anything to contract: the way out is in both hints.
CREATE TABLE one_way (id int PRIMARY KEY, old text, new text);
SELECT ec_expand('dead way', 'one_way', '{"new": "old"}');
CALL to_cutover('dead way', '{reversible}');
SELECT * FROM errors_of($$SELECT ec_contract('dead way', '{old_reads, old_writes}')$$);
SELECT * FROM errors_of($$SELECT ec_revert('dead way')$$);
SELECT ec_forget('dead way');
SELECT ec_flag('dead way'), count(*) AS triggers FROM pg_trigger WHERE tgrelid = 'one_way'::regclass;
-- and with old_columns there is a way forward
SELECT ec_expand('dead way', 'one_way', '{"new": "old"}', old_columns => '{old}');
SELECT ec_flag('dead way');
CALL to_cutover('dead way', '{reversible}');
SELECT * FROM errors_of($$SELECT ec_forget('dead way')$$);
SELECT * FROM errors_of($$SELECT ec_revert('dead way')$$);
SELECT ec_contract('dead way', '{old_reads, old_writes}', '0');

-- Tables and columns that are gone.
CREATE ROLE regress_dead_end;
SELECT ec_grant('regress_dead_end');
GRANT ALL ON SCHEMA dead_ends TO regress_dead_end;
CREATE TABLE gone (id int PRIMARY KEY, old text, new text);
ALTER TABLE gone OWNER TO regress_dead_end;
SET ROLE regress_dead_end;
SELECT ec_expand('dead table', 'gone', '{"new": "old"}', '{"old": "new"}');
DROP TABLE gone;
SELECT * FROM errors_of($$SELECT ec_cutover('dead table')$$);
RESET ROLE;
CREATE TABLE gone (id int PRIMARY KEY, old text, new text);
SET ROLE regress_dead_end;
SELECT ec_forget('dead table');
RESET ROLE;
ALTER TABLE gone OWNER TO regress_dead_end;
SET ROLE regress_dead_end;
SELECT ec_expand('dead table', 'gone', '{"new": "old"}', '{"old": "new"}');
DROP TABLE gone;
CREATE TABLE gone (id int PRIMARY KEY, old text, new text);
SELECT ec_expand('dead table', 'gone', '{"new": "old"}', '{"old": "new"}');
RESET ROLE;
SELECT change, phase, is_gone FROM ec_changes WHERE change ~ '^dead table' ORDER BY change;
CREATE TABLE column_gone (id int PRIMARY KEY, old text, new text);
SELECT ec_expand('dead column', 'column_gone', '{"new": "old"}', '{"old": "new"}');
CALL to_cutover('dead column');
ALTER TABLE column_gone DROP COLUMN old CASCADE;
SELECT ec_forget('dead column');
CREATE TABLE source (id int PRIMARY KEY, a text);
CREATE TABLE target (id int PRIMARY KEY, a text);
SELECT ec_expand('dead target', 'source', '{"id": "id", "a": "a"}', '{"id": "id", "a": "a"}', target => 'target');
CALL to_cutover('dead target');
DROP TABLE target CASCADE;
SELECT ec_forget('dead target');
INSERT INTO source VALUES (1, 'a');
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'source'::regclass;

-- The flag of another owner's change stays his.
SET ROLE regress_dead_end;
CREATE TABLE mine (id int PRIMARY KEY, old text, new text);
SELECT * FROM errors_of($$SELECT ec_expand('dead way', 'mine', '{"new": "old"}', '{"old": "new"}')$$);
RESET ROLE;
SELECT ec_contract('dead way', '{old_reads, old_writes}');
SET ROLE regress_dead_end;
SELECT * FROM errors_of($$SELECT ec_expand('dead way', 'mine', '{"new": "old"}', '{"old": "new"}')$$);
SELECT * FROM errors_of($$SELECT ec_forget('dead way')$$);
RESET ROLE;
SELECT ec_flag('dead way');
DROP SCHEMA dead_ends CASCADE;
DO $$ BEGIN PERFORM ec_forget(name) FROM expand_contract.changes WHERE name ~ '^dead ' ORDER BY name; END $$;
SELECT count(*) FROM expand_contract.changes WHERE name ~ '^dead ';
DROP OWNED BY regress_dead_end;
DROP ROLE regress_dead_end;
