/* expand_contract--0.9--1.0.sql: made by make; edit sql/updates/0.9--1.0.sql and the parts in sql/install */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION expand_contract UPDATE" to load this file. \quit

----------------------------------------------------------------------
-- sql/install/start.sql
----------------------------------------------------------------------
-- No name below is looked up in the schema we are created in: whoever can write
-- to it could put a function or an operator of his own there, which then runs
-- for everyone who reads our views.
SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);

----------------------------------------------------------------------
-- sql/install/library.sql
----------------------------------------------------------------------
-- The library comes with the server's files and the SQL with each database: no
-- script goes on with a library that would then refuse what it has made.
CREATE OR REPLACE FUNCTION expand_contract.require_library(version text) RETURNS void
AS 'MODULE_PATHNAME', 'ec_sql_require_library' LANGUAGE C VOLATILE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION expand_contract.require_library(text) IS 'an error unless this session runs the library of that version';
REVOKE EXECUTE ON FUNCTION expand_contract.require_library(text) FROM PUBLIC;
SELECT expand_contract.require_library('1.0');

----------------------------------------------------------------------
-- sql/updates/0.9--1.0.sql
----------------------------------------------------------------------
-- From version 0.9 to 1.0: what make cannot work out from sql/install.
--
-- Whoever changes the install script of 1.0 looks here:
--
--   a table, column, constraint, index,           the ALTER or CREATE that
--   trigger, type, event trigger                  makes it so
--   arguments or result of a function             DROP it before the line
--                                                 "functions and views"
--   columns of a view, but for new ones           DROP VIEW likewise
--   at the end
--   a function or view that is gone               DROP it after that line
--   a C symbol that is gone                       core/sql_version.c keeps it
--                                                 for one version
--   a body or a comment of a function or view     nothing: make takes it from
--                                                 sql/install
--
-- A column that the library reads before the update is read as
-- core/sql_version.h says.  test/tap/070_update.pl compares what this makes with
-- a fresh install, and names the differences.

COMMENT ON TABLE expand_contract.job_sweeps IS 'the present sweep of a backfill, delete or copy, shared by its workers';

-- jobs: the role that workers connect as, and turns.  Owners could log in so far.
ALTER TABLE expand_contract.jobs ADD COLUMN login oid, ADD COLUMN turn_at timestamptz;
UPDATE expand_contract.jobs SET login = owner;
ALTER TABLE expand_contract.jobs ALTER COLUMN login SET NOT NULL;
CREATE TABLE expand_contract.job_samples (
    job bigint NOT NULL,
    slot integer NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    rows_done bigint NOT NULL,
    waits text,
    PRIMARY KEY (job, slot, at),
    FOREIGN KEY (job, slot) REFERENCES expand_contract.job_slots ON DELETE CASCADE
);
COMMENT ON TABLE expand_contract.job_samples IS 'how far each worker of a job was when, and what it waited for';
ALTER TABLE expand_contract.job_slots ADD COLUMN resume_at timestamptz, ADD COLUMN rows_failed bigint NOT NULL DEFAULT 0;
ALTER TABLE expand_contract.jobs ADD COLUMN part_of bigint;
CREATE INDEX jobs_parts ON expand_contract.jobs (part_of) WHERE part_of IS NOT NULL;
COMMENT ON COLUMN expand_contract.jobs.queued_at IS 'when it came to be queued, or paused, last';
COMMENT ON COLUMN expand_contract.jobs.part_of IS
    'the job that has submitted it, and that waits, without a worker, until it has ended';
-- a kind of jobs that is new
ALTER TABLE expand_contract.jobs
    DROP CONSTRAINT jobs_kind_check,
    ADD CHECK (kind IN ('backfill', 'copy', 'verify', 'statement', 'reconcile', 'contract', 'delete', 'prepare', 'advance'));
CREATE INDEX jobs_turns ON expand_contract.jobs (owner, turn_at);

-- The clusters that this database has been in.  No dump has it, and, as it is
-- unlogged, no publication and no standby: what is in it of another cluster came
-- with the files, by pg_upgrade or in a copy of them.  It has no index, because that
-- of an unlogged table in a copied database does not survive a crash.
CREATE UNLOGGED TABLE expand_contract.origin (
    system_identifier bigint NOT NULL,
    database oid NOT NULL,
    catalog_version integer NOT NULL
);
COMMENT ON TABLE expand_contract.origin IS 'the cluster that this database is in, by which pg_upgrade is told from a copy';
COMMENT ON COLUMN expand_contract.origin.catalog_version IS 'of its system catalogs, which only pg_upgrade changes';

-- Who gave a down script, and whose rights a change's expressions have: names said
-- the former so far, and the tables the latter.
ALTER TABLE expand_contract.schema_migrations ADD COLUMN down_by_oid oid, ADD COLUMN down_system bigint;
UPDATE expand_contract.schema_migrations m
   SET down_by_oid = r.oid, down_system = (SELECT s.system_identifier FROM pg_control_system() s)
  FROM pg_roles r
 WHERE r.rolname = m.down_by;
COMMENT ON COLUMN expand_contract.schema_migrations.down_by IS
    'the role that gave "down", as it was called then';
COMMENT ON COLUMN expand_contract.schema_migrations.down_by_oid IS
    'which role that is, in the cluster of down_system: a name can be another role''s by now';
COMMENT ON COLUMN expand_contract.schema_migrations.down_system IS 'the identifier of that cluster''s system';

ALTER TABLE expand_contract.changes ADD COLUMN owner oid, ADD COLUMN owner_name text COLLATE "C";
UPDATE expand_contract.changes c
   SET owner = r.oid, owner_name = r.rolname
  FROM pg_class t JOIN pg_roles r ON r.oid = t.relowner
 WHERE t.oid = c.relation;
COMMENT ON COLUMN expand_contract.changes.owner IS 'of its tables at ec_expand: whose rights the expressions have, as long as he owns them';
COMMENT ON COLUMN expand_contract.changes.owner_name IS 'his name then, which counts in a restored database, where he has another OID';

REVOKE EXECUTE ON FUNCTION expand_contract.usage_changed() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION expand_contract.family_of(oid) TO PUBLIC;

-- other columns of the result
DROP FUNCTION expand_contract.dependents(oid, smallint[]);

-- Entries that an application's session adds are ordered by the clock: numbers of
-- a sequence would change the session's lastval().
ALTER EXTENSION expand_contract DROP SEQUENCE expand_contract.discrepancies_id_seq;
ALTER EXTENSION expand_contract DROP SEQUENCE expand_contract.gaps_id_seq;
ALTER EXTENSION expand_contract DROP SEQUENCE expand_contract.change_events_id_seq;
ALTER TABLE expand_contract.discrepancies ALTER COLUMN id DROP IDENTITY,
    ALTER COLUMN id SET DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    ADD COLUMN salt uuid NOT NULL DEFAULT gen_random_uuid(),
    DROP CONSTRAINT discrepancies_pkey, ADD PRIMARY KEY (id, salt);
CREATE FUNCTION expand_contract.settle_discrepancy() RETURNS trigger
AS 'MODULE_PATHNAME', 'ec_settle_discrepancy' LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE EXECUTE ON FUNCTION expand_contract.settle_discrepancy() FROM PUBLIC;
COMMENT ON FUNCTION expand_contract.settle_discrepancy() IS 'takes an entry out again if its row was not stored: ON CONFLICT, or another trigger, has thrown it away';
CREATE TRIGGER settle AFTER INSERT ON expand_contract.discrepancies
    FOR EACH ROW EXECUTE FUNCTION expand_contract.settle_discrepancy();
ALTER TABLE expand_contract.discrepancies ENABLE ALWAYS TRIGGER settle; -- rows of a subscription too
ALTER TABLE expand_contract.gaps ALTER COLUMN id DROP IDENTITY,
    ALTER COLUMN id SET DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    ADD COLUMN salt uuid NOT NULL DEFAULT gen_random_uuid(),
    DROP CONSTRAINT gaps_pkey, ADD PRIMARY KEY (id, salt);
ALTER TABLE expand_contract.change_events ALTER COLUMN id DROP IDENTITY,
    ALTER COLUMN id SET DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
    ADD COLUMN salt uuid NOT NULL DEFAULT gen_random_uuid(),
    DROP CONSTRAINT change_events_pkey, ADD PRIMARY KEY (id, salt);
COMMENT ON COLUMN expand_contract.discrepancies.id IS 'the order of entries: microseconds, so that a writer''s lastval() stays its own';
COMMENT ON COLUMN expand_contract.discrepancies.salt IS 'tells entries of the same microsecond apart';
COMMENT ON COLUMN expand_contract.gaps.id IS 'the order of gaps, as in discrepancies';
COMMENT ON COLUMN expand_contract.change_events.id IS 'the order of events: microseconds, so that the lastval() of a session stays its own';

-- An old column is known by its number.  Names said so far which ones contraction
-- removes, and what they were called before the quarantine.
DROP VIEW @extschema@.ec_changes;
ALTER TABLE expand_contract.changes ADD COLUMN quarantined_from text COLLATE "C";
-- Expressions and what they are evaluated under.  Those of before are looked up by
-- name, under the settings of whoever writes, until ec_expand is called again.
ALTER TABLE expand_contract.changes ADD COLUMN settings jsonb, ADD COLUMN kept_names jsonb,
    DROP CONSTRAINT changes_phase_check, ADD CONSTRAINT changes_phase_check CHECK (phase IN
        ('dual_write', 'backfilled', 'prepared', 'verified', 'cut_over', 'quarantined', 'contracted', 'reverted'));
COMMENT ON COLUMN expand_contract.changes.kept_names IS 'of ec_change_type: for each column the one that takes its name at the cutover, as they were called then';
COMMENT ON COLUMN expand_contract.changes.settings IS 'under which its expressions are evaluated, whoever writes: those of the session of ec_expand';
ALTER TABLE expand_contract.change_columns
    DROP CONSTRAINT change_columns_side_check,
    ADD CHECK (side IN ('old', 'new', 'key', 'unmapped')),
    ADD COLUMN goes boolean NOT NULL DEFAULT false,
    ADD COLUMN quarantined_from text COLLATE "C",
    ADD COLUMN not_null_in regclass[] NOT NULL DEFAULT '{}',
    ADD COLUMN tree text;
COMMENT ON COLUMN expand_contract.change_columns.tree IS 'the same, in which the server has numbers for names: renamed objects are followed; NULL where the numbers would be others';
UPDATE expand_contract.change_columns o SET goes = true
  FROM expand_contract.changes c
 WHERE c.name = o.change AND c.target IS NULL AND c.phase NOT IN ('contracted', 'reverted')
   AND o.side IN ('old', 'key')
   AND CASE WHEN c.old_columns IS NULL THEN o.side = 'old' AND o.expression IS NOT NULL
            ELSE o.name = ANY (c.old_columns) END;
INSERT INTO expand_contract.change_columns (change, side, name, attnum, present_name, goes)
SELECT c.name, 'unmapped', o.name, a.attnum, a.attname, true
  FROM expand_contract.changes c CROSS JOIN unnest(c.old_columns) AS o (name)
  LEFT JOIN expand_contract.quarantined q ON q.change = c.name AND q.name = o.name
  JOIN pg_attribute a ON a.attrelid = c.relation AND a.attnum > 0 AND NOT a.attisdropped
   AND a.attname = coalesce(q.quarantined_as, o.name)
 WHERE c.target IS NULL AND c.phase NOT IN ('contracted', 'reverted')
   AND NOT EXISTS (SELECT FROM expand_contract.change_columns m
                    WHERE m.change = c.name AND m.side IN ('old', 'key') AND m.name = o.name);
UPDATE expand_contract.change_columns o
   SET quarantined_from = q.name, not_null_in = q.not_null_in, present_name = q.quarantined_as
  FROM expand_contract.quarantined q
  JOIN expand_contract.changes c ON c.name = q.change
  JOIN pg_attribute a ON a.attrelid = c.relation AND a.attname = q.quarantined_as
 WHERE c.target IS NULL AND o.change = c.name AND o.attnum = a.attnum AND o.goes;
UPDATE expand_contract.changes c SET quarantined_from = q.name
  FROM expand_contract.quarantined q
 WHERE q.change = c.name AND c.target IS NOT NULL;
ALTER TABLE expand_contract.changes DROP COLUMN old_columns;
ALTER EXTENSION expand_contract DROP TABLE expand_contract.quarantined;
DROP TABLE expand_contract.quarantined;
COMMENT ON TABLE expand_contract.change_columns IS 'the columns that a change reads, writes or removes';
COMMENT ON COLUMN expand_contract.change_columns.side IS 'key: neither old nor new, only tells rows apart; unmapped: old, but no mapping names it';
COMMENT ON COLUMN expand_contract.change_columns.present_name IS 'after renames: a dump of the table has it under this one; empty if it was dropped from a restored table';
COMMENT ON COLUMN expand_contract.change_columns.goes IS 'whether contraction removes it';
COMMENT ON COLUMN expand_contract.change_columns.quarantined_from IS 'while it is in quarantine: its name before, which ec_revert gives back';
COMMENT ON COLUMN expand_contract.change_columns.not_null_in IS 'the tables (children of the change''s too) where it was NOT NULL before the quarantine';
COMMENT ON COLUMN expand_contract.changes.quarantined_from IS 'while the old table is in quarantine: its name before, which ec_revert gives back';

-- The name of a change that is over is free again.
ALTER TABLE expand_contract.change_columns DROP CONSTRAINT change_columns_change_fkey,
    ADD FOREIGN KEY (change) REFERENCES expand_contract.changes ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE expand_contract.required_versions DROP CONSTRAINT required_versions_change_fkey,
    ADD FOREIGN KEY (change) REFERENCES expand_contract.changes ON UPDATE CASCADE ON DELETE CASCADE;

-- A change to another table took the whole old one with it.
ALTER TABLE expand_contract.changes ADD COLUMN whole_table boolean NOT NULL DEFAULT false;
UPDATE expand_contract.changes SET whole_table = true WHERE target IS NOT NULL;
COMMENT ON COLUMN expand_contract.changes.whole_table IS 'whether contraction removes the old table, not columns of it';

-- A publication FOR ALL TABLES stops updates of what has no key.
ALTER TABLE expand_contract.usage_flush ADD COLUMN single boolean PRIMARY KEY DEFAULT true CHECK (single);
ALTER TABLE expand_contract.sighting_watch ADD COLUMN single boolean PRIMARY KEY DEFAULT true CHECK (single);

-- One more argument; who could call them still can.
CREATE TABLE expand_contract.granted AS
    SELECT p.proname AS name, a.grantee::regrole AS grantee, a.is_grantable
      FROM pg_proc p CROSS JOIN aclexplode(p.proacl) a
     WHERE p.oid IN ('@extschema@.ec_backfill_change(text, text, integer, integer, integer, timestamptz, text, interval)'::regprocedure,
                     '@extschema@.ec_expand(text, regclass, jsonb, jsonb, regclass, text[], text[], text)'::regprocedure)
       AND a.grantee NOT IN (0, p.proowner);
DROP FUNCTION @extschema@.ec_backfill_change(text, text, integer, integer, integer, timestamptz, text, interval);
DROP FUNCTION @extschema@.ec_expand(text, regclass, jsonb, jsonb, regclass, text[], text[], text);

-- Scopes: a version is one of its scope.
ALTER TABLE expand_contract.migration_steps
    ADD COLUMN scope text COLLATE "C" NOT NULL DEFAULT '',
    DROP CONSTRAINT migration_steps_version_fkey,
    DROP CONSTRAINT migration_steps_pkey,
    ADD PRIMARY KEY (scope, version, direction, step),
    ADD COLUMN kind text CHECK (kind IN ('transaction', 'top_level', 'job')),
    ADD COLUMN sql text,
    ADD COLUMN undo text,
    ADD COLUMN detail text,
    ADD COLUMN lock_mode text,
    ADD COLUMN planned_by oid,
    ADD COLUMN planned_system bigint,
    ADD COLUMN settings jsonb;
UPDATE expand_contract.migration_steps SET kind = CASE WHEN is_top_level THEN 'top_level' ELSE 'transaction' END;
ALTER TABLE expand_contract.migration_steps ALTER COLUMN kind SET NOT NULL, DROP COLUMN is_top_level;
-- statements were counted so far
UPDATE expand_contract.schema_migrations m SET steps = s.steps, steps_done = s.steps_done
  FROM (SELECT version, direction, count(*) AS steps, count(done_at) AS steps_done
          FROM expand_contract.migration_steps GROUP BY version, direction) s
 WHERE s.version = m.version AND s.direction = m.direction AND m.state <> 'applied';
COMMENT ON TABLE expand_contract.migration_steps IS 'the steps of the scripts that a worker runs, and how far it is';
COMMENT ON COLUMN expand_contract.migration_steps.first_statement IS
    'the step runs the statements of the script from this one on, or stands for them';
COMMENT ON COLUMN expand_contract.migration_steps.kind IS
    'transaction; top_level: a statement that cannot run in one; job: a SELECT that submits a job and returns its number';
COMMENT ON COLUMN expand_contract.migration_steps.sql IS 'what is run in place of the statements; NULL: they are run as they are';
COMMENT ON COLUMN expand_contract.migration_steps.undo IS
    'takes the step back; empty: there is nothing to take back; NULL: nobody knows how';
COMMENT ON COLUMN expand_contract.migration_steps.detail IS 'what the step is for';
COMMENT ON COLUMN expand_contract.migration_steps.lock_mode IS 'the strongest lock that a planned step takes on its table';
COMMENT ON COLUMN expand_contract.migration_steps.planned_by IS
    'the role for which the SQL was planned, in the cluster of planned_system: names in it mean what they meant to that role';
COMMENT ON COLUMN expand_contract.migration_steps.planned_system IS 'the identifier of that cluster''s system';
COMMENT ON COLUMN expand_contract.migration_steps.settings IS 'what the step has left set for those after it; committed together with it';
COMMENT ON COLUMN expand_contract.migration_steps.target IS 'what the step is about, as it was before the first try; of a job: which one';
ALTER TABLE expand_contract.schema_migrations
    ADD COLUMN scope text COLLATE "C" NOT NULL DEFAULT '',
    DROP CONSTRAINT schema_migrations_pkey,
    DROP CONSTRAINT schema_migrations_version_key_key,
    ADD PRIMARY KEY (scope, version),
    ADD UNIQUE (scope, version_key);
ALTER TABLE expand_contract.migration_steps
    ADD FOREIGN KEY (scope, version) REFERENCES expand_contract.schema_migrations ON DELETE CASCADE;
ALTER TABLE expand_contract.migration_events ADD COLUMN scope text COLLATE "C" NOT NULL DEFAULT '';
DROP INDEX expand_contract.schema_migrations_baselined, expand_contract.schema_migrations_unfinished;
CREATE INDEX schema_migrations_baselined ON expand_contract.schema_migrations (scope, version) WHERE checksum IS NULL;
CREATE INDEX schema_migrations_unfinished ON expand_contract.schema_migrations (scope, version) WHERE state <> 'applied';
COMMENT ON COLUMN expand_contract.schema_migrations.scope IS
    'whose history the version belongs to, of a service or a tenant; empty where nobody says';
DROP VIEW @extschema@.ec_migrations;
DROP VIEW @extschema@.ec_migration_events;
DROP FUNCTION expand_contract.migration_status(text);
DROP FUNCTION @extschema@.ec_apply(text, text, text, text, text[], text, text[], boolean);
DROP FUNCTION @extschema@.ec_rollback(text, boolean);
DROP PROCEDURE @extschema@.ec_wait_migration(text, interval);
DROP FUNCTION @extschema@.ec_apply_script(text, text, boolean);
DROP PROCEDURE @extschema@.ec_apply_directory(text);
DROP FUNCTION @extschema@.ec_baseline(text, text);
DROP FUNCTION @extschema@.ec_adopt(text, regclass);

-- A subscription that publishes all tables brings the rows of ours, too.  What a
-- dump carries it may bring; the others are of the publishing server alone, and
-- would be in the way of this one's own.
CREATE FUNCTION expand_contract.ignore_applied() RETURNS trigger
AS 'MODULE_PATHNAME', 'ec_ignore_applied' LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE EXECUTE ON FUNCTION expand_contract.ignore_applied() FROM PUBLIC;
COMMENT ON FUNCTION expand_contract.ignore_applied() IS 'leaves out a row that a subscription applies to a table of the extension';
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.jobs
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.jobs ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.job_slots
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.job_slots ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.job_samples
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.job_samples ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.job_standbys
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.job_standbys ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.job_sweeps
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.job_sweeps ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.job_leaves
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.job_leaves ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.change_jobs
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.change_jobs ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.sightings
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.sightings ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.sighting_watch
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.sighting_watch ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.usage_flush
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.usage_flush ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.standby_usage
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.standby_usage ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.verifications
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.verifications ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.verify_walks
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.verify_walks ENABLE REPLICA TRIGGER ignore_applied;
CREATE TRIGGER ignore_applied BEFORE INSERT OR UPDATE OR DELETE ON expand_contract.mismatches
    FOR EACH ROW EXECUTE FUNCTION expand_contract.ignore_applied();
ALTER TABLE expand_contract.mismatches ENABLE REPLICA TRIGGER ignore_applied;


----------------------------------------------------------------------
-- sql/install/core.sql
----------------------------------------------------------------------
-- Whoever may query pg_inherits may call it: the views and functions below use it
-- with the rights of their callers.
CREATE OR REPLACE FUNCTION expand_contract.family_of(relation oid) RETURNS SETOF oid
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE family AS (
        SELECT $1 AS oid
        UNION
        SELECT i.inhrelid FROM pg_inherits i JOIN family f ON i.inhparent = f.oid
    )
    SELECT f.oid FROM family f
$$;
COMMENT ON FUNCTION expand_contract.family_of(oid) IS 'a table, its partitions and children';

CREATE OR REPLACE FUNCTION @extschema@.ec_grant(role regrole) RETURNS void
AS 'MODULE_PATHNAME', 'ec_grant' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_grant(regrole) IS 'grants a role all functions of the extension that PUBLIC may not execute';

----------------------------------------------------------------------
-- sql/install/worker.sql
----------------------------------------------------------------------
CREATE OR REPLACE FUNCTION expand_contract.live_slots(OUT job bigint, OUT slot integer, OUT pid integer)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ec_sql_live_slots' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION expand_contract.live_slots() IS 'the workers that run jobs of this database, known by the locks they hold';

-- The jobs and the ledger of the cluster that pg_upgrade has made this one from
-- are this one's.  In one statement, so that others see all of it or nothing.
CREATE OR REPLACE FUNCTION expand_contract.adopt_upgraded() RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
WITH here AS (
    SELECT s.system_identifier AS system, s.catalog_version_no AS version, d.oid AS database
      FROM pg_control_system() s JOIN pg_database d ON d.datname = current_database()
), earlier AS (
    DELETE FROM expand_contract.origin o USING here
     WHERE o.database = here.database AND o.system_identifier <> here.system
    RETURNING o.system_identifier AS system, o.database, here.system AS new_system,
        o.catalog_version <> here.version AS is_upgraded
), adopted_jobs AS (
    UPDATE expand_contract.jobs j SET system_identifier = e.new_system FROM earlier e
     WHERE e.is_upgraded AND j.system_identifier = e.system AND j.database = e.database
), adopted_ledger AS (
    UPDATE expand_contract.schema_migrations m SET down_system = e.new_system FROM earlier e
     WHERE e.is_upgraded AND m.down_system = e.system
), adopted_steps AS (
    UPDATE expand_contract.migration_steps s
       SET target = jsonb_set(s.target, '{system}', to_jsonb(e.new_system::text)) FROM earlier e
     WHERE e.is_upgraded AND s.target ->> 'system' = e.system::text AND s.target ->> 'database' = e.database::text
)
INSERT INTO expand_contract.origin (system_identifier, database, catalog_version)
SELECT here.system, here.database, here.version FROM here
 WHERE NOT EXISTS (SELECT FROM expand_contract.origin o WHERE o.system_identifier = here.system AND o.database = here.database);
END;
COMMENT ON FUNCTION expand_contract.adopt_upgraded() IS 'takes over the unfinished jobs of the cluster from which pg_upgrade made this one';
REVOKE EXECUTE ON FUNCTION expand_contract.adopt_upgraded() FROM PUBLIC;

CREATE OR REPLACE FUNCTION expand_contract.is_interrupted(job bigint) RETURNS boolean
AS 'MODULE_PATHNAME', 'ec_sql_is_interrupted' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION expand_contract.is_interrupted(bigint) IS 'whether a running job has lost its workers';

CREATE OR REPLACE FUNCTION expand_contract.launcher_running() RETURNS boolean
AS 'MODULE_PATHNAME', 'ec_sql_launcher_running' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION expand_contract.launcher_running() IS 'whether the library is preloaded and its launcher runs';

CREATE OR REPLACE FUNCTION expand_contract.no_worker_is_free() RETURNS text
AS 'MODULE_PATHNAME', 'ec_sql_no_worker_is_free' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION expand_contract.no_worker_is_free() IS 'the roles and databases that use all workers of the cluster; NULL if a worker is free';

CREATE OR REPLACE FUNCTION expand_contract.replication_lag() RETURNS interval
AS 'MODULE_PATHNAME', 'ec_sql_replication_lag' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION expand_contract.replication_lag() IS 'lag of the slowest standby; zero without standbys, NULL while one is unknown';

CREATE OR REPLACE FUNCTION expand_contract.next_run(start_at timestamptz, run_window text, time_zone text, at timestamptz)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'ec_sql_next_run' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION expand_contract.next_run(timestamptz, text, text, timestamptz)
    IS 'the first moment from a point in time on at which a job with this schedule may run';

-- Anyone may execute them, as ec_metrics_server runs them with its reader's rights.
CREATE OR REPLACE FUNCTION expand_contract.launcher_health(OUT is_preloaded boolean, OUT running_since timestamptz,
    OUT visits bigint, OUT failed_visits bigint, OUT visiting integer, OUT oldest_visit timestamptz,
    OUT troubled_databases integer)
AS 'MODULE_PATHNAME', 'ec_sql_launcher_health' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION expand_contract.launcher_health() IS 'the launcher and its database workers; NULL for roles that may not monitor';

CREATE OR REPLACE FUNCTION expand_contract.places(OUT places integer, OUT taken integer)
AS 'MODULE_PATHNAME', 'ec_sql_places' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION expand_contract.places() IS 'how many workers the cluster may have, and how many it has';

-- One word for each reason to wait that a worker, or the view progress, gives.
CREATE OR REPLACE FUNCTION expand_contract.throttle_code(reason text) RETURNS text
LANGUAGE sql IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
RETURN CASE
    WHEN reason IS NULL THEN 'none'
    WHEN reason LIKE 'delay%' OR reason LIKE ' until %' THEN 'delay'
    WHEN reason LIKE 'replica lag%' THEN 'lag'
    WHEN reason LIKE 'locked rows%' THEN 'locked_rows'
    WHEN reason LIKE 'lock%' THEN 'lock'
    WHEN reason LIKE 'old snapshot of slot %' THEN 'slot'
    WHEN reason LIKE 'old snapshot of prepared transaction %' THEN 'prepared_transaction'
    WHEN reason LIKE 'old snapshot%' THEN 'snapshot'
    WHEN reason LIKE 'autovacuum%' OR reason LIKE 'vacuum%' THEN 'vacuum'
    WHEN reason LIKE 'checkpoint%' THEN 'checkpoint'
    WHEN reason LIKE 'WAL rate%' THEN 'wal'
    WHEN reason LIKE 'backoff%' THEN 'backoff'
    WHEN reason LIKE 'deadlock%' THEN 'deadlock'
    WHEN reason LIKE 'rows that differ%' THEN 'differing_rows'
    WHEN reason LIKE 'other workers%' THEN 'other_workers'
    WHEN reason LIKE 'no worker is free%' THEN 'no_worker'
    WHEN reason LIKE 'waits for job %' THEN 'other_job'
    WHEN reason LIKE 'gate%' THEN 'gate'
    WHEN reason LIKE 'start at %' THEN 'start'
    WHEN reason LIKE 'run window opens %' THEN 'window'
    ELSE 'other'
END;
COMMENT ON FUNCTION expand_contract.throttle_code(text) IS 'a fixed word for what ec_progress.throttled_by says; ''none'' for NULL';

CREATE OR REPLACE FUNCTION @extschema@.ec_pause(job bigint) RETURNS text
AS 'MODULE_PATHNAME', 'ec_pause' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_pause(bigint) IS 'stops a job, and rolls its current batch back; ec_resume goes on from there';

CREATE OR REPLACE FUNCTION @extschema@.ec_resume(job bigint) RETURNS text
AS 'MODULE_PATHNAME', 'ec_resume' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_resume(bigint) IS 'goes on with a paused, interrupted or failed job where it stopped';

CREATE OR REPLACE FUNCTION @extschema@.ec_cancel(job bigint) RETURNS text
AS 'MODULE_PATHNAME', 'ec_cancel' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_cancel(bigint) IS 'ends a job for good, and rolls its current batch back; rows already written stay; called again, ends the process of a worker that goes on';

CREATE OR REPLACE FUNCTION @extschema@.ec_configure(job bigint, batch_size integer DEFAULT NULL, delay_ms integer DEFAULT NULL,
    workers integer DEFAULT NULL, max_lag interval DEFAULT NULL) RETURNS text
AS 'MODULE_PATHNAME', 'ec_configure' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_configure(bigint, integer, integer, integer, interval)
    IS 'changes the pace of a job from its next batch on; NULL leaves a value as it is';

CREATE OR REPLACE PROCEDURE @extschema@.ec_wait(job bigint, timeout interval DEFAULT NULL)
AS 'MODULE_PATHNAME', 'ec_wait' LANGUAGE C;
COMMENT ON PROCEDURE @extschema@.ec_wait(bigint, interval)
    IS 'waits for the end of a job without holding a snapshot, shows its progress, raises its error';

-- Every job, for whoever may see all; ec_progress shows each caller his.
CREATE OR REPLACE VIEW expand_contract.progress AS
WITH live AS MATERIALIZED (
    SELECT job, count(*) AS workers FROM expand_contract.live_slots() GROUP BY job
), slots AS (
    SELECT s.job,
        s.latest AS sweep,
        -- of the sweep that is going on; who has not joined it has done none of it
        sum(s.work_done) FILTER (WHERE s.sweep = s.latest)::float8
            / nullif(max(s.work_total) FILTER (WHERE s.sweep = s.latest), 0) AS fraction,
        sum(s.rows_done)::bigint AS rows_done,
        sum(s.rows_per_second) AS rows_per_second,
        max(s.active_seconds) AS active_seconds,
        sum(s.skipped_locked)::bigint AS skipped_locked,
        sum(s.rows_failed)::bigint AS rows_failed,
        sum(s.wal_bytes)::bigint AS wal_bytes,
        max(s.bytes_now)::numeric / nullif(min(s.bytes_at_start), 0) AS table_growth,
        string_agg(DISTINCT s.throttled_by, ', ') AS throttled_by,
        -- what most of its workers wait for
        mode() WITHIN GROUP (ORDER BY expand_contract.throttle_code(s.throttled_by))
            FILTER (WHERE s.throttled_by IS NOT NULL) AS throttle,
        min(coalesce(s.resume_at, '-infinity')) AS resume_at,
        (array_agg(s.notice ORDER BY s.sweep DESC) FILTER (WHERE s.notice IS NOT NULL))[1] AS notice
    FROM (SELECT *, max(sweep) OVER (PARTITION BY job) AS latest FROM expand_contract.job_slots) s
    GROUP BY s.job, s.latest
), known AS (
    SELECT j.*, s.sweep, s.rows_done, s.rows_per_second, s.active_seconds,
        s.skipped_locked, s.rows_failed, s.wal_bytes, s.table_growth, s.throttled_by, s.throttle, s.resume_at, s.notice,
        least(coalesce(s.fraction, 0), 1) AS fraction,
        CASE WHEN l.workers IS NOT NULL OR NOT pg_is_in_recovery() THEN coalesce(l.workers, 0) END AS live_workers,
        CASE
            WHEN l.workers IS NOT NULL THEN j.state
            -- the locks of the primary's workers are not known to its standbys
            WHEN pg_is_in_recovery() THEN j.state
            -- the locks and the table are not of one moment
            WHEN j.state = 'running' AND expand_contract.is_interrupted(j.id) THEN 'interrupted'
            WHEN j.state = 'queued' AND j.queued_at < pg_postmaster_start_time()
                AND NOT expand_contract.launcher_running() THEN 'interrupted'
            ELSE j.state
        END AS shown_state,
        CASE WHEN j.state = 'queued' THEN
            expand_contract.next_run(j.start_at, j.run_window, j.settings ->> 'TimeZone', clock_timestamp())
        END AS next_run,
        (SELECT min(p.id) FROM expand_contract.jobs p
          WHERE p.part_of = j.id AND p.state IN ('queued', 'running', 'paused')) AS part
    FROM expand_contract.jobs j
    JOIN slots s ON s.job = j.id
    LEFT JOIN live l ON l.job = j.id
), counted AS (
    SELECT k.*,
        CASE
            WHEN shown_state = 'done' THEN 100
            -- later sweeps only look for what came in meanwhile
            WHEN sweep > 1 THEN 99 + 0.9 * fraction
            WHEN fraction > 0 THEN 99 * fraction
            -- still in the first block
            ELSE 99 * least(coalesce(rows_done::float8 / nullif(rows_estimate, 0), 0), 1)
        END AS done_percent,
        CASE
            WHEN shown_state = 'done' OR sweep > 1 THEN rows_done
            WHEN fraction > 0.0005 THEN greatest(rows_done, least(rows_done / fraction, 1e18)::bigint)
            ELSE greatest(rows_done, rows_estimate)
        END AS rows_total
    FROM known k
)
SELECT id AS job,
    kind,
    change,
    relation,
    shown_state AS state,
    rows_done,
    rows_total AS rows_total_estimate,
    round(done_percent::numeric, 1) AS percent,
    round((CASE
        WHEN shown_state = 'running' THEN rows_per_second
        ELSE coalesce(rows_done / nullif(active_seconds, 0), 0)
    END)::numeric, 0) AS rows_per_second,
    CASE
        WHEN shown_state = 'done' THEN interval '0'
        WHEN shown_state = 'running' AND rows_total > rows_done AND rows_per_second > 0 THEN
            date_trunc('second', make_interval(secs => least((rows_total - rows_done) / rows_per_second, 1e9)))
        WHEN shown_state = 'running' AND done_percent > 0 THEN
            date_trunc('second', make_interval(secs => least(active_seconds * (100 - done_percent) / done_percent, 1e9)))
    END AS eta,
    live_workers::integer AS workers,
    CASE
        WHEN shown_state = 'running' THEN throttled_by
        WHEN shown_state = 'queued' AND part IS NOT NULL THEN 'waits for job ' || part
        WHEN shown_state = 'queued' AND next_run > clock_timestamp() THEN
            CASE WHEN start_at > clock_timestamp() THEN 'start at ' ELSE 'run window opens ' END
            || date_trunc('second', next_run)
        WHEN shown_state = 'queued' AND live_workers = 0 THEN
            CASE WHEN resume_at > clock_timestamp() THEN concat(throttled_by, ' until ', date_trunc('second', resume_at))
                ELSE expand_contract.no_worker_is_free() END
    END AS throttled_by,
    round(table_growth, 2) AS table_growth,
    wal_bytes,
    skipped_locked,
    CASE WHEN shown_state = 'running' THEN notice END AS notice,
    error_code,
    concat(error_message, '. DETAIL: ' || error_detail, ' HINT: ' || error_hint) AS error_text,
    -- whatever somebody has written there, the view shows the others
    CASE WHEN kind = 'copy' AND parameters ->> 'target' ~ '^[0-9]{1,10}$' THEN
        CASE WHEN (parameters ->> 'target')::bigint < 4294967296 THEN (parameters ->> 'target')::bigint::oid END
    END AS target,
    owner,
    started_at,
    finished_at,
    rows_failed,
    CASE WHEN kind = 'statement' THEN parameters ->> 'version'
        ELSE (SELECT m.parameters ->> 'version' FROM expand_contract.jobs m
               WHERE m.id = counted.part_of AND m.kind = 'statement') END AS migration,
    CASE WHEN shown_state = 'running' THEN throttle END AS throttle,
    -- a job that has lost its workers has been so since some later moment
    CASE
        WHEN state IN ('done', 'failed', 'cancelled') THEN finished_at
        WHEN state = 'running' THEN greatest(queued_at, turn_at)
        ELSE queued_at
    END AS state_since,
    submitted_at,
    relation_name
FROM counted;
COMMENT ON VIEW expand_contract.progress IS 'all jobs and how far they are; behind ec_progress';

CREATE OR REPLACE VIEW @extschema@.ec_progress WITH (security_barrier) AS
SELECT job,
    kind,
    change,
    CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation) THEN relation::regclass END AS relation,
    state,
    rows_done,
    rows_total_estimate,
    percent,
    rows_per_second,
    eta,
    workers,
    throttled_by,
    expand_contract.replication_lag() AS replication_lag,
    table_growth,
    wal_bytes,
    skipped_locked,
    CASE
        WHEN state = 'interrupted' AND expand_contract.launcher_running()
            THEN 'the job has lost its worker; the launcher will start another'
        WHEN state = 'interrupted'
            THEN format('the job has lost its worker. HINT: Use SELECT %s(%s) to go on where it stopped, '
                'or add expand_contract to shared_preload_libraries to have that done at every start.',
                '@extschema@.ec_resume(bigint)'::regprocedure::regproc, job)
        WHEN error_code IS NULL THEN notice
        -- a message can hold row data, of a copy's target too
        WHEN pg_has_role(owner, 'USAGE') OR NOT EXISTS (
            SELECT FROM unnest(ARRAY[relation, target]) t (id)
            WHERE id IS NOT NULL AND (has_table_privilege(id, 'SELECT') IS NOT TRUE OR row_security_active(id)))
            THEN concat(error_code, ': ', error_text)
        ELSE error_code
    END AS last_error,
    pg_get_userbyid(owner) AS owner,
    started_at,
    finished_at,
    rows_failed,
    migration
FROM expand_contract.progress
WHERE pg_has_role(owner, 'USAGE') OR pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW @extschema@.ec_progress IS 'one''s own jobs (pg_monitor: all), their progress, and the reason for a pause';

CREATE OR REPLACE VIEW @extschema@.ec_progress_workers WITH (security_barrier) AS
SELECT s.job,
    s.slot + 1 AS worker,
    l.pid,
    CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = coalesce(s.relation, j.relation))
        THEN coalesce(s.relation, j.relation)::regclass END AS relation,
    s.sweep,
    s.rows_done,
    round((CASE WHEN l.pid IS NULL THEN coalesce(s.rows_done / nullif(s.active_seconds, 0), 0)
        ELSE s.rows_per_second END)::numeric, 0) AS rows_per_second,
    CASE WHEN l.pid IS NOT NULL THEN s.throttled_by END AS throttled_by,
    s.wal_bytes,
    s.skipped_locked
FROM expand_contract.jobs j
JOIN expand_contract.job_slots s ON s.job = j.id
LEFT JOIN expand_contract.live_slots() l ON l.job = s.job AND l.slot = s.slot
WHERE pg_has_role(j.owner, 'USAGE') OR pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW @extschema@.ec_progress_workers IS 'ec_progress for each worker: its position, and what it has done';


----------------------------------------------------------------------
-- sql/install/lint.sql
----------------------------------------------------------------------
CREATE OR REPLACE FUNCTION @extschema@.ec_lint(script text, phase text = 'expand', OUT statement integer, OUT command text,
        OUT rule text, OUT severity text, OUT relation regclass, OUT lock_mode text, OUT rewrites boolean,
        OUT scans boolean, OUT detail text, OUT recipe text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.ec_lint(text, text) IS
    'statements of a script that break running code, lose data or block others, with safe alternatives; runs nothing';

CREATE OR REPLACE FUNCTION @extschema@.ec_effects(script text, OUT statement integer, OUT command text, OUT relation regclass,
        OUT lock_mode text, OUT rewrites boolean, OUT scans boolean)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.ec_effects(text) IS
    'the locks, rewrites and full scans of each statement of a script; runs nothing';

CREATE OR REPLACE FUNCTION @extschema@.ec_plan(script text, phase text = 'expand', OUT step integer, OUT statement integer,
        OUT kind text, OUT command text, OUT lock_mode text, OUT relation regclass, OUT rewrites boolean,
        OUT scans boolean, OUT detail text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.ec_plan(text, text) IS
    'the steps in which a script runs online, so that it holds nobody up for long; runs nothing';

----------------------------------------------------------------------
-- sql/install/migrate.sql
----------------------------------------------------------------------
CREATE OR REPLACE FUNCTION @extschema@.ec_apply(version text, up text, down text = NULL, description text = NULL,
        requires text[] = '{}', phase text = 'expand', allow text[] = '{}', dry_run boolean = false,
        scope text = NULL, online boolean = NULL)
    RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_apply(text, text, text, text, text[], text, text[], boolean, text, boolean) IS
    'applies a migration once, under the migration lock: applied, unchanged, queued, running or (dry run) planned';

CREATE OR REPLACE PROCEDURE @extschema@.ec_migrate(version text, up text, down text = NULL, description text = NULL,
        requires text[] = '{}', phase text = 'expand', allow text[] = '{}', dry_run boolean = false,
        scope text = NULL, online boolean = NULL)
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE @extschema@.ec_migrate(text, text, text, text, text[], text, text[], boolean, text, boolean) IS
    'ec_apply, a commit, and the wait until the migration is applied';

CREATE OR REPLACE FUNCTION @extschema@.ec_rollback(version text, dry_run boolean = false, scope text = NULL) RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_rollback(text, boolean, text) IS
    'runs the down script of a migration and removes it from the ledger';

CREATE OR REPLACE PROCEDURE @extschema@.ec_wait_migration(version text, timeout interval = NULL, scope text = NULL)
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE @extschema@.ec_wait_migration(text, interval, text) IS
    'waits, without holding a snapshot, until a migration is applied';

REVOKE EXECUTE ON FUNCTION @extschema@.ec_apply(text, text, text, text, text[], text, text[], boolean, text, boolean) FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE @extschema@.ec_migrate(text, text, text, text, text[], text, text[], boolean, text, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ec_rollback(text, boolean, text) FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE @extschema@.ec_wait_migration(text, interval, text) FROM PUBLIC;

-- What an unfinished migration is doing, as its job says, and which job that is.
CREATE OR REPLACE FUNCTION expand_contract.migration_status(version text, scope text, OUT state text, OUT job bigint)
    AS 'MODULE_PATHNAME', 'ec_sql_migration_status'
    LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION expand_contract.migration_status(text, text) IS
    'what an unfinished migration is doing, and its job';

-- Sessions with locks on a relation and its partitions or children (0: the
-- migration lock; NULL: any table that is not the server's own).  What
-- pg_stat_activity hides from the caller, it hides here.
CREATE OR REPLACE FUNCTION expand_contract.blockers(relation oid)
    RETURNS TABLE (pid integer, application_name text, usename name, state text, transaction_age interval,
                   lock_mode text, granted boolean, blocks integer[], query text)
    LANGUAGE sql VOLATILE PARALLEL RESTRICTED
    BEGIN ATOMIC
        WITH tables AS MATERIALIZED (
            SELECT c.oid FROM pg_class c
             WHERE CASE WHEN blockers.relation IS NULL THEN c.oid >= 16384
                        ELSE c.oid IN (SELECT expand_contract.family_of(blockers.relation)) END
        ), locks AS MATERIALIZED (
            SELECT l.pid, l.granted, l.mode,
                   array_position('{AccessShareLock,RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock,ShareLock,'
                       'ShareRowExclusiveLock,ExclusiveLock,AccessExclusiveLock}'::text[], l.mode) AS strength
              FROM pg_locks l
             WHERE l.pid IS DISTINCT FROM pg_backend_pid()
               AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
               AND CASE WHEN blockers.relation = 0
                        -- EC_LOCK_MIGRATION
                        THEN l.locktype = 'advisory' AND l.classid = 0 AND l.objid = 0 AND l.objsubid = x'6C00'::integer
                        ELSE l.locktype = 'relation' AND l.relation IN (SELECT t.oid FROM tables t) END
        ), sessions AS (
            -- a session that waits for a lock is shown with that one
            SELECT DISTINCT ON (l.pid) l.pid, l.mode, l.granted FROM locks l
             ORDER BY l.pid, l.granted, l.strength DESC
        ), waiting AS MATERIALIZED (
            SELECT l.pid, pg_blocking_pids(l.pid) AS blocked_by FROM pg_locks l WHERE NOT l.granted
        )
        SELECT s.pid,
               CASE WHEN s.pid IS NULL THEN 'a prepared transaction'
                    ELSE coalesce(nullif(a.application_name, ''), a.backend_type, 'unknown') END,
               a.usename, a.state, clock_timestamp() - a.xact_start, s.mode, s.granted,
               ARRAY(SELECT DISTINCT w.pid FROM waiting w WHERE s.pid = ANY (w.blocked_by) ORDER BY w.pid),
               a.query
          FROM sessions s LEFT JOIN pg_stat_activity a ON a.pid = s.pid
         ORDER BY a.xact_start, s.pid;
    END;
COMMENT ON FUNCTION expand_contract.blockers(oid) IS
    'sessions that hold or wait for locks on a relation; behind ec_blockers and the errors that name them';

CREATE OR REPLACE FUNCTION @extschema@.ec_blockers(relation regclass = NULL)
    RETURNS TABLE (pid integer, application_name text, usename name, state text, transaction_age interval,
                   lock_mode text, blocks integer[], query text)
    LANGUAGE sql VOLATILE PARALLEL RESTRICTED
    BEGIN ATOMIC
        SELECT b.pid, b.application_name, b.usename, b.state, b.transaction_age,
               b.lock_mode || CASE WHEN b.granted THEN '' ELSE ', waiting' END, b.blocks, b.query
          FROM expand_contract.blockers(relation) b;
    END;
COMMENT ON FUNCTION @extschema@.ec_blockers(regclass) IS
    'sessions that hold or wait for locks which would stop a migration of a table, or of any';

-- A message can hold row data, so others see only its SQLSTATE.
CREATE OR REPLACE FUNCTION expand_contract.error_for(may_apply boolean, error text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN may_apply THEN error ELSE coalesce(substring(error, '^([0-9A-Z]{5}): '), error) END;
COMMENT ON FUNCTION expand_contract.error_for(boolean, text) IS
    'the error of a migration, as much of it as the reader may see';

-- The ledger belongs to whoever may execute ec_apply; pg_monitor sees it too.
-- The function is named by a constant, so that no name is looked up, with
-- whatever search_path and rights, when the view is read.  The version has the
-- database's collation here, so that it compares with the columns of others.
CREATE OR REPLACE VIEW @extschema@.ec_migrations WITH (security_barrier) AS
SELECT m.version COLLATE pg_catalog."default" AS version, m.description, m.phase,
       CASE WHEN m.checksum IS NULL THEN 'baselined' ELSE coalesce(s.state, m.state) END AS state, m.checksum, m.executed_at, m.executed_by, m.execution_time,
       m.steps, m.steps_done,
       CASE s.state
           WHEN 'failed' THEN expand_contract.error_for(r.may_apply, coalesce(m.error,
               CASE j.state WHEN 'cancelled' THEN 'job ' || j.id || ' was cancelled'
                   ELSE concat(j.error_code, ': ', j.error_message, '. DETAIL: ' || j.error_detail,
                               ' HINT: ' || j.error_hint) END))
           WHEN 'interrupted' THEN 'no worker is running it. HINT: Use '
               || CASE m.direction WHEN 'up' THEN '@extschema@.ec_apply'::regproc ELSE '@extschema@.ec_rollback'::regproc END
               || ' again to go on.'
       END AS error,
       m.direction, s.job, m.scope COLLATE pg_catalog."default" AS scope
  FROM expand_contract.schema_migrations m
  LEFT JOIN LATERAL expand_contract.migration_status(m.version, m.scope) s ON m.state <> 'applied'
  LEFT JOIN expand_contract.jobs j ON j.id = s.job
  CROSS JOIN (SELECT pg_catalog.has_function_privilege(
                         '@extschema@.ec_apply(text, text, text, text, text[], text, text[], boolean, text, boolean)'::pg_catalog.regprocedure,
                         'EXECUTE') AS may_apply OFFSET 0) r
 WHERE r.may_apply OR pg_catalog.pg_has_role('pg_monitor', 'USAGE')
 ORDER BY m.scope, m.version_key;
COMMENT ON VIEW @extschema@.ec_migrations IS
    'the ledger of migrations, in the order of their versions';
GRANT SELECT ON @extschema@.ec_migrations TO PUBLIC;

CREATE OR REPLACE VIEW @extschema@.ec_migration_events WITH (security_barrier) AS
SELECT id, event, version COLLATE pg_catalog."default" AS version, checksum, allow, executed_at, executed_by,
       execution_time, session_role, application_name, expand_contract.error_for(r.may_apply, error) AS error, scope COLLATE pg_catalog."default" AS scope
  FROM expand_contract.migration_events
  CROSS JOIN (SELECT pg_catalog.has_function_privilege(
                         '@extschema@.ec_apply(text, text, text, text, text[], text, text[], boolean, text, boolean)'::pg_catalog.regprocedure,
                         'EXECUTE') AS may_apply OFFSET 0) r
 WHERE r.may_apply OR pg_catalog.pg_has_role('pg_monitor', 'USAGE')
 ORDER BY id;
COMMENT ON VIEW @extschema@.ec_migration_events IS
    'the log: who applied, rolled back or took over which migration, when, and against which rules';
GRANT SELECT ON @extschema@.ec_migration_events TO PUBLIC;

CREATE OR REPLACE FUNCTION @extschema@.ec_apply_script(version text, script text, dry_run boolean = false, scope text = NULL,
        online boolean = NULL) RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_apply_script(text, text, boolean, text, boolean) IS
    'applies the text of a migration file, which has its own up and down';

CREATE OR REPLACE PROCEDURE @extschema@.ec_apply_directory(path text, scope text = NULL, allow text[] = '{}', online boolean = NULL)
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON PROCEDURE @extschema@.ec_apply_directory(text, text, text[], boolean) IS
    'applies the migration files of a directory of the server in the order of their versions, one commit each';

CREATE OR REPLACE FUNCTION @extschema@.ec_baseline(version text, description text = NULL, scope text = NULL) RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_baseline(text, text, text) IS
    'says that the database already is where the migrations up to this version lead';

CREATE OR REPLACE FUNCTION @extschema@.ec_adopt(tool text, relation regclass = NULL, scope text = NULL) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_adopt(text, regclass, text) IS
    'imports the history of another migration tool; returns how many migrations were new';

CREATE OR REPLACE FUNCTION @extschema@.ec_rehearse(up text, down text = NULL, OUT step integer, OUT direction text,
        OUT command text, OUT lock_mode text, OUT relation regclass, OUT rewritten boolean, OUT duration interval,
        OUT error text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_rehearse(text, text) IS
    'runs up, down and up again, rolls all back, and reports locks, rewrites, times and what down does not restore';

REVOKE EXECUTE ON FUNCTION @extschema@.ec_apply_script(text, text, boolean, text, boolean) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ec_baseline(text, text, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ec_adopt(text, regclass, text) FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE @extschema@.ec_apply_directory(text, text, text[], boolean) FROM PUBLIC;

----------------------------------------------------------------------
-- sql/install/backfill.sql
----------------------------------------------------------------------
CREATE OR REPLACE FUNCTION expand_contract.differs(anyelement, anyelement) RETURNS boolean
AS 'MODULE_PATHNAME', 'ec_differs' LANGUAGE C IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;
COMMENT ON FUNCTION expand_contract.differs(anyelement, anyelement)
    IS 'whether two values have different images; NULL equals NULL';

CREATE OR REPLACE FUNCTION expand_contract.made_here(xid) RETURNS boolean
AS 'MODULE_PATHNAME', 'ec_made_here' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION expand_contract.made_here(xid) IS 'whether the current transaction has made the row version with this xmin';

CREATE OR REPLACE FUNCTION @extschema@.ec_backfill(relation regclass, assignments text, predicate text DEFAULT NULL,
    batch_size integer DEFAULT NULL, delay_ms integer DEFAULT NULL, workers integer DEFAULT 1,
    method text DEFAULT 'auto', start_at timestamptz DEFAULT NULL, run_window text DEFAULT NULL,
    max_lag interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_backfill' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_backfill(regclass, text, text, integer, integer, integer, text, timestamptz, text, interval)
    IS 'updates a table in the background, in small batches that commit; returns the job';

CREATE OR REPLACE FUNCTION @extschema@.ec_delete(relation regclass, predicate text, batch_size integer DEFAULT NULL,
    delay_ms integer DEFAULT NULL, workers integer DEFAULT 1, method text DEFAULT 'auto',
    start_at timestamptz DEFAULT NULL, run_window text DEFAULT NULL, max_lag interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_delete' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_delete(regclass, text, integer, integer, integer, text, timestamptz, text, interval)
    IS 'deletes rows of a table in the background, in small batches that commit; returns the job';
REVOKE EXECUTE ON FUNCTION @extschema@.ec_delete(regclass, text, integer, integer, integer, text, timestamptz, text, interval) FROM PUBLIC;

CREATE OR REPLACE FUNCTION @extschema@.ec_copy(source regclass, target regclass, mapping jsonb, key text[] DEFAULT NULL,
    mode text DEFAULT 'fill', batch_size integer DEFAULT NULL, delay_ms integer DEFAULT NULL, workers integer DEFAULT 1,
    method text DEFAULT 'auto', start_at timestamptz DEFAULT NULL, run_window text DEFAULT NULL,
    max_lag interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_copy' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_copy(regclass, regclass, jsonb, text[], text, integer, integer, integer, text, timestamptz, text, interval)
    IS 'copies a table into another in the background, in small batches that commit; returns the job';

----------------------------------------------------------------------
-- sql/install/verify.sql
----------------------------------------------------------------------
CREATE OR REPLACE FUNCTION expand_contract.checksum_step(internal, VARIADIC "any") RETURNS internal
    LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ec_checksum_step';
COMMENT ON FUNCTION expand_contract.checksum_step(internal, VARIADIC "any") IS 'transition function of ec_checksum';

CREATE OR REPLACE FUNCTION expand_contract.checksum_combine(internal, internal) RETURNS internal
    LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ec_checksum_combine';
COMMENT ON FUNCTION expand_contract.checksum_combine(internal, internal) IS 'combine function of ec_checksum';

CREATE OR REPLACE FUNCTION expand_contract.checksum_serialize(internal) RETURNS bytea
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ec_checksum_serialize';
COMMENT ON FUNCTION expand_contract.checksum_serialize(internal) IS 'serialization function of ec_checksum';

CREATE OR REPLACE FUNCTION expand_contract.checksum_deserialize(bytea, internal) RETURNS internal
    LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ec_checksum_deserialize';
COMMENT ON FUNCTION expand_contract.checksum_deserialize(bytea, internal) IS 'deserialization function of ec_checksum';

CREATE OR REPLACE FUNCTION expand_contract.checksum_final(internal) RETURNS text
    LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE
    AS 'MODULE_PATHNAME', 'ec_checksum_final';
COMMENT ON FUNCTION expand_contract.checksum_final(internal) IS 'final function of ec_checksum';

CREATE OR REPLACE AGGREGATE @extschema@.ec_checksum(VARIADIC "any") (
    SFUNC = expand_contract.checksum_step,
    STYPE = internal,
    SSPACE = 64,
    FINALFUNC = expand_contract.checksum_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = expand_contract.checksum_combine,
    SERIALFUNC = expand_contract.checksum_serialize,
    DESERIALFUNC = expand_contract.checksum_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.ec_checksum(VARIADIC "any") IS 'checksum of a set of rows, whatever their order: COUNT:32 hex digits';

CREATE OR REPLACE VIEW @extschema@.ec_verifications WITH (security_barrier) AS
SELECT v.id AS verification, v.change, v.job, v.source_name AS source, v.target_name AS target,
       v.mapping, v.key, v.verified_by_name AS verified_by,
       CASE WHEN v.finished_at IS NOT NULL THEN v.missing = 0 AND v.extra = 0 AND v.different = 0 END AS ok,
       v.rows_source, v.rows_target, v.missing, v.extra, v.different,
       v.checksum_source, v.checksum_target, v.started_at, v.finished_at,
       v.first_snapshot, v.last_snapshot
  FROM expand_contract.verifications v
 WHERE pg_catalog.pg_has_role(v.verified_by, 'USAGE')
    OR pg_catalog.pg_has_role('pg_monitor', 'USAGE')
    OR EXISTS (SELECT
                 FROM pg_catalog.pg_extension e
                WHERE e.extname = 'expand_contract'
                  AND pg_catalog.pg_has_role(e.extowner, 'USAGE'))
 ORDER BY v.id;
COMMENT ON VIEW @extschema@.ec_verifications IS 'what each verification compared and found, who ran it, when, and under which snapshots';

-- The values come from the tables and whatever else the expressions read, so
-- only those may see them who could read them there: SELECT on each as a whole,
-- and no row security in the way.  Where the expressions call functions that
-- somebody wrote, nobody knows what they read: then the one who verified.  When
-- a table is gone, its rights are too: then the one who verified.  The
-- extension's owner holds the record anyway.
CREATE OR REPLACE VIEW @extschema@.ec_mismatches WITH (security_barrier) AS
SELECT m.verification, m.key, m.column_name, m.source_value, m.target_value, m.difference, m.repair
  FROM expand_contract.mismatches m
  JOIN expand_contract.verifications v ON v.id = m.verification
 WHERE NOT EXISTS (SELECT
                     FROM pg_catalog.unnest(v.reads) AS r (relation)
                    WHERE pg_catalog.has_table_privilege(r.relation, 'SELECT') IS NOT TRUE
                       OR pg_catalog.row_security_active(r.relation))
       AND (NOT v.opaque OR pg_catalog.pg_has_role(v.verified_by, 'USAGE'))
    OR NOT (EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = v.source)
            AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = v.target))
       AND pg_catalog.pg_has_role(v.verified_by, 'USAGE')
    OR EXISTS (SELECT
                 FROM pg_catalog.pg_extension e
                WHERE e.extname = 'expand_contract'
                  AND pg_catalog.pg_has_role(e.extowner, 'USAGE'))
 ORDER BY m.id;
COMMENT ON VIEW @extschema@.ec_mismatches IS 'the first rows that each verification found to differ; at most expand_contract.max_mismatches of each';

CREATE OR REPLACE FUNCTION @extschema@.ec_verify(relation regclass, mapping jsonb) RETURNS @extschema@.ec_verification
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'ec_verify';
COMMENT ON FUNCTION @extschema@.ec_verify(regclass, jsonb) IS 'compares columns of a table with expressions over the same row, and records what differs';

CREATE OR REPLACE FUNCTION @extschema@.ec_verify(source regclass, target regclass, mapping jsonb, key text[] DEFAULT NULL)
    RETURNS @extschema@.ec_verification
    LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
    AS 'MODULE_PATHNAME', 'ec_verify_tables';
COMMENT ON FUNCTION @extschema@.ec_verify(regclass, regclass, jsonb, text[]) IS 'compares the rows of two tables by key, and records what is missing, extra or different';

----------------------------------------------------------------------
-- sql/install/dualwrite.sql
----------------------------------------------------------------------
-- Everyone's: a partition that somebody creates gets the trigger with it.  It
-- does nothing on a table that is not the change's.
CREATE OR REPLACE FUNCTION expand_contract.dual_write() RETURNS trigger
AS 'MODULE_PATHNAME', 'ec_dual_write_row' LANGUAGE C;
COMMENT ON FUNCTION expand_contract.dual_write() IS 'keeps the columns of a change in step; its argument is the change';

CREATE OR REPLACE FUNCTION expand_contract.dual_write_table() RETURNS trigger
AS 'MODULE_PATHNAME', 'ec_dual_write_table' LANGUAGE C;
COMMENT ON FUNCTION expand_contract.dual_write_table() IS 'keeps the two tables of a change in step, a statement at a time; its argument is the change';

CREATE OR REPLACE FUNCTION expand_contract.note_ddl() RETURNS event_trigger
AS 'MODULE_PATHNAME', 'ec_note_ddl' LANGUAGE C;
COMMENT ON FUNCTION expand_contract.note_ddl() IS 'warns of DDL that ends what a change has promised';

CREATE OR REPLACE FUNCTION expand_contract.note_partitions() RETURNS event_trigger
AS 'MODULE_PATHNAME', 'ec_note_partitions' LANGUAGE C;
COMMENT ON FUNCTION expand_contract.note_partitions() IS 'gives new partitions the triggers of changes to other tables, and notes what comes and goes with a partition';

CREATE OR REPLACE FUNCTION expand_contract.note_subscriptions() RETURNS event_trigger
AS 'MODULE_PATHNAME', 'ec_note_subscriptions' LANGUAGE C;
COMMENT ON FUNCTION expand_contract.note_subscriptions() IS 'warns of subscriptions whose rows a change does not see, and leaves a gap';
REVOKE EXECUTE ON FUNCTION expand_contract.note_subscriptions() FROM PUBLIC;

CREATE OR REPLACE FUNCTION @extschema@.ec_expand(change text, relation regclass, forward jsonb, backward jsonb DEFAULT NULL,
    target regclass DEFAULT NULL, key text[] DEFAULT NULL, old_columns text[] DEFAULT NULL,
    on_error text DEFAULT 'record', allow_existing boolean DEFAULT false) RETURNS text
AS 'MODULE_PATHNAME', 'ec_expand' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_expand(text, regclass, jsonb, jsonb, regclass, text[], text[], text, boolean)
    IS 'registers a change and starts its dual writes: expanded or unchanged';

CREATE OR REPLACE FUNCTION @extschema@.ec_dual_write(change text, enabled boolean) RETURNS text
AS 'MODULE_PATHNAME', 'ec_dual_write' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_dual_write(text, boolean)
    IS 'switches the modern write of a change on or off';

CREATE OR REPLACE FUNCTION @extschema@.ec_set_flag(name text, value boolean) RETURNS boolean
AS 'MODULE_PATHNAME', 'ec_set_flag' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_set_flag(text, boolean) IS 'sets a read switch, and tells the channel expand_contract';

-- For applications: everyone may ask, and nobody sees the table.
CREATE OR REPLACE FUNCTION @extschema@.ec_flag(name text) RETURNS boolean
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$SELECT coalesce((SELECT f.value FROM expand_contract.flags f
                       WHERE f.name = CASE WHEN s.scope = '' OR starts_with(ec_flag.name, s.scope || '/') THEN ec_flag.name
                                           ELSE s.scope || '/' || ec_flag.name END), false)
       FROM (SELECT coalesce(current_setting('expand_contract.scope', true), '')) AS s (scope)$$;
COMMENT ON FUNCTION @extschema@.ec_flag(text) IS 'a read switch; false unless it has been set';

CREATE OR REPLACE FUNCTION @extschema@.ec_reconcile(change text DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_reconcile' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_reconcile(text)
    IS 'makes queued modern writes again now; how many rows are left';

CREATE OR REPLACE FUNCTION @extschema@.ec_reconcile_job(change text, batch_size integer DEFAULT NULL, delay_ms integer DEFAULT NULL,
    start_at timestamptz DEFAULT NULL, run_window text DEFAULT NULL, max_lag interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_reconcile_job' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_reconcile_job(text, integer, integer, timestamptz, text, interval)
    IS 'makes queued modern writes again in the background, until none is left; returns the job';

REVOKE EXECUTE ON FUNCTION @extschema@.ec_expand(text, regclass, jsonb, jsonb, regclass, text[], text[], text, boolean) FROM PUBLIC;

-- Everyone's, as repairs ask it as the owner of the table; it tells nobody else.
CREATE OR REPLACE FUNCTION expand_contract.is_queued(change text, now boolean, names text[], VARIADIC "values" "any") RETURNS boolean
AS 'MODULE_PATHNAME', 'ec_is_queued' LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION expand_contract.is_queued(text, boolean, text[], "any")
    IS 'whether a failed write of the row with that key waits to be reconciled: repairs leave it alone';

-- A row a row of the table: its failed writes together.
CREATE OR REPLACE VIEW expand_contract.open_discrepancies AS
SELECT d.change, d.key,
       (array_agg(d.operation ORDER BY d.id DESC))[1] AS operation,
       (array_agg(d.direction ORDER BY d.id DESC))[1] AS direction,
       (array_agg(d.error_code ORDER BY d.id DESC))[1] AS error_code,
       (array_agg(d.error ORDER BY d.id DESC))[1] AS error,
       sum(d.writes)::bigint AS writes,
       min(coalesce(d.first_at, d.at)) AS first_at,
       max(d.at) AS last_at,
       max(d.attempts) AS attempts,
       max(d.next_attempt_at) AS next_attempt_at
  FROM expand_contract.discrepancies d
 GROUP BY d.change, d.key;
COMMENT ON VIEW expand_contract.open_discrepancies IS 'rows whose modern write failed, of every change';

-- Figures for those who monitor; key and message hold row data, so they are for
-- those who could read it in the table.
CREATE OR REPLACE VIEW @extschema@.ec_discrepancies WITH (security_barrier) AS
SELECT d.change, c.relation,
       CASE WHEN r.is_readable THEN d.key END AS key,
       d.operation, d.direction, d.error_code,
       CASE WHEN r.is_readable THEN d.error END AS error,
       d.writes, d.first_at, d.last_at,
       date_trunc('second', clock_timestamp() - d.first_at) AS age,
       d.attempts, d.next_attempt_at
  FROM expand_contract.open_discrepancies d
  JOIN expand_contract.changes c ON c.name = d.change
  JOIN pg_class t ON t.oid = c.relation,
       -- what fails in a target is told with values of the target
       LATERAL (SELECT has_table_privilege(t.oid, 'SELECT') AND NOT row_security_active(t.oid)
                   AND (c.target IS NULL OR has_table_privilege(c.target::oid, 'SELECT') IS TRUE
                                            AND NOT row_security_active(c.target::oid))) AS r (is_readable)
 WHERE pg_has_role(t.relowner, 'USAGE') OR pg_has_role('pg_monitor', 'USAGE')
 ORDER BY d.first_at;
COMMENT ON VIEW @extschema@.ec_discrepancies IS 'rows whose modern write failed and is still to be made';

----------------------------------------------------------------------
-- sql/install/usage.sql
----------------------------------------------------------------------
CREATE OR REPLACE FUNCTION @extschema@.ec_track(relation regclass, columns text[] DEFAULT NULL) RETURNS integer
AS 'MODULE_PATHNAME', 'ec_track' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_track(regclass, text[]) IS 'tracks which applications read and write columns (NULL: all) of a table; returns how many are new';

CREATE OR REPLACE FUNCTION @extschema@.ec_untrack(relation regclass, columns text[] DEFAULT NULL) RETURNS integer
AS 'MODULE_PATHNAME', 'ec_untrack' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_untrack(regclass, text[]) IS 'ends the watch on columns (NULL: all) of a table; returns how many were watched';


-- Filters its rows itself: whoever reads the view calls it with his own rights.
CREATE OR REPLACE FUNCTION expand_contract.column_usage(OUT relation regclass, OUT column_name text,
    OUT reads bigint, OUT last_read timestamptz, OUT last_reader text,
    OUT writes bigint, OUT last_write timestamptz, OUT last_writer text,
    OUT tracked_since timestamptz, OUT unknown_since timestamptz, OUT unknown_until timestamptz,
    OUT readers jsonb, OUT writers jsonb)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ec_sql_column_usage' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION expand_contract.column_usage() IS 'tracked columns of tables one owns (pg_monitor: all); behind ec_column_usage';

CREATE OR REPLACE VIEW @extschema@.ec_column_usage AS
SELECT relation, column_name, reads, last_read, last_reader, writes, last_write, last_writer,
       tracked_since, unknown_since, unknown_until, readers, writers
  FROM expand_contract.column_usage()
 ORDER BY relation::text COLLATE "C", column_name COLLATE "C";
COMMENT ON VIEW @extschema@.ec_column_usage IS 'the use of the tracked columns of one''s own tables (pg_monitor: all)';

CREATE OR REPLACE FUNCTION @extschema@.ec_export_usage() RETURNS jsonb
    LANGUAGE sql VOLATILE PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object(
        'system_identifier', (SELECT system_identifier::text FROM pg_control_system()),
        'database', current_database(),
        'in_recovery', pg_is_in_recovery(),
        'taken_at', clock_timestamp(),
        'columns', coalesce((
            SELECT jsonb_agg(jsonb_build_object(
                'relation', format('%I.%I', n.nspname, c.relname), 'column_name', u.column_name,
                'reads', u.reads, 'last_read', u.last_read, 'last_reader', u.last_reader,
                'tracked_since', u.tracked_since, 'unknown_until', u.unknown_until))
              FROM expand_contract.column_usage() u
              JOIN pg_class c ON c.oid = u.relation
              JOIN pg_namespace n ON n.oid = c.relnamespace), '[]'))
$$;
COMMENT ON FUNCTION @extschema@.ec_export_usage() IS 'the column usage counted on this standby, for ec_import_usage on the primary';

CREATE OR REPLACE FUNCTION @extschema@.ec_import_usage(standby text, usage jsonb) RETURNS integer
AS 'MODULE_PATHNAME', 'ec_import_usage' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_import_usage(text, jsonb) IS 'records the result of ec_export_usage on a standby; returns how many columns';

CREATE OR REPLACE VIEW @extschema@.ec_standby_usage WITH (security_barrier) AS
SELECT s.standby, s.relation, a.attname::text AS column_name, s.reads, s.last_read, s.last_reader,
       s.counting_since, s.unknown_until, s.taken_at
  FROM expand_contract.standby_usage s
  JOIN pg_catalog.pg_class c ON c.oid = s.relation
  JOIN pg_catalog.pg_attribute a ON a.attrelid = s.relation AND a.attnum = s.attnum AND NOT a.attisdropped
 WHERE pg_has_role(c.relowner, 'USAGE') OR pg_has_role('pg_monitor', 'USAGE')
 ORDER BY s.standby, s.relation::text COLLATE "C", a.attname;
COMMENT ON VIEW @extschema@.ec_standby_usage IS 'reads of tracked columns on standbys, as they were last imported';

----------------------------------------------------------------------
-- sql/install/lifecycle.sql
----------------------------------------------------------------------
CREATE OR REPLACE FUNCTION @extschema@.ec_backfill_change(change text, mode text DEFAULT 'fill', batch_size integer DEFAULT NULL,
    delay_ms integer DEFAULT NULL, workers integer DEFAULT 1, start_at timestamptz DEFAULT NULL,
    run_window text DEFAULT NULL, max_lag interval DEFAULT NULL, on_error text DEFAULT 'raise') RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_backfill_change' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_backfill_change(text, text, integer, integer, integer, timestamptz, text, interval, text)
    IS 'brings the rows of a change in step in the background; returns the job';
REVOKE EXECUTE ON FUNCTION @extschema@.ec_backfill_change(text, text, integer, integer, integer, timestamptz, text, interval, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION @extschema@.ec_verify_change(change text) RETURNS @extschema@.ec_verification
AS 'MODULE_PATHNAME', 'ec_verify_change' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_verify_change(text)
    IS 'compares every row of a change under one snapshot, and records differences';

CREATE OR REPLACE FUNCTION @extschema@.ec_verify_job(change text, batch_size integer DEFAULT NULL, delay_ms integer DEFAULT NULL,
    workers integer DEFAULT 1, start_at timestamptz DEFAULT NULL, run_window text DEFAULT NULL,
    max_lag interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_verify_job' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_verify_job(text, integer, integer, integer, timestamptz, text, interval)
    IS 'the same in the background, chunk by chunk with a snapshot each; returns the job';

CREATE OR REPLACE FUNCTION @extschema@.ec_change_type(change text, relation regclass, types jsonb, "using" jsonb DEFAULT NULL,
    backward jsonb DEFAULT NULL, on_error text DEFAULT 'record') RETURNS text
AS 'MODULE_PATHNAME', 'ec_change_type' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_change_type(text, regclass, jsonb, jsonb, jsonb, text)
    IS 'registers a change that gives columns another type and keeps their names';

CREATE OR REPLACE FUNCTION @extschema@.ec_prepare(change text, batch_size integer DEFAULT NULL, delay_ms integer DEFAULT NULL,
    workers integer DEFAULT 1, start_at timestamptz DEFAULT NULL, run_window text DEFAULT NULL,
    max_lag interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_prepare' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_prepare(text, integer, integer, integer, timestamptz, text, interval)
    IS 'builds what hangs on columns on those that take their names over, in the background; returns the job';

CREATE OR REPLACE FUNCTION @extschema@.ec_advance(change text, until text DEFAULT 'verified', batch_size integer DEFAULT NULL,
    delay_ms integer DEFAULT NULL, workers integer DEFAULT 1, start_at timestamptz DEFAULT NULL,
    run_window text DEFAULT NULL, max_lag interval DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'ec_advance' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_advance(text, text, integer, integer, integer, timestamptz, text, interval)
    IS 'takes a change from phase to phase in the background, up to the one that is named; returns the job';
REVOKE EXECUTE ON FUNCTION @extschema@.ec_change_type(text, regclass, jsonb, jsonb, jsonb, text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ec_advance(text, text, integer, integer, integer, timestamptz, text, interval) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION @extschema@.ec_prepare(text, integer, integer, integer, timestamptz, text, interval) FROM PUBLIC;

CREATE OR REPLACE FUNCTION @extschema@.ec_successor(relation regclass, name text, partition_by text DEFAULT NULL) RETURNS regclass
AS 'MODULE_PATHNAME', 'ec_make_successor' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_successor(regclass, text, text)
    IS 'makes an empty table that has what another one has, in another partitioning if asked';
REVOKE EXECUTE ON FUNCTION @extschema@.ec_successor(regclass, text, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION @extschema@.ec_advise(relation regclass,
    OUT approach text, OUT recommended boolean, OUT why text, OUT cost text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ec_advise' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.ec_advise(regclass) IS 'recommends a way to change a table, with estimates of time, locks and disk space';

CREATE OR REPLACE FUNCTION expand_contract.running_versions(pattern text, OUT application text, OUT version text) RETURNS SETOF record
LANGUAGE sql VOLATILE STRICT PARALLEL RESTRICTED SET search_path = pg_catalog, pg_temp AS $$
    SELECT m[1], m[2]
      FROM pg_stat_activity a, regexp_matches(a.application_name, pattern) AS m
     WHERE a.datname = current_database() AND cardinality(m) >= 2 AND m[1] <> '' AND m[2] <> ''
$$;
COMMENT ON FUNCTION expand_contract.running_versions(text) IS 'application and version of the sessions of this database, from application_name';

CREATE OR REPLACE FUNCTION @extschema@.ec_require_version(change text, application text, minimum text) RETURNS text
AS 'MODULE_PATHNAME', 'ec_require_version' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_require_version(text, text, text)
    IS 'which version of an application must be deployed before a change contracts';

CREATE OR REPLACE FUNCTION @extschema@.ec_gates(change text, step text, OUT gate text, OUT passed boolean,
    OUT observed text, OUT required text, OUT hint text) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ec_sql_gates' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_gates(text, text) IS 'the gates of the cutover or contraction of a change';

CREATE OR REPLACE FUNCTION @extschema@.ec_cutover(change text, override text[] DEFAULT '{}') RETURNS text
AS 'MODULE_PATHNAME', 'ec_cutover' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_cutover(text, text[]) IS 'passes the gates, sets the flag of the change, and tells the channel expand_contract';


-- Known by what they do: their names are no proof.
CREATE OR REPLACE FUNCTION expand_contract.triggers_of(change text, OUT relation oid, OUT name name, OUT enabled "char",
    OUT is_clone boolean) RETURNS SETOF record
LANGUAGE sql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.tgrelid, t.tgname, t.tgenabled, t.tgparentid <> 0
      FROM expand_contract.changes c
      CROSS JOIN LATERAL (SELECT expand_contract.family_of(c.relation) UNION SELECT expand_contract.family_of(c.target)) f (oid)
      JOIN pg_trigger t ON t.tgrelid = f.oid
      JOIN pg_proc p ON p.oid = t.tgfoid
     WHERE c.name = change
       AND p.pronamespace = 'expand_contract'::regnamespace AND p.proname IN ('dual_write', 'dual_write_table')
       AND t.tgargs = convert_to(change, getdatabaseencoding()) || '\x00'::bytea
$$;
COMMENT ON FUNCTION expand_contract.triggers_of(text) IS 'the triggers of a change''s dual writes, on all its tables';

CREATE OR REPLACE FUNCTION @extschema@.ec_contract(change text, override text[] DEFAULT '{}', quarantine interval DEFAULT '7 days',
    auto_drop boolean DEFAULT false) RETURNS text
AS 'MODULE_PATHNAME', 'ec_contract' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_contract(text, text[], interval, boolean)
    IS 'passes the gates and renames the old shape away; when the quarantine has passed, drops it';

CREATE OR REPLACE FUNCTION @extschema@.ec_revert(change text) RETURNS text
AS 'MODULE_PATHNAME', 'ec_revert' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_revert(text) IS 'takes a change one step back; nothing is lost';

CREATE OR REPLACE FUNCTION @extschema@.ec_forget(change text) RETURNS text
AS 'MODULE_PATHNAME', 'ec_forget' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_forget(text) IS 'frees the name of a change that has ended, or that can be neither contracted nor reverted';

REVOKE EXECUTE ON FUNCTION @extschema@.ec_forget(text) FROM PUBLIC;

-- Looks at the gates of a change for its owner, whoever else asks gets NULL: it
-- may be everyone's, as the view needs it.  STABLE, so that a query that does
-- not ask for it does not pay for it.
CREATE OR REPLACE FUNCTION expand_contract.blocked_by(change text) RETURNS text[]
AS 'MODULE_PATHNAME', 'ec_sql_blocked_by' LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION expand_contract.blocked_by(text) IS 'the closed gates of the next step of a change; behind ec_changes';

-- Likewise, with those that are open; no rows where blocked_by is NULL.
CREATE OR REPLACE FUNCTION expand_contract.next_gates(change text, OUT step text, OUT gate text, OUT passed boolean) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'ec_sql_next_gates' LANGUAGE C STABLE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION expand_contract.next_gates(text) IS 'the gates of the next step of a change; behind ec_metrics_gates';

CREATE OR REPLACE VIEW @extschema@.ec_changes WITH (security_barrier) AS
SELECT c.name COLLATE "default" AS change, c.relation, c.target, c.phase, c.since,
       c.dual_write AND coalesce(current_setting('expand_contract.enable_modern_write', true)::boolean, true)
           -- each table of the change, and each partition and child, has all triggers
           AND NOT EXISTS (
               SELECT FROM (SELECT expand_contract.family_of(c.relation)
                             UNION
                            SELECT expand_contract.family_of(c.target) WHERE c.backward IS NOT NULL) AS f (oid),
                      unnest(CASE WHEN c.target IS NULL THEN '{""}' ELSE '{_insert,_update,_delete,_truncate}'::text[] END) AS s (suffix)
                WHERE NOT EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = f.oid AND g.tgenabled = 'A'
                                     AND g.tgname = '~ec_' || c.name || s.suffix))
           AS dual_write,
       c.on_error, c.forward, c.backward,
       CASE WHEN c.whole_table AND c.phase NOT IN ('contracted', 'reverted') THEN '{*}'
            ELSE (SELECT array_agg(o.present_name COLLATE "default" ORDER BY o.attnum)
                    FROM expand_contract.change_columns o
                   WHERE o.change = c.name AND o.goes AND o.present_name <> '') END AS old_columns,
       (SELECT count(DISTINCT d.key) FROM expand_contract.discrepancies d WHERE d.change = c.name) AS discrepancies,
       (SELECT count(*) FROM expand_contract.gaps g WHERE g.change = c.name AND g.repaired_by IS NULL) AS gaps,
       coalesce((SELECT f.value FROM expand_contract.flags f WHERE f.name = c.name), false) AS flag,
       t.oid IS NULL AS is_gone, c.quarantine_until, c.auto_drop,
       expand_contract.blocked_by(c.name) AS blocked_by,
       coalesce(substring(c.name FROM '^(.*)/[^/]*$'), '') AS scope
  FROM expand_contract.changes c
  LEFT JOIN pg_class t ON t.oid = c.relation
  LEFT JOIN pg_class n ON n.oid = c.target
 WHERE pg_has_role(coalesce(t.relowner, n.relowner), 'USAGE') OR pg_has_role('pg_monitor', 'USAGE')
 ORDER BY c.registered_at;
COMMENT ON VIEW @extschema@.ec_changes IS 'changes of tables one owns (pg_monitor: all), and where they are';
GRANT SELECT ON @extschema@.ec_changes TO PUBLIC;

CREATE OR REPLACE VIEW @extschema@.ec_change_events WITH (security_barrier) AS
SELECT e.id, e.change COLLATE "default" AS change, e.event, e.value, e.at, e.by_role
  FROM expand_contract.change_events e
  LEFT JOIN expand_contract.changes c ON c.name = e.change
  LEFT JOIN pg_class t ON t.oid = c.relation
  LEFT JOIN pg_class n ON n.oid = c.target
 WHERE pg_has_role(coalesce(t.relowner, n.relowner), 'USAGE') OR pg_has_role('pg_monitor', 'USAGE')
 ORDER BY e.id, e.salt;
COMMENT ON VIEW @extschema@.ec_change_events IS 'what happened to changes of tables one owns (pg_monitor: all), and to flags';
GRANT SELECT ON @extschema@.ec_change_events TO PUBLIC;

CREATE OR REPLACE FUNCTION @extschema@.ec_report(change text) RETURNS text
AS 'MODULE_PATHNAME', 'ec_report' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_report(text) IS 'an HTML page with the life of a change: its phases, jobs, pauses, verifications and gates, and who did what';

CREATE OR REPLACE FUNCTION @extschema@.ec_runbook(change text) RETURNS text
AS 'MODULE_PATHNAME', 'ec_runbook' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.ec_runbook(text) IS 'Markdown: where a change stands, the next command, its gates, and when to go back';

-- What the server drops with some columns, or (NULL) with the whole table, and
-- its partitions and children: the walk through pg_depend that DROP makes.  What
-- is a part of something (the rule of a view, the trigger of a constraint, a
-- member of an extension) takes that along, if it is not the one that falls.
-- stands: it needs CASCADE; behind: it is behind one that does; elsewhere: it is
-- another session's, for as long as that lasts.
CREATE OR REPLACE FUNCTION expand_contract.falls(relation oid, columns smallint[],
    OUT classid oid, OUT objid oid, OUT objsubid integer, OUT stands boolean, OUT behind boolean, OUT "on" text, OUT elsewhere boolean)
RETURNS SETOF record
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE family AS MATERIALIZED (
        SELECT f.oid FROM expand_contract.family_of($1) f (oid)
    ), ours AS MATERIALIZED ( -- goes before
        SELECT t.oid FROM pg_trigger t
         WHERE t.tgfoid IN ('expand_contract.dual_write()'::regprocedure, 'expand_contract.dual_write_table()'::regprocedure)
    ), walk (classid, objid, objsubid, stands, behind, "on") AS (
        SELECT 'pg_class'::regclass::oid, c.attrelid, c.attnum::integer, false, false, NULL::text COLLATE "C"
          FROM pg_attribute r
          JOIN pg_attribute c ON c.attrelid IN (SELECT f.oid FROM family f) AND c.attname = r.attname
         WHERE r.attrelid = $1 AND r.attnum = ANY (columns) AND r.attnum > 0 AND NOT r.attisdropped AND NOT c.attisdropped
         UNION
        SELECT 'pg_class'::regclass::oid, f.oid, 0, false, false, NULL FROM family f WHERE columns IS NULL
         UNION
        SELECT coalesce(o.refclassid, d.classid), coalesce(o.refobjid, d.objid), coalesce(o.refobjsubid, d.objsubid),
               o.refobjid IS NOT NULL OR d.deptype = 'n', w.stands OR w.behind,
               CASE WHEN w.classid = 'pg_class'::regclass AND w.objid IN (SELECT f.oid FROM family f)
                    THEN coalesce('column ' || quote_ident((SELECT a.attname FROM pg_attribute a
                              WHERE a.attrelid = w.objid AND a.attnum = d.refobjsubid AND a.attnum > 0)), 'the table')
                    ELSE (SELECT i.type || ' ' || i.identity FROM pg_identify_object(w.classid, w.objid, w.objsubid) i) END COLLATE "C"
          FROM walk w
          JOIN pg_depend d ON d.refclassid = w.classid AND d.refobjid = w.objid AND (w.objsubid = 0 OR d.refobjsubid = w.objsubid)
          LEFT JOIN LATERAL (
                SELECT p.refclassid, p.refobjid, p.refobjsubid FROM pg_depend p
                 WHERE p.classid = d.classid AND p.objid = d.objid AND p.objsubid = d.objsubid AND p.deptype IN ('i', 'e')
                   AND NOT (d.refclassid = p.refclassid AND d.refobjid = p.refobjid)
                 LIMIT 1) o ON d.deptype NOT IN ('i', 'e')
         WHERE NOT (d.classid = 'pg_trigger'::regclass AND d.objid IN (SELECT t.oid FROM ours t))
           AND NOT (coalesce(o.refclassid, d.classid) = 'pg_class'::regclass AND coalesce(o.refobjsubid, d.objsubid) = 0
                    AND coalesce(o.refobjid, d.objid) IN (SELECT f.oid FROM family f))
    )
    SELECT f.*, EXISTS (SELECT FROM pg_identify_object(f.classid, f.objid, f.objsubid) o
                          JOIN pg_namespace n ON n.nspname = o.schema
                         WHERE pg_is_other_temp_schema(n.oid))
      FROM (SELECT w.classid, w.objid, w.objsubid, bool_and(w.stands), bool_and(w.behind), min(w."on")
              FROM walk w
             WHERE w."on" IS NOT NULL
             GROUP BY 1, 2, 3) f
$$;
COMMENT ON FUNCTION expand_contract.falls(oid, smallint[]) IS 'the objects that the server drops with columns or a table';

-- Looks at the body of a function that is kept as text: 'parsed' where it uses
-- one of the columns, 'text' where only its text tells, which may be wrong, 'long'
-- where that is too long to be looked into; NULL where it names none.  Without
-- may_analyse, a text in SQL is only read for its words.
CREATE OR REPLACE FUNCTION expand_contract.body_names(function oid, relation oid, columns smallint[], may_analyse boolean) RETURNS text
AS 'MODULE_PATHNAME', 'ec_sql_body_names' LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
COMMENT ON FUNCTION expand_contract.body_names(oid, oid, smallint[], boolean) IS 'whether the text of a function names columns';

-- What would lose its footing with some columns, or (NULL) with the whole table.
--   goes    the server drops it along with them and says nothing
--   falls   the server drops it, if with CASCADE only
--   blocks  stands in the way of that, or would fail at its next use
-- What is neither is behind something that blocks, or is told by text alone.
CREATE OR REPLACE FUNCTION expand_contract.dependents(relation oid, columns smallint[] DEFAULT NULL,
    OUT kind text, OUT object text, OUT goes boolean, OUT falls boolean, OUT blocks boolean, OUT because text) RETURNS SETOF record
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp AS $$
    -- the partitions and children, where the columns have other numbers
    WITH family AS MATERIALIZED (
        SELECT f.oid FROM expand_contract.family_of($1) f (oid)
    ), watched AS MATERIALIZED (
        SELECT c.attrelid, c.attnum, c.attname, c.attacl, c.attrelid = $1 AS is_root
          FROM pg_attribute r
          JOIN pg_attribute c ON c.attrelid IN (SELECT f.oid FROM family f) AND c.attname = r.attname
         WHERE r.attrelid = $1 AND r.attnum > 0 AND NOT r.attisdropped AND NOT c.attisdropped
           AND (columns IS NULL OR r.attnum = ANY (columns))
    ), falls AS MATERIALIZED (
        SELECT f.* FROM expand_contract.falls($1, columns) f
    ), falling AS (
        SELECT CASE WHEN g.attgenerated <> '' THEN 'generated column' ELSE o.type END AS type,
               CASE WHEN g.attgenerated <> '' THEN regexp_replace(o.identity, '^for ', '') ELSE o.identity END AS identity,
               w.stands, w.behind, w."on", w.elsewhere
          FROM falls w
          LEFT JOIN pg_trigger t ON w.classid = 'pg_trigger'::regclass AND t.oid = w.objid
          LEFT JOIN pg_rewrite v ON w.classid = 'pg_rewrite'::regclass AND v.oid = w.objid
          LEFT JOIN pg_attrdef d ON w.classid = 'pg_attrdef'::regclass AND d.oid = w.objid
          LEFT JOIN pg_attribute g ON w.stands AND (g.attrelid, g.attnum) = (d.adrelid, d.adnum)
                                   OR w.classid = 'pg_class'::regclass AND w.objsubid > 0 AND (g.attrelid, g.attnum) = (w.objid, w.objsubid),
               LATERAL pg_identify_object(w.classid, w.objid, w.objsubid) o
         WHERE t.tgisinternal IS NOT TRUE
           AND NOT (v.rulename IS NOT NULL AND v.rulename = '_RETURN')
           AND o.schema IS DISTINCT FROM 'pg_toast'
           AND NOT (w.classid = 'pg_type'::regclass AND NOT w.stands) -- row types and their arrays
           AND NOT (w.classid = 'pg_class'::regclass AND w.objsubid = 0 AND NOT w.stands AND EXISTS ( -- told by their constraint
                    SELECT FROM pg_constraint x WHERE x.conindid = w.objid AND x.contype IN ('p', 'u', 'x')))
           AND o.type <> 'publication relation' -- see below
           AND NOT (w.classid = 'pg_constraint'::regclass AND NOT w.stands AND EXISTS ( -- from 18 on
                    SELECT FROM pg_constraint x WHERE x.oid = w.objid AND x.contype = 'n'))
    ), functions AS MATERIALIZED (
        SELECT p.oid, f.is_strangers, f.bytes,
               f.bytes > 900000 OR f.is_strangers AND sum(f.bytes) OVER (PARTITION BY f.is_strangers ORDER BY p.oid) > 10000000 AS is_long
          FROM pg_proc p
          JOIN pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('c', 'internal'),
       LATERAL (SELECT octet_length(p.prosrc)::bigint,
                       NOT (has_table_privilege(p.proowner, $1, 'INSERT, DELETE, TRUNCATE, TRIGGER')
                            OR has_any_column_privilege(p.proowner, $1, 'SELECT, INSERT, UPDATE, REFERENCES'))) f (bytes, is_strangers)
         WHERE p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace, 'expand_contract'::regnamespace)
           AND NOT pg_is_other_temp_schema(p.pronamespace)
           AND p.prosqlbody IS NULL
           AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = 'pg_proc'::regclass AND x.objid = p.oid AND x.deptype = 'e')
    ), named AS MATERIALIZED (
        -- anybody's: what is too long for the functions of the server, or for whoever looks, must not stop him
        SELECT p.oid, f.is_strangers,
               CASE WHEN f.is_long THEN 'long'
                    WHEN l.lanname = 'sql' AND p.prosrc LIKE '%*%' AND NOT f.is_strangers
                      OR EXISTS (SELECT FROM watched w WHERE w.is_root AND strpos(lower(p.prosrc), lower(replace(w.attname, '"', '""'))) > 0)
                    -- the server analyses no text of a role that has no right on the table: it can be made to take hours
                    THEN expand_contract.body_names(f.oid, $1, columns, NOT f.is_strangers) END AS how
          FROM functions f JOIN pg_proc p ON p.oid = f.oid JOIN pg_language l ON l.oid = p.prolang
    )
    SELECT f.type, f.identity, NOT f.stands AND NOT f.behind, true, f.stands AND NOT f.behind AND NOT f.elsewhere,
           CASE WHEN f.elsewhere THEN 'temporary, of another session'
                WHEN f.behind THEN 'goes with ' || f."on"
                WHEN f.stands THEN 'depends on ' || f."on"
                ELSE 'dropped with it' END
      FROM falling f
    UNION
    -- the server does not look into these, and leaves them as they are
    SELECT 'function', (pg_identify_object('pg_proc'::regclass, n.oid, 0)).identity, false, false, n.how = 'parsed',
           CASE n.how WHEN 'parsed' THEN 'its body uses it, and would fail'
                      WHEN 'long' THEN 'its text is too long to be looked into'
                      ELSE 'its text names it; nobody can tell whether it uses it' END
      FROM named n
     WHERE n.how IS NOT NULL AND NOT (n.how = 'long' AND n.is_strangers)
    UNION
    SELECT 'function', count(*) || CASE WHEN count(*) = 1 THEN ' function' ELSE ' functions' END, false, false, false,
           'of roles that have no right on the table; their text is too long to be looked into'
      FROM named n
     WHERE n.how = 'long' AND n.is_strangers
    HAVING count(*) > 0
    UNION
    SELECT 'publication', quote_ident(p.pubname), false, false, true, 'publishes the table to subscribers that still have the column'
      FROM pg_publication p
     WHERE p.puballtables
        OR EXISTS (SELECT FROM pg_publication_rel r
                    WHERE r.prpubid = p.oid AND r.prrelid IN (SELECT f.oid FROM family f)
                      AND (r.prattrs IS NULL OR EXISTS (SELECT FROM watched w WHERE w.attrelid = r.prrelid AND w.attnum = ANY (r.prattrs))))
        OR EXISTS (SELECT FROM pg_publication_namespace n JOIN pg_class t ON t.relnamespace = n.pnnspid
                    WHERE n.pnpubid = p.oid AND t.oid = $1)
    UNION
    -- a publication that lists the column, or has it in its filter, loses the table
    SELECT 'publication relation', (pg_identify_object(f.classid, f.objid, f.objsubid)).identity, false, true, false, 'goes with the column that it lists'
      FROM falls f
     WHERE f.classid = 'pg_publication_rel'::regclass
    UNION
    SELECT 'grant', quote_ident(w.attname) || ' to ' || coalesce(r.rolname::text, 'PUBLIC'), true, true, false, 'dropped with it'
      FROM watched w, LATERAL aclexplode(w.attacl) a
      LEFT JOIN pg_roles r ON r.oid = a.grantee
     WHERE w.is_root
    UNION
    SELECT 'grant', (pg_identify_object('pg_class'::regclass, t.oid, 0)).identity || ' to ' || coalesce(r.rolname::text, 'PUBLIC'), true, true, false, 'dropped with it'
      FROM pg_class t, LATERAL aclexplode(t.relacl) a
      LEFT JOIN pg_roles r ON r.oid = a.grantee
     WHERE t.oid = $1 AND columns IS NULL AND a.grantee <> t.relowner
     ORDER BY 3, 5 DESC, 1, 2, 6
$$;
COMMENT ON FUNCTION expand_contract.dependents(oid, smallint[])
    IS 'the objects that are dropped with columns or a table, or prevent dropping them';
REVOKE EXECUTE ON FUNCTION expand_contract.dependents(oid, smallint[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION expand_contract.falls(oid, smallint[]) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION expand_contract.body_names(oid, oid, smallint[], boolean) FROM PUBLIC;

----------------------------------------------------------------------
-- sql/install/metrics.sql
----------------------------------------------------------------------
-- For monitoring: each label is a text that is neither NULL nor empty ("-" stands
-- for what there is not), and everything else a number: seconds, bytes, rows, the
-- Unix time of a moment (…_epoch), 1 or 0.  A number is NULL where it is not known.
-- Reading waits for no lock on users' tables.

-- A table's name that does not depend on the reader's search_path.
CREATE OR REPLACE FUNCTION expand_contract.label_of(relation oid, otherwise text) RETURNS text
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
BEGIN ATOMIC
SELECT coalesce((SELECT format('%I.%I', n.nspname, c.relname)
                   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.oid = relation),
                nullif(otherwise, ''), '-');
END;
COMMENT ON FUNCTION expand_contract.label_of(oid, text) IS 'schema and name of a table, or what to call it otherwise; never NULL';

CREATE OR REPLACE FUNCTION expand_contract.epoch(moment timestamptz) RETURNS float8
LANGUAGE sql STABLE CALLED ON NULL INPUT PARALLEL SAFE
RETURN CASE WHEN isfinite(moment) THEN extract(epoch FROM moment)::float8 END;
COMMENT ON FUNCTION expand_contract.epoch(timestamptz) IS 'the Unix time of a moment; NULL of none';

CREATE OR REPLACE FUNCTION expand_contract.seconds_since(moment timestamptz) RETURNS float8
LANGUAGE sql VOLATILE CALLED ON NULL INPUT PARALLEL SAFE
RETURN CASE WHEN isfinite(moment) THEN greatest(extract(epoch FROM clock_timestamp() - moment)::float8, 0) END;
COMMENT ON FUNCTION expand_contract.seconds_since(timestamptz) IS 'the time that has passed, at least 0; NULL since none';

CREATE OR REPLACE VIEW @extschema@.ec_metrics_jobs WITH (security_barrier) AS
SELECT p.job,
    p.kind,
    coalesce(nullif(p.change, ''), '-') AS change,
    expand_contract.label_of(p.relation, p.relation_name) AS relation,
    pg_get_userbyid(p.owner)::text AS owner,
    coalesce(nullif(p.migration, ''), '-') AS migration,
    p.state,
    CASE p.state
        WHEN 'running' THEN coalesce(p.throttle, 'none')
        WHEN 'queued' THEN expand_contract.throttle_code(p.throttled_by)
        WHEN 'paused' THEN 'paused'
        ELSE 'none'
    END AS throttle,
    p.throttled_by,
    coalesce(p.error_code, '-') AS error_code,
    expand_contract.epoch(p.state_since) AS state_epoch,
    expand_contract.seconds_since(p.state_since) AS state_seconds,
    p.workers,
    p.rows_done,
    p.rows_total_estimate AS rows_estimate,
    (p.percent / 100)::float8 AS done_ratio,
    p.rows_per_second::float8 AS rows_per_second,
    extract(epoch FROM p.eta)::float8 AS eta_seconds,
    p.skipped_locked AS rows_skipped_locked,
    p.rows_failed,
    p.wal_bytes,
    p.table_growth::float8 AS table_growth_ratio,
    expand_contract.epoch(p.submitted_at) AS submitted_epoch,
    expand_contract.epoch(p.started_at) AS started_epoch,
    expand_contract.epoch(p.finished_at) AS finished_epoch
FROM expand_contract.progress p
WHERE pg_has_role(p.owner, 'USAGE') OR pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW @extschema@.ec_metrics_jobs IS 'ec_progress as labels and numbers, for monitoring';
GRANT SELECT ON @extschema@.ec_metrics_jobs TO PUBLIC;

CREATE OR REPLACE VIEW @extschema@.ec_metrics_changes WITH (security_barrier) AS
SELECT c.change,
    coalesce(nullif(c.scope, ''), '-') AS scope,
    expand_contract.label_of(c.relation, NULL) AS relation,
    expand_contract.label_of(c.target, NULL) AS target,
    c.phase,
    expand_contract.epoch(c.since) AS phase_epoch,
    expand_contract.seconds_since(c.since) AS phase_seconds,
    c.dual_write::integer AS dual_write,
    c.flag::integer AS flag,
    c.is_gone::integer AS is_gone,
    d.rows AS discrepancies,
    d.writes AS discrepancy_writes,
    d.attempts AS discrepancy_attempts,
    coalesce(expand_contract.seconds_since(d.oldest), 0) AS oldest_discrepancy_seconds,
    g.gaps,
    coalesce(expand_contract.seconds_since(g.oldest), 0) AS oldest_gap_seconds,
    expand_contract.epoch(v.finished_at) AS verified_epoch,
    v.mismatches,
    expand_contract.epoch(c.quarantine_until) AS quarantine_until_epoch,
    c.auto_drop::integer AS auto_drop
FROM @extschema@.ec_changes c,
    LATERAL (SELECT count(DISTINCT q.key) AS rows,
            coalesce(sum(q.writes), 0)::bigint AS writes,
            coalesce(max(q.attempts), 0) AS attempts,
            min(coalesce(q.first_at, q.at)) AS oldest
        FROM expand_contract.discrepancies q WHERE q.change = c.change COLLATE "C") d,
    LATERAL (SELECT count(*) AS gaps, min(u.at) AS oldest
        FROM expand_contract.gaps u WHERE u.change = c.change COLLATE "C" AND u.repaired_by IS NULL) g
    LEFT JOIN LATERAL (SELECT w.finished_at, w.missing + w.extra + w.different AS mismatches
        FROM expand_contract.verifications w
        WHERE w.change = c.change COLLATE "C" AND w.finished_at IS NOT NULL
        ORDER BY w.started_at DESC, w.id DESC LIMIT 1) v ON true;
COMMENT ON VIEW @extschema@.ec_metrics_changes IS 'ec_changes as labels and numbers, for monitoring';
GRANT SELECT ON @extschema@.ec_metrics_changes TO PUBLIC;

-- Apart, because looking at gates takes longer than all the rest.
CREATE OR REPLACE VIEW @extschema@.ec_metrics_gates WITH (security_barrier) AS
SELECT c.change, n.step, n.gate, (NOT n.passed)::integer AS closed
  FROM @extschema@.ec_changes c, LATERAL expand_contract.next_gates(c.change) n
 WHERE NOT c.is_gone;
COMMENT ON VIEW @extschema@.ec_metrics_gates IS 'the gates of the next step of each change, as labels and numbers, for monitoring';
GRANT SELECT ON @extschema@.ec_metrics_gates TO PUBLIC;

CREATE OR REPLACE VIEW @extschema@.ec_metrics_usage WITH (security_barrier) AS
SELECT expand_contract.label_of(u.relation, NULL) AS relation,
    u.column_name,
    u.reads,
    u.writes,
    expand_contract.epoch(u.last_read) AS last_read_epoch,
    expand_contract.epoch(u.last_write) AS last_write_epoch,
    expand_contract.epoch(u.tracked_since) AS tracked_since_epoch,
    (u.unknown_since IS NOT NULL AND u.unknown_until IS NULL)::integer AS is_unknown,
    expand_contract.epoch(u.unknown_until) AS unknown_until_epoch
FROM expand_contract.column_usage() u;
COMMENT ON VIEW @extschema@.ec_metrics_usage IS 'ec_column_usage as labels and numbers, for monitoring';
GRANT SELECT ON @extschema@.ec_metrics_usage TO PUBLIC;

CREATE OR REPLACE VIEW @extschema@.ec_metrics_server WITH (security_barrier) AS
SELECT e.extversion AS version,
    h.is_preloaded::integer AS preloaded,
    (h.running_since IS NOT NULL)::integer AS launcher_running,
    expand_contract.seconds_since(h.running_since) AS launcher_seconds,
    h.visits AS database_workers_started,
    h.failed_visits AS database_workers_failed,
    h.visiting AS database_workers_running,
    coalesce(expand_contract.seconds_since(h.oldest_visit), 0) AS oldest_database_worker_seconds,
    h.troubled_databases AS databases_failing,
    p.places AS workers_allowed,
    p.taken AS workers_running,
    (current_setting('expand_contract.enable_modern_write', true)::boolean IS DISTINCT FROM false)::integer AS modern_write,
    extract(epoch FROM expand_contract.replication_lag())::float8 AS replication_lag_seconds,
    u.columns AS tracked_columns,
    CASE WHEN u.columns > 0 THEN
        (SELECT expand_contract.seconds_since(f.flushed_at) FROM expand_contract.usage_flush f)
    END AS usage_flush_seconds
FROM pg_catalog.pg_extension e,
    expand_contract.launcher_health() h,
    expand_contract.places() p,
    (SELECT count(*) AS columns FROM expand_contract.usage) u
WHERE e.extname = 'expand_contract' AND pg_has_role('pg_monitor', 'USAGE');
COMMENT ON VIEW @extschema@.ec_metrics_server IS 'the launcher and the workers, as numbers, for pg_monitor';
GRANT SELECT ON @extschema@.ec_metrics_server TO PUBLIC;

----------------------------------------------------------------------
-- sql/install/view_columns.sql
----------------------------------------------------------------------
-- What the columns of the views are, for \d+ and whoever reads the catalogue.

COMMENT ON COLUMN @extschema@.ec_progress.job IS 'the number that ec_pause, ec_resume, ec_cancel, ec_configure and ec_wait take';
COMMENT ON COLUMN @extschema@.ec_progress.kind IS 'backfill, copy, delete, verify, reconcile or migration';
COMMENT ON COLUMN @extschema@.ec_progress.change IS 'the change that it works for; NULL for a job of its own';
COMMENT ON COLUMN @extschema@.ec_progress.relation IS 'the table that it works on; NULL when it is gone';
COMMENT ON COLUMN @extschema@.ec_progress.state IS 'queued, running, paused, interrupted (its worker is lost), done, failed or cancelled';
COMMENT ON COLUMN @extschema@.ec_progress.rows_done IS 'rows written or compared so far';
COMMENT ON COLUMN @extschema@.ec_progress.rows_total_estimate IS 'how many there are, by the statistics of the table';
COMMENT ON COLUMN @extschema@.ec_progress.percent IS 'how much of the table has been passed, 0 to 100';
COMMENT ON COLUMN @extschema@.ec_progress.rows_per_second IS 'over the last batches; over its whole time when no worker is at it';
COMMENT ON COLUMN @extschema@.ec_progress.eta IS 'how long it will take to the end, at that rate';
COMMENT ON COLUMN @extschema@.ec_progress.workers IS 'how many workers are at it; NULL on a standby, which does not know';
COMMENT ON COLUMN @extschema@.ec_progress.throttled_by IS 'the reason for a pause or a wait; NULL while it works';
COMMENT ON COLUMN @extschema@.ec_progress.replication_lag IS 'the longest delay of a standby that is not ignored; NULL without one, and for roles that own no job';
COMMENT ON COLUMN @extschema@.ec_progress.table_growth IS 'size of the table, divided by that at the start';
COMMENT ON COLUMN @extschema@.ec_progress.wal_bytes IS 'WAL written by it so far';
COMMENT ON COLUMN @extschema@.ec_progress.skipped_locked IS 'rows that others held locked, to be tried again';
COMMENT ON COLUMN @extschema@.ec_progress.rows_failed IS 'left out with on_error => ''skip'', and queued';
COMMENT ON COLUMN @extschema@.ec_progress.migration IS 'the version of the migration whose steps it runs, or one of whose steps it is';
COMMENT ON COLUMN @extschema@.ec_progress.last_error IS 'SQLSTATE and message, where one may read the rows that they can quote; else the SQLSTATE';
COMMENT ON COLUMN @extschema@.ec_progress.owner IS 'the role whose privileges it has';
COMMENT ON COLUMN @extschema@.ec_progress.started_at IS 'when a worker took it up first';
COMMENT ON COLUMN @extschema@.ec_progress.finished_at IS 'when it was done, failed or cancelled';

COMMENT ON COLUMN @extschema@.ec_progress_workers.job IS 'as in ec_progress';
COMMENT ON COLUMN @extschema@.ec_progress_workers.worker IS 'its number within the job, from 1';
COMMENT ON COLUMN @extschema@.ec_progress_workers.pid IS 'its process; NULL when none is at it';
COMMENT ON COLUMN @extschema@.ec_progress_workers.relation IS 'the table or partition that it is at';
COMMENT ON COLUMN @extschema@.ec_progress_workers.sweep IS 'how often it has gone through its part';
COMMENT ON COLUMN @extschema@.ec_progress_workers.rows_done IS 'rows written or compared by it so far';
COMMENT ON COLUMN @extschema@.ec_progress_workers.rows_per_second IS 'as in ec_progress, of this worker';
COMMENT ON COLUMN @extschema@.ec_progress_workers.throttled_by IS 'the reason for a pause or a wait';
COMMENT ON COLUMN @extschema@.ec_progress_workers.wal_bytes IS 'WAL written by it so far';
COMMENT ON COLUMN @extschema@.ec_progress_workers.skipped_locked IS 'rows that others held locked when it came by';

COMMENT ON COLUMN @extschema@.ec_migrations.version IS 'the argument version of ec_apply';
COMMENT ON COLUMN @extschema@.ec_migrations.description IS 'the argument description of ec_apply';
COMMENT ON COLUMN @extschema@.ec_migrations.phase IS 'expand, migrate or contract';
COMMENT ON COLUMN @extschema@.ec_migrations.state IS 'applied, baselined, queued, running, cancelling, interrupted or failed';
COMMENT ON COLUMN @extschema@.ec_migrations.checksum IS 'of the tokens of the script, without comments and white space; NULL for a baseline';
COMMENT ON COLUMN @extschema@.ec_migrations.executed_at IS 'when it was applied, or began';
COMMENT ON COLUMN @extschema@.ec_migrations.executed_by IS 'the role that applied it';
COMMENT ON COLUMN @extschema@.ec_migrations.execution_time IS 'how long that took';
COMMENT ON COLUMN @extschema@.ec_migrations.steps IS 'how many steps a worker runs, or statements where it ran in its caller''s transaction';
COMMENT ON COLUMN @extschema@.ec_migrations.steps_done IS 'how many of them are done';
COMMENT ON COLUMN @extschema@.ec_migrations.error IS 'why it failed, for those who may execute ec_apply; else the SQLSTATE';
COMMENT ON COLUMN @extschema@.ec_migrations.direction IS 'up, or down while it is rolled back';
COMMENT ON COLUMN @extschema@.ec_migrations.job IS 'its job in ec_progress; NULL when it ran in its caller''s transaction';
COMMENT ON COLUMN @extschema@.ec_migrations.scope IS 'the scope, for example a service or a tenant; empty by default';

COMMENT ON COLUMN @extschema@.ec_migration_events.id IS 'in the order in which they came';
COMMENT ON COLUMN @extschema@.ec_migration_events.event IS 'what happened to the migration';
COMMENT ON COLUMN @extschema@.ec_migration_events.version IS 'the migration';
COMMENT ON COLUMN @extschema@.ec_migration_events.checksum IS 'of its script then';
COMMENT ON COLUMN @extschema@.ec_migration_events.allow IS 'which rules the caller set aside';
COMMENT ON COLUMN @extschema@.ec_migration_events.executed_at IS 'when';
COMMENT ON COLUMN @extschema@.ec_migration_events.executed_by IS 'the current role at that time';
COMMENT ON COLUMN @extschema@.ec_migration_events.execution_time IS 'how long it took';
COMMENT ON COLUMN @extschema@.ec_migration_events.session_role IS 'the role that had logged in';
COMMENT ON COLUMN @extschema@.ec_migration_events.application_name IS 'of the session';
COMMENT ON COLUMN @extschema@.ec_migration_events.error IS 'as in ec_migrations';
COMMENT ON COLUMN @extschema@.ec_migration_events.scope IS 'the scope of the migration';

COMMENT ON COLUMN @extschema@.ec_changes.change IS 'its name; of a scope, "scope/name"';
COMMENT ON COLUMN @extschema@.ec_changes.relation IS 'the table with the old shape';
COMMENT ON COLUMN @extschema@.ec_changes.target IS 'the table with the new shape; NULL if it is the same table';
COMMENT ON COLUMN @extschema@.ec_changes.phase IS 'dual_write, backfilled, prepared, verified, cut_over, quarantined, contracted or reverted';
COMMENT ON COLUMN @extschema@.ec_changes.since IS 'when it came to that phase';
COMMENT ON COLUMN @extschema@.ec_changes.dual_write IS 'whether every write of one shape is made to the other as well, now and in every partition';
COMMENT ON COLUMN @extschema@.ec_changes.on_error IS 'record: a failed modern write is queued; raise: it fails the legacy write';
COMMENT ON COLUMN @extschema@.ec_changes.forward IS 'the expression of each new column';
COMMENT ON COLUMN @extschema@.ec_changes.backward IS 'the expression of each old column';
COMMENT ON COLUMN @extschema@.ec_changes.old_columns IS 'the columns that contraction removes, by their current names';
COMMENT ON COLUMN @extschema@.ec_changes.discrepancies IS 'rows in the queue of failed modern writes';
COMMENT ON COLUMN @extschema@.ec_changes.gaps IS 'times without dual writes that no repair has passed since';
COMMENT ON COLUMN @extschema@.ec_changes.flag IS 'the read switch of its name';
COMMENT ON COLUMN @extschema@.ec_changes.is_gone IS 'whether the table was dropped';
COMMENT ON COLUMN @extschema@.ec_changes.quarantine_until IS 'when the old shape may be dropped, while it is quarantined';
COMMENT ON COLUMN @extschema@.ec_changes.auto_drop IS 'whether the launcher drops it then';
COMMENT ON COLUMN @extschema@.ec_changes.blocked_by IS 'the closed gates of the next step; NULL for roles that may not see them';
COMMENT ON COLUMN @extschema@.ec_changes.scope IS 'the scope: the part of its name before the last "/"; empty without one';

COMMENT ON COLUMN @extschema@.ec_change_events.id IS 'in the order in which they came';
COMMENT ON COLUMN @extschema@.ec_change_events.change IS 'the change; for a flag of its own, the flag';
COMMENT ON COLUMN @extschema@.ec_change_events.event IS 'the kind of event: a phase, an override, a flag, a setting that opened a gate';
COMMENT ON COLUMN @extschema@.ec_change_events.value IS 'the new value, or the object of the event';
COMMENT ON COLUMN @extschema@.ec_change_events.at IS 'when';
COMMENT ON COLUMN @extschema@.ec_change_events.by_role IS 'the role that had logged in';

COMMENT ON COLUMN @extschema@.ec_verifications.verification IS 'its number, which ec_mismatches refers to';
COMMENT ON COLUMN @extschema@.ec_verifications.change IS 'the change that was verified; NULL for tables given by hand';
COMMENT ON COLUMN @extschema@.ec_verifications.job IS 'its job in ec_progress; NULL when it ran in its caller''s transaction';
COMMENT ON COLUMN @extschema@.ec_verifications.source IS 'the table with the old shape';
COMMENT ON COLUMN @extschema@.ec_verifications.target IS 'the table with the new shape';
COMMENT ON COLUMN @extschema@.ec_verifications.mapping IS 'the expression that each column was compared with';
COMMENT ON COLUMN @extschema@.ec_verifications.key IS 'the columns that tell rows apart';
COMMENT ON COLUMN @extschema@.ec_verifications.verified_by IS 'the role that asked for it';
COMMENT ON COLUMN @extschema@.ec_verifications.ok IS 'whether no row is missing, extra or different; NULL until it is finished';
COMMENT ON COLUMN @extschema@.ec_verifications.rows_source IS 'rows of the source';
COMMENT ON COLUMN @extschema@.ec_verifications.rows_target IS 'rows of the target';
COMMENT ON COLUMN @extschema@.ec_verifications.missing IS 'rows that the target lacks';
COMMENT ON COLUMN @extschema@.ec_verifications.extra IS 'rows that the source lacks';
COMMENT ON COLUMN @extschema@.ec_verifications.different IS 'rows with another value';
COMMENT ON COLUMN @extschema@.ec_verifications.checksum_source IS 'of all rows as the mapping makes them';
COMMENT ON COLUMN @extschema@.ec_verifications.checksum_target IS 'of all rows as they are';
COMMENT ON COLUMN @extschema@.ec_verifications.started_at IS 'when it began';
COMMENT ON COLUMN @extschema@.ec_verifications.finished_at IS 'when it ended; NULL while it runs';
COMMENT ON COLUMN @extschema@.ec_verifications.first_snapshot IS 'the snapshot of its first chunk';
COMMENT ON COLUMN @extschema@.ec_verifications.last_snapshot IS 'that of its last';

COMMENT ON COLUMN @extschema@.ec_mismatches.verification IS 'the verification that found it';
COMMENT ON COLUMN @extschema@.ec_mismatches.key IS 'of the row';
COMMENT ON COLUMN @extschema@.ec_mismatches.column_name IS 'the column; NULL for a row that is missing or extra';
COMMENT ON COLUMN @extschema@.ec_mismatches.source_value IS 'the value that the mapping computes from the source, as text; cut if it is long';
COMMENT ON COLUMN @extschema@.ec_mismatches.target_value IS 'the value in the target, as text; cut if it is long';
COMMENT ON COLUMN @extschema@.ec_mismatches.difference IS 'missing, extra or different';
COMMENT ON COLUMN @extschema@.ec_mismatches.repair IS 'the statement that brings the row in step';

COMMENT ON COLUMN @extschema@.ec_discrepancies.change IS 'the change whose modern write failed';
COMMENT ON COLUMN @extschema@.ec_discrepancies.relation IS 'the table that was written to';
COMMENT ON COLUMN @extschema@.ec_discrepancies.key IS 'the key of the row, for roles that may read the tables';
COMMENT ON COLUMN @extschema@.ec_discrepancies.operation IS 'INSERT, UPDATE or DELETE';
COMMENT ON COLUMN @extschema@.ec_discrepancies.direction IS 'forward: of the new shape; backward: of the old one';
COMMENT ON COLUMN @extschema@.ec_discrepancies.error_code IS 'SQLSTATE';
COMMENT ON COLUMN @extschema@.ec_discrepancies.error IS 'the error message, for roles that may read the tables';
COMMENT ON COLUMN @extschema@.ec_discrepancies.writes IS 'how many writes of the row have failed';
COMMENT ON COLUMN @extschema@.ec_discrepancies.first_at IS 'the first of them';
COMMENT ON COLUMN @extschema@.ec_discrepancies.last_at IS 'the last';
COMMENT ON COLUMN @extschema@.ec_discrepancies.age IS 'the time since the first';
COMMENT ON COLUMN @extschema@.ec_discrepancies.attempts IS 'the number of attempts to reconcile it';
COMMENT ON COLUMN @extschema@.ec_discrepancies.next_attempt_at IS 'when it is tried next';

COMMENT ON COLUMN @extschema@.ec_column_usage.relation IS 'the tracked table';
COMMENT ON COLUMN @extschema@.ec_column_usage.column_name IS 'the tracked column';
COMMENT ON COLUMN @extschema@.ec_column_usage.reads IS 'statements that read it';
COMMENT ON COLUMN @extschema@.ec_column_usage.last_read IS 'when one did last';
COMMENT ON COLUMN @extschema@.ec_column_usage.last_reader IS 'application and role of that one';
COMMENT ON COLUMN @extschema@.ec_column_usage.writes IS 'statements that wrote it';
COMMENT ON COLUMN @extschema@.ec_column_usage.last_write IS 'when one did last';
COMMENT ON COLUMN @extschema@.ec_column_usage.last_writer IS 'application and role of that one';
COMMENT ON COLUMN @extschema@.ec_column_usage.tracked_since IS 'the start of tracking; earlier uses are not known';
COMMENT ON COLUMN @extschema@.ec_column_usage.unknown_since IS 'from here on uses may be missing';
COMMENT ON COLUMN @extschema@.ec_column_usage.unknown_until IS 'until here uses may be missing';
COMMENT ON COLUMN @extschema@.ec_column_usage.readers IS 'the last read of each application and role';
COMMENT ON COLUMN @extschema@.ec_column_usage.writers IS 'the last write of each application and role';

COMMENT ON COLUMN @extschema@.ec_standby_usage.standby IS 'the name that it was imported under';
COMMENT ON COLUMN @extschema@.ec_standby_usage.relation IS 'the tracked table';
COMMENT ON COLUMN @extschema@.ec_standby_usage.column_name IS 'the tracked column';
COMMENT ON COLUMN @extschema@.ec_standby_usage.reads IS 'statements that read it there';
COMMENT ON COLUMN @extschema@.ec_standby_usage.last_read IS 'when one did last';
COMMENT ON COLUMN @extschema@.ec_standby_usage.last_reader IS 'application and role of that one';
COMMENT ON COLUMN @extschema@.ec_standby_usage.counting_since IS 'the start of tracking; earlier uses are not known';
COMMENT ON COLUMN @extschema@.ec_standby_usage.unknown_until IS 'until here reads may be missing';
COMMENT ON COLUMN @extschema@.ec_standby_usage.taken_at IS 'when the counts were exported there';

COMMENT ON COLUMN @extschema@.ec_metrics_jobs.job IS 'the number, as in ec_progress';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.kind IS 'label: backfill, copy, delete, verify, reconcile, contract, prepare or statement';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.change IS 'label: the change that it works for; - for a job of its own';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.relation IS 'label: schema and name of the table; its name at submission when it is gone; - for a job without one';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.owner IS 'label: the role whose privileges it has';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.migration IS 'label: as in ec_progress; - for none';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.state IS 'label: as in ec_progress';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.throttle IS 'label: one word for throttled_by, such as lag, lock, snapshot, delay or window; paused by ec_pause; none while it works';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.throttled_by IS 'the same in words, with process numbers; NULL while it works';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.error_code IS 'label: SQLSTATE of its failure; - without one';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.state_epoch IS 'when it came to this state; for interrupted, when it was last taken up';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.state_seconds IS 'how long ago that was';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.workers IS 'how many are at it; NULL on a standby, which does not know';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.rows_done IS 'counter: rows written or compared so far';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.rows_estimate IS 'how many there are, by what is known now';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.done_ratio IS 'how much of the table has been passed, 0 to 1';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.rows_per_second IS 'as in ec_progress';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.eta_seconds IS 'the time to the end, at that rate; NULL if nobody can tell';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.rows_skipped_locked IS 'counter: rows that others held locked, to be tried again';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.rows_failed IS 'counter: rows left out with on_error => ''skip'', and queued';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.wal_bytes IS 'counter: WAL written by it so far';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.table_growth_ratio IS 'size of the table, divided by that at the start; NULL before the first batch';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.submitted_epoch IS 'when it was submitted';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.started_epoch IS 'when a worker took it up first; NULL before';
COMMENT ON COLUMN @extschema@.ec_metrics_jobs.finished_epoch IS 'when it was done, failed or cancelled; NULL before';

COMMENT ON COLUMN @extschema@.ec_metrics_changes.change IS 'label: its name; of a scope, "scope/name"';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.scope IS 'label: the scope; - without one';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.relation IS 'label: schema and name of the table with the old shape; - when it is gone';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.target IS 'label: the same of the table with the new shape; - if there is none, or it is gone';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.phase IS 'label: as in ec_changes';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.phase_epoch IS 'when it came to that phase';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.phase_seconds IS 'how long ago that was';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.dual_write IS '1 if every write of one shape is made to the other as well, else 0';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.flag IS 'the read switch of its name, 1 or 0';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.is_gone IS '1 if the table was dropped, else 0';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.discrepancies IS 'rows in the queue of failed modern writes';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.discrepancy_writes IS 'how many writes of these rows have failed';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.discrepancy_attempts IS 'the most attempts to reconcile one of them';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.oldest_discrepancy_seconds IS 'the time since the first of those writes; 0 without one';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.gaps IS 'times without dual writes that no repair has passed since';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.oldest_gap_seconds IS 'the time since the first of them; 0 without one';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.verified_epoch IS 'when the last verification ended; NULL without one';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.mismatches IS 'rows that it found missing, extra or different; NULL without one';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.quarantine_until_epoch IS 'when the old shape may be dropped; NULL while it is not quarantined';
COMMENT ON COLUMN @extschema@.ec_metrics_changes.auto_drop IS '1 if the launcher drops it then, else 0';

COMMENT ON COLUMN @extschema@.ec_metrics_gates.change IS 'label: the change';
COMMENT ON COLUMN @extschema@.ec_metrics_gates.step IS 'label: its next step, cutover or contract';
COMMENT ON COLUMN @extschema@.ec_metrics_gates.gate IS 'label: the gate';
COMMENT ON COLUMN @extschema@.ec_metrics_gates.closed IS '1 if it is closed, 0 if it is open';

COMMENT ON COLUMN @extschema@.ec_metrics_usage.relation IS 'label: schema and name of the tracked table';
COMMENT ON COLUMN @extschema@.ec_metrics_usage.column_name IS 'label: the tracked column';
COMMENT ON COLUMN @extschema@.ec_metrics_usage.reads IS 'counter: statements that read it';
COMMENT ON COLUMN @extschema@.ec_metrics_usage.writes IS 'counter: statements that wrote it';
COMMENT ON COLUMN @extschema@.ec_metrics_usage.last_read_epoch IS 'when one read it last; NULL if none has';
COMMENT ON COLUMN @extschema@.ec_metrics_usage.last_write_epoch IS 'when one wrote it last; NULL if none has';
COMMENT ON COLUMN @extschema@.ec_metrics_usage.tracked_since_epoch IS 'the start of tracking';
COMMENT ON COLUMN @extschema@.ec_metrics_usage.is_unknown IS '1 while uses may be missed, else 0';
COMMENT ON COLUMN @extschema@.ec_metrics_usage.unknown_until_epoch IS 'until here uses may be missing; NULL if none are, or while they may be';

COMMENT ON COLUMN @extschema@.ec_metrics_server.version IS 'label: of the extension in this database';
COMMENT ON COLUMN @extschema@.ec_metrics_server.preloaded IS '1 if the library is in shared_preload_libraries, else 0';
COMMENT ON COLUMN @extschema@.ec_metrics_server.launcher_running IS '1 if the launcher runs, else 0';
COMMENT ON COLUMN @extschema@.ec_metrics_server.launcher_seconds IS 'since when; NULL if it does not run';
COMMENT ON COLUMN @extschema@.ec_metrics_server.database_workers_started IS 'counter: visits of databases since the start of the server';
COMMENT ON COLUMN @extschema@.ec_metrics_server.database_workers_failed IS 'counter: those that have ended early';
COMMENT ON COLUMN @extschema@.ec_metrics_server.database_workers_running IS 'those that are going on';
COMMENT ON COLUMN @extschema@.ec_metrics_server.oldest_database_worker_seconds IS 'how long the oldest of them has been going on; 0 without one';
COMMENT ON COLUMN @extschema@.ec_metrics_server.databases_failing IS 'databases of the cluster whose last visit failed';
COMMENT ON COLUMN @extschema@.ec_metrics_server.workers_allowed IS 'expand_contract.max_workers';
COMMENT ON COLUMN @extschema@.ec_metrics_server.workers_running IS 'workers of jobs in the whole cluster';
COMMENT ON COLUMN @extschema@.ec_metrics_server.modern_write IS '1 if expand_contract.enable_modern_write is on, else 0';
COMMENT ON COLUMN @extschema@.ec_metrics_server.replication_lag_seconds IS 'the longest delay of a standby that is not ignored; NULL while one is unknown';
COMMENT ON COLUMN @extschema@.ec_metrics_server.tracked_columns IS 'how many columns are tracked';
COMMENT ON COLUMN @extschema@.ec_metrics_server.usage_flush_seconds IS 'the time since their use was saved last; NULL if none is tracked, or it never was';

----------------------------------------------------------------------
-- sql/updates/0.9--1.0.sql
----------------------------------------------------------------------

-- They are the administrator's grants and no part of the extension, or a dump would
-- not have them.
DO $$
DECLARE
    given record;
    initial aclitem[];
BEGIN
    FOR given IN
        SELECT p.oid, g.grantee, g.is_grantable
          FROM expand_contract.granted g
          JOIN pg_proc p ON p.proname = g.name AND p.pronamespace = '@extschema@'::regnamespace
    LOOP
        SELECT initprivs INTO initial FROM pg_init_privs
         WHERE objoid = given.oid AND classoid = 'pg_proc'::regclass AND objsubid = 0;
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %s%s', given.oid::regprocedure, given.grantee,
                       CASE WHEN given.is_grantable THEN ' WITH GRANT OPTION' END);
        UPDATE pg_init_privs SET initprivs = initial
         WHERE objoid = given.oid AND classoid = 'pg_proc'::regclass AND objsubid = 0;
        DELETE FROM pg_shdepend
         WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND classid = 'pg_proc'::regclass AND objid = given.oid AND refobjid = given.grantee AND deptype = 'i';
    END LOOP;
END $$;
ALTER EXTENSION expand_contract DROP TABLE expand_contract.granted;
DROP TABLE expand_contract.granted;

DROP FUNCTION expand_contract.batch_sizes(integer, float8[], float8, float8);

CREATE EVENT TRIGGER expand_contract_note_triggers ON ddl_command_end
    WHEN TAG IN ('CREATE TRIGGER', 'ALTER TRIGGER')
    EXECUTE FUNCTION expand_contract.note_ddl();
COMMENT ON EVENT TRIGGER expand_contract_note_triggers IS 'warns of triggers that do not see what dual writes write';

CREATE EVENT TRIGGER expand_contract_note_subscriptions ON ddl_command_end
    WHEN TAG IN ('CREATE SUBSCRIPTION', 'ALTER SUBSCRIPTION')
    EXECUTE FUNCTION expand_contract.note_subscriptions();
COMMENT ON EVENT TRIGGER expand_contract_note_subscriptions IS 'warns of subscriptions whose rows a change does not see';
