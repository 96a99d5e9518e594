-- Whoever calls what, the code of a table's owner runs as the owner: what the
-- server evaluates when it reads an index, plans a query, or opens a table, too.
-- The owner's functions warn when they run with more rights than his.
\set SHOW_CONTEXT never
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE ROLE regress_spy;
CREATE ROLE regress_spied_on IN ROLE pg_monitor;
CREATE SCHEMA spies;
GRANT ALL ON SCHEMA spies TO regress_spy;
SELECT ec_grant('regress_spy');
SET ROLE regress_spy;
SET search_path = spies, public;
CREATE FUNCTION spy(value int, place text) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    IF current_user <> 'regress_spy' THEN RAISE WARNING 'as %: %', current_user, place; END IF;
    RETURN value;
END $$;
CREATE DOMAIN guarded AS int CHECK (spies.spy(value, 'domain') IS NOT NULL);
CREATE TABLE t (id guarded PRIMARY KEY, old guarded, new int, note text DEFAULT 'x',
    CHECK (spies.spy(1, 'check') = 1), CHECK (spies.spy(old, 'check of old') IS NOT NULL));
CREATE INDEX t_old ON t (spies.spy(old, 'index of old'), spies.spy(2, 'index')) WHERE spies.spy(1, 'predicate') = 1;
CREATE UNIQUE INDEX t_key ON t (old, id) WHERE spies.spy(3, 'predicate of a key') = 3;
CREATE STATISTICS t_statistics ON (spies.spy(old, 'statistics')), note FROM t;
CREATE VIEW v AS SELECT id, spies.spy(4, 'view') AS four, old FROM t;
CREATE TABLE s (id int PRIMARY KEY, a int) PARTITION BY RANGE (id);
CREATE TABLE s_1 PARTITION OF s FOR VALUES FROM (0) TO (100);
ALTER TABLE s_1 ADD CHECK (spies.spy(5, 'check of a partition') = 5);
CREATE TABLE s_new (id int PRIMARY KEY, a int, b int DEFAULT spies.spy(6, 'default'));
CREATE UNIQUE INDEX ON s_new (a) WHERE spies.spy(7, 'predicate in the target') = 7;
CREATE INDEX ON s (a) WHERE spies.spy(8, 'predicate in the source') = 8;
RESET ROLE;

CREATE PROCEDURE look(change text) LANGUAGE plpgsql AS $$
DECLARE
    call text;
BEGIN
    FOREACH call IN ARRAY ARRAY[
        'SELECT count(*) FROM ec_gates(%L, ''cutover'')', 'SELECT count(*) FROM ec_gates(%L, ''contract'')',
        'SELECT length(ec_runbook(%L))', 'SELECT count(*) FROM ec_changes', 'SELECT count(*) FROM ec_discrepancies',
        'SELECT count(*) FROM ec_progress', 'SELECT count(*) FROM ec_column_usage'] LOOP
        EXECUTE format(call, change);
    END LOOP;
END $$;
GRANT EXECUTE ON PROCEDURE look TO regress_spied_on;
GRANT USAGE ON SCHEMA spies TO regress_spied_on;
-- each in a session that has not read the table's indexes yet
\c -
SET client_min_messages = warning;
SET search_path = spies, public;
SELECT ec_expand('spies', 't', '{"new": "spies.spy(old, ''forward'')"}', '{"old": "spies.spy(new, ''backward'')"}');
\c -
SET client_min_messages = warning;
SET search_path = spies, public;
SELECT ec_expand('spies of a table', 's', '{"id": "id", "a": "spies.spy(a, ''forward'')"}', '{"id": "id", "a": "a"}', target => 's_new');
\c -
SET client_min_messages = warning;
SET search_path = spies, public;
CALL look('spies');
\c -
SET client_min_messages = warning;
SET search_path = spies, public;
CALL look('spies of a table');
\c -
SET client_min_messages = warning;
SET ROLE regress_spied_on;
CALL spies.look('spies');
CALL spies.look('spies of a table');
\c -
SET client_min_messages = warning;
SET search_path = spies, public;
SELECT ec_verify_change('spies') IS NOT NULL, ec_reconcile('spies');
SELECT count(*) > 0 FROM ec_advise('t');
SELECT count(*) FROM ec_lint('ALTER TABLE spies.t ADD COLUMN c int; ALTER TABLE spies.t ALTER new TYPE bigint; CREATE INDEX ON spies.t (new)') WHERE false;
\c -
SET client_min_messages = warning;
SET search_path = spies, public;
SELECT ec_verify_job('spies') > 0, ec_verify_job('spies of a table') > 0;
\c -
SET client_min_messages = warning;
SET search_path = spies, public;
SELECT ec_backfill_change('spies', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
SELECT ec_backfill_change('spies of a table', delay_ms => 0) AS job \gset
CALL ec_wait(:job);
\c -
SET client_min_messages = warning;
SET search_path = spies, public;
SELECT ec_verify_change('spies') IS NOT NULL, ec_verify_change('spies of a table') IS NOT NULL;
SELECT ec_cutover('spies'), ec_cutover('spies of a table');
\c -
SET client_min_messages = warning;
SET search_path = spies, public;
SELECT ec_contract('spies', '{old_reads,old_writes,standby_reads,app_versions,dependents,stabilization}');
SELECT ec_contract('spies of a table', '{old_reads,old_writes,standby_reads,app_versions,dependents,stabilization}');
\c -
SET client_min_messages = warning;
SET search_path = spies, public;
SELECT ec_revert('spies'), ec_revert('spies of a table');
SELECT ec_revert('spies'), ec_revert('spies of a table');
SELECT ec_revert('spies'), ec_revert('spies of a table');
SELECT ec_forget('spies'), ec_forget('spies of a table');
RESET search_path;
DROP SCHEMA spies CASCADE;
REVOKE ALL ON SCHEMA public FROM regress_spy;
DROP OWNED BY regress_spy;
DROP ROLE regress_spy, regress_spied_on;
